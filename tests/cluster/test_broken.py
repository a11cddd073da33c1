"""Break → red for that reason and no other → fix → green → a second fix changes nothing, on a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenario import Group, every_requirement_is_proven, groups

from trueup.model.catalog import catalog

catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent / "scenarios", 3)
pytestmark = pytest.mark.lab


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_scenarios(group: Group, well: Any, tmp_path: Path) -> None:
    well.play(group, tmp_path)


REASONS = {
    "kube.init": "tests/cluster/test_bare.py initialises",
    "kube.init.image_repository": "as kube.init.pod_subnet, by unit tests",
    "kube.init.version": "to want another is to want its packages and images too, by unit tests",
    "kube.proxy.rules": "thousands of Services, by unit tests",
    "kube.version_skew": "the lab's kubelets are all within it, by unit tests",
}


def test_every_requirement_of_a_cluster_has_a_scenario_or_a_reason(lab: Any) -> None:
    every_requirement_is_proven(GROUPS, REASONS, lab.cluster, beside=lab.profile)
