"""Real hosts of the lab that trueup itself brought from bare to what a profile says."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scenario import Group, Scenario

from lab import Lab
from trueup.model.profile import load

SETTLES = 120.0  # seconds in which what a test has taken back must be well again


@dataclass
class Standing:
    """The hosts, and how trueup is run on them."""

    lab: Lab
    trueup: Callable[..., Any]
    hosts: Sequence[str]
    profile: Path
    prelude: str = ""  # what every script begins with
    made: Any = field(init=False, default=None)  # the run that made them so
    good: bool = field(init=False, default=False)  # whether the last thing that was done left all well

    def run(self, *args: str, profile: Path | None = None, timeout: float = 900, within: Sequence[str] = ()) -> Any:
        """Run trueup on all hosts, as an operator would; ``within`` the hosts' own network where that is given."""
        return self.trueup(
            f"--hosts={','.join(self.hosts)}",
            f"--ssh-config={self.lab.ssh_config}",
            f"--profile={profile or self.profile}",
            "--host-timeout=25",
            *args,
            timeout=timeout,
            within=within,
        )

    def sh(self, text: str, host: str = "") -> str:
        """Run a script as root on a host, the first one if none is named."""
        return self.lab.sh(host or self.hosts[0], f"{self.prelude}\n{text}", timeout=400).stdout

    def make(self) -> None:
        """Bring the hosts from bare to good by one ``--fix``."""
        self.lab.reset(self.hosts)
        self.prepare()
        self.made = self.run("--fix")

    def prepare(self) -> None:
        """Put on the bare hosts what is there before trueup comes."""

    def settled(self) -> bool:
        """Whether all is well, or is in a while."""
        until = time.monotonic() + SETTLES
        while (well := self.run().code == 0) is False and time.monotonic() < until:
            time.sleep(1)
        return well

    def well(self) -> None:
        """Wait until all is well, and make the hosts anew where it does not come to that."""
        if not self.good and not self.settled():
            self.make()
            assert self.made.code == 0, self.made.text
        self.good = False

    def play(self, group: Group, directory: Path) -> None:
        """Play scenarios, each on the hosts that it names."""
        profile = group.write_profile(directory / "scenario.yaml", {"extends": str(self.profile)})
        for text in group.head("first"):
            self.sh(text)

        def run(*args: str) -> Any:
            return self.run(*args, profile=profile)

        def everywhere(scenario: Scenario, text: str) -> None:
            for host in self.places(scenario):
                self.sh(text, host)

        group.play(run, everywhere, lambda scenario: self.places(scenario)[0], settles=SETTLES)
        self.good = not group.flag("advice") and not group.head("profile")  # as its last run has said

    def places(self, scenario: Scenario) -> list[str]:
        """Return the hosts that a scenario is played on: those that it names, or the first one."""
        return [host for line in scenario.head("at") for host in line.split()] or [self.hosts[0]]


PRELUDE = (Path(__file__).parent / "edge/prelude.sh").read_text()
HARBOR = "apt-get -qq update && apt-get -qq -y install --no-install-recommends harbor-installer >/dev/null"
OURS = "{tls: {signing: controller, controller: {certificate: ca.crt, private_key: ca.key}}}"
TAKEN = "/root/ca.key"
# A kubelet may need a minute until it has cleared away a pod that ended: not one after the other, for every rollout.
AT_ONCE = """
patch='{"spec": {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 3}}}}'
kubectl -n kube-system patch daemonset kube-proxy -p "$patch"
"""
# Each time a container ends, kubelet waits longer before it starts it again, up to 5 minutes, and forgets this with
# its own restart (kubelet's back-off).
RESTARTS = """
kubectl -n kube-system get pods -l tier=control-plane -o 'jsonpath={.items[*].status.containerStatuses[*].restartCount}'
"""


class Edge(Standing):
    """Load balancers, a registry and a node that pulls from it; an operator unpacks Harbor's installer, not trueup."""

    def __init__(self, lab: Lab, trueup: Callable[..., Any]) -> None:
        super().__init__(lab, trueup, ("lb1", "lb2", "reg1", "w3"), lab.edge, PRELUDE)

    def prepare(self) -> None:
        """See the base class."""
        self.sh(HARBOR, "reg1")

    def sign_here(self, directory: Path) -> Path:
        """Take the registry's authority away to a directory of this machine, and return a profile that has it sign."""
        ca = load(str(self.lab.edge)).spec("reg1").registry.tls.ca
        (directory / "ca.crt").write_text(self.sh(f"cat {ca.certificate}", "reg1"))
        (directory / "ca.key").write_text(self.sh(f"cat {ca.private_key} && mv {ca.private_key} {TAKEN}", "reg1"))
        profile = directory / "signed.yaml"
        profile.write_text(f"extends: {self.lab.edge}\nregistry: {OURS}\n")
        return profile

    def sign_there(self) -> None:
        """Give the registry its authority's key back."""
        ca = load(str(self.lab.edge)).spec("reg1").registry.tls.ca
        self.sh(f"mv {TAKEN} {ca.private_key}", "reg1")


class Signed(Edge):
    """The same, but an authority on this machine signs what the registry serves by."""

    def make(self) -> None:
        """See the base class."""
        self.profile = self.lab.edge
        super().make()
        if self.made.code == 0:
            self._authority = tempfile.TemporaryDirectory()
            self.profile = self.sign_here(Path(self._authority.name))


class Cluster(Standing):
    """A cluster whose pods are replaced all at once."""

    def __init__(self, lab: Lab, trueup: Callable[..., Any]) -> None:
        kubeconfig = "export KUBECONFIG=/etc/kubernetes/admin.conf"
        super().__init__(lab, trueup, ("cp1", "w1", "w2"), lab.cluster, kubeconfig)
        self._restarts = ""

    def make(self) -> None:
        """See the base class."""
        super().make()
        if self.made.code == 0:
            self.sh(AT_ONCE)
            self._restarts = self.sh(RESTARTS)

    def well(self) -> None:
        """See the base class; the control plane's programs start at once if a test ends them."""
        if (restarts := self.sh(RESTARTS)) != self._restarts:
            self._restarts = restarts
            self.good = False
            self.sh("systemctl restart kubelet")
        super().well()


def stood(variable: str, standing: Standing) -> Standing:
    """Make the hosts so, unless a variable of the environment says that they are, while one works on a scenario."""
    if variable not in os.environ:
        standing.make()
    return standing
