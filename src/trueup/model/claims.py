"""The claims of a check: each returns a deviation from the profile, or None."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

Layer = Literal["declared", "effective", "persistent"]


@dataclass(frozen=True)
class Deviation:
    """One difference between the expected and the found state."""

    expected: str
    found: str
    where: str
    layer: Layer
    hint: str = ""

    def lines(self) -> list[str]:
        """Return the deviation as indented lines of text."""
        body = [f"{self.layer}, {self.where}", f"  expected  {self.expected}", f"  found     {self.found}"]
        return [*body, f"  hint      {self.hint}"] if self.hint else body


class Unmet(AssertionError):
    """Raised by a check whose requirement fails; carries all deviations."""

    def __init__(self, *deviations: Deviation) -> None:
        super().__init__("\n".join(line for d in deviations for line in d.lines()))
        self.deviations = deviations


def expect(*claims: Deviation | None) -> None:
    """Assert that there is no deviation.

    Raises:
        Unmet: with all deviations, so that an operator sees every wrong layer at once.
    """
    if deviations := [claim for claim in claims if claim is not None]:
        raise Unmet(*deviations)


def unmet(*deviations: Deviation) -> NoReturn:
    """Fail the requirement with a text, if there is no expected and found value.

    Raises:
        Unmet: always.
    """
    raise Unmet(*deviations)


def equal(found: object, expected: object, *, where: str, layer: Layer, hint: str = "") -> Deviation | None:
    """Return a deviation unless both are equal; a found ``None`` is shown as "not set"."""
    if found == expected:
        return None
    return Deviation(_say(expected), _say(found), where, layer, hint)


def reaches(found: object, least: int) -> bool:
    """Whether the found value is a whole number, or its text, and at least ``least``."""
    text = str(found)
    return re.fullmatch("-?[0-9]{1,20}", text) is not None and int(text) >= least


def at_least(found: object, least: int, *, where: str, layer: Layer, hint: str = "") -> Deviation | None:
    """Return a deviation unless the found value is at least ``least``; ``None`` is shown as "not set"."""
    return None if reaches(found, least) else Deviation(f"at least {least}", _say(found), where, layer, hint)


def _say(value: object) -> str:
    """Quote strings from a host, which may be empty or contain control characters."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if (isinstance(value, str) and not value.isprintable()) or value == "" else str(value)
