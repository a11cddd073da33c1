"""One run at a time changes a host: locks that are real files, taken by real shells."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from trueup.change import Change, verbs
from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.engine import locks
from trueup.engine.locks import Locks
from trueup.errors import ChangeFailed, Unreachable, UsageError

NAMES = ("h1", "h2", "h3")
ELSEWHERE = "f" * 16


@dataclass
class Apart(Process):
    """A local shell with a /var/lib/trueup of its own."""

    home: Path = field(default_factory=Path)
    gone: bool = False
    scripts: int = 0

    def run(self, script: str, timeout: float) -> Completed:
        self.scripts += 1
        if self.gone:
            raise Unreachable("ssh: no route to host")
        return super().run(script.replace(verbs.STATE, f"{self.home}/trueup"), timeout)


@dataclass
class Host:
    """As much of a host as a lock needs."""

    id: str
    transport: Apart
    closed: str = ""
    interrupted: float | None = None

    @property
    def lock(self) -> Path:
        return self.transport.home / "trueup/lock"

    def change(self, run: str = "run-2") -> Change:
        return Change(self.transport, run=run, apply=True, allowed="none")


@dataclass
class Fleet:
    """Hosts, and what was said of them."""

    hosts: dict[str, Host]
    said: list[str] = field(default_factory=list)

    def locks(self, run: str = "run-2", *, force: bool = False) -> Locks:
        return Locks(self.hosts.values(), run, say=self.said.append, force=force)  # type: ignore[arg-type]

    def held(self) -> list[str]:
        return [host.id for host in self.hosts.values() if host.lock.exists()]

    def leave(self, host: str, **said: str | int) -> None:
        """Have a run's lock be there, as it left it."""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        uptime = Path("/proc/uptime").read_text().split(".")[0]
        words: dict[str, str | int] = {
            "run": "run-1", "owner": "jo@bastion", "controller": ELSEWHERE, "pid": "1", "started": "1",
            "since": "2026-01-02T03:04:05Z", "boot": boot, "alive": uptime,
        }  # fmt: skip
        lock = self.hosts[host].lock
        lock.parent.mkdir(mode=0o700, exist_ok=True)
        lock.write_text("".join(f"{name}={value}\n" for name, value in (words | said).items()))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    made = {}
    for name in NAMES:
        (tmp_path / name).mkdir()
        made[name] = Host(name, Apart(["sh"], name, home=tmp_path / name))
    return Fleet(made)


def seconds_ago(seconds: int) -> int:
    return int(float(Path("/proc/uptime").read_text().split()[0])) - seconds


def test_a_lock_says_whose_it_is_and_goes_without_a_trace(fleet: Fleet) -> None:
    with fleet.locks():
        assert fleet.held() == list(NAMES)
        lock = fleet.hosts["h1"].lock
        said = dict(row.split("=", 1) for row in lock.read_text().splitlines())
        assert said.keys() == {"run", "owner", "controller", "pid", "started", "since", "boot", "alive"}
        assert (said["run"], said["pid"]) == ("run-2", str(os.getpid()))
        assert [stat.S_IMODE(path.stat().st_mode) for path in (lock, lock.parent)] == [0o600, 0o700]
    assert [list((host.transport.home).iterdir()) for host in fleet.hosts.values()] == [[], [], []]
    assert fleet.said == []


def test_what_else_is_in_the_directory_stays(fleet: Fleet) -> None:
    kept = fleet.hosts["h1"].transport.home / "trueup/backup"
    kept.mkdir(parents=True)
    with fleet.locks():
        pass
    assert kept.exists()
    assert fleet.held() == []


def test_it_is_given_back_after_an_error_too(fleet: Fleet) -> None:
    with pytest.raises(KeyboardInterrupt), fleet.locks():
        raise KeyboardInterrupt
    assert fleet.held() == []


def test_a_run_that_lives_is_named_and_no_host_stays_locked(fleet: Fleet) -> None:
    fleet.leave("h2", alive=seconds_ago(90))
    with pytest.raises(UsageError) as refused, fleet.locks():
        pytest.fail("it has what another has")
    words = str(refused.value)
    assert words.startswith("locked: h2 by run run-1 of jo@bastion, since 2026-01-02T03:04:05Z (")
    assert "last sign of life 9" in words  # 90 s, or a second later
    assert words.endswith("nothing was changed: wait for its end, or if you know that it is dead: --break-lock")
    assert fleet.held() == ["h2"]


def test_two_that_begin_at_once_do_not_both_give_up(fleet: Fleet) -> None:
    began, over = threading.Barrier(2), threading.Event()
    won: list[str] = []
    lost: list[str] = []

    def begin(run: str) -> None:
        began.wait()
        try:
            with fleet.locks(run):
                won.append(run)
                over.wait(60)
        except UsageError as error:
            lost.append(str(error))
            over.set()

    runs = [threading.Thread(target=begin, args=(f"run-{n}",)) for n in (1, 2)]
    for each in runs:
        each.start()
    for each in runs:
        each.join()
    assert len(won) == 1
    assert len(lost) == 1
    assert f"by run {won[0]} of " in lost[0]
    assert fleet.held() == []


def ended() -> tuple[int, str]:
    """A process that is no more, and when it began."""
    with subprocess.Popen(["sleep", "9"]) as process:
        found = process.pid, locks._started(process.pid)
        process.kill()
    return found


def test_a_lock_whose_process_is_gone_is_taken_over_and_that_is_said(fleet: Fleet) -> None:
    pid, started = ended()
    fleet.leave("h1", controller=locks._controller(), pid=pid, started=started, alive=seconds_ago(90))
    with fleet.locks():
        assert fleet.held() == list(NAMES)
    assert len(fleet.said) == 1
    assert fleet.said[0].startswith("h1: taking over the lock of run run-1 of jo@bastion, since 2026")
    assert fleet.said[0].endswith(": its process is gone")
    assert fleet.hosts["h1"].interrupted == pytest.approx(time.monotonic() - 90, abs=30)
    assert fleet.hosts["h2"].interrupted is None


def test_another_process_with_the_same_number_is_not_the_one_that_is_gone(fleet: Fleet) -> None:
    fleet.leave("h1", controller=locks._controller(), pid=os.getpid(), started="1")
    with fleet.locks():
        assert "its process is gone" in fleet.said[0]


def test_a_process_of_this_machine_that_lives_has_its_lock_however_silent(fleet: Fleet) -> None:
    own = {"pid": os.getpid(), "started": locks._started(os.getpid()), "alive": "0", "boot": "another"}
    fleet.leave("h1", controller=locks._controller(), **own)
    with pytest.raises(UsageError), fleet.locks():
        pytest.fail("it lives")


@pytest.mark.parametrize(("silent", "stale"), [(locks.DEAD - 60, False), (locks.DEAD + 60, True)])
def test_a_process_elsewhere_is_believed_dead_after_a_long_silence(fleet: Fleet, silent: int, stale: bool) -> None:
    fleet.leave("h1", alive=seconds_ago(silent))
    if stale:
        with fleet.locks():
            assert fleet.said[0].endswith(": no sign of life for 61 min")
    else:
        with pytest.raises(UsageError), fleet.locks():
            pytest.fail("it may live")


def test_since_a_host_was_booted_anew_it_has_heard_nothing(fleet: Fleet) -> None:
    fleet.leave("h1", boot="another", alive=10**9)
    up = seconds_ago(0)
    if up <= locks.DEAD:
        with pytest.raises(UsageError, match=f"last sign of life {up // 60 or up}"), fleet.locks():
            pytest.fail("it may live")
    else:
        with fleet.locks():
            assert "no sign of life for" in fleet.said[0]


@pytest.mark.parametrize(
    "content", ["", "garbage", "run\x1b[2J=x\n", "\xff\xfe", "run=\n", "alive=x\nrun=\x1b[31m\n" * 99]
)
def test_a_file_that_nobody_can_read_is_somebodys_until_it_is_taken(fleet: Fleet, content: str) -> None:
    fleet.leave("h1")
    fleet.hosts["h1"].lock.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError) as refused, fleet.locks():
        pytest.fail("it may be somebody's")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400
    with fleet.locks(force=True):
        assert fleet.held() == list(NAMES)


def test_what_a_host_says_is_quoted_and_bounded(fleet: Fleet) -> None:
    fleet.leave("h1", owner="\x1b[2Jroot" + "x" * 500, since="9" * 90, pid="9" * 90)
    with pytest.raises(UsageError) as refused, fleet.locks():
        pytest.fail("it may live")
    assert "of '\\x1b[2Jroot" in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_run_whose_lock_is_broken_changes_nothing_any_more(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "file"
    with fleet.locks("run-1"):
        host = fleet.hosts["h1"]
        host.change("run-1").write(str(file), "first\n")
        guard, first = host.transport.guard, host.change("run-1")
        with fleet.locks("run-2", force=True):
            assert "--break-lock" in fleet.said[0]
            host.transport.guard = guard  # the transports of two processes are not the same
            with pytest.raises(ChangeFailed, match=r"was taken over run=run-2 owner=.*@.* since=20"):
                first.write(str(file), "second\n")
        host.transport.guard = guard
        with pytest.raises(ChangeFailed, match="the host was taken over and given back"):
            first.write(str(file), "third\n")
    assert file.read_text() == "first\n"


def test_each_change_is_a_sign_of_life(fleet: Fleet, tmp_path: Path) -> None:
    with fleet.locks():
        host = fleet.hosts["h1"]
        said = host.lock.read_text()
        host.lock.write_text(said[: said.index("boot=")] + "boot=old\nalive=0\n")
        host.change().write(str(tmp_path / "file"), "new\n")
        assert host.lock.read_text().splitlines()[-2:] != ["boot=old", "alive=0"]
        assert host.lock.read_text().startswith(said[: said.index("boot=")])
        assert stat.S_IMODE(host.lock.stat().st_mode) == 0o600
        assert [path.name for path in host.lock.parent.iterdir()].count("lock") == 1


def test_what_a_command_makes_has_the_mode_that_it_has_without_a_lock(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "made"
    with fleet.locks():
        fleet.hosts["h1"].change().run("sh", "-c", f"umask >{file}", why="an installer makes files for other users")
    usual = subprocess.run(["sh", "-c", "umask"], capture_output=True, text=True, check=True)
    assert file.read_text() == usual.stdout != "0077\n"


def test_so_is_a_word_now_and_then(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_BEAT", 0.1)
    with fleet.locks():
        host = fleet.hosts["h3"]
        host.lock.write_text(host.lock.read_text().replace("boot=", "boot=old"))
        until = time.monotonic() + 20
        while "boot=old" in host.lock.read_text() and time.monotonic() < until:
            time.sleep(0.05)
        assert "boot=old" not in host.lock.read_text()


@pytest.fixture
def at_work(fleet: Fleet, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """A script of a run whose controller is gone is at work on h1 until it is told to end."""
    pid, started = ended()
    fleet.leave("h1", controller=locks._controller(), pid=pid, started=started)
    body = f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/end ]; do sleep 0.1; done"
    host = fleet.hosts["h1"]
    host.transport.guard = locks._text("run-1", locks._HOLD, locks._ALIVE)
    thread = threading.Thread(target=lambda: host.change("run-1").run("sh", "-c", body, why="work"))
    thread.start()
    while not (tmp_path / "begun").exists():
        time.sleep(0.05)

    def end() -> None:
        (tmp_path / "end").touch()
        thread.join(60)

    yield end
    end()


@pytest.mark.parametrize("force", [False, True])
def test_while_a_script_is_at_work_nobody_takes_the_lock(
    fleet: Fleet, at_work: Callable[[], None], force: bool
) -> None:
    with pytest.raises(UsageError) as refused, fleet.locks(force=force):
        pytest.fail("two would change the host")
    assert "a script of it is at work there at this moment" in str(refused.value)
    assert str(refused.value).endswith("wait for that script's end, which --break-lock does not hasten")
    at_work()
    with fleet.locks(force=force):
        assert fleet.held() == list(NAMES)


def test_what_a_script_starts_does_not_keep_the_lock(fleet: Fleet) -> None:
    with fleet.locks():
        daemon = "sleep 20 >/dev/null 2>&1 &"
        fleet.hosts["h1"].change().run("sh", "-c", daemon, why="start a daemon")
    assert fleet.said == []
    assert fleet.held() == []


def test_a_host_that_is_out_of_reach_is_closed_and_hinders_nobody(fleet: Fleet) -> None:
    fleet.hosts["h2"].transport.gone = True
    with fleet.locks():
        assert fleet.held() == ["h1", "h3"]
        closed = fleet.hosts["h2"].closed
    assert closed == "was out of reach when this run took its locks (ssh: no route to host)"
    assert fleet.hosts["h1"].closed == ""


def test_a_host_where_nothing_can_be_written_is_closed_with_the_reason(fleet: Fleet) -> None:
    (fleet.hosts["h2"].transport.home / "trueup").write_text("no directory")
    with fleet.locks():
        assert fleet.held() == ["h1", "h3"]
    assert "cannot be locked: lock: " in fleet.hosts["h2"].closed
    assert "File exists" in fleet.hosts["h2"].closed


def test_a_full_disk_closes_the_host_and_leaves_nothing(fleet: Fleet) -> None:
    transport = fleet.hosts["h2"].transport
    full = transport.home / "bin"
    full.mkdir()
    (full / "mv").write_text("#!/bin/sh\necho 'mv: No space left on device' >&2\nexit 1\n")
    (full / "mv").chmod(0o755)
    transport.shell = ["env", f"PATH={full}:{os.environ['PATH']}", "sh"]
    with fleet.locks():
        assert fleet.held() == ["h1", "h3"]
    assert "No space left on device" in fleet.hosts["h2"].closed
    assert not (transport.home / "trueup").exists()


def test_all_are_taken_in_one_round_trip_each(fleet: Fleet) -> None:
    with fleet.locks():
        assert [host.transport.scripts for host in fleet.hosts.values()] == [1, 1, 1]
    assert [host.transport.scripts for host in fleet.hosts.values()] == [2, 2, 2]
