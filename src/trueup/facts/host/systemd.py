"""Units as systemd has loaded them: with drop-ins, without changes that await a daemon-reload."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from trueup.model.fact import Condition, Fact

_UNLIMITED = str(2**64 - 1)  # systemd before 249 prints this for infinity
_SPAN = {"us": 1e-6, "ms": 1e-3, "s": 1, "sec": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_EXEC = re.compile(r"\{ path=\S+ ; argv\[\]=(.*?) ; (?:.*?)ignore_errors=(yes|no)")
_PROPERTIES = (
    "LoadState ActiveState SubState UnitFileState FragmentPath DropInPaths NeedDaemonReload MainPID Result "
    "ExecStartPre ExecStart Type Delegate KillMode Restart RestartUSec LimitNPROC LimitCORE LimitNOFILE TasksMax "
    "OOMScoreAdjust After"
)


@dataclass(frozen=True)
class Unit:
    """The properties of a unit, by the names that unit files use."""

    properties: dict[str, str]

    @property
    def loaded(self) -> str:
        """Return the load state: ``loaded``, ``not-found``, ``masked``, ``bad-setting``, ``error``."""
        return self.properties["LoadState"]

    @property
    def active(self) -> str:
        """Return the active state: ``active``, ``failed``, ``activating``, ``inactive``."""
        return self.properties.get("ActiveState", "unknown")

    @property
    def enabled(self) -> str:
        """Return the enablement: ``enabled``, ``disabled``, ``masked``, ``static``, or empty."""
        return self.properties.get("UnitFileState", "") or "not found"

    @property
    def starts_at_boot(self) -> bool:
        """Whether the unit itself, an alias of it or a generator pulls it in at boot."""
        return self.enabled in ("enabled", "alias", "generated")

    @property
    def needs_reload(self) -> bool:
        """Whether files changed on disk since systemd read them."""
        return self.properties.get("NeedDaemonReload") == "yes"

    @property
    def files(self) -> str:
        """Return the unit file and its drop-ins, for a message."""
        return " ".join(filter(None, (self.properties.get("FragmentPath"), self.properties.get("DropInPaths"))))

    def directive(self, name: str) -> str:
        """Return the loaded value of a directive in the notation of unit files."""
        if name.endswith("Sec"):
            return seconds(self.properties.get(f"{name[:-3]}USec", ""))
        value = self.properties.get(name, "")
        if name.startswith("Exec"):
            return "; ".join(("-" if ignore == "yes" else "") + argv for argv, ignore in _EXEC.findall(value))
        return "infinity" if value == _UNLIMITED else value

    def satisfies(self, name: str, value: str) -> bool:
        """Return whether the loaded directive has this value; ``After`` may list more units."""
        loaded = self.directive(name)
        if name == "After":
            return set(value.split()) <= set(loaded.split())
        return loaded == (seconds(value) if name.endswith("Sec") else value)


def seconds(span: str) -> str:
    """Return a time span such as ``1min 30s`` or ``5`` in seconds; other words (``infinity``) unchanged."""
    parts = re.findall(r"([\d.]+)\s*([a-z]*)", span)
    if not parts or any(unit and unit not in _SPAN for _, unit in parts) or not all(n.strip(".") for n, _ in parts):
        return span
    try:
        return f"{sum(float(number) * _SPAN[unit or 's'] for number, unit in parts):g}"
    except ValueError:
        return span


def parse_unit(text: str) -> Unit:
    """Return the unit from ``systemctl show``; the values of a property that is listed twice are joined."""
    properties: dict[str, str] = {}
    for line in text.splitlines():
        name, found, value = line.partition("=")
        if found:
            properties[name] = f"{properties[name]} ; {value}" if name in properties else value
    if "LoadState" not in properties:
        raise ValueError("systemctl show gave no LoadState")
    return Unit(properties)


def parse_units(text: str) -> dict[str, Unit]:
    """Return the units from ``systemctl show`` by name; blank lines separate them, and an alias shows its real unit."""
    found = [parse_unit(block) for block in text.split("\n\n") if block.strip()]
    if any("Id" not in unit.properties for unit in found):
        raise ValueError("systemctl show gave no Id")
    return {unit.properties["Id"]: unit for unit in found}


def parse_runs(text: str) -> str:
    """Return why units cannot be asked for, or nothing where systemd runs; by sd_booted(3)."""
    init = text.strip()
    return f"systemd does not run here: process 1 is {init[:40]!r}" if init else ""


_PROBE_RUNS = """[ -d /run/systemd/system ] || { read -r init </proc/1/comm; echo "${init:-unknown}"; }"""
RUNS = Condition("systemd.runs", _PROBE_RUNS, parse_runs)


def unit(name: str) -> Fact[Unit]:
    """Return the fact about one unit."""
    probe = f"systemctl show {shlex.quote(name)} -p {','.join(_PROPERTIES.split())}"
    return Fact(f"unit.{name}", probe, parse_unit, condition=RUNS)
