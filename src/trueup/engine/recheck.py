"""Re-checks after a change: which facts to gather again, and how long to wait until a requirement holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from trueup import waiting
from trueup.engine.audit import Audit, check
from trueup.engine.batches import LATER
from trueup.engine.interrupts import Interrupts
from trueup.engine.needs import Subject
from trueup.hosts.cluster import Cluster
from trueup.hosts.host import Host
from trueup.model.catalog import Requirement
from trueup.model.fact import Fact, of_cluster
from trueup.results.result import Outcome, Pair, Result
from trueup.waiting import Patience

Say = Callable[[str], None]
_VARYING = re.compile(r"[0-9:.]{3,}|[0-9]+ s\b")  # times, and process ids


class Recheck:
    """Keeps the facts of a run up to date while hosts are changed.

    Args:
        pairs: the selected pairs, which are judged in the order of the catalogue.
        apply: whether hosts are changed; a plan waits for nothing.
        say: prints a line of progress.
    """

    def __init__(
        self, audit: Audit, pairs: Iterable[Pair], interrupts: Interrupts, *, apply: bool, say: Say = lambda _: None
    ) -> None:
        self.changed = False  # whether any host was changed: the effect may take a while to show
        self._audit = audit
        self._pairs = frozenset(pairs)
        self._interrupts = interrupts
        self._apply = apply
        self._say = say
        self._order = audit.catalog.order()

    @cached_property
    def held(self) -> frozenset[Pair]:
        """The pairs that held before the first change, and so need no remedy."""
        held: set[Pair] = set()
        for requirement in (self._audit.catalog.requirements[id] for id in self._order):
            for host in self._audit.fleet.hosts.values():
                needs = {(id, host.id) for id in requirement.needs} & self._pairs
                if (requirement.id, host.id) in self._pairs and needs <= held and self._holds(requirement, host):
                    held.add((requirement.id, host.id))
        return frozenset(held)

    def judge(self, requirement: Requirement, subject: Subject) -> Result:
        """Gather the missing facts, then return the verdict."""
        self.look(requirement, subject)
        return self._audit.judge(requirement, subject)

    def look(self, requirement: Requirement, subject: Subject) -> None:
        """Gather the missing facts of the requirement, and on a host also those of the next requirements."""
        members = [member for member in subject.members(requirement) if not member.knows(requirement.reads)]
        wanted: dict[str, Iterable[Fact[Any]]] = {member.id: self._ahead(requirement, member) for member in members}
        cluster = self._audit.fleet.cluster
        if not cluster.knows(requirement.reads):
            wanted[cluster.id] = requirement.reads
        self._audit.fleet.gather(wanted)

    def forget(self, requirement: Requirement, subject: Subject, others: Iterable[str] = (), age: float = 0) -> None:
        """Forget the facts of the requirement's hosts and of the cluster.

        Args:
            others: ids of other hosts that were changed.
            age: seconds; facts of the cluster that are newer stay.
        """
        for host in [*subject.members(requirement), *(self._audit.fleet.hosts[id] for id in others)]:
            host.forget()
        self._audit.fleet.cluster.forget(age)

    def until(self, requirement: Requirement, subject: Subject, result: Result, seconds: float) -> Result:
        """Judge until the requirement holds or the time is up; return the last result."""
        limit, said = Patience(seconds), ""
        while (
            self._worth_waiting(requirement, subject)
            and result.outcome in (Outcome.FAILED, Outcome.COULD_NOT_LOOK)
            and not limit.ended
        ):
            words = "; ".join(f"{d.where}: {d.found}" for d in result.deviations) or result.detail
            if (form := _VARYING.sub("", words)) != said:
                self._say(f"waiting for {requirement.id} on {subject.id}: {words}")
            said = form
            self.forget(requirement, subject, age=limit.rest())
            result = self.judge(requirement, subject)
        return result

    def coming_up(self, subject: Subject) -> float:
        """Return for how many seconds a requirement without a remedy is still waited for."""
        if self.changed:
            return subject.spec.wait
        hosts = self._audit.fleet.hosts.values() if isinstance(subject, Cluster) else [subject]
        return max([0, *(subject.spec.wait - host.age for host in hosts)])

    def refresh(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the verdict on facts that are newer than every change of this run."""
        if requirement.eventually and self.changed:
            self.forget(requirement, subject, age=waiting.FIRST)
        return self.judge(requirement, subject)

    def _worth_waiting(self, requirement: Requirement, subject: Subject) -> bool:
        if not requirement.eventually or not self._apply or subject.closed == LATER:
            return False
        return not self._interrupts.asked or requirement.id in self._audit.catalog.remedies

    def _holds(self, requirement: Requirement, host: Host) -> bool:
        view = host.view(requirement, self._audit.fleet.cluster.facts)
        return check(requirement, host, view).outcome is Outcome.PASSED

    def _ahead(self, requirement: Requirement, host: Host) -> list[Fact[Any]]:
        """Return the facts to gather now, including those of later requirements up to the next possible change.

        A change forgets all facts of its host, and gathering per requirement would cost one round trip each.
        """
        wanted = list(requirement.reads)
        following = self._order[self._order.index(requirement.id) + 1 :]
        for id in (id for id in following if (id, host.id) in self._pairs):
            wanted += [fact for fact in self._audit.catalog.requirements[id].reads if not of_cluster(fact)]
            if (id, host.id) not in self.held:
                break
        return wanted
