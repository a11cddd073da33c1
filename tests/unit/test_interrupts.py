"""Ctrl-C: what is waited for and what is not."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH
from trueup.engine.interrupts import Interrupts
from trueup.errors import Unreachable
from trueup.waiting import cut


@pytest.fixture(autouse=True)
def uncut() -> Iterator[None]:
    yield
    cut.clear()


def wait(path: Path) -> None:
    until = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def stop(process: Process, tmp_path: Path) -> int:
    """Stop waiting for a script that ends once it is told to, and return the script's process."""
    steps = ("echo $$ >{0}/pid", "mv {0}/pid {0}/begun", "until [ -e {0}/end ]; do sleep 0.1; done", "touch {0}/ended")
    script = "; ".join(("trap '' HUP PIPE", *steps)).format(tmp_path)
    failed: list[Unreachable] = []

    def run() -> None:
        try:
            process.run(script, 60)
        except Unreachable as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait(tmp_path / "begun")
    cut.set()
    thread.join(20)
    assert failed, "it waits for the script"
    return int((tmp_path / "begun").read_text())


def test_a_script_of_this_machine_is_not_waited_for_and_ends_by_itself(tmp_path: Path) -> None:
    stop(Process(["sh"], "here"), tmp_path)
    (tmp_path / "end").touch()
    wait(tmp_path / "ended")


def test_a_client_of_another_machine_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sh -s\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script = Path(f"/proc/{stop(OpenSSH(['sh'], 'there'), tmp_path)}")  # on a host it would go on
    until = time.monotonic() + 20
    while script.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_once_stopped_no_script_is_started(tmp_path: Path) -> None:
    cut.set()
    with pytest.raises(Unreachable, match="stopped by the operator"):
        Process(["sh"], "here").run(f"touch {tmp_path}/begun", 60)
    assert not (tmp_path / "begun").exists()


def test_a_long_script_with_much_to_say_and_to_read_is_waited_for() -> None:
    text = "x" * 300_000
    done = Process(["sh"], "here").run(f"sleep 0.7; head -c 300000 /dev/zero; : {text}; sleep 0.5; echo end", 60)
    assert (done.rc, len(done.out), done.out[-4:]) == (0, 300_004, b"end\n")


def test_the_first_asks_for_an_end_between_steps_and_the_second_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Interrupts(said.append) as interrupts:
        interrupts.by_steps(lambda: "own.state on h1")
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.asked
        assert not cut.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert cut.is_set()
        time.sleep(0.3)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert not cut.is_set()
    assert said == [
        "interrupted: nothing new is begun, own.state on h1 is brought to its end; Ctrl-C again stops now",
        "stopped: own.state on h1 was under way, and ends by itself on the host if it had begun there",
    ]


def test_sigterm_stops_at_once() -> None:
    said: list[str] = []
    with Interrupts(said.append) as interrupts:
        interrupts.by_steps(str)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupts.asked
        assert cut.is_set()
        time.sleep(0.3)
    assert said == ["stopped: nothing was under way, and ends by itself on the host if it had begun there"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_the_steps_and_in_what_knows_how_to_end_it_is_an_exception(number: signal.Signals) -> None:
    with Interrupts(print) as interrupts:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        interrupts.by_steps(str)
        with pytest.raises(KeyboardInterrupt), interrupts.whole():
            os.kill(os.getpid(), number)
        assert interrupts.asked
        assert not cut.is_set()
