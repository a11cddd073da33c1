"""Kernel modules and parameters: what runs, and what a reboot will bring back."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from trueup.fact import Fact
from trueup.facts import dropins


def _probe_modules(names: Iterable[str]) -> str:
    # A built-in module shows neither in lsmod nor always in /sys/module; the builtin list may be missing in containers,
    # where the effect of the two that matter is all there is to see.
    return f"""
builtin=/lib/modules/$(uname -r)/modules.builtin
for m in {shlex.join(names)}; do
  n=$(printf %s "$m" | tr - _)
  if [ -d "/sys/module/$n" ]; then echo "$m loaded"
  elif [ -r "$builtin" ]; then
    if tr - _ <"$builtin" | grep -q "/$n\\.ko"; then echo "$m builtin"; else echo "$m absent"; fi
  elif [ "$n" = br_netfilter ] && [ -d /proc/sys/net/bridge ]; then echo "$m builtin"
  elif grep -qw "$n" /proc/filesystems; then echo "$m builtin"
  else echo "$m absent"; fi
done
"""


def parse_modules(text: str) -> dict[str, str]:
    """Return module name to ``loaded``, ``builtin`` or ``absent``."""
    return {name: state for name, _, state in (line.partition(" ") for line in text.splitlines()) if state}


def modules(*names: str) -> Fact[dict[str, str]]:
    """Return the fact about the state of these modules."""
    return Fact("kernel.modules", _probe_modules(names), parse_modules)


MODULES = Fact("kernel.modules", lambda spec: _probe_modules(spec.host.modules), parse_modules)
MODULES_LOAD = Fact("kernel.modules_load", dropins.probe("modules-load.d"), dropins.parse)


def proc_path(key: str) -> str:
    """Return the file of a kernel parameter; as in sysctl(8), the first separator says which one separates."""
    swap = str.maketrans("./", "/.")
    first = next((c for c in key if c in "./"), ".")
    return "/proc/sys/" + (key.translate(swap) if first == "." else key)


def _probe_sysctl(keys: Iterable[str]) -> str:
    return "\n".join(
        f'if [ -e {path} ]; then v=$(cat {path}) || exit 1; printf "%s=%s\\n" {name} "$(echo $v)"; fi'
        for name, path in ((shlex.quote(key), shlex.quote(proc_path(key))) for key in keys)
    )


def parse_sysctl(text: str) -> dict[str, str]:
    """Return parameter to value, white space folded; a parameter that the kernel does not have is left out."""
    return {key: value.strip() for key, found, value in (line.partition("=") for line in text.splitlines()) if found}


@dataclass(frozen=True)
class Setting:
    """A parameter as a file sets it."""

    value: str
    line: dropins.Line

    @property
    def where(self) -> str:
        """Return ``file:line``."""
        return self.line.where


@dataclass(frozen=True)
class Persistent:
    """The settings that a boot applies, in order, and those that only ``sysctl --system`` or ``-p`` would."""

    boot: dropins.DropIns

    def winner(self, key: str) -> Setting | None:
        """Return the setting that a boot ends with: the last one that names the key, or else a glob of it."""
        return _last(self.boot.lines, key)

    def legacy(self, key: str) -> Setting | None:
        """Return what /etc/sysctl.conf says where no drop-in links to it: it undoes a good setting when reloaded."""
        return _last(self.boot.legacy, key)

    def all(self, key: str) -> list[Setting]:
        """Return every setting of the key in order, the legacy file's last."""
        return _settings((*self.boot.lines, *self.boot.legacy), key)


def _settings(lines: Iterable[dropins.Line], key: str) -> list[Setting]:
    """Return what names the key itself; globs count only where nothing does, be it a value or a bare ``-key``."""
    path = proc_path(key)
    exact: list[Setting] = []
    globs: list[Setting] = []
    exempt = False
    for line in lines:
        name, found, value = line.text.partition("=")
        named = proc_path(name.strip().removeprefix("-").strip())
        if found and named == path:
            exact.append(Setting(" ".join(value.split()), line))
        elif found and PurePosixPath(path).match(named):
            globs.append(Setting(" ".join(value.split()), line))
        elif named == path and line.text.startswith("-"):
            exempt = True
    return exact or ([] if exempt else globs)


def _last(lines: Iterable[dropins.Line], key: str) -> Setting | None:
    return next(reversed(_settings(lines, key)), None)


def sysctl(*keys: str) -> Fact[dict[str, str]]:
    """Return the fact about the running value of these parameters."""
    return Fact("kernel.sysctl", _probe_sysctl(keys), parse_sysctl)


SYSCTL = Fact("kernel.sysctl", lambda spec: _probe_sysctl(spec.host.sysctl), parse_sysctl)
SYSCTL_FILES = Fact(
    "kernel.sysctl_files", dropins.probe("sysctl.d", "/etc/sysctl.conf"), lambda text: Persistent(dropins.parse(text))
)
