"""Drills: they need --drill, run once and last, and always undo their changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fakes import Fakes

DRILL = """\
import test_own
from trueup import Deviation, expect, remedy, requirement
from trueup.engine.drill import Drill
from trueup.errors import CouldNotLook
from trueup.results.action import Action


def act(trial):
    first = trial.members[0]
    verbs = trial.change.on(first)
    trial.note(f"begins on {first}, beside {' '.join(trial.others)}")
    stop = Action("drill", "state", f"stop {first}", undo='echo good >"$HOME/state"; echo back >>"$HOME/drills"')
    verbs.act(stop, 'echo stopped >"$HOME/state"; echo stop >>"$HOME/drills"', "restart")
    states = trial.each(test_own.STATE)
    if (mood := verbs.ask(MOOD)) == "breaks":
        raise CouldNotLook("it broke off; password=hunter2")
    if mood == "stumbles":
        raise ValueError("no connection was answered")
    if mood == "waits":
        trial.pause(60)
    return {"states": states}


MOOD = test_own.Fact("own.mood", 'cat "$HOME/mood" 2>/dev/null || :', str.strip)
SHOWN = Drill("own.shown", act, lambda data: data["states"])


@requirement(
    "own.drill", key="host.modules", reads=(), drill=SHOWN, across=True, roles=("worker",), needs=("own.state",)
)
def test_drill(facts, spec):
    '''Nothing is stopped.'''
    odd = {host: state for host, state in facts[SHOWN].items() if state != "good"}
    expect(*(Deviation("good", state, host, "effective") for host, state in odd.items()))


@requirement("own.zeal", key="host.modules", reads=(test_own.STATE,))
def test_zeal(facts, spec):
    '''What is written after the drill is judged before it.'''
"""


@pytest.fixture
def two(fresh: Fakes) -> Fakes:
    for name in ("w1", "w2", "x1"):
        fresh.host(name)
    fresh.test("test_drill.py", DRILL)
    select = "[own.drill, own.state, own.zeal]"
    fresh.test("roles.yaml", f"extends: base\nselect: {select}\nroles: {{worker: ['w*']}}\n")
    return fresh


RUN = ("env", "--default-signal=INT", sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
ARGUMENTS = ("--hosts=w1,w2,x1", "--profile=roles.yaml", "--report=run.json")


def run(fakes: Fakes, *arguments: str) -> tuple[int, dict[tuple[str, str], str], str]:
    (fakes.directory / "run.json").unlink(missing_ok=True)
    done = fakes.run(*ARGUMENTS, *arguments)
    results = fakes.json()["results"] if (fakes.directory / "run.json").exists() else []
    return done.code, {(r["requirement"], r["host"]): r["outcome"] for r in results}, done.text


def drills(fakes: Fakes, host: str = "w1") -> list[str]:
    path = fakes.directory / "hosts" / host / "drills"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("arguments", [(), ("--fix",), ("--fix=plan",), ("-n2",)])
def test_nobody_drills_who_was_not_asked_to(two: Fakes, arguments: tuple[str, ...]) -> None:
    code, outcomes, _ = run(two, *arguments)
    assert code == 0
    assert ("own.drill", "cluster") not in outcomes
    assert drills(two) == []


@pytest.mark.parametrize("arguments", [("-v",), ("--fix", "-v"), ("-n2",)])
def test_a_drill_is_carried_out_once_and_taken_back(two: Fakes, arguments: tuple[str, ...]) -> None:
    code, outcomes, text = run(two, "--drill", *arguments)
    assert (code, outcomes["own.drill", "cluster"]) == (1, "failed")
    assert "own.drill: begins on w1, beside x1" in text
    assert "found     stopped" in text
    assert "did: stop w1" in text
    assert drills(two) == ["stop", "back"]
    assert two.state("w1") == "good"


def test_a_drill_comes_after_all_else(two: Fakes) -> None:
    done = two.run(*ARGUMENTS, "--drill", "-v")
    assert done.out.index("own.zeal[x1] PASSED") < done.out.index("own.drill[cluster] FAILED")


def test_a_drill_waits_for_what_is_fixed_before_it(two: Fakes) -> None:
    (two.directory / "hosts/w2/state").write_text("bad\n")
    code, outcomes, _ = run(two, "--drill")
    assert (code, outcomes["own.drill", "cluster"], drills(two)) == (1, "blocked", [])
    _, outcomes, _ = run(two, "--drill", "--fix")
    assert outcomes["own.state", "w2"] == "fixed"
    assert (outcomes["own.drill", "cluster"], drills(two)) == ("failed", ["stop", "back"])


def test_a_drill_is_no_plan(two: Fakes) -> None:
    code, outcomes, text = run(two, "--drill", "--fix=plan")
    assert (code, outcomes, drills(two)) == (4, {}, [])
    assert "--fix=plan changes nothing: leave out one of them" in text


def test_a_drill_that_breaks_off_is_taken_back_and_is_no_verdict(two: Fakes) -> None:
    (two.directory / "hosts/w1/mood").write_text("breaks\n")
    code, outcomes, text = run(two, "--drill")
    assert (code, outcomes["own.drill", "cluster"]) == (3, "could-not-look")
    assert "it broke off" in text
    assert "hunter2" not in text + (two.directory / "run.json").read_text()
    assert drills(two) == ["stop", "back"]


def test_a_mistake_in_a_drill_is_no_verdict_either(two: Fakes) -> None:
    (two.directory / "hosts/w1/mood").write_text("stumbles\n")
    code, outcomes, text = run(two, "--drill")
    assert (code, outcomes["own.drill", "cluster"]) == (3, "could-not-look")
    assert "the drill broke (ValueError: no connection was answered)" in text
    assert drills(two) == ["stop", "back"]


def test_what_cannot_be_put_back_is_said(two: Fakes) -> None:
    two.test("test_drill.py", DRILL.replace("undo='", "undo='echo the disk is full; false; "))
    code, outcomes, text = run(two, "--drill")
    assert (code, outcomes["own.drill", "cluster"]) == (3, "could-not-look")
    assert "could not undo: undo: exit code 1: the disk is full" in text


@pytest.mark.parametrize("fix", [(), ("--fix",)])
def test_an_interrupt_takes_it_back_at_once(two: Fakes, fix: tuple[str, ...]) -> None:
    (two.directory / "hosts/w1/mood").write_text("waits\n")
    path = f"{two.directory}/bin:{os.environ['PATH']}"
    env = os.environ | {"PATH": path, "FLEET": str(two.directory), "TMPDIR": str(two.tmp)}
    env.pop("PYTEST_XDIST_WORKER", None)
    log = Path(two.directory, "log")
    with log.open("wb") as out, subprocess.Popen(
        [*RUN, *ARGUMENTS, "--drill", *fix],
        cwd=two.directory, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        until = time.monotonic() + 30
        while drills(two) != ["stop"] and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 2, log.read_text()
    assert drills(two) == ["stop", "back"]
    assert "own.drill: interrupted, undoing its changes" in log.read_text()


def test_a_drill_has_no_remedy(two: Fakes) -> None:
    two.test("test_mend.py", "from trueup import remedy\n\n\n@remedy('own.drill', disruption='none')\n"
             "def mend(change, spec, facts):\n    '''Mend it.'''\n")  # fmt: skip
    code, _, text = run(two, "--drill")
    assert code == 4
    assert "own.drill: a drill is across hosts and has no remedy" in text
