"""A remedy that takes something away needs the operator's word."""

import pytest
from fakes import Fakes

TEAR = """\
import test_own
from trueup import equal, expect, remedy, requirement


@requirement("own.old", key="host.modules", reads=(test_own.STATE, test_own.WHERE))
def test_old(facts, spec):
    '''Nothing old is left.'''
    expect(equal(facts[test_own.STATE], "good", where="state", layer="effective"))


@remedy("own.old", disruption="none", destructive=True)
def tear(change, spec, facts):
    '''Tear it down.'''
    change.write(f"{facts[test_own.WHERE]}/state", "good\\n")
"""


@pytest.fixture
def old(fresh: Fakes) -> Fakes:
    fresh.host("w1", "old")
    fresh.test("test_tear.py", TEAR)
    fresh.test("only.yaml", "extends: base\nselect: [own.old]\n")
    return fresh


@pytest.mark.parametrize("mode", ["--fix", "--fix=plan"])
def test_without_it_nothing_is_done_nor_planned(old: Fakes, mode: str) -> None:
    done = old.run("--hosts=w1", "--profile=only.yaml", mode, "--report=run.json")
    assert done.code == 1
    assert old.json()["results"][0]["actions"] == []
    assert "--fix-allow=destructive would: Tear it down." in done.text
    assert old.state("w1") == "old"


def test_with_it_the_remedy_is_applied(old: Fakes) -> None:
    done = old.run("--hosts=w1", "--profile=only.yaml", "--fix", "--fix-allow=destructive")
    assert done.code == 0
    assert old.state("w1") == "good"


def test_an_audit_says_which_options_it_takes(old: Fakes) -> None:
    text = old.run("--hosts=w1", "--profile=only.yaml").text
    assert "--fix --fix-allow=destructive would: Tear it down. (disruption: none)" in text


def test_another_word_is_refused(old: Fakes) -> None:
    done = old.run("--hosts=w1", "--profile=only.yaml", "--fix", "--fix-allow=everything")
    assert done.code == 4
    assert "invalid choice: 'everything'" in done.text
