"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenario import Scenario, scenarios

from trueup.catalog import catalog

catalog.load("trueup.checks")
SCENARIOS = scenarios(Path(__file__).parent / "scenarios")
pytestmark = pytest.mark.lab


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_scenario(scenario: Scenario, well: Any, tmp_path: Path) -> None:
    rows = scenario.head("profile")
    profile = tmp_path / "scenario.yaml"
    profile.write_text("\n".join([f"extends: {well.lab.cluster}", *rows]) + "\n")
    host = next(iter(scenario.head("at")), "cp1")
    for text in scenario.head("first"):
        well.sh(text)

    def run(*args: str) -> Any:
        return well.run(*args, profile=profile)

    scenario.play(run, lambda text: well.sh(text, host), host)
