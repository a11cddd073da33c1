"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on the edge of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenario import Group, every_requirement_is_proven, groups

from trueup.model.catalog import catalog

catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent / "scenarios")
pytestmark = pytest.mark.lab


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_scenarios(group: Group, well: Any, tmp_path: Path) -> None:
    well.play(group, tmp_path)


REASONS = {  # requirement to why no scenario breaks a host for it, and what proves it instead
    "lb.vip.failover": "tests/edge/test_drill.py tries it",
}


def test_every_requirement_of_the_edge_has_a_scenario_or_a_reason(lab: Any) -> None:
    every_requirement_is_proven(GROUPS, REASONS, lab.edge, beside=lab.profile)
