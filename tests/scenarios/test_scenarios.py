"""Plays each scenario on a host: break, red for this reason only, fix, green, a second fix changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scenario import PRELUDE, Group, cases, groups

from lab import Lab
from trueup.model.catalog import catalog
from trueup.model.profile import load

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # each worker has its own hosts
HOST = os.environ.get("TRUEUP_SCENARIO_HOST", f"w{2 * _WORKER + 11}")
PEER = os.environ.get("TRUEUP_SCENARIO_PEER", f"w{2 * _WORKER + 12}")
catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent)
pytestmark = pytest.mark.lab
_GOOD = pytest.StashKey[dict[str, int]]()  # host to the number of failed tests when it was last good


def _profile(lab: Lab, directory: Path, group: Group | None) -> Path:
    """Write the lab's profile with every role on each host, and with the scenarios' own values."""
    roles = {"control-plane": ["*"], "worker": ["*"]}
    rows = {"extends": str(lab.profile), "roles": roles}
    return (group or Group(())).write_profile(directory / "scenario.yaml", rows)


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that runs trueup on good hosts: --fix makes them so once, and again after a failed scenario."""
    group = request.node.callspec.params["group"]
    hosts = [HOST, PEER] if group.flag("peers") else [HOST]

    def run(*args: str, profile: Path | None = None) -> Any:
        profile = profile or _profile(lab, tmp_path, group)
        return trueup(f"--hosts={','.join(hosts)}", f"--ssh-config={lab.ssh_config}", f"--profile={profile}", *args)

    failed = request.session.testsfailed
    known = request.session.stash.setdefault(_GOOD, {})
    if any(known.get(host, -1) != failed for host in hosts):
        lab.reset(hosts)
        (tmp_path / "good").mkdir()
        fixed = run("--fix", profile=_profile(lab, tmp_path / "good", None))
        assert fixed.code == 0, fixed.text
        known.update(dict.fromkeys(hosts, failed))
    return run


def test_every_requirement_has_a_scenario_or_a_reason() -> None:
    proven = {scenario.requirement for group in GROUPS if not group.flag("long") for scenario in group.scenarios}
    selected = {each.id for each in filter(load("lab").selects, catalog.requirements.values())}
    assert selected <= proven
    assert proven <= set(catalog.requirements)


@pytest.mark.parametrize("group", cases(GROUPS), ids=str)
def test_scenarios(group: Group, lab: Lab, run: Callable[..., Any]) -> None:
    group.play(run, lambda _, text: lab.sh(HOST, text), lambda _: HOST, f"peer={PEER}\n{PRELUDE}")
