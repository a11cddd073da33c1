"""A package comes in the newest version of its range, is held there, and goes back to what it was."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, install

from trueup.errors import ChangeFailed

Log = Callable[[], list[str]]
MADISON = "runc | {} | http://mirror.example/debian bookworm/main amd64 Packages\n"


def offer(state: Path, *versions: str, file: str = "offered") -> None:
    (state / file).write_text("".join(MADISON.format(version) for version in versions))


def test_the_newest_version_of_the_range_is_installed_and_held(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.1.5-1", "1.1.10-1", "1.2.0-1")
    change = changes()
    change.package("runc", ">= 1.1, << 1.2")
    assert (state / "dpkg").read_text() == "hi \trunc\t1.1.10-1\n"
    assert log()[-1] == "apt-mark hold runc"
    assert change.actions[0].diff == "-runc (not installed)\n+runc 1.1.10-1\n"


def test_apt_may_not_remove_another_package_nor_ask_a_question(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.1.5-1")
    changes().package("runc", ">= 1.1")
    (install,) = (line for line in log() if " install " in line)
    assert "--no-remove" in install
    assert " -y " in install
    assert "--force-confold" in install
    assert install.endswith("install runc=1.1.5-1")


def test_a_second_application_records_nothing(changes: Changes, state: Path) -> None:
    offer(state, "1.1.5-1")
    changes().package("runc", ">= 1.1")
    again = changes()
    again.package("runc", ">= 1.1")
    assert again.actions == []


def test_a_package_in_range_is_only_held(changes: Changes, state: Path, log: Log) -> None:
    (state / "dpkg").write_text("ii \trunc\t1.1.5-1\n")
    change = changes()
    change.package("runc", ">= 1.1")
    assert log() == ["apt-mark hold runc"]
    assert change.rollback() == []
    assert (state / "dpkg").read_text() == "ii \trunc\t1.1.5-1\n"


def test_the_index_is_refreshed_only_when_it_offers_nothing(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.0-1")
    offer(state, "1.0-1", "1.1.5-1", file="offered-later")
    changes().package("runc", ">= 1.1")
    assert [line for line in log() if line.endswith(" update")] == log()[:1]
    assert "runc\t1.1.5-1" in (state / "dpkg").read_text()


def test_where_no_version_is_to_be_had_the_offered_ones_are_named(changes: Changes, state: Path) -> None:
    offer(state, "1.0-1", "0.9-1")
    change = changes()
    with pytest.raises(ChangeFailed, match=r"no runc >= 1\.1 to install; offered: 1\.0-1, 0\.9-1"):
        change.package("runc", ">= 1.1")
    assert change.actions == []


def test_a_source_that_is_dead_does_not_hide_what_the_others_offer(
    changes: Changes, state: Path, tmp_path: Path
) -> None:
    offer(state, "1.0-1")
    offer(state, "1.0-1", "1.1.5-1", file="offered-later")
    tools = tmp_path / "tools"
    real = (tools / "apt-get").rename(tools / "apt-get.real")
    dead = 'case "$*" in *update) echo "E: dead.example has no Release"; exit 100;; esac'
    (tools / "apt-get").write_text(f'#!/bin/sh\n{real} "$@" || exit\n{dead}\n')
    (tools / "apt-get").chmod(0o755)
    changes().package("runc", ">= 1.1")
    assert "runc\t1.1.5-1" in (state / "dpkg").read_text()
    with pytest.raises(ChangeFailed, match=r"no runc >= 2 to install; offered: .*E: dead\.example has no Release"):
        changes().package("runc", ">= 2")


def test_a_plan_installs_nothing_and_does_not_refresh_the_index(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.0-1")
    plan = changes(apply=False)
    plan.package("runc", ">= 1.1")
    assert log() == []
    assert plan.actions[0].diff == "-runc (not installed)\n+runc (decided in the run: newest of >= 1.1)\n"


def test_rollback_removes_what_was_not_installed(changes: Changes, state: Path) -> None:
    offer(state, "1.1.5-1")
    change = changes()
    change.package("runc", ">= 1.1")
    assert change.rollback() == []
    assert (state / "dpkg").read_text() == ""


def test_rollback_removes_what_is_only_half_installed(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.1.5-1")
    change = changes()
    change.package("runc", ">= 1.1")
    assert change.rollback() == []
    assert any("--force-remove-reinstreq remove runc" in line for line in log())


@pytest.mark.parametrize("held", ["h", "i"])
def test_rollback_brings_back_the_version_and_whether_it_was_held(changes: Changes, state: Path, held: str) -> None:
    before = f"{held}i \trunc\t1.0-1\n"
    (state / "dpkg").write_text(before)
    offer(state, "1.1.5-1", "1.0-1")
    change = changes()
    change.package("runc", ">= 1.1")
    assert "1.1.5-1" in (state / "dpkg").read_text()
    assert change.rollback() == []
    assert (state / "dpkg").read_text() == before


def test_what_apt_says_when_it_fails_is_passed_on(changes: Changes, state: Path) -> None:
    offer(state, "1.1.5-1")
    (state / "apt-fails").touch()
    with pytest.raises(ChangeFailed, match=r"install runc \(>= 1\.1\): exit code 100: E: the mirror is gone"):
        changes().package("runc", ">= 1.1")


def test_installing_disturbs_more_than_a_remedy_without_disruption_may(changes: Changes, state: Path, log: Log) -> None:
    offer(state, "1.1.5-1")
    with pytest.raises(TypeError, match="disruption 'restart' is more than the remedy declares"):
        changes(allowed="reload").package("runc", ">= 1.1")
    assert log() == []


def test_dependencies_that_never_came_are_fetched_first(
    changes: Changes, state: Path, tmp_path: Path, log: Log
) -> None:
    offer(state, "1.1.5-1")
    said = "dpkg: dependency problems prevent configuration of libnl-genl-3-200:amd64"
    install(tmp_path / "tools", {"dpkg": f"echo '{said}'; exit 1"})
    changes().package("runc", ">= 1.1")
    mended, installed = [line for line in log() if line.startswith("apt-get ")]
    assert mended.endswith(" --no-remove --fix-broken install")
    assert installed.endswith(" --reinstall install runc=1.1.5-1")


def test_what_dpkg_cannot_configure_fails_the_change(changes: Changes, state: Path, tmp_path: Path, log: Log) -> None:
    offer(state, "1.1.5-1")
    install(tmp_path / "tools", {"dpkg": "echo 'a script of some package failed'; exit 1"})
    with pytest.raises(ChangeFailed, match="a script of some package failed"):
        changes().package("runc", ">= 1.1")
    assert log() == []


def test_another_process_that_has_dpkgs_lock_is_waited_for(changes: Changes, state: Path) -> None:
    (state / "locked").write_text("now\n" * 2)
    offer(state, "1.1.5-1")
    changes().package("runc", ">= 1.1")
    assert (state / "dpkg").read_text() == "hi \trunc\t1.1.5-1\n"
    assert (state / "locked").read_text() == ""


def test_a_lock_that_is_never_given_back_is_named(
    changes: Changes, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.shell.package_managers._LOCKED", 2)
    (state / "locked").write_text("now\n" * 9)
    (state / "dpkg").write_text("ii \trunc\t1.1.5-1\n")
    with pytest.raises(ChangeFailed, match="dpkg frontend lock was locked by another process"):
        changes().package("runc", ">= 1.1")
    assert (state / "locked").read_text() == "now\n" * 7  # it was tried again until its time was up
