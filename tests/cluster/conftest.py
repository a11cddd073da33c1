"""A real cluster on hosts of the lab, made by trueup itself from bare ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standing import Standing, stood

from lab import Lab

PRELUDE = "export KUBECONFIG=/etc/kubernetes/admin.conf"
# A kubelet may need a minute until it has cleared away a pod that ended: not one after the other, for every rollout.
AT_ONCE = """
patch='{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 3}}}}'
kubectl -n kube-system patch daemonset kube-proxy -p "$patch"
"""


class Cluster(Standing):
    """The hosts, and on them a cluster whose pods are replaced all at once."""

    def make(self) -> None:
        """See the base class."""
        super().make()
        if self.made.code == 0:
            self.sh(AT_ONCE)


@pytest.fixture
def well(cluster: Standing) -> Standing:
    """The cluster, once all is well with it."""
    cluster.well()
    return cluster


@pytest.fixture(scope="session")
def cluster(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """The cluster, made when first asked for."""
    return stood("TRUEUP_CLUSTER", Cluster(lab, trueup, ("cp1", "w1", "w2"), lab.cluster, PRELUDE))
