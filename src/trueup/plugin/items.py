"""pytest's items: one requirement on one host, judged or undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trueup.errors import CouldNotLook, UsageError
from trueup.model.catalog import Requirement, catalog
from trueup.results.result import Outcome, Result

if TYPE_CHECKING:
    from trueup.engine.needs import Subject
    from trueup.plugin.session import Session
    from trueup.results.result import Pair
    from trueup.undo.run import Rollback

_SKIPPED = (Outcome.BLOCKED, Outcome.WAIVED, Outcome.NOT_ATTEMPTED)
_NO_VERDICT = (Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK)


class ResultItem(pytest.Item):
    """Reports a result to pytest and to Allure."""

    result: Result | None = None
    requirement: Requirement | None

    def judge(self) -> Result:
        """Return the result."""
        raise NotImplementedError

    def runtest(self) -> None:
        """Report the result.

        Raises:
            AssertionError: the requirement does not hold, or was not undone.
            CouldNotLook: could not look, or the host is unreachable.
            Skipped: blocked, waived, or not attempted.
        """
        result = self.result = self.judge()
        if self.config.getoption("allure_report_dir", None):
            from trueup.reports import allure

            allure.describe(self.requirement, result)
        if result.outcome in _SKIPPED:
            pytest.skip(f"{result.outcome}: {result.text()}")
        if result.outcome in _NO_VERDICT:
            raise CouldNotLook(result.detail)
        if not result.outcome.holds:
            raise AssertionError(result.text())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the result as text; a traceback would only show the engine."""
        return self.result.text() if self.result else super().repr_failure(excinfo, style)


class RequirementItem(ResultItem):
    """One requirement on one host."""

    requirement: Requirement

    def __init__(self, *, requirement: Requirement, subject: Subject, session_: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.requirement = requirement
        self.subject = subject
        self.function = requirement.check  # other plugins read the docstring here
        self._session = session_
        self.extra_keyword_matches.update({requirement.id, *subject.roles})
        self.add_marker(requirement.severity)
        if requirement.active:
            self.add_marker("active")

    def judge(self) -> Result:
        """Return the verdict."""
        assert self._session.verdicts
        return self._session.verdicts.verdict(self.requirement, self.subject)

    def reportinfo(self) -> tuple[Any, int, str]:
        """Return the file and line of the check, and the requirement's sentence."""
        # pytest turns the dots of a name into "::" when it is given here
        return self.path, int(self.requirement.source.rpartition(":")[2]) - 1, self.requirement.sentence


class RollbackItem(ResultItem):
    """Undoes the changes of a run for one requirement on one host."""

    def __init__(self, *, pair: Pair, rollback: Rollback, requirement: Requirement | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pair = pair
        self.requirement = requirement  # None: this version does not know it
        self._rollback = rollback
        if requirement:
            self.add_marker(requirement.severity)

    def judge(self) -> Result:
        """Return the result of the undo."""
        return self._rollback.result(*self.pair)

    def reportinfo(self) -> tuple[Any, None, str]:
        """Return its name; it belongs to no file."""
        return self.path, None, self.name


def of_requirement(session: Session, collector: Any, requirement: Requirement) -> Iterator[RequirementItem]:
    """Yield the items of a requirement: one for each host of its roles, or one for all hosts."""
    for subject in session.subjects(requirement):
        item = RequirementItem.from_parent(
            collector, name=f"{requirement.id}[{subject.id}]", requirement=requirement, subject=subject,
            session_=session,
        )  # fmt: skip
        _label(item, session, subject.roles)
        yield item


def of_rollback(session: Session, collection: pytest.Session) -> Iterator[RollbackItem]:
    """Yield the items of a rollback: one for each requirement and host that the run changed.

    Raises:
        UsageError: no host knows the run, another run has a host, or the command line names single tests.
    """
    if single := [arg for arg in collection.config.args if "::" in arg or Path(arg).is_file()]:
        raise UsageError(f"--rollback undoes a run's changes, and {single[0]} is a test: select changes with -k")
    rollback = session.begin_rollback()
    for pair in rollback.pairs:
        yield _past(session, collection, rollback, pair)


def with_silent(session: Session, collection: pytest.Session, items: list[RollbackItem]) -> list[RollbackItem]:
    """Return the selected items, and one for each silent host, even if it is not selected."""
    rollback = session.rollback
    assert rollback
    rollback.selected = frozenset(item.pair for item in items)
    return [*items, *(_past(session, collection, rollback, pair) for pair in rollback.silent)]


def _past(session: Session, collection: pytest.Session, rollback: Rollback, pair: Pair) -> RollbackItem:
    name = f"{pair[0]}[{pair[1]}]"
    item = RollbackItem.from_parent(
        collection, name=name, nodeid=f"{rollback.run}::{name}",
        pair=pair, rollback=rollback, requirement=catalog.requirements.get(pair[0]),
    )  # fmt: skip
    _label(item, session, frozenset())
    return item


def _label(item: ResultItem, session: Session, roles: frozenset[str]) -> None:
    if session.options.allure and item.requirement:
        from trueup.reports import allure

        for mark in allure.marks(item.requirement, session.profile.name, roles):
            item.add_marker(mark)


def by_turn(session: Session, items: list[pytest.Item]) -> None:
    """Sort items by batch, then in the order of needs; a user's own tests come last.

    Raises:
        UsageError: the needs form a cycle.
    """
    rank = {id: n for n, id in enumerate(catalog.order())}

    def turn(item: pytest.Item) -> tuple[int, int]:
        if isinstance(item, RequirementItem):
            return session.batches.rank(item.subject.id), rank[item.requirement.id]
        return session.batches.last, len(rank)

    items.sort(key=turn)
