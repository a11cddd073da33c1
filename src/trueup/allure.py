"""What Allure shows of a result: labels, the host as a parameter, evidence and diffs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import allure
import pytest

from trueup.catalog import Requirement
from trueup.verdict import Result

_SEVERITY = {"critical": "blocker", "high": "critical", "medium": "normal", "low": "minor"}
_CATEGORIES = [
    {"name": "Not compliant", "matchedStatuses": ["failed"]},
    {"name": "Could not look, or unreachable", "matchedStatuses": ["broken"]},
    {"name": "Waived", "matchedStatuses": ["skipped"], "messageRegex": ".*waived: .*"},
    {"name": "Blocked by another requirement", "matchedStatuses": ["skipped"], "messageRegex": ".*blocked: .*"},
]


def marks(requirement: Requirement, profile: str, roles: frozenset[str]) -> Iterator[pytest.MarkDecorator]:
    """Yield the labels of a requirement as the marks that allure-pytest reads."""
    tags = (*requirement.controls, *requirement.layers, *sorted(roles))
    for kind, values in (
        ("epic", (profile,)),
        ("feature", (requirement.subject,)),
        ("story", (requirement.id,)),
        ("severity", (_SEVERITY[requirement.severity],)),
        ("parentSuite", (profile,)),
        ("suite", (requirement.subject,)),
        ("tag", tags),
    ):
        yield pytest.mark.allure_label(*values, label_type=kind)


def describe(requirement: Requirement, result: Result) -> None:
    """Attach to the current Allure result what was read, found, planned and done."""
    allure.dynamic.title(f"{requirement.id} [{result.host}]")
    allure.dynamic.parameter("host", result.host)
    allure.dynamic.tag(str(result.outcome))
    if text := result.text():
        allure.attach(text, "verdict", allure.attachment_type.TEXT)
    for name, raw in result.evidence.items():
        answer = raw.out + (f"\n--- stderr, exit code {raw.rc}\n{raw.err}" if raw.err or raw.rc else "")
        allure.attach(answer, f"evidence: {name}", allure.attachment_type.TEXT)
    for action in result.actions:
        allure.attach(action.diff or action.summary, f"{action.verb}: {action.summary}", allure.attachment_type.TEXT)


def finish(directory: Path, environment: dict[str, str]) -> None:
    """Write what describes the run as a whole: Allure's environment and its categories."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = (f"{key}={value}\n" for key, value in environment.items())
    (directory / "environment.properties").write_text("".join(rows), encoding="utf-8")
    (directory / "categories.json").write_text(json.dumps(_CATEGORIES, indent=2), encoding="utf-8")
