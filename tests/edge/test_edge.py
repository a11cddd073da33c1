"""Plays each scenario on the edge: break, red for this reason only, fix, green, a second fix changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenario import Group, cases, every_requirement_is_proven, groups

from trueup.model.catalog import catalog

catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent / "scenarios")
pytestmark = pytest.mark.lab


@pytest.mark.parametrize("group", cases(GROUPS), ids=str)
def test_scenarios(group: Group, well: Any, tmp_path: Path) -> None:
    well.play(group, tmp_path)


REASONS = {  # requirement without a scenario to its other proof
    "lb.vip.failover": "tests/edge/test_drill.py runs it",
}


def test_every_requirement_of_the_edge_has_a_scenario_or_a_reason(lab: Any) -> None:
    every_requirement_is_proven(GROUPS, REASONS, lab.edge, beside=lab.profile)
