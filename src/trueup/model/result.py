"""What a check says of one host, and what became of it."""

from __future__ import annotations

import enum
import re
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

if TYPE_CHECKING:
    from trueup.model.snapshot import Raw

Layer = Literal["declared", "effective", "persistent"]


class Outcome(enum.StrEnum):
    """The result of one requirement on one host; the words are part of the public interface."""

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
    UNDOABLE = "undoable"  # of a rollback, as are those below
    UNDONE = "undone"
    NOT_UNDONE = "not-undone"

    @property
    def holds(self) -> bool:
        """Whether the requirement may be relied on by those that need it; of a rollback, whether it succeeds."""
        return self in (Outcome.PASSED, Outcome.FIXED, Outcome.WAIVED, Outcome.UNDOABLE, Outcome.UNDONE)

    @property
    def fails(self) -> bool:
        """Whether pytest counts it as a failure; what is blocked is counted where it is blocked, and what the run did
        not come to where it stopped."""
        return not self.holds and self not in (Outcome.BLOCKED, Outcome.NOT_ATTEMPTED)


@dataclass(frozen=True)
class Deviation:
    """One difference between what ought to be and what is."""

    expected: str
    found: str
    where: str
    layer: Layer
    hint: str = ""

    def lines(self) -> list[str]:
        """Return the deviation as indented lines for a person."""
        body = [f"{self.layer}, {self.where}", f"  expected  {self.expected}", f"  found     {self.found}"]
        return [*body, f"  hint      {self.hint}"] if self.hint else body


class Unmet(AssertionError):
    """Raised by a check whose requirement does not hold; carries every deviation, not only the first."""

    def __init__(self, *deviations: Deviation) -> None:
        super().__init__("\n".join(line for d in deviations for line in d.lines()))
        self.deviations = deviations


def expect(*claims: Deviation | None) -> None:
    """Assert that no claim deviates.

    Raises:
        Unmet: with all deviations, so that an operator sees every layer that is wrong at once.
    """
    if deviations := [claim for claim in claims if claim is not None]:
        raise Unmet(*deviations)


def unmet(*deviations: Deviation) -> NoReturn:
    """Say that the requirement does not hold, where nothing more can be said.

    Raises:
        Unmet: always.
    """
    raise Unmet(*deviations)


def equal(found: object, expected: object, *, where: str, layer: Layer, hint: str = "") -> Deviation | None:
    """Return a deviation unless the two are equal; ``None`` as found reads as "not set"."""
    if found == expected:
        return None
    return Deviation(_say(expected), _say(found), where, layer, hint)


def reaches(found: object, least: int) -> bool:
    """Whether what was found is a whole number, or text of one, and not less."""
    text = str(found)
    return re.fullmatch("-?[0-9]{1,20}", text) is not None and int(text) >= least


def at_least(found: object, least: int, *, where: str, layer: Layer, hint: str = "") -> Deviation | None:
    """Return a deviation unless what was found is a whole number that is not less; ``None`` as found is "not set"."""
    return None if reaches(found, least) else Deviation(f"at least {least}", _say(found), where, layer, hint)


def _say(value: object) -> str:
    """Quote strings from a host: they may hold control characters or nothing at all."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if (isinstance(value, str) and not value.isprintable()) or value == "" else str(value)


OPEN = "(decided in the run"


def later(what: str) -> str:
    """Return the words that a plan has in the place of what only the run can tell; in a summary, of whether at all."""
    return f"{OPEN}: {what})"


@dataclass
class Action:
    """One change to a host, recorded whether it was planned or done."""

    verb: str
    target: str
    summary: str
    diff: str = ""
    undo: str = ""  # shell that restores the state before; ":" where there is nothing to restore
    settle: str = ""  # shell that makes running services take up what was restored
    intact: str = ""  # shell that fails, and says why, where all is neither as this left it nor as it was before
    before: dict[str, Any] = field(default_factory=dict)  # the state before, as far as the verb knows it
    stays: str = ""  # why it cannot be undone
    precondition: str = ""  # digest of what it starts from, where the diff does not show all of that


@dataclass
class Result:
    """One requirement on one host: the unit that every report is made of."""

    requirement: str
    host: str
    outcome: Outcome
    deviations: list[Deviation] = field(default_factory=list)
    detail: str = ""
    actions: list[Action] = field(default_factory=list)
    seconds: float = 0.0
    evidence: dict[str, Raw] = field(default_factory=dict)  # what the check read; stays in the process that judged

    def note(self, *words: str) -> None:
        """Add lines to what is said beside the deviations."""
        self.detail = "\n".join(filter(None, [self.detail, *words]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data without the evidence, fit for JSON and for xdist's wire."""
        data = asdict(replace(self, evidence={})) | {"outcome": str(self.outcome)}
        del data["evidence"]
        return data

    def text(self) -> str:
        """Return what is wrong and what was done, for a person."""
        return "\n".join([*(line for d in self.deviations for line in d.lines()), *filter(None, [self.detail])])

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """Rebuild a result from :meth:`to_dict`."""
        return cls(
            **data
            | {
                "outcome": Outcome(data["outcome"]),
                "deviations": [Deviation(**d) for d in data["deviations"]],
                "actions": [Action(**a) for a in data["actions"]],
            }
        )
