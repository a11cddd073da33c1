"""Ctrl-C while hosts are changed: once lets the step that has begun come to its end, twice stops now."""

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
    """Takes the signals that end a run, for as long as it is entered.

    Until :meth:`by_steps`, and in a :meth:`whole`, each is a ``KeyboardInterrupt``; later SIGTERM is as Ctrl-C twice.

    Args:
        say: takes a line for the operator; any thread may call.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False  # to begin nothing new
        self._say = say
        self._steps = False
        self._under_way: Callable[[], str] = str
        self._before: dict[signal.Signals, Any] = {}

    def by_steps(self, under_way: Callable[[], str]) -> None:
        """Interrupt nothing from now on that has begun; ``under_way`` says what that is."""
        self._steps, self._under_way = True, under_way

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Let an interrupt reach what is done meanwhile, which knows how to end."""
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
