"""The ways a run can go wrong that are not a verdict on a host."""

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """Bad input from the operator: says where, what and the nearest fix. Exit code 4, nothing was changed."""


class Unreachable(Exception):
    """The host could not be spoken to at all; the message says why and what to try."""


class CouldNotLook(Exception):
    """A fact could not be established (tool missing, permission denied, timed out, unreadable answer)."""


class ChangeFailed(Exception):
    """A change on a host did not go through; what it had done is rolled back by the caller."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
