"""Facts that must be equal on all hosts of a role, whatever their value: versions and containerd's settings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from trueup.facts.host.kernel import parse_sysctl, probe_sysctl
from trueup.facts.host.packages import OWNER
from trueup.facts.runtime.containerd import PATH
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec


@dataclass(frozen=True)
class Versions:
    """The versions of a host's programs, and its system."""

    programs: dict[str, str]  # the package's version, or the program's own without a package
    system: str  # distribution, release and kernel, for messages


# For a packaged program the package's version counts: builds with different packages may report the same version.
def _probe_versions(spec: Spec) -> str:
    return f"""{OWNER}
PATH={":".join(PATH)}
if [ -r /etc/os-release ]; then . /etc/os-release; fi
printf 'system\\t%s\\n' "${{ID:-unknown}} ${{VERSION_ID:-rolling}}, kernel $(uname -r)"
for tool in {shlex.join(spec.cluster.versions)}; do
  file=$(command -v "$tool") || continue
  package=$(owner "$file") version=
  if [ -n "$package" ]; then
    version=$({{ dpkg-query -W -f '${{Version}}\\n' "$package" ||
      rpm -q --qf '%{{EPOCHNUM}}:%{{VERSION}}-%{{RELEASE}}\\n' "$package"; }} 2>/dev/null | head -n 1)
  fi
  [ -z "$version" ] || version="$version of package $package"
  [ -n "$version" ] || case $tool in
  kubeadm) version=$("$file" version -o short 2>&1);;
  kubectl) version=$("$file" version --client 2>&1 | head -n 1);;
  haproxy) version=$("$file" -v 2>&1 | head -n 1);;
  *) version=$("$file" --version 2>&1 | head -n 1);;
  esac
  printf '%s\\t%s\\n' "$tool" "$version"
done
"""


def parse_versions(text: str) -> Versions:
    """Return the versions from rows of program and version, and the system from the row ``system``."""
    rows = dict(row.split("\t", 1) for row in text.splitlines() if row.strip())
    return Versions({name: version for name, version in rows.items() if name != "system"}, rows["system"])


VERSIONS = Fact("uniform.versions", _probe_versions, parse_versions)
SYSCTL = Fact(
    "uniform.sysctl",
    lambda spec: probe_sysctl(dict.fromkeys([*spec.host.sysctl, *spec.cluster.config.sysctl])),
    parse_sysctl,
)


def settings(config: dict[str, Any], ignored: list[str]) -> dict[str, str]:
    """Return containerd's settings as text by dotted key, without those that match a pattern in ``ignored``."""
    return {
        f"containerd's {name}": str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in _flat(config, "")
        if not any(fnmatchcase(name, pattern) for pattern in ignored)
    }


def _flat(config: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
