"""Remedies for section 2 of the catalogue: containerd, and the runc that it calls."""

import tomllib
from typing import Any

from trueup import remedy
from trueup.change import Change
from trueup.errors import ChangeFailed
from trueup.fact import HostFacts
from trueup.facts import containerd, dialect, registries
from trueup.facts.containerd import BINARIES, CONFIG, RUNNING, STARTED, UNIT, Binary, render_unit
from trueup.facts.registries import mistake, render
from trueup.profiles.schema import Package, Spec
from trueup.remediations.programs import install_release

SERVICE = "containerd.service"
# refuses a file that containerd itself would not load, before it takes the old one's place
VALIDATE = '! command -v containerd >/dev/null || containerd --config "$tmp" config dump >/dev/null'


def _install(change: Change, spec: Spec, wanted: Package, name: str, found: Binary | None) -> None:
    if wanted.binary:
        install_release(change, spec, name, wanted.binary, found)
    else:
        change.package(wanted.package, wanted.version)


@remedy("runtime.containerd.version", disruption="restart")
def install_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the release of the profile, or the newest package that it allows, held there."""
    _install(change, spec, spec.runtime.containerd, "containerd", facts[BINARIES].containerd)


@remedy("runtime.runc.version", disruption="restart")
def install_runc(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the release of the profile, or the newest package that it allows, held there."""
    _install(change, spec, spec.runtime.runc, "runc", facts[BINARIES].runc)


@remedy("runtime.containerd.unit", disruption="restart")
def write_unit_drop_in(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Unmask the unit or write a missing one, write a drop-in for what differs, reload systemd, restart containerd."""
    unit, binary = facts[UNIT], spec.runtime.containerd.binary
    if unit.loaded == "not-found" and binary:  # which a package brings
        program = f"{binary.directory}/containerd"
        change.write(f"/etc/systemd/system/{SERVICE}", render_unit(program, spec.runtime.containerd.unit))
        change.reload_units()
        return
    if unit.loaded == "masked":
        change.service(SERVICE, active=False, enabled=True)
        unit = change.look(UNIT)
    differing = {k: v for k, v in spec.runtime.containerd.unit.items() if not unit.satisfies(k, v)}
    if change.drop_in(SERVICE, differing):
        change.restart(SERVICE)


def _values(spec: Spec, document: dict[str, Any], *names: str) -> dict[tuple[str, ...], object]:
    version = dialect.version_of(document)
    return {dialect.key(name, version): getattr(spec.runtime.containerd, name) for name in names}


@remedy("runtime.containerd.config", disruption="restart")
def write_config(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Start from containerd's own default where there is no usable file, turn the CRI on, restart containerd."""
    config = facts[CONFIG]
    default = change.look(containerd.DEFAULT)
    document = config.document
    values: dict[tuple[str, ...], object] = {}
    if not document:
        values = _values(spec, tomllib.loads(default), "sandbox_image", "systemd_cgroup", "runtime_type")
    elif off := dialect.cri_disabled(document):
        values[("disabled_plugins",)] = [name for name in document["disabled_plugins"] if name not in off]
    if change.edit_toml(config.path, values, default=default, validate=VALIDATE):
        change.restart(SERVICE)


def _set(change: Change, spec: Spec, facts: HostFacts, *names: str) -> None:
    config = facts[CONFIG]
    if change.edit_toml(config.path, _values(spec, config.document or {}, *names), validate=VALIDATE):
        change.restart(SERVICE)


@remedy("runtime.containerd.sandbox_image", disruption="restart")
def set_sandbox_image(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the key where this version of the configuration has it, restart containerd."""
    _set(change, spec, facts, "sandbox_image")


@remedy("runtime.containerd.systemd_cgroup", disruption="restart")
def set_systemd_cgroup(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the key and runc's type where this version of the configuration has them, restart containerd."""
    _set(change, spec, facts, "systemd_cgroup", "runtime_type")


@remedy("runtime.containerd.registry_mirrors", disruption="restart")
def set_registry_mirrors(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write a hosts.toml for each registry; set config_path, take out the mirrors table, restart containerd."""
    wanted, config = spec.runtime.containerd.registry, facts[CONFIG]
    for endpoints in wanted.mirrors.values():
        for endpoint in endpoints:
            if wrong := mistake(endpoint):
                raise ChangeFailed(f"the profile's mirror {endpoint!r} is no URL: {wrong}; nothing was changed")
    found = change.look(registries.hosts(wanted.config_path)).hosts
    for registry, endpoints in wanted.mirrors.items():
        authorities = {endpoint: wanted.ca[endpoint] for endpoint in endpoints if endpoint in wanted.ca}
        for endpoint, text in authorities.items():
            change.write(registries.authority(registry, endpoint, wanted.config_path), text)
        file = found.get(registry)
        if (
            file is None
            or file.endpoints != endpoints
            or any(
                registries.authority(registry, e, wanted.config_path) not in file.authorities(e) for e in authorities
            )
        ):
            change.write(f"{wanted.config_path}/{registry}/hosts.toml", render(registry, wanted))
    version = dialect.version_of(config.document or {})
    values = {
        dialect.key("config_path", version): wanted.config_path,
        dialect.key("mirrors", version): None,
    }
    if change.edit_toml(config.path, values, validate=VALIDATE):
        change.restart(SERVICE)


@remedy("runtime.containerd.service", disruption="restart")
def start_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Enable the unit, and start it."""
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
