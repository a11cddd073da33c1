"""The result of one requirement on one host."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from trueup.model.claims import Deviation
from trueup.model.snapshot import Raw
from trueup.results.action import Action

Pair = tuple[str, str]  # requirement id, host id


class Outcome(enum.StrEnum):
    """The outcome of one requirement on one host; the words are part of the public interface."""

    PASSED = "passed"
    FAILED = "failed"
    FIXED = "fixed"
    FIX_FAILED = "fix-failed"
    NOT_IDEMPOTENT = "not-idempotent"
    BLOCKED = "blocked"
    WAIVED = "waived"
    UNREACHABLE = "unreachable"
    COULD_NOT_LOOK = "could-not-look"
    NOT_ATTEMPTED = "not-attempted"
    CAN_UNDO = "can-undo"  # the outcomes of a rollback start here
    UNDONE = "undone"
    NOT_UNDONE = "not-undone"

    @property
    def holds(self) -> bool:
        """Whether the requirement holds; of a rollback, whether it succeeds."""
        return self in (Outcome.PASSED, Outcome.FIXED, Outcome.WAIVED, Outcome.CAN_UNDO, Outcome.UNDONE)

    @property
    def fails(self) -> bool:
        """Whether pytest counts it as a failure. A blocked requirement is counted at its cause, and one that was
        not attempted at the failure that stopped the run."""
        return not self.holds and self not in (Outcome.BLOCKED, Outcome.NOT_ATTEMPTED)


@dataclass(frozen=True)
class Cause:
    """The root of a chain of blocked requirements.

    Args:
        name: a requirement's id, or the name of a fact that a host lacks.
        host: the host's id.
        outcome: the requirement's outcome; ``failed`` for a condition that is not met.
        words: the condition's reason; empty for a requirement, which has its own result.
    """

    name: str
    host: str
    outcome: Outcome
    words: str = ""


@dataclass(frozen=True)
class Acceptance:
    """The waiver that accepts a failure: why, by whom, and until which day (ISO 8601)."""

    reason: str
    approver: str
    expires: str


Hidden = Annotated[dict[str, Raw], Field(exclude=True)]  # neither reported nor sent to another process


@dataclass
class Result:
    """The result of one requirement on one host.

    Args:
        detail: lines of text beside the deviations.
        cause: the causes of a blocked requirement; empty for every other outcome.
        seconds: from the first question to the verdict, remedy included.
        asked, answered: when its first fact was asked for, and its last answer came, as Unix time.
        age: seconds between the oldest answer and the verdict.
        evidence: the answers that the check read; kept in the process that judged.
    """

    requirement: str
    host: str
    outcome: Outcome
    deviations: list[Deviation] = field(default_factory=list)
    detail: str = ""
    cause: list[Cause] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    waiver: Acceptance | None = None
    seconds: float = 0.0
    asked: float | None = None
    answered: float | None = None
    age: float | None = None
    evidence: Hidden = field(default_factory=dict)

    def note(self, *words: str) -> None:
        """Add lines to the detail."""
        self.detail = "\n".join(filter(None, [self.detail, *words]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without the evidence, for JSON and for xdist's wire."""
        data: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return data

    def text(self) -> str:
        """Return the deviations and the detail as text."""
        return "\n".join([*(line for d in self.deviations for line in d.lines()), *filter(None, [self.detail])])

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """Rebuild a result from :meth:`to_dict`."""
        return _adapter().validate_python(data)


@cache
def _adapter() -> TypeAdapter[Result]:
    return TypeAdapter(Result)
