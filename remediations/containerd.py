"""Remedies for section 2 of the catalogue: containerd, and the runc that it calls."""

import tomllib
from collections.abc import Mapping
from typing import Any

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.kube import preflight
from trueup.facts.runtime import config_keys, containerd
from trueup.facts.runtime.containerd import BINARIES, CONFIG, RUNNING, STARTED, UNIT, Binary, render_unit
from trueup.profiles.keys.section import Package
from trueup.remediations.kube import set_driver
from trueup.remediations.programs import install_release

SERVICE = "containerd.service"
# what a restart must keep: containerd itself runs on when its CRI plugin does not load
CRI = (
    "containerd's CRI plugin",
    """ctr --timeout 5s plugins ls | awk '
  $1 ~ /grpc|cri/ && $2 ~ /^(cri|images|runtime)$/ { seen = 1; if ($NF != "ok") bad = 1 }
  END { print bad || !seen ? "not loaded" : "ok" }'""",
)
# rejects a new file that containerd cannot load, before it replaces the old one
VALIDATE = '! command -v containerd >/dev/null || containerd --config "$tmp" config dump >/dev/null'


def _install(change: Change, spec: Spec, wanted: Package, name: str, found: Binary | None) -> None:
    if wanted.binary:
        install_release(change, spec, name, wanted.binary, found)
    else:
        change.package(wanted.package, wanted.version)


@remedy("runtime.containerd.version", disruption="restart")
def install_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the profile's release, or the newest package version that the profile allows, and hold it."""
    _install(change, spec, spec.runtime.containerd, "containerd", facts[BINARIES].containerd)


@remedy("runtime.runc.version", disruption="restart")
def install_runc(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the profile's release, or the newest package version that the profile allows, and hold it."""
    wanted, found, installed = spec.runtime.runc, facts[BINARIES].runc, facts[PACKAGES]
    version = installed.version(wanted.package)
    right = version is not None and within(version, wanted.version, installed.manager)
    if right and found and not wanted.binary and found.package != wanted.package:
        raise ChangeFailed(f"{found.path} comes before the package's runc on PATH: remove it; nothing was changed")
    _install(change, spec, wanted, "runc", found)


@remedy("runtime.containerd.unit", disruption="restart")
def write_unit_drop_in(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Unmask the unit or write a missing one, write a drop-in for directives that differ, restart containerd."""
    unit, binary = facts[UNIT], spec.runtime.containerd.binary
    if unit.loaded == "not-found" and binary:  # a package brings its unit
        program = f"{binary.directory}/containerd"
        change.write(f"/etc/systemd/system/{SERVICE}", render_unit(program, spec.runtime.containerd.unit))
        change.reload_units()
        return
    if unit.loaded == "masked":  # a masked unit shows no directives
        change.service(SERVICE, active=False, enabled=True)
    differing = {k: v for k, v in spec.runtime.containerd.unit.items() if not unit.satisfies(k, v)}
    if change.drop_in(SERVICE, differing):
        change.restart(SERVICE)


def _values(spec: Spec, document: dict[str, Any], *names: str) -> dict[tuple[str, ...], object]:
    version = config_keys.version_of(document)
    return {config_keys.key(name, version): getattr(spec.runtime.containerd, name) for name in names}


@remedy("runtime.containerd.config", disruption="restart")
def write_config(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write containerd's default configuration if no usable file exists, enable the CRI plugin, restart containerd."""
    config = facts[CONFIG]
    default = change.ask(containerd.DEFAULT)
    document = config.document
    values: dict[tuple[str, ...], object] = {}
    if not document:
        values = _values(spec, tomllib.loads(default), "sandbox_image", "systemd_cgroup", "runtime_type")
    elif off := config_keys.cri_disabled(document):
        values[("disabled_plugins",)] = [name for name in document["disabled_plugins"] if name not in off]
    binary = facts[BINARIES].containerd
    oldest, newest = config_keys.readable(binary.version if binary else "")
    if document and not oldest <= config_keys.version_of(document) <= newest:
        if "plugins" in document:
            raise ChangeFailed(
                f"{config.path} has version {document.get('version', 1)}, and trueup does not convert settings to "
                "another version: use `containerd config migrate` of containerd 2; nothing was changed"
            )
        values[("version",)] = 2  # every containerd since 1.3 reads version 2
    if change.edit_toml(config.path, values, default=default, validate=VALIDATE):
        change.restart(SERVICE)


def edit(change: Change, path: str, values: Mapping[tuple[str, ...], object]) -> None:
    """Set keys of containerd's configuration; if it changed, restart containerd, which must keep its CRI plugin."""
    if change.edit_toml(path, values, validate=VALIDATE):
        change.restart(SERVICE, keeping=CRI)


@remedy("runtime.containerd.sandbox_image", disruption="restart")
def set_sandbox_image(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the pause image in containerd's configuration, restart containerd."""
    config = facts[CONFIG]
    edit(change, config.path, _values(spec, config.document or {}, "sandbox_image"))


# https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/configure-cgroup-driver/: on a drained node, both drivers
@remedy("runtime.containerd.systemd_cgroup", disruption="drain")
def set_systemd_cgroup(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set SystemdCgroup of each runtime like runc, restart containerd; on a node set kubelet's driver, too."""
    node = preflight.member(change.ask(preflight.FILES))
    driver = "systemd" if spec.runtime.containerd.systemd_cgroup else "cgroupfs"
    if node and driver != spec.kube.kubelet.cgroup_driver:
        raise ChangeFailed(
            "the profile's kube.kubelet.cgroup_driver and runtime.containerd.systemd_cgroup contradict each other, and "
            "this host is part of a cluster: no pod would start; nothing was changed"
        )
    config, wanted = facts[CONFIG], spec.runtime.containerd
    version = config_keys.version_of(config.document or {})
    values: dict[tuple[str, ...], object] = _values(spec, config.document or {}, "systemd_cgroup", "runtime_type")
    for name in config_keys.runtimes(config.document or {}):
        values[(*config_keys.key("runtimes", version), name, "options", "SystemdCgroup")] = wanted.systemd_cgroup
    edit(change, config.path, values)
    if node:
        set_driver(change, driver)


@remedy("runtime.containerd.service", disruption="restart")
def start_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Enable and start containerd.service."""
    wanted = spec.runtime.containerd.service
    change.service(SERVICE, active=wanted.active, enabled=wanted.enabled)


@remedy("runtime.containerd.config_loaded", disruption="restart")
def load_config(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Restart containerd."""
    started = facts[STARTED]
    if started is None or started < facts[CONFIG].changed:
        change.restart(SERVICE)


@remedy("runtime.containerd.running_version", disruption="restart")
def run_installed_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Restart containerd."""
    running = facts[RUNNING]
    if running is None or running.replaced:
        change.restart(SERVICE)
