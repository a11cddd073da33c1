"""Remedies for section 1 of the catalogue."""

from trueup import remedy
from trueup.change import Change
from trueup.fact import HostFacts
from trueup.profiles.schema import Spec


@remedy("host.kernel.module.br_netfilter", disruption="none")
def load_br_netfilter(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Load br_netfilter, and name it in modules-load.d."""
    change.module("br_netfilter")


@remedy("host.kernel.module.overlay", disruption="none")
def load_overlay(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Load overlay, and name it in modules-load.d."""
    change.module("overlay")


def _sysctl(key: str, change: Change, spec: Spec) -> None:
    change.sysctl(key, spec.host.sysctl[key])


@remedy("host.sysctl.ip_forward", disruption="none")
def set_ip_forward(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the drop-in that wins, silence what overrides it, set the value."""
    _sysctl("net.ipv4.ip_forward", change, spec)


@remedy("host.sysctl.bridge_nf_call_iptables", disruption="none")
def set_bridge_nf_call_iptables(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the drop-in that wins, silence what overrides it, set the value."""
    _sysctl("net.bridge.bridge-nf-call-iptables", change, spec)


@remedy("host.sysctl.bridge_nf_call_ip6tables", disruption="none")
def set_bridge_nf_call_ip6tables(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the drop-in that wins, silence what overrides it, set the value."""
    _sysctl("net.bridge.bridge-nf-call-ip6tables", change, spec)
