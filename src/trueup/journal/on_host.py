"""The journal of a run on a host: the undo of each change, on disk before the change begins.

Each change has one file in ``runs/RUN/journal``, such as ``000042.begun.json``, whose name has the state. The file is
renamed and never rewritten, so it stays readable after a crash or on a full disk.
"""

from __future__ import annotations

import base64
import binascii
import enum
import itertools
import json
import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from trueup.redact import redact
from trueup.results.action import Action

SCHEMA = 1
RUNS, SIZE = 20, 200  # most runs that a host keeps, and their total size in MiB
_numbers = itertools.count(1)  # one process is one run


class State(enum.StrEnum):
    """The state of a change; ``begun`` may be done, if the host or the connection was lost."""

    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True)
class Entry:
    """One change in the journal."""

    sequence: int
    requirement: str
    verb: str
    target: str
    summary: str
    time: str = ""
    undo: str = ""
    settle: str = ""
    intact: str = ""
    stays: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    state: State = State.BEGUN

    @property
    def name(self) -> str:
        """Return its number as in the file's name."""
        return f"{self.sequence:06}"

    @property
    def place(self) -> tuple[str, str]:
        """Return its target; of two changes to one target the newer one is undone first."""
        return ("", self.target) if self.target.startswith("/") else (self.verb, self.target)

    def to_json(self) -> str:
        """Return the content of its file, without shell text that may contain a secret."""
        data = {"schema": SCHEMA, **asdict(self)}
        del data["state"]
        if any(redact(text) != text for text in (self.undo, self.settle, self.intact)):
            stays = "its undo may contain a secret, which the journal does not keep"
            data |= {"undo": "", "settle": "", "intact": "", "stays": stays}
        return json.dumps(data, indent=1)

    @classmethod
    def from_json(cls, text: str, sequence: int, state: State) -> Entry:
        """Parse an entry of a host; an unreadable entry cannot be undone."""
        try:
            data = json.loads(text)
            if data.pop("schema") != SCHEMA:
                raise ValueError("another version of trueup wrote it")
            entry = cls(**data, state=state)
            words = (entry.requirement, entry.verb, entry.target, entry.summary, entry.time)
            shells = (entry.undo, entry.settle, entry.intact, entry.stays)
            if not all(isinstance(value, str) for value in (*words, *shells)) or not isinstance(entry.before, dict):
                raise ValueError("its fields are of other kinds")
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            why = redact(f"its entry in the journal cannot be read: {error}")
            return cls(sequence, "unknown", "unknown", "", f"change {sequence}", stays=why, state=state)
        return replace(entry, sequence=sequence)


def entry_of(action: Action, requirement: str) -> Entry:
    """Return the entry of a change that is about to begin."""
    return Entry(
        sequence=next(_numbers),
        requirement=requirement,
        verb=action.verb,
        target=redact(action.target),
        summary=redact(action.summary),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        undo=action.undo,
        settle=action.settle,
        intact=action.intact,
        stays=action.stays,
        before=action.before,
    )


def _directory(state: str, run: str) -> str:
    return shlex.quote(f"{state}/runs/{run}/journal")


def begin(state: str, run: str, entry: Entry) -> str:
    """Return shell text that writes an entry to disk; the first one of a run removes old runs."""
    return f"""umask 077
if [ ! -d {_directory(state, run)} ]; then
  mkdir -p {_directory(state, run)}
  ( {_prune(state, run)} ) || :
fi
cd {_directory(state, run)}
trap 'rm -f .{entry.name}.new' EXIT
cat >.{entry.name}.new <<'TRUEUP-ENTRY'
{entry.to_json()}
TRUEUP-ENTRY
sync .{entry.name}.new
mv -f .{entry.name}.new {entry.name}.begun.json
sync .
"""


def _prune(state: str, run: str) -> str:
    """Return shell text that removes the oldest runs above the limits, but none that is still running."""
    return f"""cd {shlex.quote(f"{state}/runs")} && for old in *; do
  [ "$(ls | wc -l)" -gt {RUNS} ] || [ "$(du -sk . | cut -f1)" -gt {SIZE * 1024} ] || break
  [ "$old" = {shlex.quote(run)} ] || grep -qrsF -- "$old" {shlex.quote(f"{state}/lock")} || rm -rf -- "./$old"
done"""


def end(state: str, run: str, entry: Entry) -> str:
    """Return shell text that renames an entry by the exit code in ``$rc``."""
    path = f"{_directory(state, run)}/{entry.name}"
    return f"""[ $rc = 0 ] && became={State.DONE} || became={State.FAILED}
mv -f {path}.begun.json {path}.$became.json"""


def undo(state: str, run: str, entry: Entry) -> str:
    """Return shell text that undoes a change and marks it; nothing if it never began or is undone.

    It fails, and undoes nothing, if the state is neither the one before the change nor the one after.
    """
    path = f"{_directory(state, run)}/{entry.name}"
    return f"""entry=
for file in {path}.begun.json {path}.done.json {path}.failed.json; do [ ! -e "$file" ] || entry=$file; done
[ -n "$entry" ] || exit 0
( {entry.intact or ":"}
)
( {entry.undo or ":"}
)
mv -f "$entry" {path}.undone.json
"""


def reading(state: str, run: str) -> str:
    """Return a probe for the runs of a host and the entries of one; :func:`parse` reads the answer."""
    return f"""state={shlex.quote(state)}
[ ! -e "$state" ] || [ -x "$state" ] || {{ echo 'not root there: use --sudo' >&2; exit 1; }}
cd "$state/runs" 2>/dev/null || exit 0
for run in *; do
  [ ! -d "$run/journal" ] || echo "run $run $(ls "$run/journal" | grep -vc '\\.undone\\.json$')"
done
cd {shlex.quote(run)}/journal 2>/dev/null || exit 0
for file in *.json; do
  [ ! -e "$file" ] || echo "entry $file $(base64 <"$file" | tr -d '\\n')"
done
"""


@dataclass(frozen=True)
class Journal:
    """The journal of a host: its runs with their number of changes not undone, and the entries of one run."""

    runs: dict[str, int]
    entries: list[Entry]


def parse(text: str) -> Journal:
    """Return the journal; other rows are ignored."""
    rows = [row.split(" ") for row in text.splitlines()]
    runs = {row[1]: int(row[2]) for row in rows if row[0] == "run" and len(row) == 3 and row[2].isdecimal()}
    return Journal(runs, sorted(_entries(rows), key=lambda entry: entry.sequence))


def _entries(rows: list[list[str]]) -> Iterator[Entry]:
    for row in (row for row in rows if row[0] == "entry" and len(row) == 3):
        number, _, state = row[1].removesuffix(".json").partition(".")
        if number.isdecimal() and state in set(State):
            try:
                text = base64.b64decode(row[2], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                text = ""
            yield Entry.from_json(text, int(number), State(state))
