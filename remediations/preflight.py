"""Remedies for kubeadm's preflight checks; those that need a decision or another machine have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup import Change, HostFacts, Spec, remedy
from trueup.facts.kube.preflight import CRI

if TYPE_CHECKING:
    from trueup.model.catalog import Fix

_TOOLS = "conntrack crictl ip iptables mount nsenter losetup ebtables ethtool socat tc touch"


@remedy("host.preflight.CRI", disruption="restart")
def restart_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Restart containerd, which creates its socket again."""
    if facts[CRI] != "listening":
        change.restart("containerd.service")


def _install(tool: str) -> Fix:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.package(spec.host.preflight.tools[tool], ">= 0", hold=False)

    fix.__doc__ = f"Install the package that has {tool}."
    return remedy(f"host.preflight.FileExisting-{tool}", disruption="restart")(fix)


for _tool in _TOOLS.split():
    _install(_tool)
