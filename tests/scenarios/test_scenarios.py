"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on a real host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scenario import PRELUDE, Group, groups

from lab import Lab
from trueup.model.catalog import catalog
from trueup.model.profile import load

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # each has hosts of its own
HOST = os.environ.get("TRUEUP_SCENARIO_HOST", f"w{2 * _WORKER + 11}")
PEER = os.environ.get("TRUEUP_SCENARIO_PEER", f"w{2 * _WORKER + 12}")
catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent)
pytestmark = pytest.mark.lab
_GOOD = pytest.StashKey[dict[str, int]]()  # host to how many tests had failed when it was last known to be good


def _profile(lab: Lab, directory: Path, group: Group | None) -> Path:
    """Write the lab's profile with every role on each host, and with what the scenarios have of their own."""
    rows = [
        f"extends: {lab.profile}",
        'roles: {control-plane: ["*"], worker: ["*"]}',
        *(group.head("profile") if group else ()),
    ]
    path = directory / "scenario.yaml"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """A way to run trueup on good hosts: brought from bare to good by --fix, made anew after a failed scenario."""
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
    proven = {scenario.requirement for group in GROUPS for scenario in group.scenarios}
    selected = {each.id for each in filter(load("lab").selects, catalog.requirements.values())}
    assert selected <= proven
    assert proven <= set(catalog.requirements)


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_scenarios(group: Group, lab: Lab, run: Callable[..., Any]) -> None:
    group.play(run, lambda _, text: lab.sh(HOST, text), lambda _: HOST, f"peer={PEER}\n{PRELUDE}")
