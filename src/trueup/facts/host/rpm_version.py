"""Order of versions by rpm's rules (rpm-version(7)): epoch, version and release, each in segments."""

from __future__ import annotations

import re

_EVR = re.compile(r"(?:([0-9]+):)?([^-:\s]+)(?:-([^-:\s]+))?")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")  # all other characters only separate segments
_TILDE, _END, _CARET, _LETTERS, _DIGITS = range(5)  # order of the kinds of segments
Segments = list[tuple[int, int, str]]


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1; a missing epoch is epoch 0, and if one has no release, releases are not compared.

    Raises:
        ValueError: one of the two is no version.
    """
    a, b = _parts(one), _parts(other)
    length = 2 if not a[2] or not b[2] else 3
    return (a[:length] > b[:length]) - (a[:length] < b[:length])


def _parts(evr: str) -> tuple[Segments, Segments, Segments | None]:
    if (match := _EVR.fullmatch(evr)) is None:
        raise ValueError(f"{evr!r} is no version of an rpm package")
    epoch, version, release = match.groups()
    return segments(epoch or "0"), segments(version), segments(release) if release else None


def segments(text: str) -> Segments:
    """Return the sort key of a version or release, equal to the order of rpm's ``rpmvercmp``."""
    return [*map(_rank, _SEGMENT.findall(text)), (_END, 0, "")]


def _rank(segment: str) -> tuple[int, int, str]:
    if segment.isdigit():
        digits = segment.lstrip("0")
        return _DIGITS, len(digits), digits  # as numbers, however long
    return {"~": _TILDE, "^": _CARET}.get(segment, _LETTERS), 0, segment
