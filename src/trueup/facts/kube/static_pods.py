"""The static pods of a control plane: their manifests, processes, and arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trueup.facts.kube.preflight import KUBERNETES, STATIC_PODS
from trueup.model.fact import Fact

MANIFESTS_DIR = f"{KUBERNETES}/manifests"
_ETCD_VARIABLES = "CLIENT_CERT_AUTH|TRUSTED_CA_FILE|PEER_CLIENT_CERT_AUTH|PEER_TRUSTED_CA_FILE|DATA_DIR|CONFIG_FILE"
_ETCD_VARIABLES += "|LISTEN_(CLIENT|PEER|METRICS)_URLS"

# `pids NAME` prints the processes that were started under this name. `args NAME` prints the arguments of the running
# process, or else those in its manifest, one per line; etcd's variables come before its flags, which override them.
# `flag NAME DEFAULT` prints a flag of $args. `reach` turns a wildcard address into one to connect to.
COMPONENT = f"""
pids() {{
  for file in $(grep -lxF -e "$(printf %.15s "$1")" /proc/[0-9]*/comm 2>/dev/null); do
    pid=${{file%/comm}}; pid=${{pid#/proc/}}
    first=$({{ tr '\\0' '\\n' <"/proc/$pid/cmdline" | head -n 1; }} 2>/dev/null)
    [ "${{first##*/}}" != "$1" ] || echo "$pid"
  done
}}
told() {{
  [ "$1" != etcd ] || {{ tr '\\0' '\\n' <"/proc/$2/environ" | grep -E '^ETCD_({_ETCD_VARIABLES})=' | awk '{{
    at = index($0, "="); name = tolower(substr($0, 6, at - 6)); gsub("_", "-", name); print "--" name substr($0, at)
  }}'; }}
  tr '\\0' '\\n' <"/proc/$2/cmdline"
}}
args() {{
  pid=$(pids "$1" | head -n 1)
  if [ -n "$pid" ]; then told "$1" "$pid"
  elif [ -e "{MANIFESTS_DIR}/$1.yaml" ]; then
    sed -n "s/^ *- *[\\"']*\\(--[a-z].*\\)/\\1/p" "{MANIFESTS_DIR}/$1.yaml" | sed "s/[\\"' ]*\\$//"
  fi
}}
flag() {{
  value=$(printf '%s\\n' "$args" | sed -n -e "/^--*$1\\$/{{n;p;}}" -e "s/^--*$1=//p" | tail -n 1)
  echo "${{value:-$2}}"
}}
reach() {{ printf '%s\\n' "$1" | sed -e 's/^0\\.0\\.0\\.0$/127.0.0.1/' -e 's/^::$/::1/' -e 's/^[^[]*:.*:.*$/[&]/'; }}
urls() {{
  printf '%s\\n' "$1" | tr , '\\n' | sed -e 's|//0\\.0\\.0\\.0|//127.0.0.1|' -e 's|//\\[::\\]|//[::1]|' -e 's|/$||'
}}
"""


@dataclass(frozen=True)
class Manifest:
    """The manifest from which kubelet runs a static pod."""

    path: str
    mode: str
    owner: str
    image: str

    @property
    def strict(self) -> bool:
        """Return whether only root may read and write it."""
        return self.owner == "root:root" and int(self.mode, 8) & 0o177 == 0


_PROBE_MANIFESTS = f"""
dir={MANIFESTS_DIR}
if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
for name in {" ".join(STATIC_PODS)}; do
  file=$dir/$name.yaml
  [ -e "$file" ] || continue
  image=$(sed -n 's/^[ -]*image: *//p' "$file") || exit
  printf '%s\\t%s\\t%s\\t%s\\n' "$name" "$file" "$(stat -Lc '%a %U:%G' "$file")" "$(echo "$image" | head -n 1)"
done
"""


def parse_manifests(text: str) -> dict[str, Manifest]:
    """Return component to manifest, from rows of name, path, mode and owner, and image; absent ones are left out."""
    found = {}
    for row in text.splitlines():
        name, path, who, image = row.split("\t")
        mode, _, owner = who.partition(" ")
        if not re.fullmatch(r"[0-7]{3,4}", mode):
            raise ValueError(f"{path}: not a mode: {mode!r}")
        found[name] = Manifest(path, mode, owner, image.strip("\"' "))
    return found


MANIFESTS = Fact("control_plane.manifests", _PROBE_MANIFESTS, parse_manifests)


@dataclass(frozen=True)
class Process:
    """A running component, and its arguments."""

    pid: str
    arguments: tuple[str, ...]

    @property
    def flags(self) -> dict[str, str]:
        """Return flag to value; the last one counts, and a flag without a value is ``true``."""
        found: dict[str, str] = {}
        name = ""
        for word in self.arguments:
            if match := re.fullmatch(r"--?([a-z][\w.-]*)(?:=(.*))?", word, re.S):
                name = match[1]
                found[name] = "true" if match[2] is None else match[2]
                name = name if match[2] is None else ""
            elif name:
                found[name], name = word, ""
        return found


_PROBE_PROCESSES = f"""
{COMPONENT}
for name in {" ".join(STATIC_PODS)}; do
  for pid in $(pids $name); do
    told=$(told $name "$pid") || {{ [ ! -e "/proc/$pid" ] && continue; exit 1; }}
    printf '@%s\\t%s\\n' $name "$pid"
    printf '%s\\n' "$told" | sed 's/^/|/'
  done
done
"""


def parse_processes(text: str) -> dict[str, list[Process]]:
    """Return component to its processes; one that does not run is left out."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    rows: list[str] | None = None
    for row in text.splitlines():
        if row.startswith("@"):
            name, _, pid = row[1:].partition("\t")
            if name not in STATIC_PODS or not pid.isdecimal():
                raise ValueError(f"not a component's process: {row!r}")
            found.setdefault(name, []).append((pid, rows := []))
        elif row.startswith("|") and rows is not None:
            rows.append(row[1:])
        elif row.strip():
            raise ValueError(f"not an argument: {row[:80]!r}")
    return {name: [Process(pid, tuple(words)) for pid, words in all_] for name, all_ in found.items()}


PROCESSES = Fact("control_plane.processes", _PROBE_PROCESSES, parse_processes)


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(ns|us|µs|μs|ms|s|m|h)")


def duration(text: str) -> float:
    """Return the seconds of a duration as Go writes it: ``1m30s``.

    Raises:
        ValueError: it is not one.
    """
    text = text.strip()
    if text == "0":
        return 0.0
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"not a duration: {text[:40]!r}")
    return round(sum(float(part[1]) * _UNITS[part[2]] for part in parts), 9)


def minor(version: str) -> int | None:
    """Return the minor version of a Kubernetes version or image: 20 for ``…/kube-controller-manager:v1.20.2``."""
    match = re.search(r"(?:^|:)v?1\.([0-9]{1,3})\b", version)
    return int(match[1]) if match else None
