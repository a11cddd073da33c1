"""Load balancers, a registry and a node that pulls from it: bare hosts of the lab that trueup fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standing import Edge, Standing, stood

from lab import Lab


@pytest.fixture
def well(edge: Standing) -> Standing:
    """Return the hosts after all their requirements passed."""
    edge.well()
    return edge


@pytest.fixture(scope="session")
def edge(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """Return the hosts, fixed at their first use."""
    return stood("TRUEUP_EDGE", Edge(lab, trueup))
