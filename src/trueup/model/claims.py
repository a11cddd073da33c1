"""What a check says: claims that hold, or deviate from the profile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

Layer = Literal["declared", "effective", "persistent"]


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
