"""pytest's own ways to select work on requirements, and a user's own tests run beside them."""

import pytest
from fakes import Fakes

SECOND = """\
from trueup import equal, expect, requirement
from test_own import STATE


@requirement("other.state", key="host.modules", reads=(STATE,))
def test_other(facts, spec):
    '''The state is good here too.'''
    expect(equal(facts[STATE], "good", where="the state", layer="effective"))
"""


@pytest.fixture(scope="module", autouse=True)
def hosts(fakes: Fakes) -> None:
    for name in ("cp1", "w1", "w2"):
        fakes.host(name)
    fakes.test("test_second.py", SECOND)
    fakes.test("roles.yaml", "extends: base\nroles: {control-plane: ['cp*']}\nselect: ['own.*', 'other.*']\n")
    fakes.test("some.yaml", "extends: base\nselect: ['*', '!own.*']\n")
    fakes.test("again.yaml", "extends: base\nselect: ['*', '!own.*', '!other.state', own.state]\n")


def passed(fakes: Fakes, *arguments: str) -> set[str]:
    done = fakes.run("--hosts=cp1,w1", "-v", *arguments)
    assert done.code == 0, done.text
    return {line.split("::")[1].split(" PASSED")[0] for line in done.out.splitlines() if " PASSED" in line}


@pytest.mark.parametrize(
    ("arguments", "items"),
    [
        (["-k", "own.uses_state"], {"own.uses_state[cp1]", "own.uses_state[w1]"}),
        (["-k", "own.state and w1"], {"own.state[w1]"}),
        (["-m", "critical"], {"own.state[cp1]", "own.state[w1]"}),
        (["-m", "critical or low", "-k", "cp1"], {"own.state[cp1]", "own.uses_state[cp1]"}),
        (["test_own.py::own.state[w1]"], {"own.state[w1]"}),
        (["--profile=some.yaml"], {"other.state[cp1]", "other.state[w1]"}),
        (["--profile=again.yaml"], {"own.state[cp1]", "own.state[w1]"}),
        (["--profile=roles.yaml", "-k", "control-plane and other.state"], {"other.state[cp1]"}),
    ],
)
def test_requirements_are_selected_by_id_severity_host_role_and_profile(
    fakes: Fakes, arguments: list[str], items: set[str]
) -> None:
    assert passed(fakes, *arguments) == items


def test_the_requirements_of_every_file_are_selected(fakes: Fakes) -> None:
    assert len(passed(fakes)) == 6


def test_the_verdict_does_not_depend_on_the_selection(fakes: Fakes) -> None:
    state = fakes.directory / "hosts/w1/state"
    state.write_text("bad\n")
    try:
        done = fakes.run("test_own.py", "--hosts=w1", "-k", "own.uses_state", "-v")
    finally:
        state.write_text("good\n")
    assert done.code == 3, done.text
    assert "needs own.state (failed)" in done.out
    assert fakes.logins() == ["w1"]


def test_only_the_hosts_of_selected_items_are_looked_at(fakes: Fakes) -> None:
    passed(fakes, "-k", "w1")
    assert fakes.logins() == ["w1"]


def test_collecting_alone_looks_at_no_host(fakes: Fakes) -> None:
    done = fakes.run("--hosts=cp1,w1", "--collect-only", "-q")
    assert done.code == 0, done.text
    assert "test_own.py::own.state[cp1]" in done.out
    assert fakes.logins() == []


def test_the_shipped_checks_are_found_by_the_name_of_the_package(fakes: Fakes) -> None:
    done = fakes.run("--pyargs", "trueup.checks", "--hosts=cp1", "--collect-only", "-q", "-k", "host.sysctl.ip_forward")
    assert done.code == 0, done.text
    assert [line.split("::")[1] for line in done.out.splitlines() if "::" in line] == ["host.sysctl.ip_forward[cp1]"]


def test_a_requirement_comes_after_its_needs_and_a_test_of_the_user_last(fakes: Fakes) -> None:
    fakes.test("aa_mine.py", "def test_mine(host):\n    assert host.check_output('cat state') in ('good', '')\n")
    done = fakes.run("aa_mine.py", "test_own.py", "--hosts=w2,cp1", "--collect-only", "-q")
    names = [line.split("::")[1] for line in done.out.splitlines() if "::" in line]
    assert names[:4] == ["own.state[cp1]", "own.state[w2]", "own.uses_state[cp1]", "own.uses_state[w2]"]
    assert all(name.startswith("test_mine") for name in names[4:])
    assert len(names) == 6


def test_a_test_of_the_user_has_the_host_of_testinfra_by_the_same_way(fakes: Fakes) -> None:
    fakes.test("mine.py", "def test_mine(host):\n    assert host.check_output('cat \"$HOME/state\"') == 'good'\n")
    done = fakes.run("mine.py", "test_own.py", "--hosts=w1,ssh://w2", "-v")
    assert done.code == 0, done.text
    assert done.out.count("mine.py::test_mine[ssh://w1] PASSED") == 1
    assert done.out.count("mine.py::test_mine[ssh://w2] PASSED") == 1
    assert "compliant: 4 passed on 2 hosts" in done.out
