"""Makes requirements hold: one after the other, each on all hosts at once."""

from __future__ import annotations

import re
import time
import traceback
from collections import ChainMap
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from trueup import waiting as patience
from trueup.change import Change, ClusterChange
from trueup.engine.audit import Audit, Pair, Subject, holds
from trueup.engine.drain import Drain, is_node, left
from trueup.engine.drill import Trial
from trueup.engine.plan_guard import Agreed, Agreement
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.hosts.cluster import Cluster
from trueup.hosts.fleet import Fleet
from trueup.hosts.host import Host
from trueup.journal.on_controller import Ledger
from trueup.journal.record import Draft, Record
from trueup.model.catalog import MOST, Catalog, Disruption, Remedy, Requirement
from trueup.model.fact import Fact, of_cluster
from trueup.model.profile import LoadedProfile as Loaded
from trueup.model.result import Outcome, Result
from trueup.model.view import FleetFacts, HostFacts
from trueup.redact import redact
from trueup.waiting import Patience

Say = Callable[[str], None]
_VARYING = re.compile(r"[0-9:.]{3,}|[0-9]+ s\b")  # times, and numbers of processes


class Converge(Audit):
    """An audit that remedies what it finds, or with ``apply=False`` says what it would do.

    Args:
        allow: what else remedies may do; ``destructive``.
        most: the most that a remedy may disturb a host.
        agreement: a plan; nothing is done that is not in it.
        say: takes a line that tells what is waited for.
        ledger: the run's journal on this machine.
    """

    def __init__(
        self,
        catalog: Catalog,
        fleet: Fleet,
        profile: Loaded,
        pairs: Iterable[Pair],
        *,
        run: str,
        apply: bool,
        allow: Iterable[str] = (),
        most: Disruption = MOST,
        agreement: Agreement | None = None,
        say: Say = lambda _: None,
        trial: Callable[[Requirement], Trial] | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        super().__init__(catalog, fleet, profile, pairs, trial=trial)
        self.allow = frozenset(allow)
        self.most = most
        self.agreement = agreement
        self.run = run
        self.apply = apply
        self.say = say
        self.ledger = ledger
        self._order = catalog.order()
        self._draft: ChainMap[tuple[str, str], Any] = ChainMap()  # what the plan would have written so far
        self._changed = False  # anything, on any host: what follows may take a while to show it

    def result(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result; the first question about a requirement settles it on all its hosts."""
        if requirement.drill:  # which nothing remedies, and which an interrupt must reach: it is in no thread
            return super().result(requirement, host)
        if (requirement.id, host.id) not in self._results:
            for result in self._settle(requirement, self._due(requirement)):
                self._results[requirement.id, result.host] = result
        return self._results[requirement.id, host.id]

    def _due(self, requirement: Requirement) -> list[Subject]:
        """Return on whom the requirement is settled now."""
        everyone: list[Subject] = [*self.fleet.hosts.values(), self.fleet.cluster]
        pairs = self.pairs - self._results.keys()
        return [each for each in everyone if (requirement.id, each.id) in pairs]

    def _settle(self, requirement: Requirement, hosts: list[Subject]) -> list[Result]:
        _ = self._held  # known before the first change
        for host in hosts:  # before the threads start, so that none settles a need a second time
            for member in [*host.members(requirement), host]:
                self._missing((*requirement.needs, *requirement.after), member)
        with ThreadPoolExecutor(self.fleet.forks, thread_name_prefix="fix") as pool:
            return list(pool.map(lambda host: self._true_up(requirement, host), hosts))

    @cached_property
    def _held(self) -> frozenset[Pair]:
        """What held before anything was changed: nobody will change a host for its sake."""
        held: set[Pair] = set()
        for requirement in (self.catalog.requirements[id] for id in self._order):
            for host in self.fleet.hosts.values():
                needs = {(id, host.id) for id in requirement.needs} & self.pairs
                if (
                    (requirement.id, host.id) in self.pairs
                    and needs <= held
                    and holds(requirement, host, self.fleet.cluster.facts)
                ):
                    held.add((requirement.id, host.id))
        return frozenset(held)

    def _ahead(self, requirement: Requirement, host: Host) -> list[Fact[Any]]:
        """Return the facts to ask for now: those of what follows too, up to the next that may change the host again.

        A change forgets all facts of its host. Asked for one requirement after the other, each would be a round trip.
        """
        wanted = list(requirement.reads)
        following = self._order[self._order.index(requirement.id) + 1 :]
        for id in (id for id in following if (id, host.id) in self.pairs):
            wanted += [fact for fact in self.catalog.requirements[id].reads if not of_cluster(fact)]
            if (id, host.id) not in self._held:
                break
        return wanted

    def _look(self, requirement: Requirement, subject: Subject) -> None:
        """Have the facts that the requirement is judged on, and with those of a host what will be asked of it next."""
        members = [member for member in subject.members(requirement) if not member.knows(requirement.reads)]
        wanted: dict[str, Iterable[Fact[Any]]] = {member.id: self._ahead(requirement, member) for member in members}
        if not self.fleet.cluster.knows(requirement.reads):
            wanted[self.fleet.cluster.id] = requirement.reads
        self.fleet.gather(wanted)

    def _forget(self, requirement: Requirement, subject: Subject, others: Iterable[str] = (), age: float = 0) -> None:
        for host in [*subject.members(requirement), *(self.fleet.hosts[id] for id in others)]:
            host.forget()
        self.fleet.cluster.forget(age)

    def _true_up(self, requirement: Requirement, host: Subject) -> Result:
        began = time.perf_counter()
        if requirement.eventually and self._changed:  # it may hang on another host, which was changed since
            self._forget(requirement, host, age=patience.FIRST)
        self._look(requirement, host)
        result = self.judge(requirement, host)
        remedy = self.catalog.remedies.get(requirement.id)
        if remedy is None:
            result = self._eventually(requirement, host, result, self._coming_up(host))
        if result.outcome is Outcome.PASSED:
            if remedy and remedy.drains and requirement.id in self._left:
                result = self._served(self._drain(requirement, host).resume(result))
        elif result.outcome is Outcome.FAILED:
            node = bool(remedy and remedy.drains and isinstance(host, Host) and is_node(host))
            if remedy is None:
                result.note("no automatic remedy")
            elif self.agreement and (requirement.id, host.id) not in self.agreement.steps:
                result.note("not in the plan")
            elif remedy.destructive and "destructive" not in self.allow:
                result.note(f"--fix-allow=destructive would: {remedy.sentence}")
            elif remedy.exceeds(self.most, node=node):
                result.note(f"--max-disruption={remedy.disruption} would: {remedy.sentence}")
            elif self.apply and (missing := self._unsafe(requirement, host)):
                result = replace(result, outcome=Outcome.BLOCKED, detail=f"not remedied before {missing}")
            else:
                remedied = self._drained if node else self._remedy
                result = remedied(requirement, remedy, host, result)
        result.seconds = time.perf_counter() - began
        return result

    def _unsafe(self, requirement: Requirement, subject: Subject) -> str:
        """Return what has to hold before the remedy, and does not, or nothing."""
        after = requirement.after
        if missing := self._missing(self._across(after), subject):
            return missing
        if isinstance(subject, Host):
            return self._missing(after, subject)
        members = subject.members(requirement)
        whys = ((member, self._missing(self._own(after, member), member)) for member in members)
        return next((f"{why}, on {member.id}" for member, why in whys if why), "")

    def _eventually(self, requirement: Requirement, subject: Subject, result: Result, seconds: float) -> Result:
        """Return what is so in the end: some things take their time after a change."""
        limit, said = Patience(seconds), ""
        while (
            self._patient(requirement, subject)
            and result.outcome in (Outcome.FAILED, Outcome.COULD_NOT_LOOK)
            and not limit.ended
        ):
            words = "; ".join(f"{d.where}: {d.found}" for d in result.deviations) or result.detail
            if (form := _VARYING.sub("", words)) != said:
                self.say(f"waiting for {requirement.id} on {subject.id}: {words}")
            said = form
            self._forget(requirement, subject, age=limit.rest())
            self._look(requirement, subject)
            result = self.judge(requirement, subject)
        return result

    def _coming_up(self, subject: Subject) -> float:
        """Return for how many seconds what no remedy mends may still come up, after a change or a start."""
        if self._changed:
            return subject.spec.wait
        hosts = self.fleet.hosts.values() if isinstance(subject, Cluster) else [subject]
        return max([0, *(subject.spec.wait - host.age for host in hosts)])

    def _patient(self, requirement: Requirement, subject: Subject) -> bool:  # noqa: ARG002 - see Rollout
        """Whether it is worth while to wait until a requirement comes true."""
        return requirement.eventually and self.apply

    def _hand(
        self, remedy: Remedy, subject: Subject, *, apply: bool, agreed: Agreed | None = None, draft: Draft | None = None
    ) -> Change | ClusterChange:
        record = Record(remedy.id, self.ledger, *([agreed.admit] if agreed else []))
        draft = {} if draft is None else draft  # which all hands of the remedy share
        given: dict[str, Any] = {
            "run": self.run, "apply": apply, "allowed": remedy.disruption, "record": record, "draft": draft
        }  # fmt: skip
        if isinstance(subject, Cluster):
            return ClusterChange(subject, **given)
        return Change(subject.transport, host=subject.id, cluster=self.fleet.cluster, **given)

    def _view(self, requirement: Requirement, subject: Subject) -> HostFacts | FleetFacts:
        if isinstance(subject, Cluster):
            return subject.view(requirement, self._blocked(requirement, subject))
        return subject.view(requirement, self.fleet.cluster.facts)

    @cached_property
    def _left(self) -> frozenset[str]:
        """The requirements for which a run before has left a node cordoned."""
        return left(self.fleet.cluster, self.say)

    def _drain(self, requirement: Requirement, host: Subject) -> Drain:
        assert isinstance(host, Host)
        return Drain(
            self.fleet.cluster, host, requirement.id,
            run=self.run, apply=self.apply, destructive="destructive" in self.allow, say=self.say,
        )  # fmt: skip

    def _drained(self, requirement: Requirement, remedy: Remedy, host: Subject, before: Result) -> Result:
        """Remedy a node, one after the other, while the pods that this would disturb are elsewhere."""
        with self.fleet.cluster.turn:
            drain = self._drain(requirement, host)
            around = drain.around(remedy, lambda: self._hand(remedy, host, apply=False))
            return self._served(drain.finish(self._remedy(requirement, around, host, before)))

    def _served(self, result: Result) -> Result:
        """Return the result of what may have taken a node out of service, or back into it."""
        if self.apply and result.actions:
            self._changed = True
            self.fleet.cluster.forget()
        return result

    def _remedy(self, requirement: Requirement, remedy: Remedy, host: Subject, before: Result) -> Result:
        root = host.facts.snapshot.root
        if self.apply and (why := host.closed or ("" if root else "not root there: use --sudo")):
            return replace(before, outcome=Outcome.FIX_FAILED, detail=f"{why}; nothing was changed")
        agreed = None
        if self.agreement and self.apply:
            if refused := self._refused(requirement, remedy, host, before, self.agreement):
                return refused
            agreed = Agreed(self.agreement.steps[requirement.id, host.id])
        draft = self._draft.new_child()
        change = self._hand(remedy, host, apply=self.apply, agreed=agreed, draft=draft)
        result = replace(before, actions=change.actions)

        def failed(result: Result, why: str) -> Result:
            return self._fix_failed(result, change, partial(self._forget, requirement, host, change.record.hosts), why)

        try:
            remedy.fix(change, host.spec, self._view(requirement, host))
        except (ChangeFailed, CouldNotLook) as error:
            return failed(result, str(error))
        except Unreachable as error:
            self._forget(requirement, host, change.record.hosts)
            detail = f"connection lost in the middle: {error}; what had begun is finished or not begun; run again"
            return replace(result, outcome=Outcome.FIX_FAILED, detail=detail)
        except Exception:  # noqa: BLE001 - a mistake in a remedy must not leave a host half changed
            return failed(result, f"the remedy broke:\n{traceback.format_exc()}")
        if not self.apply:
            self._draft.update(draft.maps[0])
            return result
        self._changed |= bool(change.actions)
        self._forget(requirement, host, change.record.hosts)
        self._look(requirement, host)
        # Where there was nothing to change, what an earlier run has begun may still be under way.
        after = self._eventually(requirement, host, self.judge(requirement, host), host.spec.wait)
        if after.outcome is Outcome.UNREACHABLE and change.actions:  # it is not known to be red, nor can it be undone
            detail = f"remedied, but whether it helped is not seen: {after.detail}; run again, or --rollback={self.run}"
            return replace(result, outcome=Outcome.FIX_FAILED, detail=detail)
        if after.outcome is not Outcome.PASSED:
            done = "remedied, still not so" if change.actions else "the remedy found nothing to change"
            return failed(replace(after, actions=change.actions), f"{done}; {after.detail}")
        if not change.actions:
            return after  # it only took its time
        detail = "\n".join(change.record.notes)
        return self._twice(requirement, remedy, host, replace(result, detail=detail, evidence=after.evidence))

    def _refused(
        self, requirement: Requirement, remedy: Remedy, host: Subject, before: Result, agreement: Agreement
    ) -> Result | None:
        """Plan the remedy anew, and return the result if more would be done than was agreed to: none of it is then."""
        pair = (requirement.id, host.id)
        others: set[str] = set()
        if pair not in agreement.drift and not agreement.refusal([host.id]):
            again = self._hand(remedy, host, apply=False, agreed=Agreed(agreement.steps[pair]))
            others = again.record.hosts
            try:
                remedy.fix(again, host.spec, self._view(requirement, host))
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody agreed to it
                agreement.refuse(pair, [redact(str(error))])
        if words := agreement.drift.get(pair):
            return replace(before, outcome=Outcome.FIX_FAILED, detail=words)
        if words := agreement.refusal([host.id, *others]):
            return replace(before, outcome=Outcome.BLOCKED, detail=words)
        return None

    def _twice(self, requirement: Requirement, remedy: Remedy, host: Subject, result: Result) -> Result:
        """Plan the remedy once more on the repaired host: it must find nothing to do."""
        again = self._hand(remedy, host, apply=False)
        try:
            remedy.fix(again, host.spec, self._view(requirement, host))
        except Exception as error:  # noqa: BLE001 - whatever it is, a second run would meet it too
            words = redact(f"a second application fails: {error}")
            return replace(result, outcome=Outcome.NOT_IDEMPOTENT, detail=words)
        if again.actions:
            words = "; ".join(action.summary for action in again.actions)
            return replace(result, outcome=Outcome.NOT_IDEMPOTENT, detail=f"a second application would: {words}")
        return replace(result, outcome=Outcome.FIXED)

    def _fix_failed(
        self, result: Result, change: Change | ClusterChange, forget: Callable[[], None], why: str
    ) -> Result:
        words = [redact(why).strip("; ")]
        if self.apply and change.actions:
            problems = change.rollback()
            forget()
            undone = "rolled back in part" if problems else "rolled back"
            done = undone if change.record.undoes else "there is nothing to roll back"
            words.append("; ".join([done, *(f"could not undo: {problem}" for problem in problems)]))
        if not self.apply:  # the run would come to nothing, so there is nothing to show
            return replace(result, actions=[], detail="\n".join(words))
        return replace(result, outcome=Outcome.FIX_FAILED, detail="\n".join(words))
