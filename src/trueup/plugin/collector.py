"""Collects the results of a run, across xdist's workers too, and writes the reports."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from trueup import reports
from trueup.plugin.exit_codes import BROKEN, INTERRUPTED, MEANINGS, NOT_COMPLIANT, NOTHING_SELECTED, OK, USAGE
from trueup.plugin.session import Session
from trueup.results.result import Result
from trueup.results.run import Run


class Collector:
    """Fills the run's model from pytest's reports."""

    def __init__(self, session: Session) -> None:
        self.last: list[str] = []  # lines for the very end
        self._session = session
        self._broken: list[str] = []  # node ids of crashed items

    @property
    def run(self) -> Run:
        """Return the run so far."""
        return self._session.run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Record a result, or the crash of one of our items."""
        if (data := getattr(report, "trueup", None)) is not None:
            self.run.results.append(Result.from_dict(data))
        elif getattr(report, "trueup_broke", False):
            self._broken.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be imported."""
        if report.failed:
            self._broken.append(report.nodeid)

    def pytest_internalerror(self) -> None:
        """Note a crash of pytest, of a plugin, or of trueup."""
        self._broken.append("pytest or a plugin")

    def finish(self, status: int, failed: int) -> int:
        """Complete the run, write its files, and return the exit code.

        Args:
            status: pytest's own exit status so far.
            failed: how many tests pytest counts as failed.
        """
        self._session.finish()
        self.run.results.sort(key=lambda result: result.host)  # workers report in any order
        self.run.exit_code = self._exit_code(status, failed)
        try:
            self._write()
        except Exception:  # noqa: BLE001 - the terminal still shows the results
            self.last.append(traceback.format_exc())
            self._broken.append("a report")
            self.run.exit_code = BROKEN
        if status == pytest.ExitCode.INTERNAL_ERROR:  # pytest shows no summary then
            self._session.say(self.reason(BROKEN))
        return self.run.exit_code

    def _write(self) -> None:
        run, session = self.run, self._session
        if run.results:
            for path in session.options.reports:
                reports.write(Path(path), run)
            if session.options.plan_out:
                self.last.append(session.write_plan())
            if session.options.allure:
                from trueup.reports import allure

                allure.finish(Path(session.options.allure), run)

    def reason(self, code: int) -> str:
        """Return a line with the exit code and its reason."""
        words = MEANINGS.get(code, "see above")
        if code == BROKEN:
            words += f": {', '.join(dict.fromkeys(self._broken))}: see the traceback above"
        if code == INTERRUPTED:
            words += f" after {len(self.run.results)} of {self.run.selected} results"
        return f"exit code {code}: {words}"

    def _exit_code(self, status: int, failed: int) -> int:
        if self._broken or status == pytest.ExitCode.INTERNAL_ERROR:
            return BROKEN
        if self._session.interrupted:
            return INTERRUPTED
        if status == NOTHING_SELECTED:
            return OK if self._session.rollback else NOTHING_SELECTED
        if status in (INTERRUPTED, USAGE) or not self.run.results:
            return int(status)
        others = failed - sum(result.outcome.fails for result in self.run.results)
        return max(self.run.verdict, NOT_COMPLIANT) if others > 0 else self.run.verdict
