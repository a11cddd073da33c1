"""A host's question about the others: asked once these have said something of themselves."""

from __future__ import annotations

import pytest
from fakes import Fakes

PEERS = """\
import shlex

import test_own
from trueup import Deviation, expect, requirement
from trueup.model.fact import PeerFact


def ask(own, others):
    rows = [f"{id}={other.said} {sorted(other.roles)[0]}" for id, other in others.items()]
    return f"echo {shlex.quote(own.said)}; printf '%s\\\\n' {shlex.join(rows)}"


SEEN = PeerFact("own.seen", test_own.STATE, ask, str.splitlines)


@requirement("own.sees", key="host.modules", reads=(test_own.STATE, SEEN), across=True, roles=("worker",))
def test_sees(facts, spec):
    '''Each sees the others.'''
    found = facts.each(SEEN)
    expect(*(Deviation("", " ".join(rows), host, "effective") for host, rows in found.items()))
"""


@pytest.fixture
def three(fresh: Fakes) -> Fakes:
    for name in ("w1", "w2", "w3"):
        fresh.host(name, f"of-{name}")
    fresh.test("test_peers.py", PEERS)
    fresh.test("roles.yaml", "extends: base\nselect: [own.sees]\nroles: {worker: ['w*', gone]}\n")
    return fresh


def run(fakes: Fakes, *arguments: str, hosts: str = "w1,w2,w3") -> tuple[dict[str, str], str]:
    fakes.run(f"--hosts={hosts}", "--profile=roles.yaml", "--report=run.json", *arguments)
    [result] = fakes.json()["results"]
    return {d["where"]: d["found"] for d in result["deviations"]}, result["detail"]


@pytest.mark.parametrize("arguments", [(), ("-n2",), ("--fix",), ("--fix=plan",)])
def test_each_host_is_asked_by_what_the_others_have_said(three: Fakes, arguments: tuple[str, ...]) -> None:
    found, _ = run(three, *arguments)
    assert found == {
        "w1": "of-w1 w2=of-w2 node w3=of-w3 node",
        "w2": "of-w2 w1=of-w1 node w3=of-w3 node",
        "w3": "of-w3 w1=of-w1 node w2=of-w2 node",
    }
    each = 4 if "--fix" in arguments else 2  # a lock is taken and given back
    assert sorted(three.logins()) == [host for host in ("w1", "w2", "w3") for _ in range(each)]


def test_who_says_nothing_is_not_asked_about_and_is_not_compared(three: Fakes) -> None:
    (three.directory / "hosts/w2/state").unlink()
    found, detail = run(three, hosts="w1,w2,w3,gone")
    assert found == {"w1": "of-w1 w3=of-w3 node", "w3": "of-w3 w1=of-w1 node"}
    assert "not compared: gone: ssh: Could not resolve hostname gone" in detail
    assert "not compared: w2: own.seen: exit code 1 ('a fact that this check needs is missing on this host')" in detail
