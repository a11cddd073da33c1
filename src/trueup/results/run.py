"""A whole run as data, the input of every report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from trueup.model.catalog import MOST, Disruption, Remedy, Requirement, more
from trueup.model.claims import Layer
from trueup.profiles.schema import Waiver
from trueup.results.result import Outcome, Result
from trueup.version import VERSION

SCHEMA: Literal[2] = 2  # increases when a field changes its meaning or is removed
_UNKNOWN = {Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK, Outcome.BLOCKED}
COMPLIANT, NOT_COMPLIANT, COULD_NOT_LOOK = 0, 1, 3  # see docs/operations.md for all exit codes


@dataclass(frozen=True)
class RemedyInfo:
    """The remedy of a requirement, and its disruption."""

    sentence: str
    disruption: Disruption
    destructive: bool
    can_undo: bool

    @property
    def options(self) -> str:
        """Return the options that apply it."""
        words = ["--fix"]
        words += ["--fix-allow=destructive"] if self.destructive else []
        words += [f"--max-disruption={self.disruption}"] if more(self.disruption, MOST) else []
        return " ".join(words)


@dataclass(frozen=True)
class RequirementInfo:
    """A requirement for reports: its sentence, its reason, and the place of its check."""

    sentence: str
    why: str
    subject: str
    key: str
    severity: str
    layers: tuple[Layer, ...]
    controls: tuple[str, ...]
    source: str
    remedy: RemedyInfo | None

    @classmethod
    def of(cls, requirement: Requirement, remedy: Remedy | None) -> RequirementInfo:
        """Return the data of a requirement and its remedy for reports."""
        done = None
        if remedy:
            done = RemedyInfo(remedy.sentence, remedy.disruption, remedy.destructive, remedy.can_undo)
        return cls(
            requirement.sentence, requirement.why, requirement.subject, requirement.key, requirement.severity,
            requirement.layers, requirement.controls, requirement.place, done,
        )  # fmt: skip


@dataclass
class Run:
    """A run: its results, requirements, hosts, profile and options.

    Args:
        mode: audit, plan, fix, rollback or rollback-plan.
        hosts: host to its roles, in the order of the run.
        digest: SHA-256 of the profile and the profiles it extends, without secrets.
        options: the options that affect results or changes, as given.
        started, ended: ISO 8601 in UTC; ``ended`` is empty during the run.
        exit_code: of the process; None during the run.
        stopped: why it ended early.
        left: hosts that another run has to continue with.
        resume: the file that the next run can continue from.
        plan: id of the run that made the plan, with --fix=FILE.
        not_judged: deselected active requirements that selected ones need.
        selected: the expected number of results.
    """

    id: str
    profile: str
    mode: str
    hosts: dict[str, tuple[str, ...]]
    digest: str = ""
    options: dict[str, str] = field(default_factory=dict)
    started: str = ""
    ended: str = ""
    exit_code: int | None = None
    requirements: dict[str, RequirementInfo] = field(default_factory=dict)
    waivers: list[Waiver] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    stopped: str = ""
    left: list[str] = field(default_factory=list)
    resume: str = ""
    plan: str = ""
    not_judged: list[str] = field(default_factory=list)
    selected: Annotated[int, Field(exclude=True)] = 0

    @property
    def environment(self) -> dict[str, str]:
        """Return version, run, profile and mode, for the head of a report."""
        head = {"trueup": VERSION, "run": self.id, "profile": self.profile, "mode": self.mode}
        return head | ({"plan": self.plan} if self.plan else {})

    @property
    def columns(self) -> list[str]:
        """Return the hosts, then ``cluster`` if a requirement was judged across hosts."""
        return list(dict.fromkeys([*self.hosts, *(result.host for result in self.results)]))

    @property
    def changes(self) -> int:
        """Return how many changes were made, or in a plan would be."""
        return sum(len(result.actions) for result in self.results)

    @property
    def counts(self) -> Counter[Outcome]:
        """Return how many results have each outcome."""
        return Counter(result.outcome for result in self.results)

    @property
    def verdict(self) -> int:
        """Return 0 compliant, 1 not compliant, 3 no failure known, but a host or fact could not be read."""
        bad = [result for result in self.results if not result.outcome.holds]
        if not bad:
            return COMPLIANT
        return NOT_COMPLIANT if any(map(_wrong, bad)) else COULD_NOT_LOOK

    def notes(self) -> list[str]:
        """Return the notes for the summary: unfinished work, expired waivers, and waivers that cover no failure."""
        notes = [*self.unfinished()]
        if self.not_judged:
            notes.append(f"not judged, though others need it: {', '.join(self.not_judged)} (active, and deselected)")
        today = datetime.now(UTC).date()
        for waiver in self.waivers:
            covered = [r for r in self.results if waiver.covers(r.requirement, r.host)]
            name = f"waiver of {waiver.requirement} on {', '.join(waiver.hosts)}"
            if waiver.expires < today:
                notes.append(f"{name} expired on {waiver.expires}: it no longer counts")
            elif covered and not any(r.outcome is Outcome.WAIVED for r in covered):
                notes.append(f"{name} is not used: nothing that it covers fails")
        return notes

    def unfinished(self) -> Iterator[str]:
        """Yield the notes about requirements and hosts that are left to do."""
        if self.stopped:
            yield self.stopped
        if beyond := list(dict.fromkeys(r.host for r in self.results if r.outcome is Outcome.NOT_ATTEMPTED)):
            yield f"not attempted, or not all of it: {', '.join(beyond)}"
        if self.left:
            yield f"left to do: {', '.join(self.left)}; continue with --fix --resume={self.resume}"
        elif self.resume:
            yield f"nothing is left to do of {self.resume}"

    def by_requirement(self) -> dict[str, dict[str, Result]]:
        """Return requirement to host to result, in the order of the run."""
        table: dict[str, dict[str, Result]] = {}
        for result in self.results:
            table.setdefault(result.requirement, {})[result.host] = result
        return table

    def document(self) -> dict[str, Any]:
        """Return the run as plain data that conforms to the published schema."""
        data: dict[str, Any] = _adapter().dump_python(self, mode="json")
        head = {"schema": SCHEMA, "trueup": VERSION, "run": data.pop("id")}
        counts = {str(outcome): count for outcome, count in sorted(self.counts.items())}
        return head | data | {"counts": counts}


def _wrong(result: Result) -> bool:
    """Whether a result shows a deviation from the profile."""
    unmet = any(cause.words and cause.outcome is Outcome.FAILED for cause in result.cause)  # a condition
    return bool(result.deviations) or unmet or result.outcome not in _UNKNOWN


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def schema() -> str:
    """Return the JSON Schema of the JSON report."""
    made = _adapter().json_schema(mode="serialization")
    made["properties"].pop("id")
    counts = {"type": "object", "additionalProperties": {"type": "integer"}}
    head = {"schema": {"const": SCHEMA}, "trueup": {"type": "string"}, "run": {"type": "string"}}
    made["properties"] = head | made["properties"] | {"counts": counts}
    made["required"] = list(made["properties"])
    return json.dumps(made, indent=2) + "\n"
