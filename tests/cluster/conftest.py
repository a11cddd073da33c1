"""A real cluster: bare hosts of the lab that trueup fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standing import Cluster, Standing, stood

from lab import Lab


@pytest.fixture
def well(cluster: Standing) -> Standing:
    """Return the cluster after all its requirements passed."""
    cluster.well()
    return cluster


@pytest.fixture(scope="session")
def cluster(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """Return the cluster, fixed at its first use."""
    return stood("TRUEUP_CLUSTER", Cluster(lab, trueup))
