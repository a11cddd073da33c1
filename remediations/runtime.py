"""Remedies for section 2 of the catalogue."""

import tomlkit

from trueup import remedy
from trueup.change import Change
from trueup.fact import HostFacts
from trueup.facts import containerd
from trueup.facts.containerd import CONFIG, STARTED, UNIT
from trueup.profiles.schema import Spec

_SERVICE = "containerd.service"
# refuses a file that containerd itself would not load, before it takes the old one's place
_VALIDATE = '! command -v containerd >/dev/null || containerd --config "$tmp" config dump >/dev/null'


@remedy("runtime.containerd.version", disruption="restart")
def install_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the package in the newest version that the profile allows, and hold it."""
    change.package(spec.runtime.containerd.package, spec.runtime.containerd.version)


@remedy("runtime.runc.version", disruption="restart")
def install_runc(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the package in the newest version that the profile allows, and hold it."""
    change.package(spec.runtime.runc.package, spec.runtime.runc.version)


@remedy("runtime.containerd.unit", disruption="restart")
def write_unit_drop_in(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write a drop-in with the directives that differ, reload systemd, restart containerd."""
    unit = facts[UNIT]
    differing = {k: v for k, v in spec.runtime.containerd.unit.items() if not unit.satisfies(k, v)}
    if change.drop_in(_SERVICE, differing):
        change.restart(_SERVICE)


def _values(spec: Spec, version: int) -> dict[tuple[str, ...], object]:
    wanted = spec.runtime.containerd
    settings = {"sandbox_image": wanted.sandbox_image, "systemd_cgroup": wanted.systemd_cgroup}
    return {containerd.key(name, version): value for name, value in settings.items()}


@remedy("runtime.containerd.config", disruption="restart")
def write_config(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Start from containerd's own default where there is no usable file, turn the CRI on, restart containerd."""
    config = facts[CONFIG]
    default = change.look(containerd.DEFAULT)
    document = config.document
    values: dict[tuple[str, ...], object] = {}
    if not document:
        values = _values(spec, containerd.version_of(tomlkit.parse(default).unwrap()))
    elif off := containerd.cri_disabled(document):
        values[("disabled_plugins",)] = [name for name in document["disabled_plugins"] if name not in off]
    if change.edit_toml(config.path, values, default=default, validate=_VALIDATE):
        change.restart(_SERVICE)


def _set(name: str, value: object, change: Change, facts: HostFacts) -> None:
    config = facts[CONFIG]
    version = containerd.version_of(config.document or {})
    if change.edit_toml(config.path, {containerd.key(name, version): value}, validate=_VALIDATE):
        change.restart(_SERVICE)


@remedy("runtime.containerd.sandbox_image", disruption="restart")
def set_sandbox_image(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the key where this version of the configuration has it, restart containerd."""
    _set("sandbox_image", spec.runtime.containerd.sandbox_image, change, facts)


@remedy("runtime.containerd.systemd_cgroup", disruption="restart")
def set_systemd_cgroup(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the key where this version of the configuration has it, restart containerd."""
    _set("systemd_cgroup", spec.runtime.containerd.systemd_cgroup, change, facts)


@remedy("runtime.containerd.service", disruption="restart")
def start_containerd(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Enable the unit, and start it."""
    wanted = spec.runtime.containerd.service
    change.service(_SERVICE, active=wanted.active, enabled=wanted.enabled)


@remedy("runtime.containerd.config_loaded", disruption="restart")
def load_config(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Restart containerd."""
    started = facts[STARTED]
    if started is None or started < facts[CONFIG].changed:
        change.restart(_SERVICE)
