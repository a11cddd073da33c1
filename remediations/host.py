"""Remedies for section 1 of the catalogue: the operating system."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.host import apt, boot, clock, packages, swap
from trueup.facts.host.systemd import Unit

if TYPE_CHECKING:
    from trueup.model.catalog import Fix


def _load(name: str) -> Fix:
    """Register the remedy of a kernel module: load it now and at every boot."""

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.module(name)

    fix.__doc__ = f"Load {name}, and name it in modules-load.d."
    return remedy(f"host.kernel.module.{name}", disruption="none")(fix)


_load("br_netfilter")
_load("overlay")


def _set(name: str, key: str) -> Fix:
    """Register the remedy of a kernel parameter: set the profile's value now and for every boot."""

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.sysctl(key, spec.host.sysctl[key])

    fix.__doc__ = "Write /etc/sysctl.d/zz-trueup.conf, comment out lines that override it, set the value now."
    return remedy(f"host.sysctl.{name}", disruption="none")(fix)


_set("ip_forward", "net.ipv4.ip_forward")
_set("bridge_nf_call_iptables", "net.bridge.bridge-nf-call-iptables")
_set("bridge_nf_call_ip6tables", "net.bridge.bridge-nf-call-ip6tables")


@remedy("host.swap", disruption="none")
def turn_swap_off(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Comment out swap in fstab, disable swap units, mask generated ones, turn swap off."""
    if lines := change.ask(swap.FSTAB):
        change.comment_out("/etc/fstab", *(line.number for line in lines))
        change.reload_units()
    for name, unit in change.ask(swap.UNITS).items():
        verb, undo = ("mask", "unmask") if unit.enabled == "generated" else ("disable", "enable")
        change.run("systemctl", verb, name, why=f"{verb} {name}", undo=f"systemctl {undo} {shlex.quote(name)}")
    for device in change.ask(swap.ACTIVE):
        change.run("swapoff", device, why=f"swapoff {device}", undo=f"swapon {shlex.quote(device)}")


@remedy("host.apt.sources", disruption="none")
def list_apt_sources(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Comment out bad entries, list missing sources in a file of trueup's own, fetch the index of the profile's."""
    found, wanted = change.ask(apt.SOURCES), spec.host.apt.sources
    if foreign := [suite for source in wanted for suite in apt.as_entry(source).foreign(found.release)]:
        raise ChangeFailed(
            f"the profile lists {', '.join(foreign)}, but this host runs {found.release}: nothing was changed"
        )
    changed = False
    bad = [entry for entry in found.bad() if entry.path != apt.OWN]
    for path in dict.fromkeys(entry.path for entry in bad):
        changed |= change.comment_out(path, *(n for entry in bad if entry.path == path for n in entry.lines))
    missing = list(found.missing(wanted, ignoring=apt.OWN))
    if missing or any(entry.path == apt.OWN for entry in found.entries):
        changed |= change.write(apt.OWN, apt.render(missing))
    if changed:
        listed = [entry.path for source in wanted for entry in found.of(source)]
        for path in dict.fromkeys([apt.OWN] if missing else listed):
            change.refresh_packages(path)


def _unit(package: str, manager: str) -> str:
    """Return the name of the unit that a package will install."""
    return "chronyd" if (package, manager) == ("chrony", "rpm") else package


def _time_service(change: Change) -> Unit | None:
    services = change.ask(clock.TIME_SERVICES)
    installed = [unit for unit in services.values() if unit.loaded == "loaded"]
    return max(installed, key=lambda unit: (unit.active == "active", unit.starts_at_boot), default=None)


@remedy("host.time.synchronised", disruption="restart")
def synchronise_clock(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the profile's time service if none exists, enable and start it, wait until the clock is synchronised."""
    best, synchronised = _time_service(change), change.ask(clock.SYNCHRONISED)
    if best is None:
        change.package(spec.host.time.service, ">= 0", hold=False)
        best = _time_service(change)
    name = best.properties["Id"] if best else f"{_unit(spec.host.time.service, change.ask(packages.MANAGER))}.service"
    change.service(name, active=True, enabled=True)
    if not synchronised:
        change.run("sh", "-c", clock.WAIT, why="wait until the clock is synchronised", undo=":")


@remedy("host.reboot.pending", disruption="reboot", can_undo=False)
def reboot(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Reboot the host, and wait until it answers."""
    if why := change.ask(boot.PENDING).why:
        change.reboot(why, within=spec.host.reboot.seconds)
