"""One ``--fix`` from bare hosts to a web server that answers on every node."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.lab


def test_one_fix_makes_a_cluster_that_serves(cluster: Any) -> None:
    made = cluster.made
    assert made.code == 0, made.text
    assert made.result("kube.init", "cluster")["outcome"] == "fixed"
    for worker in ("w1", "w2"):
        assert made.result("kube.join", worker)["outcome"] == "fixed"
    assert "cp1" in cluster.sh("kubectl get nodes")


def test_a_second_fix_changes_nothing(cluster: Any) -> None:
    again = cluster.run("--fix")
    assert (again.code, again.changes) == (0, []), again.text
