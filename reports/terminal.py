"""The summary of a run as text: each failure once for all hosts that share it, then tables and the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.errors import some
from trueup.results.result import Outcome, Result
from trueup.results.run import RemedyInfo, Run

_MATRIX_HOSTS = 20
# letter of the progress line and colour
LOOKS = {
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
    Outcome.CAN_UNDO: ("-", "green"),
    Outcome.UNDONE: ("-", "green"),
    Outcome.NOT_UNDONE: ("X", "red"),
}
# Outcomes with one cause for many requirements, shown in one block.
_SHARED = (Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK, Outcome.NOT_ATTEMPTED, Outcome.BLOCKED)
_UNKNOWN = "could not look at everything"
_VERDICTS = {
    "rollback": ("undone", "not all is undone", "", _UNKNOWN),
    "rollback-plan": ("all can be undone", "not all can be undone", "", _UNKNOWN),
}
_VERDICT = ("compliant", "not compliant", "", _UNKNOWN)


Lines = Iterator[tuple[str, dict[str, bool]]]


def summary(run: Run, verbosity: int) -> Lines:
    """Yield the whole summary of a run."""
    yield from details(run, verbose=verbosity > 0)
    if verbosity >= 0:
        yield from by_requirement(run)
        yield from matrix(run)
    for note in run.notes():
        yield note, {"yellow": True}
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(run.counts.items()))
    changes = "" if run.mode == "audit" else f"; {count(run.changes, 'change')}"
    planned = " to make" if run.mode.endswith("plan") else ""
    verdict = _VERDICTS.get(run.mode, _VERDICT)[run.verdict]
    line = f"{verdict}: {counts} on {count(len(run.hosts), 'host')}{changes}{planned}"
    yield line, {"green" if run.verdict == 0 else "red": True, "bold": True}


def details(run: Run, *, verbose: bool) -> Lines:
    """Yield a block for each failure, plan or change; equal results share one block."""
    blocks: dict[tuple[Any, ...], list[Result]] = {}
    for r in (result for row in run.by_requirement().values() for result in row.values()):
        same = tuple((action.summary, action.diff) for action in r.actions)
        shared = r.outcome in _SHARED and not r.deviations
        if r.outcome is not Outcome.PASSED:
            blocks.setdefault((None if shared else r.requirement, r.outcome, r.text(), same), []).append(r)
    for (about, _, _, _), results in blocks.items():
        yield from _block(run, about, results, verbose=verbose)
    if blocks:
        yield "", {}


def _block(run: Run, about: str | None, results: list[Result], *, verbose: bool) -> Lines:
    """Yield one block: a requirement, or all requirements with one cause, on the hosts that share it."""
    first = results[0]
    hosts = some(dict.fromkeys(r.host for r in results))
    ids = list(dict.fromkeys(r.requirement for r in results))
    name = about or (ids[0] if len(ids) == 1 else count(len(ids), "requirement"))
    yield f"{first.outcome.upper()}  {name}  on {hosts}", {LOOKS[first.outcome][1]: True, "bold": True}
    info = run.requirements.get(first.requirement)  # of a rollback; this version may not have the requirement
    if info and about:
        yield f"  {info.sentence}  ({info.severity})", {}
    yield from ((f"    {row}", {}) for row in first.text().splitlines())
    if verbose and len(ids) > 1:
        yield f"    {', '.join(ids)}", {}
    yield from _actions(first, run.mode, verbose)
    if info and first.outcome is Outcome.FAILED and run.mode == "audit":
        yield f"    {advice(info.remedy)}", {"cyan": True}


def _actions(result: Result, mode: str, verbose: bool) -> Lines:
    for action in result.actions:
        yield f"    {'would ' if mode.endswith('plan') else 'did: '}{action.summary}", {"cyan": True}
        if mode.endswith("plan") or verbose:
            for row in action.diff.splitlines():
                yield f"      {row}", {"green": row.startswith("+"), "red": row.startswith("-")}


def advice(remedy: RemedyInfo | None) -> str:
    """Return the remedy that ``--fix`` would apply, and its disruption."""
    if remedy is None:
        return "no automatic remedy"
    disruption = "drain, or restart where it is no node yet" if remedy.disruption == "drain" else remedy.disruption
    cannot = "" if remedy.can_undo else ", cannot be undone"
    return f"{remedy.options} would: {remedy.sentence} (disruption: {disruption}{cannot})"


def by_requirement(run: Run) -> Lines:
    """Yield one line for each requirement: its outcomes, and the hosts where it fails."""
    table = run.by_requirement()
    width = max(map(len, table))
    yield "by requirement", {"bold": True}
    for id, results in table.items():
        words = []
        for outcome in Outcome:
            if hosts := [host for host, result in results.items() if result.outcome is outcome]:
                words.append(f"{outcome} {count(len(hosts), 'host')}" + ("" if outcome.holds else f" ({some(hosts)})"))
        good = all(result.outcome.holds for result in results.values())
        yield f"  {id:<{width}}  {', '.join(words)}", {} if good else {"red": True}
    yield "", {}


def matrix(run: Run) -> Lines:
    """Yield the table of requirements by hosts, for as many hosts as a screen has room for."""
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
        yield f"{id:<{first}}  {'  '.join(cells)}".rstrip(), {LOOKS[worst][1]: True} if worst else {}
    yield "", {}


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
