"""With ``-n`` the controller looks, workers judge, the controller reports: as if there were one process."""

import json
from typing import Any

import pytest
from fakes import Fakes, Finished

MANY = """\
import os
from trueup import equal, expect, requirement
from trueup.model.fact import Fact

STATE = Fact("own.state", 'cat "$HOME/state"', str.strip)
for number in range(6):
    def test_state(facts, spec, number=number):
        '''The state is good.'''
        with open(os.environ["FLEET"] + "/judged", "a") as file:
            file.write(f"{facts.snapshot.host} {os.getpid()}\\n")
        expect(equal(facts[STATE], "good", where="the state", layer="effective"))
    test_state.__code__ = test_state.__code__.replace(co_firstlineno=100 + number)
    globals()[f"test_{number}"] = requirement(f"own.state_{number}", key="host.modules", reads=(STATE,))(test_state)
del test_state
"""
TIMES = "seconds", "asked", "answered", "age"
HOSTS = [f"h{n}" for n in range(8)]


@pytest.fixture(scope="module")
def fleet(fakes: Fakes) -> Fakes:
    for name in HOSTS:
        fakes.host(name, "bad" if name == "h3" else "good")
    (fakes.directory / "hosts/h5/behave").write_text("exit 255")
    fakes.test("test_own.py", MANY)
    return fakes


def report(fleet: Fakes) -> list[Any]:
    results = fleet.json()["results"]
    return sorted(
        json.dumps({key: value for key, value in result.items() if key not in TIMES}, sort_keys=True)
        for result in results
    )


@pytest.fixture(scope="module")
def done(fleet: Fakes) -> Finished:
    (fleet.directory / "judged").unlink(missing_ok=True)
    return fleet.run(f"--hosts={','.join(HOSTS)}", "-n", "2", "--report=run.json")


def test_one_host_never_meets_two_workers(done: Finished, fleet: Fakes) -> None:
    judged = [line.split() for line in (fleet.directory / "judged").read_text().splitlines()]
    assert len(judged) == 6 * 7
    workers = {host: {pid for name, pid in judged if name == host} for host, _ in judged}
    assert {host: len(pids) for host, pids in workers.items()} == dict.fromkeys(workers, 1)
    assert len(set.union(*workers.values())) == 2  # else nothing was distributed


def test_each_host_is_logged_in_to_once_whatever_the_number_of_workers(done: Finished, fleet: Fakes) -> None:
    fleet.run(f"--hosts={','.join(HOSTS)}", "-n", "2")
    assert sorted(fleet.logins()) == HOSTS


def test_the_report_of_workers_is_that_of_one_process(done: Finished, fleet: Fakes) -> None:
    with_workers = report(fleet)
    alone = fleet.run(f"--hosts={','.join(HOSTS)}", "--report=run.json")
    assert (done.code, len(with_workers)) == (1, 48)
    assert alone.code == done.code
    assert report(fleet) == with_workers
    last = "not compliant: 6 failed, 36 passed, 6 unreachable on 8 hosts\n"
    assert last in done.out
    assert last in alone.out


def test_nothing_that_was_read_stays_on_the_controller(done: Finished, fleet: Fakes) -> None:
    assert [path for path in fleet.tmp.iterdir() if path.name.startswith("trueup")] == []


def test_bad_input_is_told_once_by_the_controller(fleet: Fakes) -> None:
    fleet.test("misspelt.yaml", "extends: base\nselect: [own.stat_1]\n")
    done = fleet.run("--hosts=h1", "-n", "2", "--profile=misspelt.yaml")
    assert done.code == 4, done.text
    assert done.text.count("matches no requirement; did you mean") == 1
    assert fleet.logins() == []


def test_an_ansible_inventory_keeps_its_names_groups_and_variables_in_the_workers(fleet: Fakes) -> None:
    listing = {
        "_meta": {"hostvars": {"alias": {"ansible_host": "h1"}, "other": {"ansible_host": "h2"}}},
        "masters": {"hosts": ["alias"]},
        "ungrouped": {"hosts": ["other"]},
    }
    fleet.tool("ansible-inventory", f"#!/bin/sh\ncat <<'E'\n{json.dumps(listing)}\nE\n")
    fleet.test("roles.yaml", "extends: base\nselect: [own.*]\nroles: {control-plane: ['@masters']}\n")
    for workers in ("0", "2"):
        done = fleet.run("--hosts=ansible://all", "--profile=roles.yaml", "-n", workers, "--report=run.json")
        assert done.code == 0, done.text
        assert fleet.json()["hosts"] == {"alias": ["control-plane", "node"], "other": ["node"]}
        assert {result["host"] for result in fleet.json()["results"]} == {"alias", "other"}
        only = fleet.run("--hosts=ansible://all", "--profile=roles.yaml", "-n", workers, "-k", "control-plane")
        assert "compliant: 6 passed on" in only.out, only.text
