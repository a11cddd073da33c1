"""Plays each scenario on a cluster: break, red for this reason only, fix, green, a second fix changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scenario import Group, cases, every_requirement_is_proven, groups

from trueup.model.catalog import catalog

catalog.load("trueup.checks")
GROUPS = groups(Path(__file__).parent / "scenarios", 3)
pytestmark = pytest.mark.lab


@pytest.mark.parametrize("group", cases(GROUPS), ids=str)
def test_scenarios(group: Group, well: Any, tmp_path: Path) -> None:
    well.play(group, tmp_path)


ETCD_DOWN = "make test-long plays it: without etcd each look at the API lasts half a minute"
REASONS = {  # requirement without a scenario to its other proof
    "kube.api.answers": ETCD_DOWN,
    "kube.apiserver.health": ETCD_DOWN,
    "kube.controller_manager.health": ETCD_DOWN,
    "kube.controller_manager.node_monitoring": "make test-long plays it: kubelet needs minutes to replace a static pod",
    "kube.etcd.health": ETCD_DOWN,
    "kube.init": "tests/cluster/test_bare.py initialises",
    "kube.init.image_repository": "judged like kube.init.pod_subnet; unit tests",
    "kube.init.version": "another version would need its packages and images; unit tests",
    "kube.proxy.rules": "needs thousands of Services; unit tests",
    "kube.version_skew": "all kubelets of the lab are within the skew; unit tests",
}


def test_every_requirement_of_a_cluster_has_a_scenario_or_a_reason(lab: Any) -> None:
    every_requirement_is_proven(GROUPS, REASONS, lab.cluster, beside=lab.profile)
