"""The journal on the controller: the order of a run's changes, and the previous state of objects."""

from __future__ import annotations

import json
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from trueup.errors import ChangeFailed
from trueup.journal.on_host import SCHEMA, Entry, State

RUNS = 50  # runs that are kept
_WORDS = ("sequence", "time", "requirement", "verb", "target", "summary")


class RunJournal:
    """The file ``RUN/journal.jsonl``; a run that changes nothing writes none."""

    def __init__(self, runs: Path, run: str) -> None:
        self._runs = runs
        self._file = runs / run / "journal.jsonl"
        self._lock = threading.Lock()

    @property
    def known(self) -> bool:
        """Whether there is a journal of the run."""
        return self._file.exists()

    def begin(self, host: str, entry: Entry, *, whole: bool = False) -> None:
        """Record a change before it begins; ``whole`` if no host's journal has it.

        Raises:
            ChangeFailed: the journal cannot be written; nothing was changed.
        """
        names = [*_WORDS, "stays", "before"] if whole else _WORDS
        self._append({"schema": SCHEMA, "host": host, "state": entry.state} | {n: getattr(entry, n) for n in names})

    def mark(self, entry: Entry, state: State, **known: Any) -> None:
        """Record the new state of a change.

        Raises:
            ChangeFailed: the journal cannot be written.
        """
        self._append({"sequence": entry.sequence, "state": state, **known})

    def objects(self) -> list[Entry]:
        """Return the changes to objects of the cluster, in order; unreadable rows are left out."""
        rows: dict[int, dict[str, Any]] = {}
        with suppress(OSError, UnicodeDecodeError):
            for line in self._file.read_text(encoding="utf-8").splitlines():
                with suppress(ValueError, TypeError, KeyError):
                    row = json.loads(line)
                    known = rows.setdefault(int(row["sequence"]), {})
                    known |= row | {"before": known.get("before", {}) | row.get("before", {})}
        found = []
        for number, row in sorted(rows.items()):
            if "stays" in row:
                state = State(row.pop("state"))
                del row["host"]
                found.append(Entry.from_json(json.dumps(row), number, state))
        return found

    def _append(self, row: dict[str, Any]) -> None:
        line = json.dumps(row) + "\n"
        try:
            with self._lock:
                if not self._file.parent.is_dir():
                    self._make()
                with os.fdopen(os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
                    file.write(line)
        except OSError as error:
            raise ChangeFailed(f"cannot write the journal on the controller: {error}; nothing was changed") from None

    def _make(self) -> None:
        """Make the run's directory, and remove the oldest runs above the limit."""
        for directory in (self._runs.parent, self._runs, self._file.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        old = sorted(path for path in self._runs.iterdir() if path.is_dir() and path != self._file.parent)
        for path in old[: max(len(old) - RUNS + 1, 0)]:
            shutil.rmtree(path, ignore_errors=True)
