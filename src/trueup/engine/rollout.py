"""Converges batch by batch: stops where too many hosts fail, and between two steps when it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property

from trueup.engine.audit import Audit
from trueup.engine.batches import DONE, LATER, Batches, plan
from trueup.engine.converge import Converge
from trueup.engine.drill import Trial
from trueup.engine.interrupts import Interrupts
from trueup.engine.needs import Subject
from trueup.engine.plan_guard import Agreement
from trueup.engine.recheck import Recheck, Say
from trueup.engine.remedy_run import Remedies
from trueup.errors import some
from trueup.hosts.fleet import Fleet
from trueup.journal.on_controller import RunJournal
from trueup.model.catalog import MOST, Catalog, Disruption, Requirement
from trueup.model.profile import LoadedProfile
from trueup.results.result import Outcome, Pair, Result

_TRIED = (Outcome.FIX_FAILED, Outcome.NOT_IDEMPOTENT)
_BROKEN = (Outcome.FAILED, Outcome.COULD_NOT_LOOK)


class Rollout:
    """Converges the hosts batch by batch: each batch meets all requirements before the next one starts.

    A requirement across hosts is judged in the last batch. If a host needs it earlier, or needs a requirement of a
    host in a later batch, it is asked for early: such a result counts for one batch only. No host is changed before its
    batch, except by the Kubernetes API.

    Args:
        pairs: the selected pairs; others are judged where a selected one needs them, and never remedied.
        say: prints a line.
    """

    def __init__(
        self,
        audit: Audit,
        recheck: Recheck,
        remedies: Remedies,
        converge: Converge,
        pairs: Iterable[Pair],
        batches: Batches,
        interrupts: Interrupts,
        *,
        say: Say = lambda _: None,
    ) -> None:
        self.pairs = frozenset(pairs)
        self.stopped = ""  # why the run stopped; empty while it goes on
        self.apply = remedies.apply
        self._audit, self._recheck, self._remedies, self._converge = audit, recheck, remedies, converge
        self._batches, self._interrupts, self._say = batches, interrupts, say
        self._hosts = audit.fleet.hosts
        self._results: dict[Pair, Result] = {}
        self._batch = -1
        self._early: dict[Pair, tuple[int, Result]] = {}  # early results, with the batch that each counts for
        for host in self._hosts.values():
            host.closed = host.closed or (DONE if host.id in batches.done else LATER)

    def verdict(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the final result, which is ``not-attempted`` if the run stopped before."""
        self._advance(self._batches.rank(subject.id))
        pair = (requirement.id, subject.id)
        if self._interrupts.asked:
            self.stopped = self.stopped or "interrupted"
        if pair not in self._results and self.stopped:
            _, early = self._early.get(pair, (0, None))
            return early if early and early.actions else self._not_attempted(requirement, subject)
        if not requirement.drill:
            return self.result(requirement, subject)
        self._open(DONE)  # a drill has its own option, and restores the previous state
        with self._interrupts.whole():
            return self.result(requirement, subject)

    def result(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the result, or an early one if its batch has not started."""
        pair = (requirement.id, subject.id)
        if pair not in self.pairs:
            return self._recheck.judge(requirement, subject)
        if pair in self._results:
            return self._results[pair]
        if requirement.drill:  # no thread: it has no remedy, and Ctrl-C must reach it
            self._results[pair] = self._audit.judge(requirement, subject)
        elif self._batches.rank(subject.id) <= self._batch:
            for result in self._true_up(requirement, self._due(requirement)):
                self._results[requirement.id, result.host] = result
        else:
            return self._before_its_turn(requirement, subject)
        return self._results[pair]

    def failed(self) -> dict[str, str]:
        """Return host to the first failure there.

        That is a remedy that did not help, a host that answered at first and does not now, and a requirement that held
        before the first change and does not now. A failure that has no remedy and was there before is not the run's.
        """
        early = [result for _, result in self._early.values() if result.actions]
        found: dict[str, str] = {}
        for result in [*early, *self._results.values()]:
            if self._counts(result):
                found.setdefault(result.host, f"{result.requirement} is {result.outcome}")
        return found

    def left(self) -> list[str]:
        """Return the hosts that another run has to continue with: failed, unreachable, blocked or not attempted."""
        open_ = {host for _, host in self.pairs - self._results.keys()}
        waiting = {result.host for result in self._results.values() if _waits(result)}
        wanted = open_ | waiting | self.failed().keys()
        return [host for batch in self._batches.hosts for host in batch if host in wanted]

    def _advance(self, batch: int) -> None:
        while self._batch < batch and not self.stopped:
            if self._batch >= 0:
                self._weigh()
            if not self.stopped:
                self._begin(self._batch + 1)

    def _weigh(self) -> None:
        """Stop the run if more hosts failed than --max-fail allows."""
        failed, name = self.failed(), self._batches.name(self._batch)
        tolerated = 0 if self._batches.canary and self._batch == 0 else self._batches.tolerated
        if self.apply and len(failed) > tolerated:
            words = some((f"{host}: {why}" for host, why in failed.items()), "; ")
            allowed = f", {tolerated} may" if tolerated else ""
            self.stopped = f"stopped after {name}: {len(failed)} failed{allowed}: {words}"
            self._say(self.stopped)

    def _begin(self, batch: int) -> None:
        if batch == 0:
            _ = self._recheck.held, self._answered  # known before the first change
            self._interrupts.by_steps(self._named_under_way)
        hosts = self._batches.hosts[batch] if self._batches.hosts else ()
        if len(self._batches.hosts) > 1:
            self._say(f"{self._batches.name(batch)}: {some(hosts)}")
        if batch > 0 and self.apply:  # their facts may be outdated
            for id in hosts:
                self._hosts[id].forget()
            self._audit.fleet.cluster.forget()
        self._open(LATER, hosts)
        self._batch = batch

    def _open(self, reason: str, hosts: Iterable[str] = ()) -> None:
        for host in self._hosts.values():
            if host.closed == reason and (not hosts or host.id in hosts):
                host.closed = ""

    def _due(self, requirement: Requirement) -> list[Subject]:
        """Return the hosts up to this batch on which the requirement has no result."""
        everyone: list[Subject] = [*self._hosts.values(), self._audit.fleet.cluster]
        pairs = self.pairs - self._results.keys()
        now = [each for each in everyone if self._batches.rank(each.id) <= self._batch]
        return [each for each in now if (requirement.id, each.id) in pairs]

    def _true_up(self, requirement: Requirement, subjects: list[Subject]) -> list[Result]:
        """Converge one requirement on several hosts in parallel; return the results."""
        _ = self._recheck.held  # known before the first change
        for subject in subjects:  # judged before the threads start, so that a need is remedied only once
            for member in [*subject.members(requirement), subject]:
                self._audit.needs.unmet((*requirement.needs, *requirement.after), member)
        with ThreadPoolExecutor(self._audit.fleet.forks, thread_name_prefix="fix") as pool:
            return list(pool.map(lambda subject: self._one(requirement, subject), subjects))

    def _one(self, requirement: Requirement, subject: Subject) -> Result:
        if self._interrupts.asked:
            return self._not_attempted(requirement, subject)
        return self._with_early(self._converge.true_up(requirement, subject))

    def _before_its_turn(self, requirement: Requirement, subject: Subject) -> Result:
        pair = (requirement.id, subject.id)
        asked, _ = self._early.get(pair, (-1, None))
        if asked < self._batch:
            [result] = self._true_up(requirement, [subject])
            if result.outcome is Outcome.FIX_FAILED and (not result.actions or LATER in result.detail):
                result.outcome = Outcome.NOT_ATTEMPTED  # its remedy could not do everything yet
            self._early[pair] = self._batch, result
        return self._early[pair][1]

    def _with_early(self, now: Result) -> Result:
        """Return a result with the actions of its early result."""
        _, before = self._early.get((now.requirement, now.host), (0, None))
        if before is None or not before.actions:
            return now
        if not self.apply:
            return before  # a plan records each action once
        if before.outcome is Outcome.FIXED and now.outcome is Outcome.PASSED:
            return replace(before, evidence=now.evidence, seconds=before.seconds + now.seconds)
        both = replace(now, actions=[*before.actions, *now.actions])
        both.note(f"{before.outcome} before its turn: {before.detail}".rstrip(": "))
        return both

    @cached_property
    def _answered(self) -> frozenset[str]:
        """The hosts that answered before the first change."""
        return frozenset(id for id, host in self._hosts.items() if not host.facts.snapshot.problem)

    def _counts(self, result: Result) -> bool:
        if result.outcome is Outcome.UNREACHABLE:
            return result.host in self._answered
        held = (result.requirement, result.host) in self._recheck.held
        return result.outcome in _TRIED or (result.outcome in _BROKEN and held)

    def _not_attempted(self, requirement: Requirement, subject: Subject) -> Result:
        words = self.stopped or "interrupted"
        return Result(requirement.id, subject.id, Outcome.NOT_ATTEMPTED, detail=words)

    def _named_under_way(self) -> str:
        return ", ".join(f"{id} on {host}" for id, host in list(self._remedies.under_way))


def _waits(result: Result) -> bool:
    """Whether a result may change after the other hosts were attempted."""
    if result.outcome is Outcome.BLOCKED:
        return any(cause.outcome is Outcome.NOT_ATTEMPTED for cause in result.cause)
    return result.outcome in (Outcome.UNREACHABLE, Outcome.NOT_ATTEMPTED)


def rollout(
    catalog: Catalog,
    fleet: Fleet,
    profile: LoadedProfile,
    pairs: Iterable[Pair],
    *,
    run: str,
    apply: bool,
    batches: Batches | None = None,
    interrupts: Interrupts | None = None,
    judged: Iterable[Pair] = (),
    allow: Iterable[str] = (),
    most: Disruption = MOST,
    agreement: Agreement | None = None,
    say: Say = lambda _: None,
    trial: Callable[[Requirement], Trial] | None = None,
    journal: RunJournal | None = None,
) -> Rollout:
    """Return a rollout with its parts.

    Args:
        pairs: the selected pairs.
        batches: by default one batch of all hosts.
        judged: pairs that the selected ones need.
    """
    pairs = frozenset(pairs)
    batches = batches or plan({host.id: host.roles for host in fleet.hosts.values()})
    interrupts = interrupts or Interrupts(say)

    def result(requirement: Requirement, subject: Subject) -> Result:
        return made.result(requirement, subject)

    audit = Audit(catalog, fleet, profile, pairs.union(judged), trial=trial, result=result)
    recheck = Recheck(audit, pairs, interrupts, apply=apply, say=say)
    remedies = Remedies(audit, recheck, run=run, apply=apply, agreement=agreement, journal=journal)
    converge = Converge(audit, recheck, remedies, allow=allow, most=most, say=say)
    made = Rollout(audit, recheck, remedies, converge, pairs, batches, interrupts, say=say)
    return made
