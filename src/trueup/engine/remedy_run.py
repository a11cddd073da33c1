"""Applies one remedy on one host: lock, plan, apply, re-check, prove idempotence, or undo."""

from __future__ import annotations

import traceback
from collections import ChainMap
from dataclasses import replace
from typing import Any

from trueup.change import Change, ClusterChange
from trueup.engine.audit import Audit
from trueup.engine.needs import Subject
from trueup.engine.plan_guard import Agreed, Agreement
from trueup.engine.recheck import Recheck
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.hosts.cluster import Cluster
from trueup.journal.on_controller import RunJournal
from trueup.journal.record import Draft, Record
from trueup.model.catalog import Remedy, Requirement
from trueup.redact import redact
from trueup.results.result import Outcome, Pair, Result


class Remedies:
    """Applies remedies, or plans them.

    Args:
        run: the run's id.
        apply: change hosts; otherwise only record the actions.
        agreement: the saved plan that limits the actions.
        journal: the run's journal on the controller.
    """

    def __init__(
        self,
        audit: Audit,
        recheck: Recheck,
        *,
        run: str,
        apply: bool,
        agreement: Agreement | None = None,
        journal: RunJournal | None = None,
    ) -> None:
        self.apply = apply
        self.agreement = agreement
        self.run = run
        self.under_way: dict[Pair, None] = {}
        self._audit = audit
        self._recheck = recheck
        self._journal = journal
        self._draft: ChainMap[tuple[str, str], Any] = ChainMap()  # the files as the planned actions leave them

    def carry_out(self, requirement: Requirement, remedy: Remedy, subject: Subject, before: Result) -> Result:
        """Apply or plan the remedy of a failed requirement, and return the result."""
        pair = (requirement.id, subject.id)
        self.under_way[pair] = None
        try:
            attempt = _Attempt(self, requirement, remedy, subject, before)
            return attempt.carried_out() if self.apply else attempt.planned()
        finally:
            del self.under_way[pair]

    def change(
        self, remedy: Remedy, subject: Subject, *, apply: bool, agreed: Agreed | None = None, draft: Draft | None = None
    ) -> Change | ClusterChange:
        """Return the verbs for a host, or for the cluster."""
        record = Record(remedy.id, self._journal, *([agreed.admit] if agreed else []))
        given: dict[str, Any] = {
            "run": self.run, "apply": apply, "allowed": remedy.disruption, "record": record,
            "draft": {} if draft is None else draft,
        }  # fmt: skip
        if isinstance(subject, Cluster):
            return ClusterChange(subject, **given)
        return Change(subject.transport, host=subject.id, cluster=self._audit.fleet.cluster, **given)


class _Attempt:
    """One application of a remedy."""

    def __init__(
        self, remedies: Remedies, requirement: Requirement, remedy: Remedy, subject: Subject, before: Result
    ) -> None:
        self._remedies, self._audit, self._recheck = remedies, remedies._audit, remedies._recheck
        self._requirement, self._remedy, self._subject, self._before = requirement, remedy, subject, before
        self._draft = remedies._draft.new_child()
        self._change = remedies.change(remedy, subject, apply=remedies.apply, draft=self._draft)
        self._result = replace(before, actions=self._change.actions)

    def planned(self) -> Result:
        """Return the result with the planned actions; none if the remedy fails."""
        if failed := self._applied():
            return failed
        self._remedies._draft.update(self._draft.maps[0])
        return self._result

    def carried_out(self) -> Result:
        """Go through these states until one returns a result; a failure after a change is undone."""
        return (
            self._locked()  # the host may be changed by this run
            or self._confirmed()  # the saved plan still says the same
            or self._applied()  # the remedy's verbs succeeded
            or self._rechecked()  # the requirement holds, perhaps after a while
            or self._proved()  # a second application finds nothing to do
        )

    def _locked(self) -> Result | None:
        root = self._subject.facts.snapshot.root
        if why := self._subject.closed or ("" if root else "not root there: use --sudo"):
            return replace(self._before, outcome=Outcome.FIX_FAILED, detail=f"{why}; nothing was changed")
        return None

    def _confirmed(self) -> Result | None:
        """Plan the remedy again, and refuse it if it differs from the saved plan."""
        if (agreement := self._remedies.agreement) is None:
            return None
        pair, others = (self._requirement.id, self._subject.id), set[str]()
        if pair not in agreement.drift and not agreement.refusal([self._subject.id]):
            agreed = Agreed(agreement.steps[pair])
            again = self._remedies.change(self._remedy, self._subject, apply=False, agreed=agreed)
            others = again.record.hosts
            try:
                self._fix(again)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not in the plan
                agreement.refuse(pair, [redact(str(error))])
        if words := agreement.drift.get(pair):
            return replace(self._before, outcome=Outcome.FIX_FAILED, detail=words)
        if words := agreement.refusal([self._subject.id, *others]):
            return replace(self._before, outcome=Outcome.BLOCKED, detail=words)
        agreed = Agreed(agreement.steps[pair])
        self._change = self._remedies.change(self._remedy, self._subject, apply=True, agreed=agreed, draft=self._draft)
        self._result = replace(self._before, actions=self._change.actions)
        return None

    def _applied(self) -> Result | None:
        try:
            self._fix(self._change)
        except (ChangeFailed, CouldNotLook) as error:
            return self._undone(self._result, str(error))
        except Unreachable as error:
            self._forget()
            detail = f"connection lost while applying: {error}; the step completed or did not start: run --fix again"
            return replace(self._result, outcome=Outcome.FIX_FAILED, detail=detail)
        except Exception:  # noqa: BLE001 - a defect in a remedy must not leave a host half changed
            return self._undone(self._result, f"the remedy broke:\n{traceback.format_exc()}")
        return None

    def _rechecked(self) -> Result | None:
        changed = bool(self._change.actions)
        self._recheck.changed |= changed
        self._forget()
        # Where the remedy found nothing to change, an earlier run's change may still be taking effect.
        now = self._recheck.judge(self._requirement, self._subject)
        now = self._recheck.until(self._requirement, self._subject, now, self._subject.spec.wait)
        if now.outcome is Outcome.UNREACHABLE and changed:  # not known to have failed, and out of reach for an undo
            detail = (
                f"applied, but the host no longer answers: {now.detail}; "
                f"run --fix again, or --rollback={self._remedies.run}"
            )
            return replace(self._result, outcome=Outcome.FIX_FAILED, detail=detail)
        if now.outcome is not Outcome.PASSED:
            done = "applied, and the requirement still fails" if changed else "the remedy found nothing to change"
            return self._undone(replace(now, actions=self._change.actions), f"{done}; {now.detail}")
        if not changed:
            return now
        self._result = replace(
            self._result, detail="\n".join(self._change.record.notes), evidence=now.evidence,
            asked=now.asked, answered=now.answered, age=now.age,
        )  # fmt: skip
        return None

    def _proved(self) -> Result:
        again = self._remedies.change(self._remedy, self._subject, apply=False)
        try:
            self._fix(again)
        except Exception as error:  # noqa: BLE001 - a second run would fail in the same way
            words = redact(f"a second application fails: {error}")
            return replace(self._result, outcome=Outcome.NOT_IDEMPOTENT, detail=words)
        if again.actions:
            words = "; ".join(action.summary for action in again.actions)
            return replace(self._result, outcome=Outcome.NOT_IDEMPOTENT, detail=f"a second application would: {words}")
        return replace(self._result, outcome=Outcome.FIXED)

    def _undone(self, result: Result, why: str) -> Result:
        """Undo the actions, and return the result; a failed plan shows no actions."""
        words = [redact(why).strip("; ")]
        if not self._remedies.apply:
            return replace(result, actions=[], detail="\n".join(words))
        if self._change.actions:
            problems = self._change.rollback()
            self._forget()
            undone = "rolled back in part" if problems else "rolled back"
            done = undone if self._change.record.undoes else "nothing to roll back"
            words.append("; ".join([done, *(f"could not undo: {problem}" for problem in problems)]))
        return replace(result, outcome=Outcome.FIX_FAILED, detail="\n".join(words))

    def _fix(self, change: Change | ClusterChange) -> None:
        self._remedy.fix(change, self._subject.spec, self._audit.view(self._requirement, self._subject))

    def _forget(self) -> None:
        self._recheck.forget(self._requirement, self._subject, self._change.record.hosts)
