"""A remedy that disturbs a host more than the operator allows is neither applied nor planned."""

import pytest
from fakes import Fakes

RESTARTS = """\
import test_own
from trueup import equal, expect, remedy, requirement


@requirement("own.old", key="host.modules", reads=(test_own.STATE, test_own.WHERE))
def test_old(facts, spec):
    '''Nothing old is left.'''
    expect(equal(facts[test_own.STATE], "good", where="state", layer="effective"))


@remedy("own.old", disruption="{}")
def renew(change, spec, facts):
    '''Write it anew.'''
    change.write(f"{{facts[test_own.WHERE]}}/state", "good\\n")
"""


def host(fresh: Fakes, disruption: str) -> Fakes:
    fresh.host("w1", "old")
    fresh.test("test_renew.py", RESTARTS.format(disruption))
    fresh.test("only.yaml", "extends: base\nselect: [own.old]\n")
    return fresh


@pytest.mark.parametrize(
    ("disruption", "options"),
    [
        ("reboot", []),
        ("reboot", ["--max-disruption=drain"]),
        ("drain", ["--max-disruption=reload"]),
        ("restart", ["--max-disruption=reload"]),
        ("reload", ["--max-disruption=none"]),
    ],
)
@pytest.mark.parametrize("mode", ["--fix", "--fix=plan"])
def test_what_disturbs_more_is_not_done(fresh: Fakes, disruption: str, options: list[str], mode: str) -> None:
    done = host(fresh, disruption).run("--hosts=w1", "--profile=only.yaml", mode, *options, "--report=run.json")
    assert done.code == 1
    assert fresh.json()["results"][0]["actions"] == []
    assert f"--max-disruption={disruption} would: Write it anew." in done.text
    assert fresh.state("w1") == "old"


@pytest.mark.parametrize(
    ("disruption", "options"),
    [
        ("restart", []),
        ("none", ["--max-disruption=none"]),
        ("reboot", ["--max-disruption=reboot"]),
        ("drain", []),  # of a host that is no node
    ],
)
def test_what_disturbs_no_more_than_that_is_done(fresh: Fakes, disruption: str, options: list[str]) -> None:
    done = host(fresh, disruption).run("--hosts=w1", "--profile=only.yaml", "--fix", *options)
    assert done.code == 0
    assert fresh.state("w1") == "good"


def test_an_audit_says_which_option_it_takes(fresh: Fakes) -> None:
    text = host(fresh, "drain").run("--hosts=w1", "--profile=only.yaml").text
    assert (
        "--fix --max-disruption=drain would: Write it anew. (disruption: drain, or restart where it is no node yet)"
        in text
    )


def test_another_word_is_refused(fresh: Fakes) -> None:
    done = host(fresh, "none").run("--hosts=w1", "--profile=only.yaml", "--fix", "--max-disruption=some")
    assert done.code == 4
    assert "invalid choice: 'some'" in done.text
