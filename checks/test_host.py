"""Section 1 of the catalogue: the operating system of every node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trueup import Deviation, FleetFacts, HostFacts, Spec, equal, expect, requirement
from trueup.checks.claims.parameters import persistent_parameter
from trueup.facts.host import apt, boot, clock, swap
from trueup.facts.host.identity import IDENTITY
from trueup.facts.host.kernel import MODULES, MODULES_LOAD, SYSCTL, SYSCTL_FILES

if TYPE_CHECKING:
    from trueup.model.catalog import Check


def _module(name: str, why: str) -> Check:
    """Register the requirement of a kernel module that the profile lists; ``why`` is its reason."""

    def check(facts: HostFacts, spec: Spec) -> None:
        state = facts[MODULES].get(name, "absent")
        named = "named" if name in facts[MODULES_LOAD] else "not named"
        hint = "built into this kernel, but perhaps a module of the next one" if state == "builtin" else ""
        now = "loaded" if state == "builtin" else state
        expect(
            equal(now, "loaded", where=f"kernel module {name}", layer="effective"),
            equal(named, "named", where=f"{name} in modules-load.d", layer="persistent", hint=hint),
        )

    check.__doc__ = f"{name} is in the kernel, now and after a reboot.\n\n{why}"
    return requirement(
        f"host.kernel.module.{name}", key="host.modules", reads=(MODULES, MODULES_LOAD), severity="critical",
        layers=("effective", "persistent"),
    )(check)  # fmt: skip


test_br_netfilter = _module(
    "br_netfilter",
    "Without it bridged pod traffic bypasses iptables, and so Services and network policies. It is lost at a reboot "
    "unless a file of modules-load.d(5) names it (kubespray#1460).",
)
test_overlay = _module(
    "overlay", "containerd's default snapshotter mounts images by overlayfs: without the module no container starts."
)


def _parameter(name: str, key: str, what: str, why: str, **more: Any) -> Check:
    """Register the requirement that a kernel parameter has the profile's value; ``why`` is its reason."""

    def check(facts: HostFacts, spec: Spec) -> None:
        persistent_parameter(key, spec.host.sysctl[key], facts[SYSCTL].get(key), facts[SYSCTL_FILES])

    check.__doc__ = f"{what}, now and after a reboot.\n\n{why}"
    return requirement(
        f"host.sysctl.{name}", key=f"host.sysctl.{key}", reads=(SYSCTL, SYSCTL_FILES),
        layers=("effective", "persistent"), **more,
    )(check)  # fmt: skip


_BRIDGE = ("host.kernel.module.br_netfilter",)
_IPTABLES, _IP6TABLES = "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"
_BRIDGED = "Rules for Services miss traffic between pods of one bridge without it (kernel documentation, ip-sysctl)."
test_ip_forward = _parameter(
    "ip_forward",
    "net.ipv4.ip_forward",
    "IPv4 forwarding is on",
    "Without it the node drops packets from and to its pods, and kubeadm stops. Hardening often turns it off in a file "
    "that is read later (sysctl.d(5)).",
    severity="critical",
)
test_iptables = _parameter(
    "bridge_nf_call_iptables", _IPTABLES, "Bridged IPv4 traffic passes iptables", _BRIDGED, needs=_BRIDGE
)
test_ip6tables = _parameter(
    "bridge_nf_call_ip6tables",
    _IP6TABLES,
    "Bridged IPv6 traffic passes ip6tables",
    _BRIDGED,
    severity="medium",
    needs=_BRIDGE,
)


@requirement(
    "host.swap",
    key="host.swap",
    reads=(swap.ACTIVE, swap.FSTAB, swap.UNITS),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_swap(facts: HostFacts, spec: Spec) -> None:
    """No swap is in use, now and after a reboot, unless the profile ignores swap.

    By default kubelet does not start on a host with swap (Kubernetes docs, Installing kubeadm), and memory limits of
    pods are not exact with it.
    """
    if spec.host.swap == "ignored":
        return
    expect(
        *(Deviation("no swap", name, "/proc/swaps", "effective", swap.maker(name)) for name in facts[swap.ACTIVE]),
        *(Deviation("no swap", line.what, line.where, "persistent") for line in facts[swap.FSTAB]),
        *(
            Deviation("not started at boot", unit.enabled, name, "persistent", swap.maker(name))
            for name, unit in facts[swap.UNITS].items()
        ),
    )


@requirement(
    "host.apt.sources",
    roles=(),
    key="host.apt.sources",
    reads=(apt.SOURCES,),
    layers=("declared",),
    controls=("NIST SP 800-190 4.5.3",),
)
def test_apt_sources(facts: HostFacts, spec: Spec) -> None:
    """apt's sources are well formed, list the profile's, and name only this release of the distribution.

    apt reads no source at all while one entry is malformed. An entry for another release makes an upgrade mix two of
    them: the seed document lists focal whatever the host runs.
    """
    found, wanted = facts[apt.SOURCES], spec.host.apt.sources
    foreign = [(entry, entry.where, "upgrades would mix two releases") for entry in found.entries]
    foreign += [
        (apt.as_entry(source), "the profile", "the profile lists another release: trueup writes no such entry")
        for source in wanted
    ]
    expect(
        *(Deviation("a well-formed entry", e.problem, e.where, "declared") for e in found.entries if e.problem),
        *(
            Deviation(f"suites of {found.release}, which this host runs", " ".join(suites), where, "declared", hint)
            for entry, where, hint in foreign
            if (suites := entry.foreign(found.release))
        ),
        *(
            Deviation(f"{suite} {' '.join(lacking)}".strip(), "not listed", source.uri, "declared")
            for source, suite, lacking in found.missing(wanted)
        ),
    )


@requirement(
    "host.time.synchronised",
    roles=(),
    key="host.time.service",
    reads=(clock.SYNCHRONISED, clock.TIME_SERVICES),
    layers=("effective", "persistent"),
)
def test_time_synchronised(facts: HostFacts, spec: Spec) -> None:
    """The clock is synchronised, by a time service that runs and starts at boot.

    Certificates, tokens and leases are valid for a limited time: a host whose clock is off refuses valid ones, or
    accepts expired ones.
    """
    services = [unit for unit in facts[clock.TIME_SERVICES].values() if unit.loaded == "loaded"]
    found = ", ".join(f"{unit.properties['Id']} {unit.active} and {unit.enabled}" for unit in services)
    found = found or "none installed"
    active, enabled = any(u.active == "active" for u in services), any(u.starts_at_boot for u in services)
    expect(
        None if active else Deviation("one is active", found, "time services", "effective"),
        None if facts[clock.SYNCHRONISED] else Deviation("synchronised", "not synchronised", "the clock", "effective"),
        None if enabled else Deviation("one is enabled", found, "time services", "persistent"),
    )


@requirement("host.reboot.pending", roles=(), key="host.reboot", reads=(boot.PENDING,), severity="medium")
def test_reboot_pending(facts: HostFacts, spec: Spec) -> None:
    """No reboot is pending.

    An installed kernel or library that does not run yet fixes nothing, and the next unplanned reboot changes the host.
    """
    found = facts[boot.PENDING]
    asking = ", ".join(found.packages) or "a package"
    updated = ", ".join(found.updated)
    expect(
        Deviation("no reboot requested", f"requested by {asking}", "/run/reboot-required", "effective")
        if found.asked
        else None,
        Deviation(found.newer, found.running, "running kernel", "effective") if found.newer else None,
        Deviation("nothing that needs a reboot", updated, "needs-restarting -r", "effective") if updated else None,
    )


@requirement(
    "host.identity.unique",
    key="host.identity",
    reads=(IDENTITY,),
    after=("host.preflight.FileExisting-ip",),  # `ip` lists the MAC addresses
    severity="critical",
    across=True,
    roles=(),
)
def test_identity_unique(facts: FleetFacts, spec: Spec) -> None:
    """No two hosts have the same hostname, machine-id, product UUID or MAC address.

    Cloned machines have them in common: nodes then replace each other in the cluster, or get the same address
    (Kubernetes docs, Installing kubeadm).
    """
    holders: dict[tuple[str, str], list[str]] = {}
    found = facts.each(IDENTITY)
    for host, identity in found.items():
        for kind in spec.host.identity:
            for value in identity.get(kind, ()):
                holders.setdefault((kind, value), []).append(host)
        none = [kind for kind in spec.host.identity if not identity.get(kind)]
        if none and len(found) > 1:
            facts.silent[host] = (
                f"it has no {', no '.join(none)}: if the profile's hosts have none, remove that from host.identity"
            )
    clashes = {what: hosts for what, hosts in holders.items() if len(hosts) > 1}
    expect(
        *(
            Deviation("one host", f"{', '.join(hosts)} have {value}", kind, "effective")
            for (kind, value), hosts in clashes.items()
        )
    )
