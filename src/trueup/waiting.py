"""Polling with back-off, a deadline, and cancellation by Ctrl-C."""

from __future__ import annotations

import threading
import time

FIRST, LONGEST = 0.5, 5.0  # seconds between two polls: the first pause, and the longest

cut = threading.Event()
"""While set, this process does not wait and starts no script: the operator has stopped the run."""


class Patience:
    """The deadline of a poll, and the pauses before it.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until, self._pause = seconds, time.monotonic() + seconds, FIRST

    @property
    def ended(self) -> str:
        """Return why polling ended, as words to put after the failed condition; empty while there is time."""
        if cut.is_set():
            return "before the operator stopped it"
        return f"in {self._seconds:g} s" if self.remaining == 0 else ""

    @property
    def remaining(self) -> float:
        """Return the seconds that are left."""
        return max(self._until - time.monotonic(), 0)

    def rest(self) -> float:
        """Wait before the next poll, and return the planned seconds."""
        pause = min(self._pause, self.remaining)
        self._pause = min(self._pause * 1.5, LONGEST)
        cut.wait(pause)
        return pause
