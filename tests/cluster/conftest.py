"""A real cluster on hosts of the lab, made by trueup itself from bare ones."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

HOSTS = ("cp1", "w1", "w2")
SETTLES = 120.0  # seconds in which what a test has taken back must be well again


@dataclass
class Cluster:
    """The cluster, and how trueup is run on it."""

    lab: Lab
    trueup: Callable[..., Any]
    made: Any  # the run that made it

    def run(self, *args: str, profile: Path | None = None, timeout: float = 900, within: Sequence[str] = ()) -> Any:
        """Run trueup on all hosts, as an operator would; ``within`` the hosts' own network where that is given."""
        return self.trueup(
            f"--hosts={','.join(HOSTS)}",
            f"--ssh-config={self.lab.ssh_config}",
            f"--profile={profile or self.lab.cluster}",
            "--host-timeout=25",
            *args,
            timeout=timeout,
            within=within,
        )

    def sh(self, text: str, host: str = HOSTS[0]) -> str:
        """Run a script as root on a host, with the cluster's admin.conf where it is a control plane."""
        done = self.lab.sh(host, f"export KUBECONFIG=/etc/kubernetes/admin.conf\n{text}", timeout=400)
        return done.stdout

    def make(self) -> None:
        """Bring the hosts from bare to good by one ``--fix``."""
        self.lab.reset(HOSTS)
        self.made = self.run("--fix")

    def settled(self) -> bool:
        """Whether all is well, or is in a while."""
        until = time.monotonic() + SETTLES
        while (well := self.run().code == 0) is False and time.monotonic() < until:
            time.sleep(1)
        return well


@pytest.fixture
def well(cluster: Cluster) -> Cluster:
    """The cluster, once all is well with it."""
    if not cluster.settled():
        cluster.make()
        assert cluster.made.code == 0, cluster.made.text
    return cluster


@pytest.fixture(scope="session")
def cluster(lab: Lab, trueup: Callable[..., Any]) -> Cluster:
    """The cluster, made when first asked for."""
    made = Cluster(lab, trueup, None)
    if "TRUEUP_CLUSTER" not in os.environ:  # which says that it is there, while one works on a scenario
        made.make()
    return made
