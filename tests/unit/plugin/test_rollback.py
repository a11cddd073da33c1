"""``--rollback`` as a user gives it."""

import json
import re
import shutil

import pytest
from fakes import Fakes

FILES = """\
import shlex

from trueup import remedy, requirement
from trueup.model.fact import Fact

GREETING = Fact("own.greeting", 'cat "$HOME/greeting" 2>/dev/null || :', str.strip)
HOME = Fact("own.home", 'echo "$HOME"', str.strip)


@requirement("own.greeting", key="host.modules", reads=(GREETING, HOME))
def test_greeting(facts, spec):
    '''It greets.'''
    assert facts[GREETING] == "hello"


@remedy("own.greeting", disruption="none")
def greet(change, spec, facts):
    '''Write the greeting twice, and do what cannot be undone where a file asks for that.'''
    home = facts[HOME]
    if change.ask(GREETING) == "hello":
        return
    change.write(f"{home}/greeting", "good day\\n")
    change.write(f"{home}/greeting", "hello\\n")
    if change.ask(Fact("own.final", f"ls {home}", str)).count("final"):
        change.run("touch", f"{home}/done", why="do what is final", stays="ask jo")
"""


@pytest.fixture
def fleet(fresh: Fakes) -> Fakes:
    fresh.test("test_files.py", FILES)
    for host in ("n1", "n2"):
        fresh.host(host, "bad")
    return fresh


def fix(fleet: Fakes, hosts: str = "n1,n2") -> str:
    """Fix all, and return the id of the run."""
    done = fleet.run(f"--hosts={hosts}", "--fix", "--report=run.json")
    assert done.code == 0, done.text
    return str(fleet.json()["run"])


def test_a_run_is_taken_back_on_all_its_hosts_and_once_only(fleet: Fakes) -> None:
    run = fix(fleet)
    done = fleet.run("--hosts=n1,n2", f"--rollback={run}", "--report=back.json")
    assert done.code == 0, done.text
    assert [fleet.state(host) for host in ("n1", "n2")] == ["bad", "bad"]
    assert not list(fleet.directory.glob("hosts/*/greeting"))
    assert "undone: 4 undone on 2 hosts; 6 changes\n" in done.out
    back = fleet.json("back.json")
    assert (back["mode"], back["counts"]) == ("rollback", {"undone": 4})
    (fleet.directory / "hosts/n1/greeting").write_text("mine")
    again = fleet.run("--hosts=n1,n2", f"--rollback={run}")
    assert again.code == 0, again.text
    assert "undone: 4 undone on 2 hosts; 0 changes\n" in again.out
    assert "was undone before" in again.out
    assert (fleet.directory / "hosts/n1/greeting").read_text() == "mine"


def test_a_plan_shows_what_would_be_undone_newest_first_and_undoes_nothing(fleet: Fakes) -> None:
    run = fix(fleet)
    done = fleet.run("--hosts=n1", f"--rollback={run}", "--fix=plan")
    assert done.code == 0, done.text
    assert fleet.state("n1") == "good"
    block = done.block("CAN-UNDO  own.greeting")
    newer, older = re.findall(r"would undo write \S+/greeting \((\d+)\)", block)
    assert int(newer) > int(older)
    assert "      -hello\n      +good day\n" in block
    assert "      -good day\n" in block
    assert "all can be undone: 2 can-undo on 1 host; 3 changes to make\n" in done.out


def test_k_takes_back_one_requirement_alone(fleet: Fakes) -> None:
    run = fix(fleet)
    done = fleet.run("--hosts=n1,n2", f"--rollback={run}", "-k", "own.greeting")
    assert done.code == 0, done.text
    assert not list(fleet.directory.glob("hosts/*/greeting"))
    assert fleet.state("n1") == "good"


def test_a_host_that_is_not_named_stays_as_it_is(fleet: Fakes) -> None:
    run = fix(fleet)
    assert fleet.run("--hosts=n2", f"--rollback={run}").code == 0
    assert (fleet.state("n1"), fleet.state("n2")) == ("good", "bad")


def test_what_somebody_changed_since_is_left_and_said(fleet: Fakes) -> None:
    run = fix(fleet)
    state = fleet.directory / "hosts/n1/state"
    state.write_text("better\n")
    done = fleet.run("--hosts=n1,n2", f"--rollback={run}", "--report=back.json")
    assert done.code == 1, done.text
    assert state.read_text() == "better\n"
    assert fleet.state("n2") == "bad"
    assert not (fleet.directory / "hosts/n1/greeting").exists()
    assert f"write {state}: {state} has changed since" in done.block("NOT-UNDONE  own.state  on n1")
    assert "not all is undone: 1 not-undone, 3 undone on 2 hosts" in done.out


def test_what_cannot_be_undone_says_why_and_keeps_what_it_stands_on(fleet: Fakes) -> None:
    (fleet.directory / "hosts/n1/final").touch()
    run = fix(fleet)
    done = fleet.run("--hosts=n1", f"--rollback={run}")
    assert done.code == 1, done.text
    assert "do what is final: ask jo" in done.out
    assert "do what is final depends on it and cannot be undone" in done.block("NOT-UNDONE  own.greeting")
    assert (fleet.directory / "hosts/n1/greeting").read_text() == "hello\n"
    assert fleet.run("--hosts=n1", f"--rollback={run}", "-k", "own.state").code == 0
    assert fleet.state("n1") == "bad"


def test_a_host_that_is_not_reached_hurts_no_other_and_is_not_silent(fleet: Fakes) -> None:
    run = fix(fleet)
    (fleet.directory / "hosts/n1/behave").write_text("exit 255")
    done = fleet.run("--hosts=n1,n2", f"--rollback={run}", "-k", "own.state")
    assert done.code == 3, done.text
    assert "1 undone, 1 unreachable" in done.out
    assert fleet.state("n2") == "bad"


def test_it_goes_by_what_the_host_knows(fleet: Fakes) -> None:
    run = fix(fleet)
    shutil.rmtree(fleet.directory / ".trueup")
    assert fleet.run("--hosts=n1,n2", f"--rollback={run}").code == 0
    assert fleet.state("n1") == "bad"
    assert not (fleet.directory / ".trueup").exists()


def test_an_unknown_run_is_answered_with_those_that_are_known(fleet: Fakes) -> None:
    none = fleet.run("--hosts=n1", "--rollback=20261127T082817Z-0976")
    assert (none.code, "no host knows any run" in none.text) == (4, True)
    run = fix(fleet)
    done = fleet.run("--hosts=n1,n2", f"--rollback={run[:-1]}")
    assert done.code == 4
    assert f"did you mean {run!r}?" in done.text
    assert re.search(rf"{run}  \d{{4}}-\d\d-\d\d .* UTC  changes that are not undone: n1 3, n2 3", done.text)
    listed = fleet.run("--hosts=n1,n2", "--rollback")
    assert (listed.code, run in listed.out) == (0, True)
    assert fleet.run("--hosts=n1", "--rollback=../../etc").code == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rollback=r"], "needs the hosts of that run: --hosts="),
        (["--hosts=n1", "--rollback=r", "--fix"], "combine it with --fix=plan"),
        (["--hosts=n1", "--rollback=r", "--drill"], "combine it with --fix=plan"),
        (["--hosts=n1", "--rollback=r", "test_own.py::own.state[n1]"], "select changes with -k"),
        (["--hosts=n1", "--rollback=r", "test_own.py"], "select changes with -k"),
    ],
)
def test_what_makes_no_sense_is_refused(fleet: Fakes, arguments: list[str], said: str) -> None:
    done = fleet.run(*arguments)
    assert (done.code, said in done.text) == (4, True), done.text


def test_an_entry_that_cannot_be_read_is_none_that_was_undone(fleet: Fakes) -> None:
    run = fix(fleet, "n1")
    journal = fleet.directory / f"hosts/n1/kept/runs/{run}/journal"
    max(journal.iterdir()).write_text('{"schema": 1, "requirement": 7}')
    done = fleet.run("--hosts=n1", f"--rollback={run}")
    assert done.code == 1, done.text
    assert "its entry in the journal cannot be read" in done.block("NOT-UNDONE  unknown")


def test_reports_have_what_was_undone(fleet: Fakes) -> None:
    run = fix(fleet)
    (fleet.directory / "hosts/n1/state").write_text("better\n")
    done = fleet.run("--hosts=n1", f"--rollback={run}", "--alluredir=allure", "--report=back.md")
    assert done.code == 1, done.text
    results = [json.loads(path.read_text()) for path in (fleet.directory / "allure").glob("*-result.json")]
    assert {(result["name"], result["status"]) for result in results} == {
        ("own.state [n1]", "failed"), ("own.greeting [n1]", "passed"),
    }  # fmt: skip
    assert "| own.state | not-undone |" in (fleet.directory / "back.md").read_text()


def test_both_journals_are_for_root_alone_and_hold_no_secret(fleet: Fakes) -> None:
    home = fleet.directory / "hosts/n1"
    (home / "state").write_text("password = hunter2hunter2\n")
    run = fix(fleet, "n1")
    files = [*home.glob("kept/runs/*/journal/*"), *fleet.directory.glob(".trueup/runs/*/*")]
    assert len(files) == 4
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert "hunter2" not in path.read_text()
    (entry,) = (e for e in map(json.loads, (p.read_text() for p in files[:3])) if e["requirement"] == "own.state")
    assert entry["before"]["mode"] == "644"
    assert "hunter2" in next(home.glob("kept/runs/*/backup/*state")).read_text()
    assert fleet.run("--hosts=n1", f"--rollback={run}", "-v").code == 0
    assert (home / "state").read_text() == "password = hunter2hunter2\n"
