"""Judges requirements on hosts from facts; changes nothing."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trueup.engine.drill import Trial
from trueup.engine.needs import Needs, Subject, say
from trueup.errors import CouldNotLook
from trueup.hosts.cluster import Cluster
from trueup.hosts.fleet import Fleet
from trueup.hosts.host import Host
from trueup.model.catalog import Catalog, Requirement
from trueup.model.claims import Unmet
from trueup.model.fact import Drill
from trueup.model.profile import LoadedProfile
from trueup.model.snapshot import Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.results.result import Acceptance, Cause, Outcome, Pair, Result


class Audit:
    """Judges pairs of requirement and host.

    Args:
        pairs: the selected pairs, and the pairs that they need.
        trial: starts the drill of a requirement; without it, no drill is run.
        result: returns the result of a pair that another one needs; by default, this audit's own.
    """

    def __init__(
        self,
        catalog: Catalog,
        fleet: Fleet,
        profile: LoadedProfile,
        pairs: Iterable[Pair],
        *,
        trial: Callable[[Requirement], Trial] | None = None,
        result: Callable[[Requirement, Subject], Result] | None = None,
    ) -> None:
        self.catalog = catalog
        self.fleet = fleet
        self.needs = Needs(catalog, fleet, pairs, result or self.result)
        self._profile = profile
        self._trial = trial
        self._results: dict[Pair, Result] = {}

    def verdict(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the result that is reported."""
        return self.result(requirement, subject)

    def result(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the result of one requirement on one host, judged once."""
        pair = (requirement.id, subject.id)
        if pair not in self._results:
            self._results[pair] = self.judge(requirement, subject)
        return self._results[pair]

    def judge(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the check's verdict on the facts that are known now."""
        began = time.perf_counter()
        result = self._across(requirement, subject) if isinstance(subject, Cluster) else self._on(requirement, subject)
        if result.outcome is Outcome.FAILED and (waiver := self._profile.waiver(requirement.id, subject.id)):
            result.outcome = Outcome.WAIVED
            result.waiver = Acceptance(waiver.reason, waiver.approver, str(waiver.expires))
            result.note(f"waived until {waiver.expires} by {waiver.approver}: {waiver.reason}")
        result.seconds = time.perf_counter() - began
        return result

    def view(self, requirement: Requirement, subject: Subject) -> HostFacts | FleetFacts:
        """Return the facts that the requirement may read, without those of hosts that block it."""
        if isinstance(subject, Cluster):
            return subject.view(requirement, _reasons(self.needs.blocked(requirement, subject)))
        return subject.view(requirement, self.fleet.cluster.facts)

    def _on(self, requirement: Requirement, host: Host) -> Result:
        if (snapshot := host.facts.snapshot).problem:
            outcome = Outcome.UNREACHABLE if snapshot.unreachable else Outcome.COULD_NOT_LOOK
            return Result(requirement.id, host.id, outcome, detail=snapshot.problem)
        if causes := self.needs.conditions(requirement, host) or self.needs.unmet(requirement.needs, host):
            return blocked(requirement, host, causes)
        return check(requirement, host, host.view(requirement, self.fleet.cluster.facts))

    def _across(self, requirement: Requirement, cluster: Cluster) -> Result:
        if causes := self.needs.unmet(self.needs.across(requirement.needs), cluster):
            return blocked(requirement, cluster, causes)
        held_up = self.needs.blocked(requirement, cluster)
        causes = [cause for causes in held_up.values() for cause in causes]
        if requirement.drill:
            return self._drilled(requirement, requirement.drill, cluster, causes)
        facts = cluster.view(requirement, _reasons(held_up))
        result = check(requirement, cluster, facts)
        result.note(*(f"not compared: {name}: {why}" for name, why in facts.silent.items()))
        if facts.silent and result.outcome is Outcome.PASSED:
            result.outcome = Outcome.COULD_NOT_LOOK
            if facts.silent.keys() <= held_up.keys():
                result.outcome, result.cause = Outcome.BLOCKED, list(dict.fromkeys(causes))
        return result

    def _drilled(self, requirement: Requirement, drill: Drill[Any], cluster: Cluster, causes: list[Cause]) -> Result:
        if causes:
            return blocked(requirement, cluster, causes)
        if self._trial is None:
            return Result(requirement.id, cluster.id, Outcome.COULD_NOT_LOOK, detail="the drill was not run")
        trial = self._trial(requirement)
        answer = trial.carry_out(drill)
        learned = HostFacts(Snapshot(cluster.id, raws={drill.name: answer}), [drill])
        result = check(requirement, cluster, FleetFacts({}, {}, learned))
        result.actions = trial.change.actions
        result.note(*trial.notes)
        return result


def blocked(requirement: Requirement, subject: Subject, causes: Iterable[Cause]) -> Result:
    """Return the result of a requirement that is blocked, with the causes."""
    roots = list(dict.fromkeys(causes))
    return Result(requirement.id, subject.id, Outcome.BLOCKED, detail=say(roots, subject.id), cause=roots)


def check(requirement: Requirement, subject: Subject, facts: HostFacts | FleetFacts) -> Result:
    """Return the check's outcome (passed, failed or could-not-look), and the answers that it read."""
    result = Result(requirement.id, subject.id, Outcome.PASSED)
    try:
        requirement.check(facts, subject.spec)
    except Unmet as unmet:
        result.outcome, result.deviations = Outcome.FAILED, list(unmet.deviations)
    except AssertionError as unmet:
        result.outcome, result.detail = Outcome.FAILED, str(unmet)
    except CouldNotLook as error:
        result.outcome, result.detail = Outcome.COULD_NOT_LOOK, str(error)
    except Exception:  # noqa: BLE001 - a defect in a check says nothing about the host
        result.outcome, result.detail = Outcome.COULD_NOT_LOOK, f"the check broke:\n{traceback.format_exc()}"
    result.evidence = facts.read
    asked = [raw.asked for raw in facts.read.values() if raw.asked]
    answered = [raw.answered for raw in facts.read.values() if raw.answered]
    if asked and answered:
        result.asked, result.answered = min(asked), max(answered)
        result.age = max(time.time() - min(answered), 0)
    return result


def _reasons(causes: Mapping[str, Iterable[Cause]]) -> dict[str, str]:
    return {host: say(roots, host) for host, roots in causes.items()}
