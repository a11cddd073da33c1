"""Section 1 of the catalogue: the operating system of every node."""

from trueup import equal, expect, requirement
from trueup.fact import HostFacts
from trueup.facts.kernel import MODULES, MODULES_LOAD, SYSCTL, SYSCTL_FILES, proc_path
from trueup.profiles.schema import Spec


def _module(name: str, facts: HostFacts) -> None:
    state = facts[MODULES].get(name, "absent")
    named = "named" if name in facts[MODULES_LOAD] else "not named"
    hint = "this kernel has it built in, the next may have it as a module" if state == "builtin" else ""
    expect(
        equal("loaded" if state == "builtin" else state, "loaded", where=f"kernel module {name}", layer="effective"),
        equal(named, "named", where=f"{name} in modules-load.d", layer="persistent", hint=hint),
    )


@requirement(
    "host.kernel.module.br_netfilter",
    key="host.modules",
    reads=(MODULES, MODULES_LOAD),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_br_netfilter(facts: HostFacts, spec: Spec) -> None:
    """br_netfilter is in the kernel, now and after a reboot, so that bridged pod traffic meets the node's firewall."""
    _module("br_netfilter", facts)


@requirement(
    "host.kernel.module.overlay",
    key="host.modules",
    reads=(MODULES, MODULES_LOAD),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_overlay(facts: HostFacts, spec: Spec) -> None:
    """overlay is in the kernel, now and after a reboot: containerd's default snapshotter needs it."""
    _module("overlay", facts)


def _sysctl(key: str, facts: HostFacts, spec: Spec) -> None:
    wanted = spec.host.sysctl[key]
    boot = facts[SYSCTL_FILES].winner(key)
    legacy = facts[SYSCTL_FILES].legacy(key)
    expect(
        equal(facts[SYSCTL].get(key), wanted, where=proc_path(key), layer="effective"),
        equal(boot and boot.value, wanted, where=boot.where if boot else "sysctl.d", layer="persistent"),
        equal(
            legacy.value if legacy else wanted,
            wanted,
            where=legacy.where if legacy else "",
            layer="persistent",
            hint="no boot reads this file here, but `sysctl -p` and `sysctl --system` do, last of all",
        ),
    )


@requirement(
    "host.sysctl.ip_forward",
    key="host.sysctl.net.ipv4.ip_forward",
    reads=(SYSCTL, SYSCTL_FILES),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_ip_forward(facts: HostFacts, spec: Spec) -> None:
    """IPv4 forwarding is on, now and after a reboot."""
    _sysctl("net.ipv4.ip_forward", facts, spec)


@requirement(
    "host.sysctl.bridge_nf_call_iptables",
    key="host.sysctl.net.bridge.bridge-nf-call-iptables",
    reads=(SYSCTL, SYSCTL_FILES),
    needs=("host.kernel.module.br_netfilter",),
    layers=("effective", "persistent"),
)
def test_bridge_nf_call_iptables(facts: HostFacts, spec: Spec) -> None:
    """Bridged IPv4 traffic passes iptables, now and after a reboot."""
    _sysctl("net.bridge.bridge-nf-call-iptables", facts, spec)


@requirement(
    "host.sysctl.bridge_nf_call_ip6tables",
    key="host.sysctl.net.bridge.bridge-nf-call-ip6tables",
    reads=(SYSCTL, SYSCTL_FILES),
    needs=("host.kernel.module.br_netfilter",),
    severity="medium",
    layers=("effective", "persistent"),
)
def test_bridge_nf_call_ip6tables(facts: HostFacts, spec: Spec) -> None:
    """Bridged IPv6 traffic passes ip6tables, now and after a reboot."""
    _sysctl("net.bridge.bridge-nf-call-ip6tables", facts, spec)
