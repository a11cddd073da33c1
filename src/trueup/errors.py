"""Exceptions for problems of a run that are no verdict on a host."""

import difflib
from collections.abc import Iterable


class UsageError(Exception):
    """Bad input from the operator; the message has the place, the problem and the nearest fix. Exit code 4."""


class Unreachable(Exception):
    """The host does not answer; the message has the reason and advice."""


class TimedOut(Unreachable):
    """The host's answer was incomplete when its time was up; ``out`` and ``err`` hold the part that arrived."""

    def __init__(self, message: str, out: bytes = b"", err: bytes = b"") -> None:
        super().__init__(message)
        self.out = out
        self.err = err


class CouldNotLook(Exception):
    """A fact could not be read: a missing tool, a refused permission, a timeout, or an unreadable answer."""


class ChangeFailed(Exception):
    """A change on a host failed; the caller rolls back the part that was done."""


class NotBack(ChangeFailed):
    """A host did not come back in time after a reboot."""


_SHOWN = 8  # of a list, in a line


def some(words: Iterable[str], between: str = ", ") -> str:
    """Return the first words of a list in one line, and the number of the others."""
    words = list(words)
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return between.join(words[:_SHOWN]) + more


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
