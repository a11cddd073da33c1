"""Waiting until something comes true: at growing intervals, for so long, and no longer than the operator wants to."""

from __future__ import annotations

import threading
import time

FIRST, LONGEST = 0.5, 5.0  # seconds between two looks: at first, and at most

cut = threading.Event()
"""While it is set, this process waits for nothing and starts no script: the operator wants to stop now."""


class Patience:
    """How long it is still worth while to look again.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._until, self._pause = seconds, time.monotonic() + seconds, FIRST

    @property
    def ended(self) -> str:
        """Return why no longer, in words that follow what did not come true, or nothing while there is time."""
        if cut.is_set():
            return "before the operator stopped it"
        return f"in {self._seconds:g} s" if self.left == 0 else ""

    @property
    def left(self) -> float:
        """Return the seconds that are left."""
        return max(self._until - time.monotonic(), 0)

    def rest(self) -> float:
        """Wait before the next look, and return the seconds that were meant."""
        pause = min(self._pause, self.left)
        self._pause = min(self._pause * 1.5, LONGEST)
        cut.wait(pause)
        return pause
