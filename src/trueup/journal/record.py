"""The record of one remedy: its actions, done or planned."""

from __future__ import annotations

from collections.abc import Callable, Hashable, MutableMapping
from typing import Any

from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.journal.on_controller import RunJournal
from trueup.journal.on_host import Entry, State, entry_of
from trueup.redact import redact
from trueup.results.action import Action

# (host, path) to the state after the planned actions so far, from which later actions start
Draft = MutableMapping[tuple[str, str], Any]


class Record:
    """The actions of one remedy on all hosts.

    Args:
        requirement: the id of its requirement.
        journal: the run's journal on the controller.
        admit: raises ``ChangeFailed`` if an action is not allowed.
    """

    def __init__(
        self, requirement: str = "", journal: RunJournal | None = None, admit: Callable[[Action], None] = lambda _: None
    ) -> None:
        self.requirement = requirement
        self.actions: list[Action] = []
        self._journal = journal
        self.entries: list[Entry] = []
        self.hosts: set[str] = set()  # ids of other hosts that may have been changed
        self.notes: list[str] = []  # lines for the result
        self.undone = False  # all of it
        self._undo: list[tuple[Hashable, Callable[[], object]]] = []
        self._settle: list[tuple[Hashable, Callable[[], object]]] = []
        self._admit = admit

    @property
    def undoes(self) -> bool:
        """Whether any action can be undone; a reboot cannot, for example."""
        return bool(self._undo)

    def add(self, action: Action) -> None:
        """Record an action before it is done.

        Raises:
            ChangeFailed: it is not allowed.
        """
        action.diff = redact(action.diff)
        if not (action.undo or action.settle or action.stays):
            action.stays = "no undo is known"
        self._admit(action)
        self.actions.append(action)

    def begin(self, host: str, action: Action, *, whole: bool = False) -> Entry:
        """Return the journal's entry of an action, before it is done; see :meth:`RunJournal.begin`."""
        entry = entry_of(action, self.requirement)
        if self._journal:
            self._journal.begin(host, entry, whole=whole)
        self.entries.append(entry)
        return entry

    def mark(self, entry: Entry, state: State, **known: object) -> None:
        """Record the state of an action; see :meth:`RunJournal.mark`."""
        if self._journal:
            self._journal.mark(entry, state, **known)

    def undo_with(self, key: Hashable, undo: Callable[[], object], *, settle: bool = False) -> None:
        """Record the undo of the last action; each key is undone once, and services load the state at the end."""
        (self._settle if settle else self._undo).append((key, undo))

    def rollback(self) -> list[str]:
        """Undo the actions, newest first, then let services load the state; return what could not be undone."""
        problems = []
        for undo in dict([*reversed(self._undo), *self._settle]).values():
            try:
                undo()
            except (ChangeFailed, CouldNotLook, Unreachable) as error:
                problems.append(str(error))
        problems += [f"{entry.summary}: {entry.stays}" for entry in self.entries if not (entry.undo or entry.settle)]
        self.undone = not problems
        return problems
