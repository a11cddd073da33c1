"""``--fix`` and ``--fix=plan`` as a user gives them."""

import pytest
from fakes import Fakes


@pytest.fixture
def fleet(fresh: Fakes) -> Fakes:
    fresh.host("n1", "bad")
    fresh.host("n2", "bad")
    fresh.host("n3")
    return fresh


def test_a_plan_changes_nothing_and_shows_the_difference(fleet: Fakes) -> None:
    done = fleet.run("--hosts=n1,n2,n3", "--fix=plan", "--report=run.json")
    assert done.code == 1, done.text
    assert [fleet.state(host) for host in ("n1", "n2", "n3")] == ["bad", "bad", "good"]
    assert not list(fleet.directory.glob("hosts/*/kept"))
    assert not (fleet.directory / ".trueup").exists()
    assert done.out.count("would write ") == 2
    assert "      -bad\n      +good\n" in done.out
    assert "2 changes to make\n" in done.out
    assert fleet.json()["mode"] == "plan"


def test_a_fix_makes_it_so_and_a_second_one_changes_nothing(fleet: Fakes) -> None:
    done = fleet.run("--hosts=n1,n2,n3", "--fix")
    assert done.code == 0, done.text
    assert [fleet.state(host) for host in ("n1", "n2", "n3")] == ["good"] * 3
    assert "compliant: 2 fixed, 4 passed on 3 hosts; 2 changes\n" in done.out
    again = fleet.run("--hosts=n1,n2,n3", "--fix")
    assert "compliant: 6 passed on 3 hosts; 0 changes\n" in again.out


def test_a_fix_works_on_all_hosts_by_itself_and_says_that_workers_are_not_used(fleet: Fakes) -> None:
    done = fleet.run("--hosts=n1,n2", "--fix", "-n", "2")
    assert done.code == 0, done.text
    assert "-n is not used with --fix" in done.out
    assert fleet.state("n1") == "good"


def test_the_option_does_not_swallow_the_path_behind_it(fleet: Fakes) -> None:
    done = fleet.run("--hosts=n1", "--fix", "test_own.py")
    assert done.code == 0, done.text
    assert fleet.state("n1") == "good"
