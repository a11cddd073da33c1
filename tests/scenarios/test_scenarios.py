"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on a real host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from trueup.catalog import catalog
from trueup.cluster import Cluster
from trueup.profile import load

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])  # each has hosts of its own
HOST = os.environ.get("TRUEUP_SCENARIO_HOST", f"w{2 * _WORKER + 1}")
PEER = os.environ.get("TRUEUP_SCENARIO_PEER", f"w{2 * _WORKER + 2}")
catalog.load("trueup.checks")
SCENARIOS = sorted(Path(__file__).parent.glob("*/*.sh"))
pytestmark = pytest.mark.lab
_GOOD = pytest.StashKey[dict[str, int]]()  # host to how many tests had failed when it was last known to be good


def _head(script: Path, key: str) -> list[str]:
    marker = f"# {key}:"
    return [line[len(marker) :].strip() for line in script.read_text().splitlines() if line.startswith(marker)]


def _own(script: Path) -> list[str]:
    """Return the lines that a scenario adds to the profile."""
    return _head(script, "profile")


def _profile(lab: Lab, directory: Path, script: Path | None) -> Path:
    """Write the lab's profile with every role on each host, and with what the scenario has of its own."""
    rows = [
        f"extends: {lab.profile}",
        'roles: {control-plane: ["*"], worker: ["*"]}',
        *(_own(script) if script else ()),
    ]
    path = directory / "scenario.yaml"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any], request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Any]:
    """A way to run trueup on good hosts: brought from bare to good by --fix, made anew after a failed scenario."""
    script = request.node.callspec.params["script"]
    hosts = [HOST, PEER] if "# peers" in script.read_text().splitlines() else [HOST]

    def run(*args: str, profile: Path | None = None) -> Any:
        profile = profile or _profile(lab, tmp_path, script)
        return trueup(f"--hosts={','.join(hosts)}", f"--ssh-config={lab.ssh_config}", f"--profile={profile}", *args)

    failed = request.session.testsfailed
    known = request.session.stash.setdefault(_GOOD, {})
    if bare := [host for host in hosts if known.get(host, -1) != failed]:
        lab.reset(bare)
        (tmp_path / "good").mkdir()
        fixed = run("--fix", profile=_profile(lab, tmp_path / "good", None))
        assert fixed.code == 0, fixed.text
        known.update(dict.fromkeys(bare, failed))
    return run


def test_every_requirement_has_a_scenario_or_a_reason() -> None:
    proven = {script.parent.name for script in SCENARIOS}
    selected = set(filter(load("lab").selects, catalog.requirements))
    assert selected <= proven
    assert proven <= set(catalog.requirements)


@pytest.mark.parametrize("script", SCENARIOS, ids=lambda script: f"{script.parent.name}-{script.stem}")
def test_scenario(script: Path, lab: Lab, run: Callable[..., Any]) -> None:
    requirement = script.parent.name
    host = Cluster.id if catalog.requirements[requirement].across else HOST
    options = [word for row in _head(script, "options") for word in row.split()]
    try:
        lab.sh(HOST, f"set -e\npeer={PEER}\n{script.read_text()}")
        red = run()
        assert red.code == 1, red.text
        result = red.result(requirement, host)
        assert result["outcome"] == "failed", red.text
        assert {d["layer"] for d in result["deviations"]} == {
            layer for line in _head(script, "red") for layer in line.split()
        }
        for text in _head(script, "says"):
            assert text in red.text
        also = {requirement, *_head(script, "also")}
        others = {outcome for (id, _), outcome in red.outcomes.items() if id not in also}
        assert others <= {"passed", "blocked"}, red.text
        blocked = [r for r in red.report["results"] if r["outcome"] == "blocked"]
        assert all(any(id in r["detail"] for id in also) for r in blocked), red.text

        if "# advice" in script.read_text().splitlines():
            fixed = run("--fix", *options)
            assert fixed.result(requirement, host)["outcome"] in ("failed", "fix-failed"), fixed.text
            assert fixed.changes == []
            return
        fixed = run("--fix", *options)
        assert fixed.code == 0, fixed.text
        assert fixed.result(requirement, host)["outcome"] == "fixed", fixed.text
        if _own(script):
            again = run("--fix", *options)
            assert (again.code, again.changes) == (0, []), again.text
            return
    finally:
        for text in _head(script, "after"):
            lab.sh(HOST, text)
    again = run("--fix", *options)
    assert (again.code, again.changes) == (0, []), again.text
