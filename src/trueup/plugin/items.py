"""One requirement on one host, as pytest sees it, judged or taken back."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.engine.audit import Audit, Pair, Subject
from trueup.engine.rollback import Rollback
from trueup.errors import CouldNotLook
from trueup.model.catalog import Requirement
from trueup.model.result import Outcome, Result
from trueup.plugin import allure

_SKIPPED = (Outcome.BLOCKED, Outcome.WAIVED, Outcome.NOT_ATTEMPTED)
_NO_VERDICT = (Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK)


class ResultItem(pytest.Item):
    """Lets pytest, and Allure, know a result in their own terms."""

    result: Result | None = None

    def tell(self, result: Result, requirement: Requirement | None) -> None:
        """Report what became of something.

        Raises:
            AssertionError: the requirement does not hold, or was not undone.
            CouldNotLook: nobody knows whether it does.
            Skipped: blocked, waived, or not attempted.
        """
        self.result = result
        if self.config.getoption("allure_report_dir", None):
            allure.describe(requirement, result)
        if result.outcome in _SKIPPED:
            pytest.skip(f"{result.outcome}: {result.text()}")
        if result.outcome in _NO_VERDICT:
            raise CouldNotLook(result.detail)
        if not result.outcome.holds:
            raise AssertionError(result.text())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the result's own words; a traceback would only show the engine."""
        return self.result.text() if self.result else super().repr_failure(excinfo, style)


class RequirementItem(ResultItem):
    """Reports what the audit says; it holds no logic of its own."""

    def __init__(self, *, requirement: Requirement, host: Subject, audit: Audit | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requirement = requirement
        self.host = host
        self.audit = audit
        self.function = requirement.check  # where tools look for the docstring
        self.extra_keyword_matches.update({requirement.id, *host.roles})
        self.add_marker(requirement.severity)
        if requirement.active:
            self.add_marker("active")

    def runtest(self) -> None:
        """Tell what the audit says; see :meth:`ResultItem.tell`."""
        assert self.audit is not None
        self.tell(self.audit.verdict(self.requirement, self.host), self.requirement)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return where the requirement is written, and what it says."""
        # pytest turns the dots of a name into "::" when it is given here
        return self.path, int(self.requirement.source.rpartition(":")[2]) - 1, self.requirement.sentence


class RollbackItem(ResultItem):
    """Reports what became of what a run did for one requirement on one host, when it is taken back."""

    def __init__(self, *, pair: Pair, rollback: Rollback, requirement: Requirement | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pair = pair
        self.rollback = rollback
        self.requirement = requirement  # none where this version does not know it
        if requirement:
            self.add_marker(requirement.severity)

    def runtest(self) -> None:
        """Tell what became of it; see :meth:`ResultItem.tell`."""
        self.tell(self.rollback.result(*self.pair), self.requirement)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Return that it is nowhere in a file, and its name."""
        return self.path, None, self.name
