"""What the machine that runs trueup sees itself, where there is no cluster to ask."""

import pytest
from fakes import Fakes

HERE = """\
from trueup import equal, expect, requirement
from trueup.model.fact import RunnerFact

SEEN = RunnerFact("seen", "echo good", str.strip)


@requirement("own.seen", key="host.modules", reads=(SEEN,))
def test_seen(facts, spec):
    '''It is good.'''
    expect(equal(facts[SEEN], "good", where="here", layer="effective"))
"""


@pytest.mark.parametrize("options", [[], ["--fix"], ["--fix=plan"], ["-n2"]])
def test_it_is_seen_in_each_mode(fresh: Fakes, options: list[str]) -> None:
    fresh.host("w1", "good")
    fresh.test("test_here.py", HERE)
    fresh.test("only.yaml", "extends: base\nselect: [own.seen]\n")
    done = fresh.run("--hosts=w1", "--profile=only.yaml", *options, "--report=run.json")
    assert done.code == 0, done.text
    assert [result["outcome"] for result in fresh.json()["results"]] == ["passed"]
