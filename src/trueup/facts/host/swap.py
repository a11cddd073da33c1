"""Swap: in use now, and set up again at the next boot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.facts.host import systemd
from trueup.model.fact import Fact

_OCTAL = re.compile(r"\\([0-7]{3})")  # white space in a name: proc(5), fstab(5)

# A kernel without swap has no such file, and /proc/meminfo shows a swap total of 0.
_PROBE_ACTIVE = """
if [ ! -e /proc/swaps ] && grep -q '^SwapTotal: *0 kB' /proc/meminfo; then echo Filename; else cat /proc/swaps; fi
"""


def parse_active(text: str) -> list[str]:
    """Return the devices and files of /proc/swaps."""
    head, *rows = text.splitlines() or [""]
    if not head.startswith("Filename"):
        raise ValueError(f"/proc/swaps begins with {head!r}")
    return [_plain(row.split()[0]) for row in rows if row.split()]


ACTIVE = Fact("swap.active", _PROBE_ACTIVE, parse_active)


@dataclass(frozen=True)
class Line:
    """A swap entry of fstab."""

    number: int
    what: str

    @property
    def where(self) -> str:
        """Return ``file:line``."""
        return f"/etc/fstab:{self.number}"


def parse_fstab(text: str) -> list[Line]:
    """Return the entries of fstab whose type is swap."""
    rows = ((number, row.split()) for number, row in enumerate(text.split("\n"), 1))
    return [
        Line(number, _plain(words[0]))
        for number, words in rows
        if len(words) > 2 and words[2] == "swap" and words[0][0] != "#"
    ]


FSTAB = Fact("swap.fstab", "[ ! -e /etc/fstab ] || cat /etc/fstab", parse_fstab)

# units of packages that set up swap, and their names for messages
TOOLS = {
    "zramswap.service": "zram-tools",
    "zram-config.service": "zram-config",
    "dphys-swapfile.service": "dphys-swapfile",
}
_PROBE_UNITS = f"""
files=$(systemctl list-unit-files --no-legend --no-pager --full --type=swap,service) && [ -n "$files" ] || exit 1
names=$(printf '%s\n' "$files" | cut -d' ' -f1 | grep -e '\\.swap$' -e {" -e ".join(f"'^{name}$'" for name in TOOLS)})
set -f  # names hold backslashes, but are no patterns
[ -z "$names" ] || systemctl show -p Id,LoadState,UnitFileState,SourcePath -- $names
"""


def parse_units(text: str) -> dict[str, systemd.Unit]:
    """Return the units that a boot starts, by name, without those that systemd generates from fstab."""
    return {
        name: unit
        for name, unit in systemd.parse_units(text).items()
        if unit.enabled in ("enabled", "generated") and unit.properties.get("SourcePath") != "/etc/fstab"
    }


UNITS = Fact("swap.units", _PROBE_UNITS, parse_units, condition=systemd.RUNS)


def maker(name: str) -> str:
    """Return a phrase about the maker of a swap device or unit; empty for plain swap."""
    if "zram" not in name:
        return TOOLS.get(name, "")
    return f"swap in compressed memory, made by {TOOLS.get(name, 'a zram generator or zram-tools')}"


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
