"""Results for Allure: labels, the host as a parameter, evidence and diffs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import allure
import pytest
from allure_commons import hookimpl, plugin_manager
from allure_commons.model2 import StatusDetails, TestResult

from trueup.model.catalog import Requirement
from trueup.results.result import Outcome, Result
from trueup.results.run import Run

_SEVERITY = {"critical": "critical", "high": "normal", "medium": "minor", "low": "trivial"}
# The most urgent first, which is also the order in which Allure 3 tries and shows them.
_CATEGORIES = [
    {"name": "Remedy failed", "matchedStatuses": ["failed"], "messageRegex": "^(fix-failed|not-idempotent): .*"},
    {"name": "Not undone", "matchedStatuses": ["failed"], "messageRegex": "^not-undone: .*"},
    {"name": "Not compliant", "matchedStatuses": ["failed"]},
    {"name": "Could not look, or unreachable", "matchedStatuses": ["broken"]},
    {"name": "Blocked by another requirement", "matchedStatuses": ["skipped"], "messageRegex": "^blocked: .*"},
    {"name": "Not attempted", "matchedStatuses": ["skipped"], "messageRegex": "^not-attempted: .*"},
    {"name": "Waived", "matchedStatuses": ["skipped"], "messageRegex": "^waived: .*"},
]


def marks(requirement: Requirement, profile: str, roles: frozenset[str]) -> Iterator[pytest.MarkDecorator]:
    """Yield the labels of a requirement as the marks that allure-pytest reads."""
    tags = (*requirement.controls, *sorted(roles))
    for kind, values in (
        ("epic", (profile,)),
        ("feature", (requirement.subject,)),
        ("story", (requirement.id,)),
        ("severity", (_SEVERITY[requirement.severity],)),
        ("parentSuite", (profile,)),
        ("suite", (requirement.subject,)),
        ("layer", requirement.layers),
        ("tag", tags),
    ):
        yield pytest.mark.allure_label(*values, label_type=kind)


class _Speaker:
    """Replaces the exception and the host name that allure-pytest would show by those of the result."""

    def __init__(self) -> None:
        self.next: Result | None = None

    @hookimpl(tryfirst=True)
    def report_result(self, result: TestResult) -> None:
        """Correct a result before Allure writes it."""
        ours, self.next = self.next, None
        if ours is None:  # a user's own test
            return
        if text := ours.text():
            message = text if ours.outcome is Outcome.FAILED else f"{ours.outcome}: {text}"
            result.statusDetails = StatusDetails(message=message)
        for row in (*result.parameters, *result.labels):
            if row.name == "host":
                row.value = ours.host
        result.labels.sort(key=lambda label: (label.name, label.value))  # sorted, because they come from a set
        result.stop = result.start + round(ours.seconds * 1000)  # pytest counts the wait for all hosts


_speaker = _Speaker()
plugin_manager.register(_speaker)


def describe(requirement: Requirement | None, result: Result) -> None:
    """Attach evidence, deviations and actions to the current Allure result."""
    _speaker.next = result
    allure.dynamic.title(f"{result.requirement} [{result.host}]")
    if requirement:
        allure.dynamic.description(f"{requirement.sentence}\n\nProfile key: `{requirement.key}`")
    allure.dynamic.parameter("host", result.host)
    allure.dynamic.tag(str(result.outcome))
    if result.outcome is Outcome.FIXED:  # Allure 3 shows no message where the status is "passed"
        allure.attach(result.text(), "what was wrong", allure.attachment_type.TEXT)
    for name, raw in result.evidence.items():
        answer = raw.out + (f"\n--- stderr, exit code {raw.rc}\n{raw.err}" if raw.err or raw.rc else "")
        allure.attach(answer or "no output", f"evidence: {name}", allure.attachment_type.TEXT)
    planned = (Outcome.FAILED, Outcome.CAN_UNDO)  # a planned result stays failed
    verb = "would" if result.outcome in planned else "did"
    for action in result.actions:
        allure.attach(action.diff or action.summary, f"{verb} {action.summary}", allure.attachment_type.TEXT)


def finish(directory: Path, run: Run) -> None:
    """Write Allure's environment and categories of the run."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = (f"{key}={value}\n" for key, value in run.environment.items())
    (directory / "environment.properties").write_text("".join(rows), encoding="utf-8")
    (directory / "categories.json").write_text(json.dumps(_CATEGORIES, indent=2), encoding="utf-8")
