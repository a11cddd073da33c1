"""Converges one requirement on one host: judge, remedy, judge again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from trueup.engine.audit import Audit
from trueup.engine.batches import DONE, LATER
from trueup.engine.needs import Subject, say
from trueup.engine.recheck import Recheck, Say
from trueup.engine.remedy_run import Remedies
from trueup.hosts.host import Host
from trueup.model.catalog import MOST, Catalog, Disruption, Remedy, Requirement
from trueup.nodes import drain
from trueup.nodes.drain import Drain
from trueup.results.result import Outcome, Result


class Converge:
    """Decides whether a failed requirement is remedied, and whether its node is drained first.

    Args:
        allow: the values of --fix-allow, such as ``destructive``.
        most: the highest disruption that is allowed.
        say: prints a line of progress.
    """

    def __init__(
        self,
        audit: Audit,
        recheck: Recheck,
        remedies: Remedies,
        *,
        allow: Iterable[str] = (),
        most: Disruption = MOST,
        say: Say = lambda _: None,
    ) -> None:
        self._audit = audit
        self._recheck = recheck
        self._remedies = remedies
        self._allow = frozenset(allow)
        self._most = most
        self._say = say

    @property
    def _catalog(self) -> Catalog:
        return self._audit.catalog

    def true_up(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the result of one requirement on one host, remedied where that is possible and allowed."""
        began = time.perf_counter()
        remedy = self._catalog.remedies.get(requirement.id)
        result = self._recheck.refresh(requirement, subject)
        if remedy is None:
            result = self._recheck.until(requirement, subject, result, self._recheck.coming_up(subject))
        if result.outcome is Outcome.PASSED:
            if remedy and remedy.drains and requirement.id in self._cordoned:
                result = self._in_service(self._drain(requirement, subject).resume(result))
        elif result.outcome is Outcome.FAILED:
            result = self._failed(requirement, remedy, subject, result)
        result.seconds = time.perf_counter() - began
        return result

    def _failed(self, requirement: Requirement, remedy: Remedy | None, subject: Subject, result: Result) -> Result:
        """Return a failed result with the reason why it is not remedied, or the result of its remedy."""
        node = bool(remedy and remedy.drains and isinstance(subject, Host) and drain.is_node(subject))
        if remedy is None or (why := self._refusal(requirement, remedy, subject, node=node)):
            result.note("no automatic remedy" if remedy is None else why)
            return result
        if self._remedies.apply and (causes := self._audit.needs.unmet_before(requirement, subject)):
            words = f"not remedied yet: {say(causes, subject.id)}"
            return replace(result, outcome=Outcome.BLOCKED, cause=causes, detail=words)
        if subject.closed == LATER:
            return replace(result, outcome=Outcome.NOT_ATTEMPTED, detail=f"{subject.id} {LATER}")
        if subject.closed == DONE:
            result.note(f"not remedied: {subject.id} {DONE}")
            return result
        if node:
            return self._drained(requirement, remedy, subject, result)
        return self._remedies.carry_out(requirement, remedy, subject, result)

    def _refusal(self, requirement: Requirement, remedy: Remedy, subject: Subject, *, node: bool) -> str:
        """Return why the options or the saved plan exclude the remedy; empty if they do not."""
        agreement = self._remedies.agreement
        if agreement and (requirement.id, subject.id) not in agreement.steps:
            return "not in the plan"
        if remedy.destructive and "destructive" not in self._allow:
            return f"--fix-allow=destructive would: {remedy.sentence}"
        if remedy.exceeds(self._most, node=node):
            return f"--max-disruption={remedy.disruption} would: {remedy.sentence}"
        return ""

    @cached_property
    def _cordoned(self) -> frozenset[str]:
        """The requirements for which an earlier run left a node cordoned."""
        return drain.left(self._audit.fleet.cluster, self._say)

    def _drain(self, requirement: Requirement, subject: Subject) -> Drain:
        assert isinstance(subject, Host)
        return Drain(
            self._audit.fleet.cluster, subject, requirement.id, run=self._remedies.run, apply=self._remedies.apply,
            destructive="destructive" in self._allow, say=self._say,
        )  # fmt: skip

    def _drained(self, requirement: Requirement, remedy: Remedy, subject: Subject, before: Result) -> Result:
        """Drain the node, remedy it and uncordon it; one node at a time."""
        with self._audit.fleet.cluster.one_at_a_time:
            draining = self._drain(requirement, subject)
            around = draining.around(remedy, lambda: self._remedies.change(remedy, subject, apply=False))
            return self._in_service(draining.finish(self._remedies.carry_out(requirement, around, subject, before)))

    def _in_service(self, result: Result) -> Result:
        """Return the result, and forget the facts of pods, which a drain has outdated."""
        if self._remedies.apply and result.actions:
            self._recheck.changed = True
            self._audit.fleet.cluster.forget()
        return result
