"""Ctrl-C while hosts are changed: once finishes the current step, twice stops now."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from trueup.waiting import cut

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """A context manager that handles SIGINT and SIGTERM.

    Until :meth:`by_steps`, and in a :meth:`whole`, each is a ``KeyboardInterrupt``; later SIGTERM is as Ctrl-C twice.

    Args:
        say: prints a line; any thread may call it.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False  # set: start nothing new
        self._say = say
        self._steps = False
        self._under_way: Callable[[], str] = str
        self._before: dict[signal.Signals, Any] = {}

    def by_steps(self, under_way: Callable[[], str]) -> None:
        """From now on let a started step finish; ``under_way`` returns its name."""
        self._steps, self._under_way = True, under_way

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Raise ``KeyboardInterrupt`` inside this block, which handles it itself."""
        steps, self._steps = self._steps, False
        try:
            yield
        finally:
            self._steps = steps

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():  # no other may
            self._before = {number: signal.signal(number, self._heed) for number in _SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}
        cut.clear()

    def _heed(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        first, self.asked = not self.asked, True
        if not self._steps:
            raise KeyboardInterrupt
        under_way = self._under_way() or "nothing"
        if first and number == signal.SIGINT:
            words = f"interrupted: nothing new is begun, {under_way} is brought to its end; Ctrl-C again stops now"
        else:
            cut.set()
            words = f"stopped: {under_way} was under way, and ends by itself on the host if it had begun there"
        # The thread that the signal interrupts may be about to write itself.
        threading.Thread(target=self._say, args=(words,), daemon=True).start()
