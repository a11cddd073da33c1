"""A file is replaced whole or not at all, and can be put back."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scratch import Changes

from trueup.errors import ChangeFailed

root_only = pytest.mark.skipif(os.getuid() != 0, reason="a new file belongs to root")


def leftovers(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir() if path.name.startswith(".trueup")]


@root_only
def test_a_new_file_has_the_content_and_the_mode_of_any_file(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "new dir/it's $HOME.conf"
    assert changes().write(str(path), "ä\nno newline") is True
    assert path.read_text() == "ä\nno newline"
    assert path.stat().st_mode & 0o7777 == 0o644
    assert path.parent.stat().st_mode & 0o7777 == 0o755
    assert leftovers(path.parent) == []


def test_a_file_that_is_as_wanted_is_left_alone_and_nothing_is_recorded(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("same")
    before = path.stat()
    change = changes()
    assert change.write(str(path), "same") is False
    assert change.actions == []
    assert (path.stat().st_ino, path.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


@pytest.mark.parametrize("mode", ["600", "0600"])
def test_a_second_write_records_nothing(changes: Changes, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    assert changes().write(str(path), "new", mode=mode)
    again = changes()
    assert again.write(str(path), "new", mode=mode) is False
    assert again.actions == []


def test_mode_and_owner_stay_as_they_were(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, 1, 2)
    before = path.stat()
    changes().write(str(path), "new")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_text() == "new"


def test_a_mode_alone_is_a_change_and_is_shown(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("same")
    path.chmod(0o644)
    change = changes()
    assert change.write(str(path), "same", mode="600")
    assert path.stat().st_mode & 0o7777 == 0o600
    assert "-mode 644" in change.actions[0].diff
    assert "+mode 600" in change.actions[0].diff


def test_a_link_is_followed_and_stays_a_link(changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    changes().write(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_reader_sees_the_old_file_or_the_new_one_and_nothing_between(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    old, new = "a" * 200_000, "b" * 200_000
    path.write_text(old)
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    watcher = threading.Thread(target=watch)
    watcher.start()
    changes().write(str(path), new)
    time.sleep(0.02)
    stop.set()
    watcher.join()
    assert seen == {old, new}


def test_the_new_file_takes_the_name_it_does_not_overwrite(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    with path.open() as held:
        changes().write(str(path), "new")
        assert held.read() == "old"


def test_validation_sees_the_new_file_and_may_refuse_it(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    changes().write(str(path), "good", validate='grep -q good "$tmp"')
    assert path.read_text() == "good"
    with pytest.raises(ChangeFailed, match=r"write .*/f: exit code 1: not good enough"):
        changes().write(str(path), "bad", validate='grep -q good "$tmp" || { echo not good enough; exit 1; }')
    assert path.read_text() == "good"
    assert leftovers(tmp_path) == []


class Between:
    """Lets something happen between the look and the write."""

    guard = ""

    def __init__(self, transport: object, happen: object) -> None:
        self.inner, self.happen, self.count = transport, happen, 0

    def run(self, script: str, timeout: float) -> object:
        self.count += 1
        if self.count == 2:
            self.happen()
        return self.inner.run(script, timeout)


@pytest.mark.parametrize("existed", [True, False])
def test_a_file_that_changed_after_the_look_is_refused_and_survives_the_rollback(
    changes: Changes, tmp_path: Path, existed: bool
) -> None:
    path = tmp_path / "f"
    if existed:
        path.write_text("old")
    change = changes()
    change._transport = Between(change._transport, lambda: path.write_text("someone else's"))
    with pytest.raises(ChangeFailed, match="changed since it was read"):
        change.write(str(path), "mine")
    assert change.rollback() == []
    assert path.read_text() == "someone else's"
    assert leftovers(tmp_path) == []


def test_a_plan_changes_nothing_and_records_what_the_change_would(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("one\ntwo\n")
    plan, change = changes(apply=False), changes()
    assert plan.write(str(path), "one\n2\n") is True
    assert path.read_text() == "one\ntwo\n"
    assert not (tmp_path / "kept").exists()
    change.write(str(path), "one\n2\n")
    assert [(a.verb, a.target, a.summary, a.diff) for a in plan.actions] == [
        (a.verb, a.target, a.summary, a.diff) for a in change.actions
    ]
    assert plan.actions[0].diff == f"--- {path}\n+++ {path}\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"


def test_the_diff_hides_secrets_and_says_where_a_last_line_has_no_newline(changes: Changes, tmp_path: Path) -> None:
    change = changes(apply=False)
    change.write(str(tmp_path / "f"), 'password = "hunter2hunter2"')
    assert "hunter2" not in change.actions[0].diff
    assert change.actions[0].diff.startswith("--- /dev/null\n")
    assert "\\ No newline at end of file" in change.actions[0].diff


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
@given(st.binary(max_size=300), st.text(max_size=60))
def test_rollback_restores_every_byte_and_the_mode(changes: Changes, tmp_path: Path, old: bytes, new: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(old)
    path.chmod(0o640)
    change = changes()
    change.write(str(path), new)
    change.write(str(path), f"{new}again", mode="600")
    assert change.rollback() == []
    assert path.read_bytes() == old
    assert path.stat().st_mode & 0o7777 == 0o640
    assert leftovers(tmp_path) == []


@pytest.mark.usefixtures("full")
def test_what_could_not_be_kept_whole_is_not_replaced_and_not_put_back(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("precious")
    change = changes()
    with pytest.raises(ChangeFailed, match="No space left on device"):
        change.write(str(path), "new")
    assert change.rollback() == []
    assert path.read_text() == "precious"
    assert leftovers(tmp_path) == []


def test_rollback_removes_a_file_that_was_not_there(changes: Changes, tmp_path: Path, owner: str) -> None:
    path = tmp_path / "f"
    change = changes()
    change.write(str(path), "new", owner=owner)
    assert path.exists()
    assert change.rollback() == []
    assert not path.exists()


def test_what_is_kept_of_a_secret_file_is_no_easier_to_read(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("key")
    path.chmod(0o600)
    changes().write(str(path), "new key")
    (kept,) = (file for file in (tmp_path / "kept/runs/run/backup").iterdir() if file.suffix != ".left")
    assert kept.read_text() == "key"
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(st.text(max_size=200) | st.just("TRUEUP-CONTENT\n'$(touch x)`\\\n"))
def test_any_text_arrives_as_it_is(changes: Changes, tmp_path: Path, owner: str, content: str) -> None:
    changes().write(str(tmp_path / "f"), content, owner=owner)
    assert (tmp_path / "f").read_bytes() == content.encode()


def test_a_script_that_was_cut_off_on_its_way_does_nothing(changes: Changes, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    sent: list[str] = []
    change = changes()
    real = change._transport.run
    change._transport.run = lambda script, timeout: sent.append(script) or real(script, timeout)
    change.write(str(path), "new")
    path.write_text("old")
    whole = sent[-1].rindex("}")
    for length in (*range(0, whole, 97), whole):
        subprocess.run(["sh", "-s"], input=sent[-1][:length].encode(), capture_output=True, check=False)
        assert path.read_text() == "old"
