"""The needs of requirements: which do not hold, and on which hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from trueup.errors import CouldNotLook
from trueup.hosts.cluster import Cluster
from trueup.hosts.fleet import Fleet
from trueup.hosts.host import Host
from trueup.model.catalog import Catalog, Requirement
from trueup.results.result import Cause, Outcome, Pair, Result

Subject: TypeAlias = Host | Cluster


class Needs:
    """The graph of requirements over the hosts of a run.

    Args:
        pairs: the requirements that are judged on each host; other needs block nothing.
        result: returns the result of such a pair.
    """

    def __init__(
        self,
        catalog: Catalog,
        fleet: Fleet,
        pairs: Iterable[Pair],
        result: Callable[[Requirement, Subject], Result],
    ) -> None:
        self.pairs = frozenset(pairs)
        self._catalog = catalog
        self._fleet = fleet
        self._result = result

    def unmet(self, ids: Iterable[str], subject: Subject) -> list[Cause]:
        """Return the causes of the first of these requirements that does not hold; empty if all hold."""
        for id in ids:
            requirement = self._catalog.requirements[id]
            for on in self._bearers(requirement, subject):
                if (id, on.id) in self.pairs and not (result := self._result(requirement, on)).outcome.holds:
                    return result.cause or [Cause(id, on.id, result.outcome)]
        return []

    def conditions(self, requirement: Requirement, host: Host) -> list[Cause]:
        """Return the first condition that the host does not meet; empty if it meets all."""
        for condition in requirement.conditions:
            try:
                words, outcome = host.facts[condition], Outcome.FAILED
            except CouldNotLook as error:
                words, outcome = str(error), Outcome.COULD_NOT_LOOK
            if words:
                return [Cause(condition.name, host.id, outcome, words)]
        return []

    def unmet_before(self, requirement: Requirement, subject: Subject) -> list[Cause]:
        """Return the causes that make the requirement's remedy unsafe now."""
        if isinstance(subject, Host):
            return self.unmet(requirement.after, subject)
        causes = self.unmet(self.across(requirement.after), subject)
        for member in subject.members(requirement):
            causes = causes or self.unmet(self._own(requirement.after, member), member)
        return causes

    def blocked(self, requirement: Requirement, cluster: Cluster) -> dict[str, list[Cause]]:
        """Return the hosts on which a need of the requirement does not hold, and the causes."""
        found = {
            host.id: self.conditions(requirement, host) or self.unmet(self._own(requirement.needs, host), host)
            for host in cluster.members(requirement)
        }
        return {host: causes for host, causes in found.items() if causes}

    def across(self, ids: Iterable[str]) -> list[str]:
        """Return the requirements among these that are judged once for all hosts."""
        return [id for id in ids if self._catalog.requirements[id].across]

    def relied(self, requirement: Requirement, subject: Subject) -> set[str]:
        """Return the ids of the hosts whose facts decide a result, directly or through its needs."""
        found = reached(self._catalog, self._fleet, [(requirement, subject)])
        followed = (pair for key, pair in found.items() if key in self.pairs or key == (requirement.id, subject.id))
        return {host.id for each, on in followed for host in on.members(each)}

    def _own(self, ids: Iterable[str], host: Host) -> list[str]:
        """Return the requirements among these that are judged on the host."""
        requirements = (self._catalog.requirements[id] for id in ids)
        return [each.id for each in requirements if not each.across and host.concerns(each)]

    def _bearers(self, requirement: Requirement, subject: Subject) -> list[Subject]:
        return bearers(self._fleet, requirement, subject)


def bearers(fleet: Fleet, requirement: Requirement, subject: Subject) -> list[Subject]:
    """Return the subjects on which a requirement must hold, for another one that needs it on ``subject``.

    A requirement across hosts holds for each of them or for none. One that is for hosts of another role must hold on
    all of those.
    """
    if requirement.across:
        return [fleet.cluster]
    if isinstance(subject, Cluster) or subject.concerns(requirement):
        return [subject]
    return [host for host in fleet.hosts.values() if host.concerns(requirement)]


def reached(
    catalog: Catalog, fleet: Fleet, start: Iterable[tuple[Requirement, Subject]], *, after: bool = False
) -> dict[Pair, tuple[Requirement, Subject]]:
    """Return the start pairs and all pairs that they depend on.

    Args:
        after: also follow the ``after`` of remedies.
    """
    waiting = {(each.id, on.id): (each, on) for each, on in start}
    found: dict[Pair, tuple[Requirement, Subject]] = {}
    while waiting:
        pair, (each, on) = waiting.popitem()
        found[pair] = each, on
        for need in (catalog.requirements[id] for id in (*each.needs, *(each.after if after else ()))):
            # a requirement across hosts needs the others of each of its members
            subjects = [on] if isinstance(on, Host) or need.across else on.members(each)
            for bearer in (bearer for subject in subjects for bearer in bearers(fleet, need, subject)):
                if (need.id, bearer.id) not in found:
                    waiting[need.id, bearer.id] = need, bearer
    return found


def say(causes: Iterable[Cause], host: str) -> str:
    """Return causes as text for a host: a fact's reason, or a requirement and its outcome."""
    words = []
    for cause in causes:
        where = f" on {cause.host}" if cause.host not in (host, "cluster") else ""
        words.append(f"{cause.words}{where}" if cause.words else f"needs {cause.name}{where} ({cause.outcome})")
    return "; ".join(dict.fromkeys(words))
