"""The ways a run can go wrong that are not a verdict on a host."""

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """Bad input from the operator: says where, what and the nearest fix. Exit code 4, nothing was changed."""


class Unreachable(Exception):
    """The host could not be spoken to at all; the message says why and what to try."""


class TimedOut(Unreachable):
    """The host had not said all when its time was up; ``out`` and ``err`` hold what it had said by then."""

    def __init__(self, message: str, out: bytes = b"", err: bytes = b"") -> None:
        super().__init__(message)
        self.out = out
        self.err = err


class CouldNotLook(Exception):
    """A fact could not be established (tool missing, permission denied, timed out, unreadable answer)."""


class ChangeFailed(Exception):
    """A change on a host did not go through; what it had done is rolled back by the caller."""


class NotBack(ChangeFailed):
    """A host that was rebooted has not come back in time."""


_SHOWN = 8  # of a list, in a line


def some(words: Iterable[str], between: str = ", ") -> str:
    """Return the first of several words, and how many more there are."""
    words = list(words)
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return between.join(words[:_SHOWN]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
