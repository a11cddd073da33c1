"""Judges requirements on hosts, and says what became of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from trueup.engine.drill import Trial
from trueup.errors import CouldNotLook
from trueup.hosts.cluster import Cluster
from trueup.hosts.fleet import Fleet
from trueup.hosts.host import Host
from trueup.model.catalog import Catalog, Requirement
from trueup.model.fact import Drill
from trueup.model.profile import LoadedProfile as Loaded
from trueup.model.result import Outcome, Result, Unmet
from trueup.model.snapshot import Snapshot
from trueup.model.view import FleetFacts, HostFacts

Pair = tuple[str, str]  # requirement id, host id
Subject = Host | Cluster


class Audit:
    """Says of each selected pair of requirement and host what holds.

    Args:
        pairs: what was selected; a need that was not selected does not block.
        trial: begins the drill of a requirement; where not given, none is carried out.
    """

    def __init__(
        self,
        catalog: Catalog,
        fleet: Fleet,
        profile: Loaded,
        pairs: Iterable[Pair],
        *,
        trial: Callable[[Requirement], Trial] | None = None,
    ) -> None:
        self.catalog = catalog
        self.fleet = fleet
        self.profile = profile
        self.pairs = frozenset(pairs)
        self.trial = trial
        self._results: dict[Pair, Result] = {}

    def verdict(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result that is reported of one requirement on one host, when its turn has come."""
        return self.result(requirement, host)

    def result(self, requirement: Requirement, host: Subject) -> Result:
        """Return the result of one requirement on one host, worked out once, and earlier where another needs it."""
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
        if isinstance(host, Cluster):
            result = self._together(requirement, host)
        elif (snapshot := host.facts.snapshot).problem:
            outcome = Outcome.UNREACHABLE if snapshot.unreachable else Outcome.COULD_NOT_LOOK
            return Result(requirement.id, host.id, outcome, detail=snapshot.problem)
        elif missing := self._missing(requirement.needs, host):
            return Result(requirement.id, host.id, Outcome.BLOCKED, detail=f"needs {missing}")
        else:
            result = check(requirement, host, host.view(requirement, self.fleet.cluster.facts))
        if result.outcome is Outcome.FAILED and (waiver := self.profile.waiver(requirement.id, host.id)):
            result.outcome = Outcome.WAIVED
            result.note(f"waived until {waiver.expires} by {waiver.approver}: {waiver.reason}")
        return result

    def _together(self, requirement: Requirement, cluster: Cluster) -> Result:
        if missing := self._missing(self._across(requirement.needs), cluster):
            return Result(requirement.id, cluster.id, Outcome.BLOCKED, detail=f"needs {missing}")
        blocked = self._blocked(requirement, cluster)
        if requirement.drill:
            return self._drilled(requirement, requirement.drill, cluster, blocked)
        facts = cluster.view(requirement, blocked)
        result = check(requirement, cluster, facts)
        result.note(*(f"not compared: {name}: {why}" for name, why in facts.silent.items()))
        if facts.silent and result.outcome is Outcome.PASSED:
            result.outcome = Outcome.BLOCKED if facts.silent.keys() <= blocked.keys() else Outcome.COULD_NOT_LOOK
        return result

    def _drilled(
        self, requirement: Requirement, drill: Drill[Any], cluster: Cluster, blocked: Mapping[str, str]
    ) -> Result:
        if blocked:
            words = "; ".join(f"{host} {why}" for host, why in blocked.items())
            return Result(requirement.id, cluster.id, Outcome.BLOCKED, detail=words)
        if self.trial is None:
            return Result(requirement.id, cluster.id, Outcome.COULD_NOT_LOOK, detail="not tried")
        trial = self.trial(requirement)
        answer = trial.carry_out(drill)
        learned = HostFacts(Snapshot(cluster.id, raws={drill.name: answer}), [drill])
        result = check(requirement, cluster, FleetFacts({}, {}, learned))
        result.actions = trial.change.actions
        result.note(*trial.notes)
        return result

    def _blocked(self, requirement: Requirement, cluster: Cluster) -> dict[str, str]:
        """Return the hosts that lack what the requirement needs of each, and what that is."""
        members = cluster.members(requirement)
        return {
            host.id: f"needs {why}"
            for host in members
            if (why := self._missing(self._own(requirement.needs, host), host))
        }

    def _across(self, ids: Iterable[str]) -> list[str]:
        return [id for id in ids if self.catalog.requirements[id].across]

    def _own(self, ids: Iterable[str], host: Host) -> list[str]:
        """Return those of the requirements that are judged on a host."""
        requirements = (self.catalog.requirements[id] for id in ids)
        return [each.id for each in requirements if not each.across and host.concerns(each)]

    def _bearers(self, requirement: Requirement, subject: Subject) -> list[Subject]:
        """Return on whom a requirement has to hold for something on the subject.

        One that is judged once for all hosts holds for each of them or for none, one that is for other hosts where it
        holds on all of those.
        """
        if requirement.across:
            return [self.fleet.cluster]
        if isinstance(subject, Cluster) or subject.concerns(requirement):
            return [subject]
        return [host for host in self.fleet.hosts.values() if host.concerns(requirement)]

    def relied(self, requirement: Requirement, subject: Subject) -> set[str]:
        """Return the ids of the hosts whose facts count for a result, by what the requirement needs too."""
        hosts: set[str] = set()
        waiting: dict[Pair, tuple[Requirement, Subject]] = {(requirement.id, subject.id): (requirement, subject)}
        done: set[Pair] = set()
        while waiting:
            pair, (each, on) = waiting.popitem()
            done.add(pair)
            hosts |= {host.id for host in on.members(each)}
            for need in (self.catalog.requirements[id] for id in each.needs):
                bearers = {(need.id, bearer.id): (need, bearer) for bearer in self._bearers(need, on)}
                waiting |= {pair: found for pair, found in bearers.items() if pair in self.pairs and pair not in done}
        return hosts

    def _missing(self, ids: Iterable[str], subject: Subject) -> str:
        """Return the first of the selected requirements that does not hold, and why; or nothing."""
        for id in ids:
            requirement = self.catalog.requirements[id]
            for on in self._bearers(requirement, subject):
                if (id, on.id) not in self.pairs:
                    continue
                result = self.result(requirement, on)
                if not result.outcome.holds:
                    # a blocked one says what blocks it, so that the chain ends with the one that really failed
                    cause = result.detail if result.outcome is Outcome.BLOCKED else f"is {result.outcome}"
                    where = f" on {on.id}" if isinstance(on, Host) and on is not subject else ""
                    return f"{id}{where}, which {cause}"
        return ""


def check(requirement: Requirement, host: Subject, facts: HostFacts | FleetFacts) -> Result:
    """Return what the check says of these facts: passed, failed, or could-not-look, and what it read."""
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


def holds(requirement: Requirement, host: Host, cluster: HostFacts) -> bool:
    """Whether the check passes on what is known of the host now."""
    return check(requirement, host, host.view(requirement, cluster)).outcome is Outcome.PASSED
