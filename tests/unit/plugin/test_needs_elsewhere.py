"""A need that is for hosts of another role, judged in one process and in several."""

import pytest
from fakes import Fakes

ELSEWHERE = """\
import test_own
from trueup import equal, expect, requirement


@requirement("own.served", key="host.modules", reads=(test_own.STATE,), roles=("registry",))
def test_served(facts, spec):
    '''It is served.'''
    expect(equal(facts[test_own.STATE], "good", where="state", layer="effective"))


@requirement("own.trusted", key="host.modules", reads=(test_own.STATE,), needs=("own.served",))
def test_trusted(facts, spec):
    '''It is trusted.'''
    expect(equal(facts[test_own.STATE], "good", where="state", layer="effective"))
"""


@pytest.mark.parametrize("options", [[], ["-n2"]])
@pytest.mark.parametrize(("state", "outcome"), [("good", "passed"), ("bad", "blocked")])
def test_it_has_to_hold_there(fresh: Fakes, options: list[str], state: str, outcome: str) -> None:
    fresh.host("w1", "good")
    fresh.host("reg1", state)
    fresh.test("test_elsewhere.py", ELSEWHERE)
    fresh.test("only.yaml", "extends: base\nselect: [own.served, own.trusted]\nroles: {registry: [reg1]}\n")
    fresh.run("--hosts=w1,reg1", "--profile=only.yaml", *options, "--report=run.json")
    found = {(r["requirement"], r["host"]): r["outcome"] for r in fresh.json()["results"]}
    assert found["own.trusted", "w1"] == outcome
    assert ("own.trusted", "reg1") not in found
