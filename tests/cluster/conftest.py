"""A real cluster on hosts of the lab, made by trueup itself from bare ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standing import Cluster, Standing, stood

from lab import Lab


@pytest.fixture
def well(cluster: Standing) -> Standing:
    """The cluster, once all is well with it."""
    cluster.well()
    return cluster


@pytest.fixture(scope="session")
def cluster(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """The cluster, made when first asked for."""
    return stood("TRUEUP_CLUSTER", Cluster(lab, trueup))
