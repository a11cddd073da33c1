"""Load balancers, a registry and a node that pulls from it, on hosts of the lab, made by trueup from bare ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standing import Standing, stood

from lab import Lab

PRELUDE = (Path(__file__).parent / "prelude.sh").read_text()
HARBOR = "apt-get -qq update && apt-get -qq -y install --no-install-recommends harbor-installer >/dev/null"


class Edge(Standing):
    """The hosts; Harbor's installer is unpacked by an operator, not by trueup."""

    def prepare(self) -> None:
        self.sh(HARBOR, "reg1")


@pytest.fixture
def well(edge: Standing) -> Standing:
    """The hosts, once all is well with them."""
    edge.well()
    return edge


@pytest.fixture(scope="session")
def edge(lab: Lab, trueup: Callable[..., Any]) -> Standing:
    """The hosts, made when first asked for."""
    return stood("TRUEUP_EDGE", Edge(lab, trueup, ("lb1", "lb2", "reg1", "w3"), lab.edge, PRELUDE))
