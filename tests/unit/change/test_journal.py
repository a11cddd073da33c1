"""What undoes a change is on the host's disk before the change begins, whatever comes between."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scratch import Changes, Rooted

from trueup.change import Change, verbs
from trueup.errors import ChangeFailed, CouldNotLook
from trueup.hosts import probing
from trueup.journal import on_host
from trueup.journal.on_host import Entry, State
from trueup.model.fact import Fact
from trueup.results.action import Action

Known = Callable[[], list[Entry]]


@pytest.fixture
def known(transport: Rooted) -> Known:
    """Reads the journal as a rollback does."""
    return lambda: (
        probing.ask(transport, Fact("journal", on_host.reading(verbs.STATE, "run"), on_host.parse), 10).entries
    )


def states(entries: list[Entry]) -> list[str]:
    return [str(entry.state) for entry in entries]


def test_an_entry_is_there_before_the_change_and_is_done_after_it(
    changes: Changes, known: Known, tmp_path: Path, kept: Path
) -> None:
    seen = tmp_path / "seen"
    changes().run("sh", "-c", f"ls {kept}/runs/run/journal >{seen}", why="look", undo="echo undone")
    (entry,) = known()
    assert seen.read_text() == f"{entry.name}.begun.json\n"
    (file,) = (kept / "runs/run/journal").iterdir()
    assert file.name == f"{entry.name}.done.json"
    assert json.loads(file.read_text()) == {
        "schema": 1, "sequence": entry.sequence, "requirement": "", "verb": "run", "target": "sh", "summary": "look",
        "time": entry.time, "undo": "echo undone", "settle": "", "intact": "", "stays": "", "before": {},
    }  # fmt: skip
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_change_that_fails_is_marked_so_and_undone_when_that_was_done(changes: Changes, known: Known) -> None:
    change = changes()
    with pytest.raises(ChangeFailed):
        change.run("false", why="fail", undo=":")
    assert states(known()) == ["failed"]
    assert change.rollback() == []
    assert states(known()) == ["undone"]


def test_what_cannot_be_undone_is_not_marked_as_if_it_were(changes: Changes, known: Known) -> None:
    change = changes()
    change.run("true", why="go", stays="ask jo")
    change.run("true", why="come")
    assert change.rollback() == ["go: ask jo", "come: no undo is known"]
    assert states(known()) == ["done", "done"]


def test_numbers_rise_over_all_hands_of_a_run(changes: Changes, known: Known, tmp_path: Path) -> None:
    for name in ("a", "b"):
        changes().write(str(tmp_path / name), "x")
    first, second = known()
    assert (first.target, second.target) == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert first.sequence < second.sequence


def test_without_a_journal_nothing_is_changed(changes: Changes, kept: Path, tmp_path: Path) -> None:
    kept.write_text("a file where the directory would be")
    path = tmp_path / "f"
    path.write_text("old")
    change = changes()
    with pytest.raises(ChangeFailed, match="mkdir"):
        change.write(str(path), "new")
    assert path.read_text() == "old"
    assert change.rollback() == []
    assert path.read_text() == "old"


def test_what_is_known_of_a_file_and_nothing_of_its_content(changes: Changes, known: Known, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("password = hunter2hunter2\n")
    path.chmod(0o640)
    changes().write(str(path), "password = hunter3hunter3\n")
    (entry,) = known()
    assert entry.before["mode"] == "640"
    assert Path(entry.before["kept"]).read_text() == "password = hunter2hunter2\n"
    assert "hunter" not in entry.to_json()


def test_what_undoes_by_a_secret_is_not_kept_but_done(changes: Changes, known: Known, tmp_path: Path) -> None:
    change = changes()
    secret = f"echo token=hunter2hunter2 >{tmp_path}/undone"
    change.run("true", why="log in", undo=secret)
    (entry,) = known()
    assert (entry.undo, "may contain a secret" in entry.stays) == ("", True)
    assert change.rollback() == []
    assert (tmp_path / "undone").read_text() == "token=hunter2hunter2\n"


def test_the_oldest_runs_go_but_never_this_one_nor_one_that_goes_on(changes: Changes, kept: Path) -> None:
    names = [f"20260101T0000{n:02}Z-aaaa" for n in range(on_host.RUNS + 4)]
    for name in names:
        (kept / "runs" / name / "journal").mkdir(parents=True)
    (kept / "lock").write_text(f"run={names[1]}\n")
    changes().run("true", why="go", undo=":")
    assert sorted(path.name for path in (kept / "runs").iterdir()) == [names[1], *names[6:], "run"]


def test_runs_that_are_too_large_together_go(changes: Changes, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_host, "SIZE", 1)
    for name in ("a", "b", "c"):
        (kept / "runs" / name).mkdir(parents=True)
        (kept / "runs" / name / "kept").write_bytes(os.urandom(500_000))
    changes().run("true", why="go", undo=":")
    assert sorted(path.name for path in (kept / "runs").iterdir()) == ["b", "c", "run"]


def test_directories_that_were_made_go_where_nothing_else_is_in_them(changes: Changes, tmp_path: Path) -> None:
    change = changes()
    change.write(str(tmp_path / "one/two/f"), "x")
    change.write(str(tmp_path / "other/f"), "x")
    (tmp_path / "other/mine").touch()
    assert change.rollback() == []
    assert not (tmp_path / "one").exists()
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["mine"]


def test_writes_to_one_file_are_undone_in_turn_and_what_came_since_is_not(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("zero")
    change = changes()
    for text in ("one", "two"):
        change.write(str(path), text)
    first, second = change.record.entries
    with pytest.raises(ChangeFailed, match="has changed since"):
        change.undo(first)
    path.write_text("mine")
    with pytest.raises(ChangeFailed, match="has changed since"):
        change.undo(second)
    assert path.read_text() == "mine"
    path.write_text("two")
    change.undo(second)
    assert path.read_text() == "one"
    change.undo(first)
    path.write_text("mine")
    change.undo(first)  # which was undone
    assert path.read_text() == "mine"


def test_a_service_that_was_started_is_stopped_and_not_started_again_by_what_settles(
    changes: Changes, state: Path, tmp_path: Path
) -> None:
    unit = "LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n"
    (state / "unit").write_text(unit)
    change = changes()
    change.service("containerd.service", active=True, enabled=True)
    change.restart("containerd.service")
    assert change.rollback() == []
    assert (state / "unit").read_text() == unit


@given(st.text(max_size=300) | st.lists(st.sampled_from(["run", "entry", "a", "1", "000001.done.json", "e30="])))
def test_nothing_that_a_host_says_of_its_journal_breaks_anything(said: str | list[str]) -> None:
    found = on_host.parse(said if isinstance(said, str) else " ".join(said))
    for entry in found.entries:
        assert entry.stays


@pytest.mark.parametrize("text", ["", "[", "7", "{}", '{"schema": 2}', '{"schema": 1, "undo": 7}', "[" * 100_000])
def test_an_entry_of_another_shape_cannot_be_undone(text: str) -> None:
    entry = Entry.from_json(text, 7, State.DONE)
    assert (entry.sequence, "cannot be read" in entry.stays) == (7, True)


# --- killed at any point ---------------------------------------------------------------------------------------------

_TOOLS = (
    "base64", "cat", "chmod", "chown", "cp", "cut", "dirname", "ls", "mkdir", "mktemp", "mv", "readlink", "rm",
    "rmdir", "sha256sum", "stat", "sync",
)  # fmt: skip
_KILLER = """#!/bin/sh
if read -r left <{count}; then
  [ "$left" -gt 0 ] || kill -9 0
  echo $((left - 1)) >{count}
fi 2>/dev/null
exec {tool} "$@"
"""


class Killer:
    """Kills a script and all that it runs when it is about to run one program too many."""

    def __init__(self, directory: Path) -> None:
        self._count = directory / "left"
        for tool in _TOOLS:
            (directory / tool).write_text(_KILLER.format(count=self._count, tool=shutil.which(tool)))
            (directory / tool).chmod(0o755)

    def after(self, programs: int | None) -> None:
        """Kill after so many programs, all scripts together, or never."""
        if programs is None:
            self._count.unlink(missing_ok=True)
        else:
            self._count.write_text(f"{programs}\n")


@pytest.fixture
def killer(transport: Rooted, tmp_path: Path) -> Killer:
    return Killer(tmp_path / "tools")


Looks = dict[str, tuple[bytes, int, int, int]]


def looks(directory: Path) -> Looks:
    """What a person finds: our own unfinished files are swept by the next write."""
    return {
        path.name: (path.read_bytes(), (about := path.stat()).st_mode, about.st_uid, about.st_gid)
        for path in directory.iterdir()
        if not path.name.startswith(".trueup.")
    }


def attempt(works: Iterator[Callable[[], object]]) -> None:
    """Do one after the other up to the first that is killed."""
    try:
        for work in works:
            work()
    except (ChangeFailed, CouldNotLook):
        pass


_MODES = st.sampled_from(["", "600", "644", "4755"])
_WRITES = st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=9), _MODES), min_size=1, max_size=4)


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to others")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(writes=_WRITES, killed=st.integers(0, 110), again=st.none() | st.integers(0, 40))
def test_killed_at_any_point_the_journal_is_readable_and_brings_all_back(
    changes: Changes, known: Known, killer: Killer, tmp_path: Path, kept: Path, writes, killed, again
) -> None:  # fmt: skip
    killer.after(None)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.rmtree(tmp_path / "d", ignore_errors=True)
    (tmp_path / "d").mkdir()
    for name, mode in (("a", 0o640), ("b", 0o4711)):
        (tmp_path / "d" / name).write_bytes(name.encode() * 99)
        os.chown(tmp_path / "d" / name, 1, 2)
        (tmp_path / "d" / name).chmod(mode)
    before = looks(tmp_path / "d")

    def write(name: str, text: str, mode: str) -> None:
        owner = "" if (tmp_path / "d" / name).exists() else "3:4"
        changes().write(str(tmp_path / "d" / name), text, mode=mode, owner=owner)

    killer.after(killed)
    attempt(partial(write, *one) for one in writes)
    for limit in (again, None):  # a rollback may be killed too, and is begun again
        killer.after(None)
        entries = known()
        assert [entry.stays for entry in entries] == [""] * len(entries)
        undo = Change(changes()._transport, run="run", apply=True, allowed="none").undo
        pending = [entry for entry in reversed(entries) if entry.state is not State.UNDONE]
        killer.after(limit)
        attempt(partial(undo, entry) for entry in pending)
    killer.after(None)
    assert looks(tmp_path / "d") == before
    assert states(known()) == ["undone"] * len(known())


def test_an_action_that_is_only_planned_leaves_no_entry(changes: Changes, kept: Path) -> None:
    changes(apply=False).act(Action("run", "x", "y", undo=":"), "true")
    assert not kept.exists()
