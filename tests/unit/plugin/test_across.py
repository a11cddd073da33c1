"""A requirement across hosts: one result for all, which names the odd ones."""

import pytest
from fakes import Fakes

ACROSS = """\
import test_own
from trueup import Deviation, expect, remedy, requirement


@requirement("own.same", key="host.modules", reads=(test_own.STATE,), across=True, roles=("worker",))
def test_same(facts, spec):
    '''All states are the same.'''
    found = facts.each(test_own.STATE)
    odd = [host for host, state in found.items() if state != "good"]
    expect(*(Deviation("good", found[host], host, "effective") for host in odd))
"""


@pytest.fixture
def three(fresh: Fakes) -> Fakes:
    for name in ("w1", "w2", "w3"):
        fresh.host(name)
    fresh.test("test_across.py", ACROSS)
    fresh.test("roles.yaml", "extends: base\nselect: [own.same]\nroles: {worker: ['w*', gone]}\n")
    return fresh


def run(fakes: Fakes, *arguments: str, hosts: str = "w1,w2,w3") -> tuple[int, list[tuple[str, str]], str]:
    done = fakes.run(f"--hosts={hosts}", "--profile=roles.yaml", "--report=run.json", "--report=run.md", *arguments)
    results = fakes.json()["results"] if (fakes.directory / "run.json").exists() else []
    return done.code, [(r["host"], r["outcome"]) for r in results], done.text


def test_it_is_one_result_for_all_hosts(three: Fakes) -> None:
    assert run(three)[:2] == (0, [("cluster", "passed")])
    assert sorted(three.logins()) == ["w1", "w2", "w3"]


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("--fix",), ("--fix=plan",)])
def test_the_odd_host_is_named(three: Fakes, arguments: tuple[str, ...]) -> None:
    (three.directory / "hosts/w2/state").write_text("odd\n")
    code, results, text = run(three, *arguments)
    assert (code, results) == (1, [("cluster", "failed")])
    assert "effective, w2\n      expected  good\n      found     odd" in text
    assert "no automatic remedy" in text
    assert "| own.same |  |  |  | failed |" in (three.directory / "run.md").read_text()


def test_hosts_of_other_roles_do_not_count(three: Fakes) -> None:
    three.host("lb1", "odd")
    assert run(three, hosts="w1,w2,lb1")[:2] == (0, [("cluster", "passed")])


def test_what_could_not_be_compared_is_said_and_is_no_pass(three: Fakes) -> None:
    code, results, text = run(three, hosts="w1,w2,gone")
    assert (code, results) == (3, [("cluster", "could-not-look")])
    assert "not compared: gone: ssh: Could not resolve hostname gone" in text
    (three.directory / "hosts/w1/state").unlink()
    code, results, text = run(three)
    assert (code, results) == (3, [("cluster", "could-not-look")])
    assert "not compared: w1: own.state: exit code 1" in text


def test_what_is_known_to_differ_fails_whoever_is_silent(three: Fakes) -> None:
    (three.directory / "hosts/w2/state").write_text("odd\n")
    code, results, text = run(three, hosts="w1,w2,gone")
    assert (code, results) == (1, [("cluster", "failed")])
    assert "not compared: gone" in text


def test_no_host_may_have_the_name_of_all(three: Fakes) -> None:
    code, _, text = run(three, hosts="w1,cluster")
    assert code == 4
    assert "no host may be called 'cluster'" in text


NEEDS = """

@requirement("own.needs", key="host.modules", reads=(test_own.STATE,), needs=("own.state",), across=True)
def test_needs(facts, spec):
    '''All that are good are the same.'''
    assert set(facts.each(test_own.STATE).values()) <= {"good"}
"""


@pytest.mark.parametrize("arguments", [(), ("--fix=plan",)])
def test_a_host_where_a_need_does_not_hold_is_not_compared(three: Fakes, arguments: tuple[str, ...]) -> None:
    three.test("test_across.py", ACROSS + NEEDS)
    three.test("roles.yaml", "extends: base\nselect: [own.state, own.needs]\n")
    (three.directory / "hosts/w2/state").write_text("odd\n")
    _, results, text = run(three, *arguments)
    assert results[0] == ("cluster", "blocked")
    assert "not compared: w2: needs own.state (failed)" in text
    (three.directory / "hosts/w2/state").write_text("good\n")
    assert run(three, *arguments)[0] == 0
