"""A waiver is shown with its failure, and one that is over or not used is named."""

import datetime

import pytest
from fakes import Fakes, Finished

TODAY = datetime.datetime.now(datetime.UTC).date()
YESTERDAY = TODAY - datetime.timedelta(days=1)
PROFILE = f"""\
extends: base
select: [own.*]
waivers:
- {{requirement: own.state, hosts: [waived], reason: old kernel, approver: jo, expires: {TODAY}}}
- {{requirement: own.state, hosts: [late], reason: old kernel, approver: jo, expires: {YESTERDAY}}}
- {{requirement: own.state, hosts: [fine], reason: old kernel, approver: jo, expires: {TODAY}}}
- {{requirement: own.state, hosts: [elsewhere], reason: old kernel, approver: jo, expires: {TODAY}}}
"""


@pytest.fixture(scope="module")
def done(fakes: Fakes) -> Finished:
    fakes.host("waived", "bad")
    fakes.host("late", "bad")
    fakes.host("fine")
    fakes.test("own.yaml", PROFILE)
    return fakes.run("--hosts=waived,late,fine", "--profile=own.yaml", "-k", "own.state")


def test_a_waived_failure_is_still_shown_with_who_waived_it_and_why(done: Finished) -> None:
    block = done.block("WAIVED  own.state  on waived")
    assert "found     bad" in block
    assert f"waived until {TODAY} by jo: old kernel" in block


def test_a_waiver_that_is_over_counts_no_more_and_is_named(done: Finished) -> None:
    assert "FAILED  own.state  on late\n" in done.out
    assert f"waiver of own.state on late expired on {YESTERDAY}: it no longer counts\n" in done.out


def test_a_waiver_that_is_not_used_is_named(done: Finished) -> None:
    assert "waiver of own.state on fine is not used: nothing that it covers fails\n" in done.out


def test_a_waiver_of_hosts_that_are_not_in_the_run_is_no_news(done: Finished) -> None:
    assert "elsewhere" not in done.out


def test_a_waiver_of_an_unknown_requirement_is_refused_with_the_nearest(fakes: Fakes) -> None:
    fakes.test("misspelt.yaml", PROFILE.replace("requirement: own.state", "requirement: own.sate"))
    refused = fakes.run("--hosts=fine", "--profile=misspelt.yaml")
    assert refused.code == 4, refused.text
    assert "waivers: 'own.sate' matches no requirement; did you mean 'own.state'?" in refused.text


def test_a_run_in_which_all_failures_are_waived_is_compliant(fakes: Fakes) -> None:
    waived = fakes.run("--hosts=waived", "--profile=own.yaml", "-k", "own.state")
    assert waived.code == 0, waived.text
    assert "compliant: 1 waived on 1 host\n" in waived.out
