"""Units are enabled, started, restarted, and given drop-ins that win."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes

from trueup.errors import ChangeFailed, CouldNotLook
from trueup.model.fact import Fact

Log = Callable[[], list[str]]
UNIT = "containerd.service"


@pytest.fixture(autouse=True)
def unit(state: Path) -> Callable[..., None]:
    def be(active: str = "active", enabled: str = "enabled", reload: str = "no") -> None:
        (state / "unit").write_text(
            f"LoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\nNeedDaemonReload={reload}\n"
        )

    be()
    return be


def test_a_unit_that_runs_and_is_enabled_is_left_alone(changes: Changes, log: Log) -> None:
    change = changes()
    change.service(UNIT, active=True, enabled=True)
    assert (change.actions, log()) == ([], [])


def test_a_unit_is_enabled_and_started_and_put_back(changes: Changes, unit: Callable[..., None], state: Path) -> None:
    unit("inactive", "disabled")
    before = (state / "unit").read_text()
    change = changes()
    change.service(UNIT, active=True, enabled=True)
    assert "ActiveState=active\nUnitFileState=enabled" in (state / "unit").read_text()
    assert [action.diff for action in change.actions] == ["-disabled\n+enabled\n", "-inactive\n+active\n"]
    assert change.rollback() == []
    assert (state / "unit").read_text() == before


def test_a_masked_unit_is_unmasked_and_masked_again(changes: Changes, unit: Callable[..., None], state: Path) -> None:
    unit("active", "masked")
    change = changes()
    change.service(UNIT, active=True, enabled=True)
    assert "UnitFileState=enabled" in (state / "unit").read_text()
    assert change.rollback() == []
    assert "UnitFileState=masked" in (state / "unit").read_text()


@pytest.mark.parametrize("enabled", ["alias", "generated"])
def test_a_unit_that_starts_at_boot_anyway_is_left_alone(
    changes: Changes, unit: Callable[..., None], log: Log, enabled: str
) -> None:
    unit("active", enabled)
    changes().service(UNIT, active=True, enabled=True)
    assert log() == []


def test_only_what_is_asked_for_is_done(changes: Changes, unit: Callable[..., None], log: Log) -> None:
    unit("inactive", "disabled")
    changes().service(UNIT, active=False, enabled=False)
    assert log() == []
    changes().service(UNIT, active=False, enabled=True)
    assert log() == [f"systemctl unmask {UNIT}", f"systemctl enable {UNIT}"]


def test_a_unit_that_does_not_come_up_fails_with_the_end_of_its_journal(
    changes: Changes, unit: Callable[..., None], state: Path
) -> None:
    unit("inactive")
    (state / "broken").touch()
    with pytest.raises(ChangeFailed, match=r"start containerd\.service: exit code 1: containerd: the last words"):
        changes().service(UNIT, active=True, enabled=True)
    unit("active")
    with pytest.raises(ChangeFailed, match=r"restart containerd\.service: exit code 1: containerd: the last words"):
        changes().restart(UNIT)


def test_a_unit_that_does_not_run_is_not_started_by_a_restart(
    changes: Changes, unit: Callable[..., None], log: Log
) -> None:
    unit("inactive")
    change = changes()
    change.restart(UNIT)
    assert (change.actions, log()) == ([], [])


def test_a_restart_is_refused_where_the_remedy_declares_less(changes: Changes, log: Log) -> None:
    with pytest.raises(TypeError, match="disruption 'restart' is more than the remedy declares"):
        changes(allowed="reload").restart(UNIT)
    assert log() == []


def test_after_a_rollback_the_unit_runs_with_what_was_restored(
    changes: Changes, state: Path, log: Log, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("old")
    change = changes()
    change.write(str(config), "new")
    change.restart(UNIT)
    (state / "log").write_text("")
    assert change.rollback() == []
    assert config.read_text() == "old"
    assert log() == [f"systemctl restart {UNIT}"]


def drop_in(root: Path) -> Path:
    return root / f"etc/systemd/system/{UNIT}.d/zz-trueup.conf"


def test_a_drop_in_has_each_directive_in_its_section_and_clears_lists_first(
    changes: Changes, root: Path, log: Log
) -> None:
    wanted = {"ExecStartPre": "-/sbin/modprobe overlay", "After": "network.target", "TasksMax": "infinity"}
    assert changes().drop_in(UNIT, wanted) is True
    assert drop_in(root).read_text() == (
        "# written by trueup\n[Unit]\nAfter=network.target\n"
        "[Service]\nExecStartPre=\nExecStartPre=-/sbin/modprobe overlay\nTasksMax=infinity\n"
    )
    assert log() == ["systemctl daemon-reload"]


def test_a_second_drop_in_keeps_what_the_first_set(changes: Changes, root: Path) -> None:
    changes().drop_in(UNIT, {"ExecStartPre": "-/sbin/modprobe overlay", "TasksMax": "1"})
    changes().drop_in(UNIT, {"TasksMax": "infinity"})
    text = drop_in(root).read_text()
    assert "ExecStartPre=\nExecStartPre=-/sbin/modprobe overlay\n" in text
    assert "TasksMax=infinity" in text
    assert "TasksMax=1\n" not in text


def test_the_same_drop_in_again_records_nothing(changes: Changes) -> None:
    changes().drop_in(UNIT, {"TasksMax": "infinity"})
    again = changes()
    assert again.drop_in(UNIT, {"TasksMax": "infinity"}) is False
    assert again.actions == []


def test_files_that_systemd_has_not_read_yet_are_loaded(changes: Changes, unit: Callable[..., None], log: Log) -> None:
    changes().drop_in(UNIT, {"TasksMax": "infinity"})
    unit(reload="yes")
    assert changes().drop_in(UNIT, {"TasksMax": "infinity"}) is True
    assert log() == ["systemctl daemon-reload"] * 2


def test_a_rollback_removes_the_drop_in_and_tells_systemd(changes: Changes, root: Path, state: Path, log: Log) -> None:
    change = changes()
    change.drop_in(UNIT, {"TasksMax": "infinity"})
    (state / "log").write_text("")
    assert change.rollback() == []
    assert not drop_in(root).exists()
    assert log() == ["systemctl daemon-reload"]


def test_a_command_of_a_remedy_is_quoted_run_and_undone(changes: Changes, tmp_path: Path) -> None:
    flag = tmp_path / "it's; a $flag"
    change, plan = changes(), changes(apply=False)
    plan.run("touch", str(flag), why="raise the flag")
    assert not flag.exists()
    change.run("touch", str(flag), why="raise the flag", undo=f"rm {tmp_path}/it*")
    assert flag.exists()
    assert change.rollback() == []
    assert not flag.exists()


def test_a_command_that_fails_says_what_it_said_without_secrets(changes: Changes) -> None:
    with pytest.raises(ChangeFailed) as caught:
        changes().run("sh", "-c", "echo 'token: hunter2hunter2'; exit 7", why="try it")
    assert "try it: exit code 7: " in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_look_that_fails_says_why_without_secrets(changes: Changes) -> None:
    with pytest.raises(CouldNotLook) as caught:
        changes().ask(Fact("own", "echo 'bad token: hunter2hunter2' >&2; exit 3", str))
    assert "own: exit code 3 ('bad token: " in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_a_plan_has_done_to_a_unit_is_not_planned_again(changes: Changes, unit: Callable[..., None]) -> None:
    unit("inactive", "masked")
    first = changes(apply=False)
    first.service(UNIT, active=True, enabled=True)
    then = changes(apply=False, draft=first._draft)
    then.service(UNIT, active=True, enabled=True)
    then.restart(UNIT)
    assert [action.summary for action in first.actions] == [f"enable {UNIT}", f"start {UNIT}"]
    assert [action.summary for action in then.actions] == [f"restart {UNIT}"]


def test_nor_is_a_daemon_reload(changes: Changes, unit: Callable[..., None]) -> None:
    unit(reload="yes")
    first = changes(apply=False)
    then = changes(apply=False, draft=first._draft)
    assert (first.drop_in(UNIT, {}), then.drop_in(UNIT, {})) == (True, False)
    assert [action.summary for action in (*first.actions, *then.actions)] == ["systemctl daemon-reload"]
