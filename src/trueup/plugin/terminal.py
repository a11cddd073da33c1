"""The terminal: progress during the run, and the summary at its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

import pytest

from trueup.plugin.collector import Collector
from trueup.reports.terminal import LOOKS, count, summary
from trueup.results.result import Outcome
from trueup.version import VERSION


class Speaker:
    """Prints lines between pytest's own.

    Args:
        config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._saying = threading.Lock()

    def say(self, line: str) -> None:
        """Print a line; any thread may call."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:  # in a worker
            print(line)
            return
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        with self._saying, capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"  {line}", cyan=True)

    def progress(self, done: int, total: int, unreachable: int) -> None:
        """Show how many hosts have answered, on a terminal only."""
        if sys.stderr.isatty():
            gone = f", {unreachable} unreachable" if unreachable else ""
            print(f"\r{done}/{total} hosts{gone}", end="\n" if done == total else "", file=sys.stderr, flush=True)


class Terminal:
    """Prints the run: a header, each outcome, and the summary.

    Args:
        explained: lines for the header.
    """

    def __init__(self, collector: Collector, explained: list[str], verbosity: int) -> None:
        self._collector = collector
        self._explained = explained
        self._verbosity = verbosity

    def pytest_report_header(self) -> list[str]:
        """Return the header of the run."""
        run = self._collector.run
        hosts = count(len(run.hosts), "host")
        return [f"trueup {VERSION}: {run.mode}, profile {run.profile}, {hosts}", *self._explained]

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Return the outcome's letter and word."""
        if (data := getattr(report, "trueup", None)) is None:
            return None
        letter, colour = LOOKS[Outcome(data["outcome"])]
        return data["outcome"], letter, (data["outcome"].upper(), {colour: True})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Print each failure once for all hosts that share it, instead of pytest's tracebacks."""
        stats = terminalreporter.stats
        ours = {kind: stats[kind] for kind in ("failed", "skipped") if kind in stats}
        for kind, reports in ours.items():
            stats[kind] = [report for report in reports if not hasattr(report, "trueup")]
        yield
        stats.update(ours)
        run = self._collector.run
        if run.results:
            terminalreporter.section("requirements", "=")
            for text, markup in summary(run, self._verbosity):
                terminalreporter.write_line(text, **markup)
        for line in self._collector.last:
            terminalreporter.write_line(line)
        if run.exit_code not in (None, run.verdict) or not run.results:
            terminalreporter.write_line(self._collector.reason(run.exit_code or 0), bold=True)
