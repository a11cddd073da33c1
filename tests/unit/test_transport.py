"""A file of the controller on the stdin of a script on the host, by whichever transport."""

import hashlib
import os
import uuid
from pathlib import Path

import pytest

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH
from trueup.connection.testinfra import Testinfra
from trueup.connection.transport import Completed
from trueup.errors import TimedOut

SUM = "sha256sum | cut -d' ' -f1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(200_001))
    return path


@pytest.mark.parametrize("transport", [Process(["sh"], "h"), Testinfra("local://", {})], ids=["process", "testinfra"])
def test_a_file_arrives_whole(transport: Process | Testinfra, file: Path) -> None:
    done = transport.send(file, f"{SUM}; exit 3", 30)
    assert done.rc == 3
    assert done.out.decode().strip() == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_script_arrives_whole_at_a_process_that_reads_late() -> None:
    """A login takes longer than the pauses between two looks whether the run was stopped."""
    late = Process(["sh", "-c", "sleep 1; exec sh"], "h")
    done = late.run(f"echo {'x' * 200_000} | wc -c; exit 3", 30)
    assert (done.rc, done.out.split()) == (3, [b"200001"])


def test_a_process_that_reads_nothing_still_answers() -> None:
    assert Process(["sh", "-c", "exec <&-; echo done"], "h").run("x" * 200_000, 30).out == b"done\n"


def test_what_a_process_said_until_its_time_was_up_is_kept() -> None:
    with pytest.raises(TimedOut, match="no answer in 1 s") as late:
        Process(["sh"], "h").run("echo out; echo err >&2; exec >&- 2>&-; sleep 30", 1)
    assert (late.value.out, late.value.err) == (b"out\n", b"err\n")


def test_an_empty_file_arrives_too(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert Testinfra("local://", {}).send(tmp_path / "empty", "wc -c", 30).out.strip() == b"0"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the backend was told to run, one command after the other."""
    said: list[str] = []
    run = Testinfra._run
    monkeypatch.setattr(Testinfra, "_run", lambda self, command: said.append(command) or run(self, command))
    return said


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that holds on the host what is sent."""
    name = uuid.uuid4()
    monkeypatch.setattr("trueup.connection.testinfra.uuid.uuid4", lambda: name)
    return Path(f"/tmp/trueup-{name.hex}")


def test_a_script_of_any_length_runs_and_the_command_that_runs_it_does_not_show_it(
    commands: list[str], held: Path
) -> None:
    script = f"ls -l /proc/self/fd/0\necho {'x' * 200_000} | wc -c\nexit 3"
    done = Testinfra("local://", {}).run(script, 30)
    assert (done.rc, done.out.split()[-1]) == (3, b"200001")
    assert b"(deleted)" in done.out
    assert "timeout 30 sh -s" in commands[-1]
    assert len(commands[-1]) < 200
    assert not held.exists()


def test_what_is_sent_can_be_read_by_its_owner_only(monkeypatch: pytest.MonkeyPatch, file: Path, held: Path) -> None:
    modes = set()
    run = Testinfra._run

    def look(self: Testinfra, command: str) -> Completed:
        if held.exists():
            modes.add(held.stat().st_mode & 0o777)
        return run(self, command)

    monkeypatch.setattr(Testinfra, "_run", look)
    Testinfra("local://", {}).send(file, "cat", 30)
    assert modes == {0o600}


def test_what_could_not_be_sent_does_not_stay_and_is_not_run(monkeypatch: pytest.MonkeyPatch, held: Path) -> None:
    run = Testinfra._run
    full = "echo 'No space left on device' >&2; exit 1"
    monkeypatch.setattr(Testinfra, "_run", lambda self, c: run(self, f"{c}; {full}" if "base64" in c else c))
    done = Testinfra("local://", {}).run("echo ran", 30)
    assert (done.rc, done.out) == (1, b"")
    assert not held.exists()


def test_what_was_said_before_the_time_was_up_is_kept() -> None:
    for transport in (Process(["sh"], "h"), Testinfra("local://", {})):
        with pytest.raises(TimedOut, match="no answer in 1 s") as caught:
            transport.run("echo said; sleep 20", 1)
        assert caught.value.out == b"said\n"


def test_ssh_is_given_the_script_in_one_word() -> None:
    transport = OpenSSH(["sudo", "-n", "sh"], "h", target=["--", "h"])
    assert transport.command("-c", "cat >'a b'")[-1] == """exec sudo -n sh -c 'cat >'"'"'a b'"'"''"""
