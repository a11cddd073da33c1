"""Versions as rpm orders them (rpm-version(7)): an epoch, a version and a release, each in segments."""

from __future__ import annotations

import re

_EVR = re.compile(r"(?:([0-9]+):)?([^-:\s]+)(?:-([^-:\s]+))?")
_SEGMENT = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")  # all else only parts them
_TILDE, _END, _CARET, _LETTERS, _DIGITS = range(5)  # what sorts before what, where two versions differ in kind
Segments = list[tuple[int, int, str]]


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1; no epoch is epoch 0, and where one has no release, releases do not count.

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
    """Return what orders a version or release: rpm's own ``rpmvercmp`` as a sort key."""
    return [*map(_rank, _SEGMENT.findall(text)), (_END, 0, "")]


def _rank(segment: str) -> tuple[int, int, str]:
    if segment.isdigit():
        digits = segment.lstrip("0")
        return _DIGITS, len(digits), digits  # as numbers, however long
    return {"~": _TILDE, "^": _CARET}.get(segment, _LETTERS), 0, segment
