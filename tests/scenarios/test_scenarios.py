"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on a real host."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from trueup.catalog import catalog
from trueup.profile import load

HOST = os.environ.get("TRUEUP_SCENARIO_HOST", "w1")
PROFILE = Path(__file__).with_name("profile.yaml")  # lab, with every role on one host
SCENARIOS = sorted(Path(__file__).parent.glob("*/*.sh"))
pytestmark = pytest.mark.lab
_GOOD = pytest.StashKey[int]()  # how many tests had failed when the host was last known to be good


def _head(script: Path, key: str) -> list[str]:
    marker = f"# {key}:"
    return [line[len(marker) :].strip() for line in script.read_text().splitlines() if line.startswith(marker)]


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any], request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A way to run trueup on a good host: brought from bare to good by --fix, made anew after a failed scenario."""

    def run(*args: str) -> Any:
        return trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={PROFILE}", *args)

    failed = request.session.testsfailed
    if request.session.stash.get(_GOOD, -1) != failed:
        lab.reset([HOST])
        fixed = run("--fix")
        assert fixed.code == 0, fixed.text
        request.session.stash[_GOOD] = failed
    return run


def test_every_requirement_that_profile_lab_selects_has_a_scenario() -> None:
    catalog.load("trueup.checks")
    assert {script.parent.name for script in SCENARIOS} == set(filter(load("lab").selects, catalog.requirements))


@pytest.mark.parametrize("script", SCENARIOS, ids=lambda script: f"{script.parent.name}-{script.stem}")
def test_scenario(script: Path, lab: Lab, run: Callable[..., Any]) -> None:
    requirement = script.parent.name
    try:
        lab.sh(HOST, f"set -e\n{script.read_text()}")
        red = run()
        assert red.code == 1, red.text
        result = red.result(requirement, HOST)
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
        assert all(requirement in r["detail"] for r in blocked), red.text

        if "# advice" in script.read_text().splitlines():
            fixed = run("--fix")
            assert fixed.result(requirement, HOST)["outcome"] in ("failed", "fix-failed"), fixed.text
            assert fixed.changes == []
            return
        fixed = run("--fix")
        assert fixed.code == 0, fixed.text
        assert fixed.result(requirement, HOST)["outcome"] == "fixed", fixed.text
    finally:
        for text in _head(script, "after"):
            lab.sh(HOST, text)
    again = run("--fix")
    assert (again.code, again.changes) == (0, []), again.text
