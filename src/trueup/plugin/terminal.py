"""What a person reads while a run goes on, and at its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest

from trueup.errors import some
from trueup.model.catalog import MOST, catalog
from trueup.model.result import Outcome, Result
from trueup.model.run import Run
from trueup.version import VERSION

_MATRIX_HOSTS = 20
# letter of the progress line and colour
_LOOKS = {
    Outcome.PASSED: (".", "green"),
    Outcome.FAILED: ("F", "red"),
    Outcome.FIXED: ("+", "green"),
    Outcome.FIX_FAILED: ("X", "red"),
    Outcome.NOT_IDEMPOTENT: ("!", "red"),
    Outcome.BLOCKED: ("b", "yellow"),
    Outcome.WAIVED: ("w", "yellow"),
    Outcome.UNREACHABLE: ("U", "red"),
    Outcome.COULD_NOT_LOOK: ("?", "red"),
    Outcome.NOT_ATTEMPTED: ("-", "yellow"),
    Outcome.UNDOABLE: ("-", "green"),
    Outcome.UNDONE: ("-", "green"),
    Outcome.NOT_UNDONE: ("X", "red"),
}
_NO_VERDICT = (Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK, Outcome.NOT_ATTEMPTED)
_UNKNOWN = "could not look at everything"
_VERDICTS = {
    "rollback": ("undone", "not all is undone", "", _UNKNOWN),
    "rollback-plan": ("all can be undone", "not all can be undone", "", _UNKNOWN),
}
_VERDICT = ("compliant", "not compliant", "", _UNKNOWN)


class Terminal:
    """Collects the results as they come in, and prints them in words."""

    def __init__(self, config: pytest.Config, run: Run, explained: str) -> None:
        self.config = config
        self.run = run
        self.explained = explained
        self.last: list[str] = []  # said at the very end
        self._saying = threading.Lock()

    def pytest_report_header(self) -> list[str]:
        """Say what is about to happen."""
        line = f"trueup {VERSION}: {self.run.mode}, profile {self.run.profile}, {_count(len(self.run.hosts), 'host')}"
        return [line, self.explained] if self.explained else [line]

    def progress(self, done: int, total: int, unreachable: int) -> None:
        """Show how far the look at the hosts is, on a terminal only."""
        if sys.stderr.isatty():
            gone = f", {unreachable} unreachable" if unreachable else ""
            print(f"\r{done}/{total} hosts{gone}", end="\n" if done == total else "", file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """Show a line while a requirement is being settled; any thread may call."""
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        with self._saying, capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"  {line}", cyan=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Take in a result."""
        if (data := getattr(report, "trueup", None)) is not None:
            self.run.results.append(Result.from_dict(data))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
        """Name the outcome in trueup's words."""
        if (data := getattr(report, "trueup", None)) is None:
            return None
        letter, colour = _LOOKS[Outcome(data["outcome"])]
        return data["outcome"], letter, (data["outcome"].upper(), {colour: True})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Print what is wrong, once for all hosts that share it, in place of pytest's tracebacks."""
        stats = terminalreporter.stats
        ours = {kind: stats[kind] for kind in ("failed", "skipped") if kind in stats}
        for kind, reports in ours.items():
            stats[kind] = [report for report in reports if not hasattr(report, "trueup")]
        yield
        stats.update(ours)
        if not self.run.results:
            return
        write = terminalreporter.write_line
        terminalreporter.section("requirements", "=")
        for text, markup in details(self.run, verbose=self.config.get_verbosity() > 0):
            write(text, **markup)
        if self.config.get_verbosity() >= 0:
            for text, markup in [*summary(self.run), *matrix(self.run)]:
                write(text, **markup)
        for note in self.run.notes():
            write(note, yellow=True)
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.run.counts.items()))
        changes = "" if self.run.mode == "audit" else f"; {_count(self.run.changes, 'change')}"
        planned = " to make" if self.run.mode.endswith("plan") else ""
        code = self.run.exit_code
        colour = {"green": True} if code == 0 else {"red": True}
        hosts = _count(len(self.run.hosts), "host")
        verdict = _VERDICTS.get(self.run.mode, _VERDICT)[code]
        write(f"{verdict}: {counts} on {hosts}{changes}{planned}", bold=True, **colour)
        for line in self.last:
            write(line)


Lines = Iterator[tuple[str, dict[str, bool]]]


def details(run: Run, *, verbose: bool) -> Lines:
    """Yield what is wrong, planned or changed; hosts and requirements that say the same share one block."""
    blocks: dict[tuple[Any, ...], list[Result]] = {}
    for r in (result for row in run.by_requirement().values() for result in row.values()):
        same = tuple((action.summary, action.diff) for action in r.actions)
        about = None if r.outcome in _NO_VERDICT else r.requirement
        if r.outcome is not Outcome.PASSED:
            blocks.setdefault((about, r.outcome, r.text(), same), []).append(r)
    for (about, outcome, text, _), results in blocks.items():
        hosts = some(dict.fromkeys(r.host for r in results))
        ids = dict.fromkeys(r.requirement for r in results)
        what = about or (next(iter(ids)) if len(ids) == 1 else _count(len(ids), "requirement"))
        yield f"{outcome.upper()}  {what}  on {hosts}", {_LOOKS[outcome][1]: True, "bold": True}
        requirement = catalog.requirements.get(next(iter(ids)))  # of a rollback, what this version may not know
        if requirement and about and outcome is not Outcome.BLOCKED:
            yield f"  {requirement.sentence}  ({requirement.severity})", {}
        yield from ((f"    {row}", {}) for row in text.splitlines())
        yield from _actions(results[0], run.mode, verbose)
        if requirement and outcome is Outcome.FAILED and run.mode == "audit":
            yield f"    {advice(requirement.id)}", {"cyan": True}
    if blocks:
        yield "", {}


def _actions(result: Result, mode: str, verbose: bool) -> Lines:
    for action in result.actions:
        yield f"    {'would ' if mode.endswith('plan') else 'did: '}{action.summary}", {"cyan": True}
        if mode.endswith("plan") or verbose:
            for row in action.diff.splitlines():
                yield f"      {row}", {"green": row.startswith("+"), "red": row.startswith("-")}


def advice(requirement: str) -> str:
    """Return what ``--fix`` would do about a requirement, and what that disturbs."""
    if (remedy := catalog.remedies.get(requirement)) is None:
        return "no automatic remedy"
    options = ["--fix"]
    if remedy.destructive:
        options.append("--fix-allow=destructive")
    if remedy.exceeds(MOST):
        options.append(f"--max-disruption={remedy.disruption}")
    disruption = "drain, or restart where it is no node yet" if remedy.disruption == "drain" else remedy.disruption
    return f"{' '.join(options)} would: {remedy.sentence} (disruption: {disruption})"


def summary(run: Run) -> Lines:
    """Yield one line for each requirement: how it went and where it did not hold."""
    table = run.by_requirement()
    width = max(map(len, table))
    yield "by requirement", {"bold": True}
    for id, results in table.items():
        words = []
        for outcome in Outcome:
            if hosts := [host for host, result in results.items() if result.outcome is outcome]:
                words.append(f"{outcome} {_count(len(hosts), 'host')}" + ("" if outcome.holds else f" ({some(hosts)})"))
        good = all(result.outcome.holds for result in results.values())
        yield f"  {id:<{width}}  {', '.join(words)}", {} if good else {"red": True}
    yield "", {}


def matrix(run: Run) -> Lines:
    """Yield the table of requirements by hosts, for as many hosts as a screen holds."""
    if len(run.hosts) > _MATRIX_HOSTS:
        return
    table = run.by_requirement()
    first = max(map(len, table))
    widths = {
        host: max(len(host), *(len(str(row[host].outcome)) for row in table.values() if host in row), 1)
        for host in run.columns
    }
    yield f"{'':<{first}}  " + "  ".join(f"{host:<{widths[host]}}" for host in run.columns), {"bold": True}
    for id, row in table.items():
        cells = (f"{row[host].outcome if host in row else '-':<{widths[host]}}" for host in run.columns)
        worst = next((r.outcome for r in row.values() if not r.outcome.holds), None)
        yield f"{id:<{first}}  {'  '.join(cells)}".rstrip(), {_LOOKS[worst][1]: True} if worst else {}
    yield "", {}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
