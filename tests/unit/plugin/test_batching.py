"""Batches, resume files, interrupts and locks as an operator meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import Fakes

SLOW = """\
import test_own
from trueup import equal, expect, remedy, requirement

WAITS = test_own.Fact("own.waits", 'cat "$HOME/waited" 2>/dev/null || :', str.strip)


@requirement("own.slow", key="host.modules", reads=(WAITS, test_own.WHERE))
def test_slow(facts, spec):
    '''It has waited.'''
    expect(equal(facts[WAITS], "done", where="it", layer="effective"))


@remedy("own.slow", disruption="none")
def wait(change, spec, facts):
    '''Wait.'''
    home = facts[test_own.WHERE]
    if change.ask(WAITS) != "done":
        wait = f"for i in $(seq 600); do [ ! -e {home}/../go ] || break; sleep 0.1; done"
        change.run("sh", "-c", f"touch {home}/begun; {wait}; echo done >{home}/waited", why=f"wait on {home[-2:]}")


@requirement("own.then", key="host.modules", reads=(test_own.STATE,))
def test_then(facts, spec):
    '''It is judged after that.'''


def test_of_the_users_own():
    pass
"""
ARGUMENTS = ("--profile=p.yaml", "--report=run.json", "--report=run.md")
HOSTS = ("a1", "a2", "a3")


@pytest.fixture
def three(fresh: Fakes) -> Fakes:
    for name in HOSTS:
        fresh.host(name, "bad")
    fresh.test("p.yaml", "extends: base\nselect: [own.*]\n")
    return fresh


def outcomes(fakes: Fakes, id: str = "own.state") -> list[str]:
    return [r["outcome"] for r in fakes.json()["results"] if r["requirement"] == id]


def spoil(fakes: Fakes, host: str) -> None:
    home = fakes.directory / "hosts" / host
    (home / "bin/mv").write_text(
        "#!/bin/sh\ncase $3 in */state) echo 'no such luck'; exit 1;; esac\nexec /bin/mv \"$@\"\n"
    )
    (home / "bin/mv").chmod(0o755)


def test_a_fleet_stops_behind_a_batch_that_fails_and_a_file_brings_it_to_its_end(three: Fakes) -> None:
    spoil(three, "a2")
    done = three.run("--hosts=a3,a1,a2", *ARGUMENTS, "--fix", "--canary=1", "--batch=1")
    assert done.code == 1, done.text
    assert outcomes(three) == ["fixed", "fix-failed", "not-attempted"]
    assert [three.state(host) for host in HOSTS] == ["good", "bad", "bad"]
    assert "canary: a1" in done.out
    why = "stopped after batch 1 of 2: 1 failed: a2: own.state is fix-failed"
    assert "NOT-ATTEMPTED  2 requirements  on a3" in done.out
    assert why in done.block("NOT-ATTEMPTED")
    assert "not attempted, or not all of it: a3\n" in done.out
    assert "4 not-attempted" not in done.out
    (path,) = three.directory.glob(".trueup/runs/*/resume.json")
    name = path.relative_to(three.directory)
    assert f"left to do: a2, a3; continue with --fix --resume={name}\n" in done.out
    assert [oct(each.stat().st_mode)[-3:] for each in (path, path.parent, path.parents[1])] == ["600", "700", "700"]
    assert json.loads(path.read_text()) == {
        "format": 1,
        "run": path.parent.name,
        "profile": str(three.directory / "p.yaml"),
        "hosts": ["a1", "a2", "a3"],
        "left": ["a2", "a3"],
    }
    report = three.json()
    assert (report["stopped"], report["left"], report["resume"]) == (why, ["a2", "a3"], str(name))
    markdown = (three.directory / "run.md").read_text()
    assert f"\n{why}.\n" in markdown
    assert "| own.state | fixed | fix-failed | not-attempted |" in markdown
    assert "on a3: not-attempted" not in markdown

    (three.directory / "hosts/a2/bin/mv").unlink()
    (three.directory / "hosts/a1/state").write_text("bad\n")  # which is not among what was left
    again = three.run("--fix", f"--resume={name}", "--report=run.json")
    assert outcomes(three) == ["failed", "fixed", "fixed"]
    assert three.state("a1") == "bad"
    assert f"nothing is left to do of {name}" in again.out


def test_what_was_not_attempted_is_in_allure(three: Fakes) -> None:
    spoil(three, "a1")
    three.run("--hosts=a1,a2", *ARGUMENTS, "--fix", "--batch=1", "--alluredir=allure")
    found = [json.loads(path.read_text()) for path in (three.directory / "allure").glob("*-result.json")]
    messages = [r["statusDetails"]["message"] for r in found if r["status"] == "skipped"]
    assert sum(message.startswith("not-attempted: stopped after batch 1 of 2") for message in messages) == 2
    categories = json.loads((three.directory / "allure/categories.json").read_text())
    assert {"name": "Not attempted", "matchedStatuses": ["skipped"], "messageRegex": "^not-attempted: .*"} in categories


def test_a_plan_says_the_batches(three: Fakes) -> None:
    done = three.run("--hosts=a1,a2,a3", *ARGUMENTS, "--fix=plan", "--batch=2")
    assert done.code == 1
    assert outcomes(three) == ["failed"] * 3
    assert done.out.index("batch 1 of 2: a1, a2") < done.out.index("batch 2 of 2: a3")
    assert not (three.directory / ".trueup").exists()
    assert not (three.directory / "hosts/a1/kept").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--batch=2",), "--canary and --batch are for changing hosts: give --fix or --fix=plan too"),
        (("--canary=1",), "--canary and --batch are for changing hosts"),
        (("--fix", "--max-fail=1"), "--max-fail counts between batches: give --batch or --canary too"),
        (("--break-lock",), "--break-lock is for runs that change hosts"),
        (("--break-lock", "--fix=plan"), "--break-lock is for runs that change hosts"),
        (("--resume=x",), "--resume continues to change hosts: give --fix or --fix=plan too"),
        (("--fix", "--batch=1,zwei"), "--batch: 'zwei' is neither a number of hosts nor a percentage"),
        (("--fix", "--batch=0"), "--batch: a batch needs at least one host"),
        (("--fix", "--canary=0"), "'0' is not a whole number above 0"),
        (("--fix", "--batch=1", "--max-fail=110%"), "--max-fail: '110%' is neither"),
    ],
)
def test_options_that_make_no_sense_are_said(three: Fakes, arguments: tuple[str, ...], said: str) -> None:
    done = three.run("--hosts=a1", *ARGUMENTS, *arguments)
    assert done.code == 4
    assert said in done.text
    assert three.logins() == []


GOOD = {"format": 1, "run": "r", "profile": "p.yaml", "hosts": ["a1", "a2"], "left": ["a2"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "--resume=left.json: cannot read the file (No such file or directory)"),
        ("{", "--resume=left.json: the file: Invalid JSON"),
        ("[]", "--resume=left.json: the file: "),
        (b"\xff", "--resume=left.json: cannot read the file (not UTF-8)"),
        (GOOD | {"format": 2}, "--resume=left.json: format: Input should be 1"),
        (GOOD | {"left": []}, "--resume=left.json: left: List should have at least 1 item"),
        (GOOD | {"left": [3]}, "--resume=left.json: left.0: Input should be a valid string"),
        (GOOD | {"more": 1}, "--resume=left.json: more: Extra inputs are not permitted"),
        ({k: v for k, v in GOOD.items() if k != "hosts"}, "--resume=left.json: hosts: Field required"),
        (GOOD | {"left": ["a3"]}, "--resume=left.json: left: 'a3' is not among the hosts; did you mean 'a"),
        (GOOD | {"hosts": ["bogus://x"]}, "unknown connection 'bogus'"),
        (GOOD | {"profile": "gone.yaml"}, "gone.yaml"),
    ],
)
def test_a_resume_file_that_is_none_is_said_and_nothing_is_done(three: Fakes, content: object, said: str) -> None:
    if content is not None:
        text = (
            content
            if isinstance(content, bytes)
            else (content if isinstance(content, str) else json.dumps(content)).encode()
        )
        (three.directory / "left.json").write_bytes(text)
    done = three.run("--fix", "--resume=left.json")
    assert done.code == 4, done.text
    assert said in done.text
    assert three.logins() == []


def test_hosts_that_are_given_go_before_those_of_the_file(three: Fakes) -> None:
    three.test("left.json", json.dumps(GOOD))
    done = three.run("--fix", "--resume=left.json", "--hosts=a2,a3", "--report=run.json")
    assert (done.code, outcomes(three)) == (1, ["fixed", "failed"])


def start(fakes: Fakes, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
    path = f"{fakes.directory}/bin:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "FLEET": str(fakes.directory), "TMPDIR": str(fakes.tmp)}
    env.pop("PYTEST_XDIST_WORKER", None)
    log = fakes.directory / "log"
    command = ["env", "--default-signal=INT", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    with log.open("wb") as out:
        return subprocess.Popen(
            command, cwd=fakes.directory, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        ), log


def wait(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.05)


def said(log: Path, words: str) -> None:
    until = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


def go(fakes: Fakes) -> None:
    (fakes.directory / "hosts/go").touch()


@pytest.fixture
def slow(three: Fakes) -> Fakes:
    three.test("test_slow.py", SLOW)
    return three


SELECTED = ("test_slow.py", "--hosts=a1,a2", "--profile=p.yaml", "--report=run.json", "--fix")


def test_ctrl_c_lets_the_step_end_and_begins_nothing_new(slow: Fakes) -> None:
    process, log = start(slow, *SELECTED)
    wait(slow.directory / "hosts/a2/begun")
    wait(slow.directory / "hosts/a1/begun")
    process.send_signal(signal.SIGINT)
    said(log, "interrupted: ")
    go(slow)
    assert process.wait(60) == 2, log.read_text()
    text = log.read_text()
    assert "interrupted: nothing new is begun, own.slow on a1, own.slow on a2 is brought to its end" in text or (
        "interrupted: nothing new is begun, own.slow on a2, own.slow on a1 is brought to its end" in text
    )
    assert outcomes(slow, "own.slow") == ["fixed", "fixed"]
    assert outcomes(slow, "own.then") == ["not-attempted", "not-attempted"]
    assert "test_of_the_users_own PASSED" not in text and "1 passed" not in text
    assert "left to do: a1, a2; continue with --fix --resume=" in text
    assert not (slow.directory / "hosts/a1/kept/lock").exists()
    (path,) = slow.directory.glob(".trueup/runs/*/resume.json")
    done = slow.run("test_slow.py", "--fix", f"--resume={path}")
    assert (done.code, "nothing is left to do of" in done.out) == (0, True), done.text


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_twice_stops_now_and_what_has_begun_ends_by_itself(slow: Fakes, signals: tuple[signal.Signals, ...]) -> None:
    process, log = start(slow, *SELECTED)
    wait(slow.directory / "hosts/a1/begun")
    wait(slow.directory / "hosts/a2/begun")
    process.send_signal(signals[0])
    for number in signals[1:]:
        said(log, "interrupted: ")
        process.send_signal(number)
    assert process.wait(40) == 2, log.read_text()  # and not a minute, which the scripts take
    text = log.read_text()
    assert "stopped: own.slow on a" in text
    assert outcomes(slow, "own.slow") == ["fix-failed"] * 2
    assert outcomes(slow, "own.then") == ["not-attempted"] * 2
    assert "connection lost while applying: stopped by the operator; the step completed or did not start" in text
    assert not (slow.directory / "hosts/a1/kept/lock").exists()


def test_a_killed_run_leaves_a_lock_that_the_next_knows_to_be_stale(slow: Fakes) -> None:
    process, _ = start(slow, *SELECTED)
    wait(slow.directory / "hosts/a1/begun")
    process.kill()
    process.wait(10)
    assert (slow.directory / "hosts/a1/kept/lock").exists()
    go(slow)
    wait(slow.directory / "hosts/a1/waited")  # until then a script is at work, which nobody may disturb
    wait(slow.directory / "hosts/a2/waited")
    for host in ("a1", "a2"):
        subprocess.run(["flock", "-w", "60", slow.directory / f"hosts/{host}/kept", "true"], check=True)
    done = slow.run(*SELECTED)
    assert "taking over the lock of run" in done.out
    assert "its process is gone" in done.out
    assert done.code == 0, done.text


def test_a_second_run_is_told_who_has_the_hosts_and_since_when(slow: Fakes) -> None:
    process, log = start(slow, *SELECTED)
    wait(slow.directory / "hosts/a1/begun")
    run = (slow.directory / "hosts/a2/kept/lock").read_text().splitlines()[0].removeprefix("run=")
    done = slow.run("test_slow.py", "--hosts=a2,a3", "--profile=p.yaml", "--fix")
    assert done.code == 4, done.text
    assert f"locked: a2 by run {run} of " in " ".join(done.text.split())
    assert not (slow.directory / "hosts/a3/begun").exists()
    go(slow)
    assert process.wait(60) == 0, log.read_text()


def test_an_audit_and_a_plan_need_no_lock(slow: Fakes) -> None:
    (slow.directory / "hosts/a1/kept").mkdir()
    (slow.directory / "hosts/a1/kept/lock").write_text("run=another\n")
    for arguments in ((), ("--fix=plan",)):
        done = slow.run("test_own.py", "--hosts=a1", "--profile=p.yaml", *arguments)
        assert (done.code, slow.logins()) == (1, ["a1"] if not arguments else slow.logins()), done.text
    refused = slow.run("test_own.py", "--hosts=a1", "--profile=p.yaml", "--fix")
    assert refused.code == 4
    broken = slow.run("test_own.py", "--hosts=a1", "--profile=p.yaml", "--fix", "--break-lock")
    assert broken.code == 0, broken.text


def test_a_host_that_cannot_be_locked_is_not_changed_and_says_why(three: Fakes) -> None:
    for host in ("a1", "a2"):
        (three.directory / f"hosts/{host}/kept").write_text("in the way\n")
    done = three.run("--hosts=a1,a2", *ARGUMENTS, "--fix")
    assert (done.code, outcomes(three)) == (1, ["fix-failed", "fix-failed"])
    assert "cannot be locked: lock: " in done.block("FIX-FAILED")
    assert "File exists" in done.block("FIX-FAILED")
    assert "; nothing was changed\n" in done.block("FIX-FAILED")
    assert [three.state(host) for host in ("a1", "a2")] == ["bad", "bad"]
