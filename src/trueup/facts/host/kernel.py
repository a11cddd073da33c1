"""Kernel modules and parameters: the state now, and the state after a reboot."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from trueup.facts.host import dropins
from trueup.model.fact import Fact


def _probe_modules(names: Iterable[str]) -> str:
    # lsmod never shows a built-in module, and /sys/module not always. Containers may lack the list of built-in modules:
    # there, the two modules that matter are recognised by their effect.
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


def parse_modules_load(text: str) -> dict[str, dropins.Line]:
    """Return the modules that a boot loads, named as the kernel writes them: with underscores."""
    return {line.text.replace("-", "_"): line for line in dropins.parse(text).lines}


MODULES_LOAD = Fact("kernel.modules_load", dropins.probe("modules-load.d"), parse_modules_load)


def proc_path(key: str) -> str:
    """Return the file of a kernel parameter; as in sysctl(8), the first ``.`` or ``/`` is the separator."""
    swap = str.maketrans("./", "/.")
    first = next((c for c in key if c in "./"), ".")
    return "/proc/sys/" + (key.translate(swap) if first == "." else key)


def probe_sysctl(keys: Iterable[str]) -> str:
    return "\n".join(
        f'if [ -e {path} ]; then v=$(cat {path}) || exit 1; printf "%s=%s\\n" {name} "$(echo $v)"; fi'
        for name, path in ((shlex.quote(key), shlex.quote(proc_path(key))) for key in keys)
    )


def parse_sysctl(text: str) -> dict[str, str]:
    """Return parameter to value, white space folded; a parameter that the kernel does not have is left out."""
    return {key: value.strip() for key, found, value in (line.partition("=") for line in text.splitlines()) if found}


@dataclass(frozen=True)
class Setting:
    """A parameter that a file sets."""

    value: str
    line: dropins.Line

    @property
    def where(self) -> str:
        """Return ``file:line``."""
        return self.line.where


@dataclass(frozen=True)
class Persistent:
    """The settings that a boot applies, in order, and those that only ``sysctl --system`` or ``-p`` applies."""

    boot: dropins.DropIns

    def winner(self, key: str) -> Setting | None:
        """Return the setting that is in effect after a boot: the last with this key, or else the last matching glob.

        A bare ``-key`` without a value exempts the key from globs (sysctl.d(5)).
        """
        if named := _settings(self.boot.lines, key, _names):
            return named[-1]
        if any(line.text.startswith("-") and _names(line.text, key) for line in self.boot.lines):
            return None
        return next(reversed(_settings(self.boot.lines, key, _covers)), None)

    def legacy(self, key: str) -> Setting | None:
        """Return the setting in /etc/sysctl.conf if no drop-in links to it; a reload applies it after the drop-ins."""
        return next(reversed(_settings(self.boot.legacy, key, _names)), None)

    def named(self, key: str) -> list[Setting]:
        """Return every setting with this exact key in order, the legacy file's last."""
        return _settings((*self.boot.lines, *self.boot.legacy), key, _names)


def _path(name: str) -> str:
    return proc_path(name.strip().removeprefix("-").strip())


def _names(name: str, key: str) -> bool:
    return _path(name) == proc_path(key)


def _covers(name: str, key: str) -> bool:
    return PurePosixPath(proc_path(key)).match(_path(name))


def _settings(lines: Iterable[dropins.Line], key: str, matches: Callable[[str, str], bool]) -> list[Setting]:
    split = ((line, *line.text.partition("=")) for line in lines)
    return [
        Setting(" ".join(value.split()), line) for line, name, found, value in split if found and matches(name, key)
    ]


def sysctl(*keys: str) -> Fact[dict[str, str]]:
    """Return the fact about the running value of these parameters."""
    return Fact("kernel.sysctl", probe_sysctl(keys), parse_sysctl)


SYSCTL = Fact("kernel.sysctl", lambda spec: probe_sysctl(spec.host.sysctl), parse_sysctl)
SYSCTL_FILES = Fact(
    "kernel.sysctl_files", dropins.probe("sysctl.d", "/etc/sysctl.conf"), lambda text: Persistent(dropins.parse(text))
)
