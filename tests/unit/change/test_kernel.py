"""Modules and kernel parameters: now, at every boot, and against what others wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, Rooted

KEY = "net.ipv4.ip_forward"
Log = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def running(root: Path) -> Path:
    value = root / "proc/sys/net/ipv4/ip_forward"
    value.write_text("0\n")
    return value


def own(root: Path) -> str:
    return (root / "etc/sysctl.d/zz-trueup.conf").read_text()


def test_a_parameter_is_set_now_and_for_every_boot(changes: Changes, root: Path, running: Path, log: Log) -> None:
    change = changes()
    change.sysctl(KEY, "1")
    assert own(root) == f"# written by trueup\n{KEY} = 1\n"
    assert running.read_text() == "1\n"
    assert log() == [f"sysctl -w {KEY}=1"]
    assert [action.verb for action in change.actions] == ["write", "sysctl"]


def test_a_second_application_records_nothing(changes: Changes) -> None:
    changes().sysctl(KEY, "1")
    again = changes()
    again.sysctl(KEY, "1")
    assert again.actions == []


def test_a_plan_sets_nothing_and_records_the_same(changes: Changes, root: Path, running: Path, log: Log) -> None:
    (root / "etc/sysctl.d/zzz.conf").write_text(f"{KEY}=0\n")
    plan, change = changes(apply=False), changes()
    plan.sysctl(KEY, "1")
    assert running.read_text() == "0\n"
    assert not (root / "etc/sysctl.d/zz-trueup.conf").exists()
    assert log() == []
    change.sysctl(KEY, "1")
    assert [(a.summary, a.diff) for a in plan.actions] == [(a.summary, a.diff) for a in change.actions]


def test_rollback_brings_back_the_files_and_the_running_value(changes: Changes, root: Path, running: Path) -> None:
    later = root / "etc/sysctl.d/zzz.conf"
    later.write_text(f"# theirs\n{KEY}=0\n")
    change = changes()
    change.sysctl(KEY, "1")
    assert change.rollback() == []
    assert running.read_text() == "0\n"
    assert later.read_text() == f"# theirs\n{KEY}=0\n"
    assert not (root / "etc/sysctl.d/zz-trueup.conf").exists()


def test_a_value_that_another_file_already_sets_is_not_written_twice(changes: Changes, root: Path) -> None:
    (root / "etc/sysctl.d/10-kube.conf").write_text(f"{KEY}=1\n")
    changes().sysctl(KEY, "1")
    assert not (root / "etc/sysctl.d/zz-trueup.conf").exists()


def test_an_earlier_file_that_says_otherwise_is_overridden_and_left_alone(changes: Changes, root: Path) -> None:
    theirs = root / "etc/sysctl.d/10-hardening.conf"
    theirs.write_text(f"{KEY}=0\n")
    changes().sysctl(KEY, "1")
    assert theirs.read_text() == f"{KEY}=0\n"
    assert f"{KEY} = 1" in own(root)


def test_a_later_file_that_says_otherwise_is_commented_out_line_by_line(changes: Changes, root: Path) -> None:
    theirs = root / "etc/sysctl.d/zzz-hardening.conf"
    theirs.write_text(f"vm.swappiness=1\n{KEY}=0\n# end\n")
    changes().sysctl(KEY, "1")
    assert theirs.read_text() == f"vm.swappiness=1\n# trueup: {KEY}=0\n# end\n"


def test_every_contrary_line_of_a_later_file_is_commented_out(changes: Changes, root: Path) -> None:
    theirs = root / "etc/sysctl.d/zzz.conf"
    theirs.write_text(f"{KEY}=0\n-{KEY} = 2\nnet/ipv4/ip_forward=0\n{KEY}=1\n")
    changes().sysctl(KEY, "1")
    assert [line.startswith("# trueup: ") for line in theirs.read_text().splitlines()] == [True, True, True, False]


def test_the_old_single_file_may_not_undo_it_later(changes: Changes, root: Path) -> None:
    (root / "etc/sysctl.d/10-kube.conf").write_text(f"{KEY}=1\n")
    (root / "etc/sysctl.conf").write_text(f"{KEY}=0\n")
    changes().sysctl(KEY, "1")
    assert (root / "etc/sysctl.conf").read_text() == f"# trueup: {KEY}=0\n"
    assert not (root / "etc/sysctl.d/zz-trueup.conf").exists()


def test_the_old_single_file_that_no_boot_reads_is_not_enough(changes: Changes, root: Path) -> None:
    (root / "etc/sysctl.conf").write_text(f"{KEY}=1\n")
    changes().sysctl(KEY, "1")
    assert f"{KEY} = 1" in own(root)


def test_a_second_parameter_joins_the_first(changes: Changes, root: Path) -> None:
    (root / "proc/sys/net/ipv4/tcp_syncookies").write_text("1\n")
    changes().sysctl(KEY, "1")
    changes().sysctl("net.ipv4.tcp_syncookies", "1")
    changes().sysctl(KEY, "2")
    assert own(root) == f"# written by trueup\nnet.ipv4.tcp_syncookies = 1\n{KEY} = 2\n"


def test_a_module_that_is_there_is_only_named_for_the_next_boot(changes: Changes, root: Path, log: Log) -> None:
    # /proc/filesystems and /sys/module are this machine's
    name = next(path.name for path in Path("/sys/module").iterdir())
    changes().module(name)
    assert (root / f"etc/modules-load.d/trueup-{name}.conf").read_text() == f"{name}\n"
    assert log() == []
    again = changes()
    again.module(name)
    assert again.actions == []


def test_a_module_that_is_absent_is_loaded(changes: Changes, log: Log) -> None:
    changes().module("no_such_module")
    assert log() == ["modprobe no_such_module"]


def test_a_module_that_a_file_names_already_is_not_named_again(changes: Changes, root: Path) -> None:
    (root / "etc/modules-load.d/k8s.conf").write_text("# kube\nno_such_module\n")
    change = changes()
    change.module("no_such_module")
    assert [action.verb for action in change.actions] == ["module"]


def test_a_lost_connection_during_the_rollback_is_told_and_does_not_raise(changes: Changes, transport: Rooted) -> None:
    change = changes()
    change.sysctl(KEY, "1")
    transport.cut_after = transport.scripts
    problems = change.rollback()
    assert len(problems) == 2
    assert all("connection reset" in problem for problem in problems)


def at_least(changes: Changes, value: str = "64") -> list[str]:
    change = changes()
    change.sysctl(KEY, value, at_least=True)
    return [action.verb for action in change.actions]


@pytest.mark.parametrize("file", ["", "10-vendor.conf", "zzz-vendor.conf"])
def test_a_parameter_that_is_more_than_the_least_is_left_alone(
    changes: Changes, root: Path, running: Path, log: Log, file: str
) -> None:
    running.write_text("1024\n")
    if file:
        (root / "etc/sysctl.d" / file).write_text(f"{KEY}=1024\n")
    assert at_least(changes) == []
    assert log() == []


def test_a_parameter_is_raised_to_the_least_now_and_for_every_boot(changes: Changes, root: Path, running: Path) -> None:
    running.write_text("16\n")
    assert at_least(changes) == ["write", "sysctl"]
    assert own(root) == f"# written by trueup\n{KEY} = 64\n"
    assert running.read_text() == "64\n"
    assert at_least(changes) == []


def test_a_parameter_that_a_file_lowers_is_raised_for_the_next_boot_alone(
    changes: Changes, root: Path, running: Path, log: Log
) -> None:
    running.write_text("1024\n")
    (root / "etc/sysctl.d/10-vendor.conf").write_text(f"{KEY}=16\n")
    assert at_least(changes) == ["write"]
    assert own(root) == f"# written by trueup\n{KEY} = 64\n"
    assert log() == []


def test_of_later_files_only_what_lowers_a_parameter_is_commented_out(
    changes: Changes, root: Path, running: Path
) -> None:
    running.write_text("1024\n")
    (root / "etc/sysctl.d/zzy.conf").write_text(f"{KEY}=16\n{KEY}=128\n")
    (root / "etc/sysctl.d/zzz.conf").write_text(f"{KEY}=32\n")
    at_least(changes)
    assert (root / "etc/sysctl.d/zzy.conf").read_text() == f"# trueup: {KEY}=16\n{KEY}=128\n"
    assert (root / "etc/sysctl.d/zzz.conf").read_text() == f"# trueup: {KEY}=32\n"
    assert at_least(changes) == []
