"""Load balancers, a registry and a node that pulls from it, on hosts of the lab, made by trueup from bare ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from standing import Edge, Standing, stood

from lab import Lab


@pytest.fixture
def well(edge: Standing) -> Standing:
    """The hosts, once all is well with them."""
    edge.well()
    return edge


@pytest.fixture(scope="session")
def edge(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """The hosts, made when first asked for."""
    return stood("TRUEUP_EDGE", Edge(lab, trueup))
