"""Converges batch by batch, stops where too much fails, and ends between two steps when it is interrupted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from trueup.engine.audit import Pair, Subject
from trueup.engine.batches import Batches
from trueup.engine.converge import Converge
from trueup.engine.interrupts import Interrupts
from trueup.errors import some
from trueup.model.catalog import Remedy, Requirement
from trueup.model.result import Outcome, Result

LATER = "is in a later batch"
DONE = "is not among what was left to do"
_TRIED = (Outcome.FIX_FAILED, Outcome.NOT_IDEMPOTENT)
_BROKEN = (Outcome.FAILED, Outcome.COULD_NOT_LOOK)


class Rollout(Converge):
    """A converge in which each batch of hosts goes through all requirements before the next one begins.

    What is judged once for all has its turn in the last batch. Where a host needs it before that, or something of a
    host that comes later, it is asked for early: such an answer counts for one batch only. No host is changed before
    its batch, except by what the Kubernetes API does with it.
    """

    def __init__(self, *args: Any, batches: Batches, interrupts: Interrupts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches = batches
        self.interrupts = interrupts
        self.stopped = ""  # why, once nothing is to be attempted any more
        self._batch = -1
        self._early: dict[Pair, tuple[int, Result]] = {}  # and the batch that it counts for
        self._under_way: dict[Pair, None] = {}
        for host in self.fleet.hosts.values():
            host.closed = host.closed or (DONE if host.id in batches.done else LATER)

    def verdict(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result when its turn has come, or that it was not attempted."""
        self._advance(self.batches.rank(host.id))
        pair = (requirement.id, host.id)
        if self.interrupts.asked:
            self.stopped = self.stopped or "interrupted"
        if pair not in self._results and self.stopped:
            _, early = self._early.get(pair, (0, None))
            return early if early and early.actions else self._not_attempted(requirement, host)
        if requirement.drill:
            self._open(DONE)  # it is asked for by itself, and takes back what it does
            with self.interrupts.whole():
                return super().verdict(requirement, host)
        return super().verdict(requirement, host)

    def result(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result, or what it is so far where its turn has not come yet."""
        if requirement.drill or self.batches.rank(host.id) <= self._batch:
            return super().result(requirement, host)
        pair = (requirement.id, host.id)
        asked, _ = self._early.get(pair, (-1, None))
        if asked < self._batch:
            [result] = self._settle(requirement, [host])
            self._early[pair] = self._batch, result
        return self._early[pair][1]

    def failed(self) -> dict[str, str]:
        """Return host to what has failed there.

        That is a remedy that did not help, a host that answered at first and does not now, and what held before the
        first change and holds no more. What was wrong before and has no remedy is not the run's failure.
        """
        early = [result for _, result in self._early.values() if result.actions]
        found: dict[str, str] = {}
        for result in [*early, *self._results.values()]:
            if self._counts(result):
                found.setdefault(result.host, f"{result.requirement} is {result.outcome}")
        return found

    def left(self) -> list[str]:
        """Return the hosts that another run has to come back to: failed, out of reach, held up, or not attempted."""
        open_ = {host for _, host in self.pairs - self._results.keys()}
        waiting = {result.host for result in self._results.values() if _waits(result)}
        wanted = open_ | waiting | self.failed().keys()
        return [host for batch in self.batches.hosts for host in batch if host in wanted]

    def _advance(self, batch: int) -> None:
        while self._batch < batch and not self.stopped:
            if self._batch >= 0:
                self._weigh()
            if not self.stopped:
                self._begin(self._batch + 1)

    def _weigh(self) -> None:
        """Stop where more has failed than may."""
        failed, name = self.failed(), self.batches.name(self._batch)
        tolerated = 0 if self.batches.canary and self._batch == 0 else self.batches.tolerated
        if self.apply and len(failed) > tolerated:
            words = some((f"{host}: {why}" for host, why in failed.items()), "; ")
            allowed = f", {tolerated} may" if tolerated else ""
            self.stopped = f"stopped after {name}: {len(failed)} failed{allowed}: {words}"
            self.say(self.stopped)

    def _begin(self, batch: int) -> None:
        if batch == 0:
            _ = self._held, self._answered  # known before the first change
            self.interrupts.by_steps(self._named_under_way)
        hosts = self.batches.hosts[batch] if self.batches.hosts else ()
        if len(self.batches.hosts) > 1:
            self.say(f"{self.batches.name(batch)}: {some(hosts)}")
        if batch > 0 and self.apply:  # what was known of them may be long past
            for id in hosts:
                self.fleet.hosts[id].forget()
            self.fleet.cluster.forget()
        self._open(LATER, hosts)
        self._batch = batch

    def _open(self, reason: str, hosts: Iterable[str] = ()) -> None:
        for host in self.fleet.hosts.values():
            if host.closed == reason and (not hosts or host.id in hosts):
                host.closed = ""

    def _due(self, requirement: Requirement) -> list[Subject]:
        return [each for each in super()._due(requirement) if self.batches.rank(each.id) <= self._batch]

    def _settle(self, requirement: Requirement, subjects: list[Subject]) -> list[Result]:
        return [self._with_early(result) for result in super()._settle(requirement, subjects)]

    def _with_early(self, now: Result) -> Result:
        """Return a result with what was done for it before its turn."""
        _, before = self._early.get((now.requirement, now.host), (0, None))
        if before is None or not before.actions:
            return now
        if not self.apply:
            return before  # what is planned once is not planned upon itself
        if before.outcome is Outcome.FIXED and now.outcome is Outcome.PASSED:
            return replace(before, evidence=now.evidence, seconds=before.seconds + now.seconds)
        both = replace(now, actions=[*before.actions, *now.actions])
        both.note(f"{before.outcome} before its turn: {before.detail}".rstrip(": "))
        return both

    def _true_up(self, requirement: Requirement, host: Subject) -> Result:
        if self.interrupts.asked:
            return self._not_attempted(requirement, host)
        return super()._true_up(requirement, host)

    def _remedy(self, requirement: Requirement, remedy: Remedy, host: Subject, before: Result) -> Result:
        if host.closed == LATER:
            return replace(before, outcome=Outcome.NOT_ATTEMPTED, detail=f"{host.id} {LATER}")
        if host.closed == DONE:
            before.note(f"not remedied: {host.id} {DONE}")
            return before
        self._under_way[requirement.id, host.id] = None
        try:
            result = super()._remedy(requirement, remedy, host, before)
        finally:
            del self._under_way[requirement.id, host.id]
        early = self.batches.rank(host.id) > self._batch
        if early and result.outcome is Outcome.FIX_FAILED and (not result.actions or LATER in result.detail):
            result.outcome = Outcome.NOT_ATTEMPTED  # it could do nothing yet, or not all of it
        return result

    def _patient(self, requirement: Requirement, subject: Subject) -> bool:
        if subject.closed == LATER or (self.interrupts.asked and requirement.id not in self.catalog.remedies):
            return False
        return super()._patient(requirement, subject)

    @cached_property
    def _answered(self) -> frozenset[str]:
        """The hosts that could be looked at in the beginning."""
        return frozenset(id for id, host in self.fleet.hosts.items() if not host.facts.snapshot.problem)

    def _counts(self, result: Result) -> bool:
        if result.outcome is Outcome.UNREACHABLE:
            return result.host in self._answered
        held = (result.requirement, result.host) in self._held
        return result.outcome in _TRIED or (result.outcome in _BROKEN and held)

    def _not_attempted(self, requirement: Requirement, subject: Subject) -> Result:
        words = self.stopped or "interrupted"
        return Result(requirement.id, subject.id, Outcome.NOT_ATTEMPTED, detail=words)

    def _named_under_way(self) -> str:
        return ", ".join(f"{id} on {host}" for id, host in list(self._under_way))


def _waits(result: Result) -> bool:
    """Whether a result may be another one when the rest of the hosts has been attempted."""
    if result.outcome is Outcome.BLOCKED:
        return str(Outcome.NOT_ATTEMPTED) in result.detail
    return result.outcome in (Outcome.UNREACHABLE, Outcome.NOT_ATTEMPTED)
