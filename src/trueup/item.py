"""One requirement on one host, as pytest sees it."""

from __future__ import annotations

from typing import Any

import pytest

from trueup import allure
from trueup.audit import Audit, Subject
from trueup.catalog import Requirement
from trueup.errors import CouldNotLook
from trueup.verdict import Outcome, Result

_SKIPPED = (Outcome.BLOCKED, Outcome.WAIVED, Outcome.NOT_ATTEMPTED)
_NO_VERDICT = (Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK)


class RequirementItem(pytest.Item):
    """Reports what the audit says; it holds no logic of its own."""

    def __init__(self, *, requirement: Requirement, host: Subject, audit: Audit | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requirement = requirement
        self.host = host
        self.audit = audit
        self.result: Result | None = None
        self.function = requirement.check  # where tools look for the docstring
        self.extra_keyword_matches.update({requirement.id, *host.roles})
        self.add_marker(requirement.severity)
        if requirement.active:
            self.add_marker("active")

    def runtest(self) -> None:
        """Let pytest know the outcome in its own terms.

        Raises:
            AssertionError: the requirement does not hold.
            CouldNotLook: nobody knows whether it does.
            Skipped: blocked, waived, or not attempted.
        """
        assert self.audit is not None
        self.result = result = self.audit.verdict(self.requirement, self.host)
        if self.config.getoption("allure_report_dir", None):
            allure.describe(self.requirement, result)
        if result.outcome in _SKIPPED:
            pytest.skip(f"{result.outcome}: {result.text()}")
        if result.outcome in _NO_VERDICT:
            raise CouldNotLook(result.detail)
        if not result.outcome.holds:
            raise AssertionError(result.text())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the result's own words; a traceback would only show the engine."""
        return self.result.text() if self.result else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return where the requirement is written, and what it says."""
        # pytest turns the dots of a name into "::" when it is given here
        return self.path, int(self.requirement.source.rpartition(":")[2]) - 1, self.requirement.sentence
