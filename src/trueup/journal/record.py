"""What one remedy has done or, in a plan, would have done."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping
from typing import Any

from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.journal.on_controller import Ledger
from trueup.journal.on_host import Entry, State, entry_of
from trueup.redact import redact
from trueup.results.action import Action

# (host, path) to what a plan would have left there so far, so that what comes later in it starts from that
Draft = MutableMapping[tuple[str, str], Any]


class Record:
    """What one remedy has done, wherever it did it.

    Args:
        requirement: what it is a remedy of.
        ledger: the run's journal on this machine.
        admit: raises ``ChangeFailed`` where an action may not be done, before it is.
    """

    def __init__(
        self, requirement: str = "", ledger: Ledger | None = None, admit: Callable[[Action], None] = lambda _: None
    ) -> None:
        self.requirement = requirement
        self.actions: list[Action] = []
        self._ledger = ledger
        self.entries: list[Entry] = []
        self.hosts: set[str] = set()  # ids of those beside the remedy's own that may have been changed
        self.notes: list[str] = []  # what came of it, for who reads the result
        self.undone = False  # all of it
        self._undo: list[tuple[Hashable, Callable[[], object]]] = []
        self._settle: list[tuple[Hashable, Callable[[], object]]] = []
        self._admit = admit

    @property
    def undoes(self) -> bool:
        """Whether there is anything that can be undone: a reboot, for one, cannot."""
        return bool(self._undo)

    def add(self, action: Action) -> None:
        """Note an action that is about to be done.

        Raises:
            ChangeFailed: it may not be.
        """
        action.diff = redact(action.diff)
        if not (action.undo or action.settle or action.stays):
            action.stays = "no way back is known"
        self._admit(action)
        self.actions.append(action)

    def begin(self, host: str, action: Action, *, whole: bool = False) -> Entry:
        """Return the journal's entry of an action that is about to be done; see :meth:`Ledger.begin`."""
        entry = entry_of(action, self.requirement)
        if self._ledger:
            self._ledger.begin(host, entry, whole=whole)
        self.entries.append(entry)
        return entry

    def mark(self, entry: Entry, state: State, **known: object) -> None:
        """Note how far an action is; see :meth:`Ledger.mark`."""
        if self._ledger:
            self._ledger.mark(entry, state, **known)

    def undo_with(self, key: Hashable, undo: Callable[[], object], *, settle: bool = False) -> None:
        """Note how the last action is undone; what has the same key is done once, and what settles comes at the end."""
        (self._settle if settle else self._undo).append((key, undo))

    def rollback(self) -> list[str]:
        """Undo what was done, newest first, then let services take it up; return what could not be undone."""
        problems = []
        for undo in dict([*reversed(self._undo), *self._settle]).values():
            try:
                undo()
            except (ChangeFailed, CouldNotLook, Unreachable) as error:
                problems.append(str(error))
        problems += [f"{entry.summary}: {entry.stays}" for entry in self.entries if not (entry.undo or entry.settle)]
        self.undone = not problems
        return problems
