"""Judges requirements on hosts, and makes them hold: one requirement after the other, on all hosts at once."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any

from trueup.catalog import Catalog, Remedy, Requirement
from trueup.change import Change
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.fact import Fact, FleetFacts, HostFacts
from trueup.fleet import Fleet, Host, Together
from trueup.profile import Loaded
from trueup.redact import redact
from trueup.verdict import Outcome, Result, Unmet

Pair = tuple[str, str]  # requirement id, host id
Subject = Host | Together


class Audit:
    """Says of each selected pair of requirement and host what holds.

    Args:
        pairs: what was selected; a need that was not selected does not block.
    """

    def __init__(self, catalog: Catalog, fleet: Fleet, profile: Loaded, pairs: Iterable[Pair]) -> None:
        self.catalog = catalog
        self.fleet = fleet
        self.profile = profile
        self.pairs = frozenset(pairs)
        self._results: dict[Pair, Result] = {}

    def result(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result of one requirement on one host, worked out once."""
        pair = (requirement.id, host.id)
        if pair not in self._results:
            self._results[pair] = self.judge(requirement, host)
        return self._results[pair]

    def judge(self, requirement: Requirement, host: Subject) -> Result:
        """Return what the check says now of the facts as they are known."""
        began = time.perf_counter()
        result = self._judge(requirement, host)
        result.seconds = time.perf_counter() - began
        return result

    def _judge(self, requirement: Requirement, host: Subject) -> Result:
        if isinstance(host, Together):
            result = self._compare(requirement, host)
        elif (snapshot := host.facts.snapshot).problem:
            outcome = Outcome.UNREACHABLE if snapshot.unreachable else Outcome.COULD_NOT_LOOK
            return Result(requirement.id, host.id, outcome, detail=snapshot.problem)
        elif missing := self._missing(requirement.needs, host):
            return Result(requirement.id, host.id, Outcome.BLOCKED, detail=f"needs {missing}")
        else:
            result = _check(requirement, host, host.facts.view(requirement.reads))
        if result.outcome is Outcome.FAILED and (waiver := self.profile.waiver(requirement.id, host.id)):
            result.outcome = Outcome.WAIVED
            result.note(f"waived until {waiver.expires} by {waiver.approver}: {waiver.reason}")
        return result

    def _compare(self, requirement: Requirement, together: Together) -> Result:
        members = together.members(requirement)
        blocked = {host.id: f"needs {why}" for host in members if (why := self._missing(requirement.needs, host))}
        facts = together.evidence(requirement, blocked)
        result = _check(requirement, together, facts)
        result.note(*(f"not compared: {name}: {why}" for name, why in facts.silent.items()))
        if facts.silent and result.outcome is Outcome.PASSED:
            result.outcome = Outcome.BLOCKED if facts.silent.keys() <= blocked.keys() else Outcome.COULD_NOT_LOOK
        return result

    def _missing(self, ids: Iterable[str], host: Host) -> str:
        """Return the first of the selected requirements that does not hold, and why; or nothing."""
        for id in ids:
            if (id, host.id) in self.pairs:
                result = self.result(self.catalog.requirements[id], host)
                if not result.outcome.holds:
                    # a blocked one says what blocks it, so that the chain ends with the one that really failed
                    cause = result.detail if result.outcome is Outcome.BLOCKED else f"is {result.outcome}"
                    return f"{id}, which {cause}"
        return ""


class Converge(Audit):
    """An audit that remedies what it finds, or with ``apply=False`` says what it would do.

    Args:
        allow: what else remedies may do; ``destructive``.
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
    ) -> None:
        super().__init__(catalog, fleet, profile, pairs)
        self.allow = frozenset(allow)
        self._order = catalog.order()
        self.run = run
        self.apply = apply

    def result(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result; the first question about a requirement settles it on all its hosts."""
        if (requirement.id, host.id) not in self._results:
            self._settle(requirement)
        return self._results[requirement.id, host.id]

    def _settle(self, requirement: Requirement) -> None:
        _ = self._held  # known before the first change
        everyone: list[Subject] = [*self.fleet.hosts.values(), self.fleet.together]
        hosts = [host for host in everyone if (requirement.id, host.id) in self.pairs]
        for host in hosts:  # before the threads start, so that none settles a need a second time
            for member in host.members(requirement):
                self._missing((*requirement.needs, *requirement.after), member)
        with ThreadPoolExecutor(self.fleet.forks, thread_name_prefix="fix") as pool:
            for result in pool.map(lambda host: self._true_up(requirement, host), hosts):
                self._results[requirement.id, result.host] = result

    @cached_property
    def _held(self) -> frozenset[Pair]:
        """What held before anything was changed: nobody will change a host for its sake."""
        held: set[Pair] = set()
        for requirement in (self.catalog.requirements[id] for id in self._order):
            for host in self.fleet.hosts.values():
                needs = {(id, host.id) for id in requirement.needs} & self.pairs
                if (requirement.id, host.id) in self.pairs and needs <= held and _holds(requirement, host):
                    held.add((requirement.id, host.id))
        return frozenset(held)

    def _ahead(self, requirement: Requirement, host: Host) -> list[Fact[Any]]:
        """Return the facts to ask for now: those of what follows too, up to the next that may change the host again.

        A change forgets all facts of its host. Asked for one requirement after the other, each would be a round trip.
        """
        wanted = list(requirement.reads)
        following = self._order[self._order.index(requirement.id) + 1 :]
        for id in (id for id in following if (id, host.id) in self.pairs):
            wanted += self.catalog.requirements[id].reads
            if (id, host.id) not in self._held:
                break
        return wanted

    def _true_up(self, requirement: Requirement, host: Subject) -> Result:
        began = time.perf_counter()
        unknown = [member for member in host.members(requirement) if not member.knows(requirement.reads)]
        self.fleet.gather({member.id: self._ahead(requirement, member) for member in unknown})
        result = self.judge(requirement, host)
        if result.outcome is Outcome.FAILED:
            remedy = self.catalog.remedies.get(requirement.id)
            if remedy is None or isinstance(host, Together):
                result.note("no automatic remedy")
            elif remedy.destructive and "destructive" not in self.allow:
                result.note(f"--fix-allow=destructive would: {remedy.sentence}")
            elif self.apply and (missing := self._missing(requirement.after, host)):
                result = replace(result, outcome=Outcome.BLOCKED, detail=f"not remedied before {missing}")
            else:
                result = self._remedy(requirement, remedy, host, result)
        result.seconds = time.perf_counter() - began
        return result

    def _remedy(self, requirement: Requirement, remedy: Remedy, host: Host, before: Result) -> Result:
        if self.apply and not host.facts.snapshot.root:
            return replace(before, outcome=Outcome.FIX_FAILED, detail="not root there: use --sudo; nothing was changed")
        change = Change(host.transport, run=self.run, apply=self.apply, allowed=remedy.disruption)
        result = replace(before, actions=change.actions)
        try:
            remedy.fix(change, host.spec, host.facts.view(requirement.reads))
        except (ChangeFailed, CouldNotLook) as error:
            return self._fix_failed(result, change, host, str(error))
        except Unreachable as error:
            host.forget()
            detail = f"connection lost in the middle: {error}; what had begun is finished or not begun; run again"
            return replace(result, outcome=Outcome.FIX_FAILED, detail=detail)
        except Exception:  # noqa: BLE001 - a mistake in a remedy must not leave a host half changed
            return self._fix_failed(result, change, host, f"the remedy broke:\n{traceback.format_exc()}")
        if not self.apply:
            return result
        host.forget()
        host.look(requirement.reads)
        after = self.judge(requirement, host)
        if after.outcome is not Outcome.PASSED:
            done = "remedied, still not so" if change.actions else "the remedy found nothing to change"
            return self._fix_failed(replace(after, actions=change.actions), change, host, f"{done}; {after.detail}")
        return self._twice(requirement, remedy, host, replace(result, detail="", evidence=after.evidence))

    def _twice(self, requirement: Requirement, remedy: Remedy, host: Host, result: Result) -> Result:
        """Plan the remedy once more on the repaired host: it must find nothing to do."""
        again = Change(host.transport, run=self.run, apply=False, allowed=remedy.disruption)
        try:
            remedy.fix(again, host.spec, host.facts.view(requirement.reads))
        except Exception as error:  # noqa: BLE001 - whatever it is, a second run would meet it too
            words = redact(f"a second application fails: {error}")
            return replace(result, outcome=Outcome.NOT_IDEMPOTENT, detail=words)
        if again.actions:
            words = "; ".join(action.summary for action in again.actions)
            return replace(result, outcome=Outcome.NOT_IDEMPOTENT, detail=f"a second application would: {words}")
        return replace(result, outcome=Outcome.FIXED)

    def _fix_failed(self, result: Result, change: Change, host: Host, why: str) -> Result:
        words = [redact(why).strip("; ")]
        if self.apply and change.actions:
            problems = change.rollback()
            host.forget()
            words.append("rolled back" + "".join(f"; could not undo: {problem}" for problem in problems))
        outcome = Outcome.FIX_FAILED if self.apply else result.outcome
        return replace(result, outcome=outcome, detail="\n".join(words))


def _check(requirement: Requirement, host: Subject, facts: HostFacts | FleetFacts) -> Result:
    result = Result(requirement.id, host.id, Outcome.PASSED)
    try:
        requirement.check(facts, host.spec)
    except Unmet as unmet:
        result.outcome, result.deviations = Outcome.FAILED, list(unmet.deviations)
    except AssertionError as unmet:
        result.outcome, result.detail = Outcome.FAILED, str(unmet)
    except CouldNotLook as error:
        result.outcome, result.detail = Outcome.COULD_NOT_LOOK, str(error)
    except Exception:  # noqa: BLE001 - a mistake in a check is neither compliance nor the lack of it
        result.outcome, result.detail = Outcome.COULD_NOT_LOOK, f"the check broke:\n{traceback.format_exc()}"
    result.evidence = facts.read
    return result


def _holds(requirement: Requirement, host: Host) -> bool:
    return _check(requirement, host, host.facts.view(requirement.reads)).outcome is Outcome.PASSED
