"""``--plan-out`` and ``--fix=FILE`` as a user gives them."""

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import Fakes

from trueup.engine import plan

MORE = """\
import test_own
from trueup import equal, expect, remedy, requirement
from trueup.model.fact import Fact

LINES = Fact("own.lines", 'cat "$HOME/lines" 2>/dev/null || :', str.split)


def need(word):
    @requirement(f"own.{word}", key="host.modules", reads=(LINES, test_own.WHERE))
    def test(facts, spec):
        '''The line is there.'''
        expect(equal(word in facts[LINES], True, where=word, layer="effective"))

    @remedy(f"own.{word}", disruption="restart")
    def add(change, spec, facts):
        '''Write the line beside the others.'''
        path = f"{facts[test_own.WHERE]}/lines"
        lines = change.read(path).content.decode()
        change.write(path, lines if word in lines else f"{lines}{word}\\n")

    return test


test_one, test_two = need("one"), need("two")
"""


@pytest.fixture
def fleet(fresh: Fakes) -> Fakes:
    fresh.host("n1", "bad")
    fresh.host("n2", "bad")
    return fresh


def saved(fleet: Fakes, *options: str) -> dict[str, Any]:
    done = fleet.run("--hosts=n1,n2", "--fix=plan", "--plan-out=plan.json", *options)
    assert done.code == 1, done.text
    return fleet.json("plan.json")


def rewrite(fleet: Fakes, **changed: Any) -> None:
    (fleet.directory / "plan.json").write_text(json.dumps(fleet.json("plan.json") | changed))


def test_a_saved_plan_says_what_is_done_and_what_is_not_and_why(fleet: Fakes) -> None:
    document = saved(fleet)
    assert [(step["requirement"], step["host"], step["disruption"]) for step in document["steps"]] == [
        ("own.state", "n1", "reload"), ("own.state", "n2", "reload")
    ]  # fmt: skip
    [action] = document["steps"][0]["actions"]
    assert action["verb"] == "write"
    assert "-bad\n+good\n" in action["diff"]
    assert len(action["precondition"]) == 64
    assert [each["why"] for each in document["unplanned"]] == ["needs own.state (failed)"] * 2
    assert (fleet.directory / "plan.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in fleet.directory.iterdir() if path.name.startswith(".plan")] == []


def test_it_is_as_its_published_schema_says() -> None:
    published = Path(__file__).parents[3] / "docs/plan.schema.json"
    assert published.read_text() == plan.schema(), "run `make schema`"


def test_a_plan_is_carried_out(fleet: Fakes) -> None:
    run = saved(fleet)["run"]
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json", "--report=run.json", "test_own.py")
    assert done.code == 0, done.text
    assert f"(run {run}) and nothing else" in done.text
    assert [fleet.state(host) for host in ("n1", "n2")] == ["good"] * 2
    assert (fleet.json()["mode"], fleet.json()["plan"]) == ("fix", run)


def test_what_is_not_in_the_plan_is_judged_and_not_remedied(fleet: Fakes) -> None:
    steps = saved(fleet)["steps"]
    rewrite(fleet, steps=steps[:1])
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json")
    assert done.code == 1
    assert [fleet.state(host) for host in ("n1", "n2")] == ["good", "bad"]
    assert "not in the plan" in done.block("FAILED  own.state")


def test_a_host_that_has_moved_is_left_alone_and_the_others_are_not(fleet: Fakes) -> None:
    saved(fleet)
    (fleet.directory / "hosts/n1/state").write_text("worse\n")
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json", "--report=run.json")
    assert done.code == 1
    assert [fleet.state(host) for host in ("n1", "n2")] == ["worse", "good"]
    block = done.block("FIX-FAILED  own.state")
    assert "not as planned, so nothing is changed on n1" in block
    assert "planned  -bad" in block
    assert "now      -worse" in block


@pytest.mark.parametrize("moved", [None, "own.one", "own.two"])
def test_two_steps_that_edit_one_file_are_planned_one_upon_the_other(fleet: Fakes, moved: str | None) -> None:
    fleet.test("test_more.py", MORE)
    document = saved(fleet, "test_more.py")
    first, second = (step["actions"][0] for step in document["steps"] if step["host"] == "n1")
    assert "+one\n" in first["diff"]
    assert " one\n+two\n" in second["diff"]
    if moved:
        (fleet.directory / "hosts/n1/lines").write_text("other\n" if moved == "own.one" else "one\nother\n")
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json", "--report=run.json", "test_more.py")
    lines = {host: (fleet.directory / f"hosts/{host}/lines").read_text() for host in ("n1", "n2")}
    assert lines["n2"] == "one\ntwo\n"
    outcomes = {(r["requirement"], r["host"]): r["outcome"] for r in fleet.json()["results"]}
    if moved is None:
        assert done.code == 0, done.text
        assert lines["n1"] == "one\ntwo\n"
    else:
        assert lines["n1"] == ("other\n" if moved == "own.one" else "one\nother\n")
        assert outcomes[moved, "n1"] == "fix-failed"


def test_what_holds_already_is_no_reason_to_refuse(fleet: Fakes) -> None:
    saved(fleet)
    (fleet.directory / "hosts/n1/state").write_text("good\n")
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json")
    assert done.code == 0, done.text
    assert "1 fixed" in done.text


def test_options_that_limit_a_fix_limit_a_plan_too_and_refuse_nobody(fleet: Fakes) -> None:
    fleet.test("test_more.py", MORE)
    saved(fleet)
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json", "--max-disruption=reload")
    assert "--max-disruption=restart would" in done.text
    assert [fleet.state(host) for host in ("n1", "n2")] == ["good"] * 2
    assert not (fleet.directory / "hosts/n1/lines").exists()


def test_another_machine_of_the_name_is_refused(fleet: Fakes) -> None:
    rewrite(fleet, hosts=saved(fleet)["hosts"] | {"n1": "0" * 64})
    done = fleet.run("--hosts=n1,n2", "--fix=plan.json")
    assert "nothing is changed on n1: it is another machine than the one that the plan was made for" in done.text
    assert [fleet.state(host) for host in ("n1", "n2")] == ["bad", "good"]


def test_a_profile_that_has_changed_ends_the_run(fleet: Fakes) -> None:
    fleet.test("own.yaml", "extends: base\nhost: {modules: [a]}\n")
    saved(fleet, "--profile=own.yaml")
    fleet.test("own.yaml", "extends: base\nhost: {modules: [b]}\n")
    done = fleet.run("--hosts=n1", "--fix=plan.json", "--profile=own.yaml")
    assert done.code == 4
    assert "--fix=plan.json: profile own has changed since " in done.text
    assert "make a new one: --fix=plan --plan-out=plan.json" in done.text
    other = fleet.run("--hosts=n1", "--fix=plan.json")
    assert other.code == 4
    assert "it is for profile own, and this is base" in other.text
    assert fleet.state("n1") == "bad"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": 2}, "schema: it is 2, and this trueup reads 1: make it again with --fix=plan --plan-out"),
        ({"runs": "x"}, "runs: extra inputs are not permitted"),
        ({"steps": [{"requirement": "own.state"}]}, "steps.0.host: field required"),
        ({"steps": "many"}, "steps: input should be a valid list"),
        ({"hosts": {"n9": ""}}, "it is for n9, and --hosts names none of these"),
    ],
)
def test_a_plan_that_is_not_right_ends_the_run_and_says_where(fleet: Fakes, changed: Any, said: str) -> None:
    saved(fleet)
    rewrite(fleet, **changed)
    done = fleet.run("--hosts=n1", "--fix=plan.json")
    assert done.code == 4
    assert f"--fix=plan.json: {said}" in done.text
    assert fleet.state("n1") == "bad"


def test_a_step_of_what_is_not_there_any_more_ends_the_run(fleet: Fakes) -> None:
    steps = saved(fleet)["steps"]
    rewrite(fleet, steps=[steps[0] | {"requirement": "own.stat"}])
    done = fleet.run("--hosts=n1", "--fix=plan.json")
    assert done.code == 4
    assert "steps.0.requirement: nothing remedies 'own.stat'; did you mean 'own.state'?" in done.text


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fix=none.json"], "--fix=none.json: no such file"),
        (["--fix=plam"], "--fix=plam: no such file; did you mean --fix=plan?"),
        (["--fix="], "--fix= names no file"),
        (["--fix=test_own.py"], "--fix=test_own.py: not JSON: "),
        (["--fix=run.json"], "--fix=run.json: not a plan; make one with --fix=plan --plan-out=FILE"),
        (["--fix", "--fix=plan.json"], "use one of --fix, --fix=plan and --fix=FILE"),
        (["--plan-out=x.json"], "--plan-out=x.json saves a plan: give --fix=plan too"),
        (["--fix=plan", "--plan-out=no/x.json"], "--plan-out=no/x.json: the directory does not exist"),
    ],
)
def test_options_that_make_no_sense_end_the_run(fleet: Fakes, options: list[str], said: str) -> None:
    fleet.test("run.json", '{"schema": 1, "results": []}')
    done = fleet.run("--hosts=n1", *options)
    assert done.code == 4
    assert said in done.text
    assert fleet.state("n1") == "bad"
