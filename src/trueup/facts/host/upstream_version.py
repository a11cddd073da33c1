"""Order of versions of projects such as containerd, runc and Kubernetes (semver.org)."""

from __future__ import annotations

import re

# Suffixes of a distribution or vendor (+ds1, -0ubuntu1, +k3s1) do not change the order.
_VERSION = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)(?:[-~.]?((?:alpha|beta|rc)[0-9A-Za-z.-]*))?(?![0-9A-Za-z.]).*")
_PART = re.compile(r"[0-9]+|[A-Za-z]+")


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1; ``v2.1.0-rc.1`` is before ``2.1``, which equals ``v2.1.0``.

    Raises:
        ValueError: one of the two is no version.
    """
    a, b = _key(one), _key(other)
    return (a > b) - (a < b)


def minors(version: str) -> int:
    """Return the minor version of a release with major version 1: 33 for ``v1.33.4``.

    Raises:
        ValueError: it is no such version.
    """
    if (match := re.match(r"v?1\.([0-9]{1,4})(?![0-9])", version)) is None:
        raise ValueError(f"{version!r} is no version such as v1.33.4")
    return int(match[1])


def _key(version: str) -> tuple[list[tuple[int, str]], bool, list[tuple[int, str]]]:
    if (match := _VERSION.fullmatch(version)) is None:
        raise ValueError(f"{version!r} is no version such as 1.6.10 or v2.1.0-rc.1")
    numbers = [_number(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == (0, ""):
        numbers.pop()
    early = [_number(part) if part.isdigit() else (-1, part) for part in _PART.findall(match[2] or "")]
    return numbers, not early, early


def _number(digits: str) -> tuple[int, str]:
    return len(digits.lstrip("0")), digits.lstrip("0")  # as numbers, however long
