"""Kubernetes' programs on a host: their packages, the configuration of the running kubelet, and the repository."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.facts.host import apt_repository, systemd
from trueup.facts.host.packages import OWNER
from trueup.facts.runtime.containerd import PATH
from trueup.model.fact import Fact

KUBELET = systemd.unit("kubelet.service")


@dataclass(frozen=True)
class Program:
    """A program that a shell finds on the PATH."""

    path: str
    version: str  # such as v1.33.4; empty if unknown
    package: str  # the package that owns it, or empty


# These are the options that make no network request.
_PROBE_PROGRAMS = (
    OWNER
    + f"PATH={':'.join(PATH)}"
    + """
for tool in kubeadm kubelet kubectl; do
  file=$(command -v $tool) || continue
  case $tool in
  kubeadm) said=$("$file" version -o short 2>/dev/null);;
  kubelet) said=$("$file" --version 2>/dev/null);;
  kubectl) said=$("$file" version --client 2>/dev/null | head -n 1);;
  esac
  version=$(echo "$said" | grep -o 'v1\\.[0-9][0-9A-Za-z.+-]*' | head -n 1)
  printf '%s\\t%s\\t%s\\t%s\\n' $tool "$file" "$version" "$(owner "$file")"
done
"""
)


def parse_programs(text: str) -> dict[str, Program]:
    """Return those of kubeadm, kubelet and kubectl that exist, from rows of name, path, version and owner."""
    found = {}
    for row in text.splitlines():
        name, path, version, owner = row.split("\t")
        found[name] = Program(path, version, owner)
    return found


PROGRAMS = Fact("kube.programs", _PROBE_PROGRAMS, parse_programs)


@dataclass(frozen=True)
class KubeletConfig:
    """kubelet's configuration file: that of the running process, or the default path if it does not run."""

    path: str
    text: str
    exists: bool
    flag: str  # --cgroup-driver of the running process; it overrides the file while kubelet has the flag
    dropins: tuple[tuple[str, str], ...] = ()  # path and text of the files in its --config-dir, in order

    @property
    def document(self) -> dict[str, Any]:
        """Return the file as data.

        Raises:
            ValueError: it is not a mapping in YAML.
        """
        return _mapping(self.text)

    def winner(self, key: str) -> tuple[str, Any]:
        """Return the file that sets a top-level key last, and the value; ``None`` if no file has it.

        Raises:
            ValueError: one of the files is not a mapping in YAML.
        """
        files = [(self.path, self.text), *self.dropins]
        named = [(path, document[key]) for path, text in files if key in (document := _mapping(text))]
        return named[-1] if named else (self.path, None)


def _mapping(text: str) -> dict[str, Any]:
    try:
        found = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(found, dict):
        raise ValueError("not a mapping")
    return found


_PROBE_KUBELET = """
path=/var/lib/kubelet/config.yaml flag='' dropins=''
pid=$(systemctl show kubelet.service -p MainPID --value) || exit
if [ "${pid:-0}" -gt 0 ]; then
  # before kubeadm has configured it, kubelet exits at once again and again: a process that is gone does not run
  args=$(tr '\\0' '\\n' 2>/dev/null <"/proc/$pid/cmdline") || [ ! -e "/proc/$pid" ] || exit 1
  given=$(echo "$args" | sed -n -e '/^--config$/{n;p;q;}' -e '/^--config=/{s///p;q;}')
  flag=$(echo "$args" | sed -n -e '/^--cgroup-driver$/{n;p;q;}' -e '/^--cgroup-driver=/{s///p;q;}')
  dropins=$(echo "$args" | sed -n -e '/^--config-dir$/{n;p;q;}' -e '/^--config-dir=/{s///p;q;}')
  path=${given:-$path}
fi
dir=${path%/*}
if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
printf '%s\\n%s\\n' "$path" "$flag"
[ ! -e "$path" ] || { echo --; cat "$path"; }
[ -z "$dropins" ] || for file in "$dropins"/*.conf; do
  [ ! -e "$file" ] || { printf '\\n--- %s\\n' "$file"; cat "$file"; }
done
"""


def parse_kubelet(text: str) -> KubeletConfig:
    """Return the file's path, the flag, and the texts of the file and of its drop-ins."""
    text, *rest = re.split(r"(?m)^--- (?=/)", text)
    dropins = tuple((row.partition("\n")[0], row.partition("\n")[2]) for row in rest)
    head, exists, body = text.partition("\n--\n")
    path, _, flag = head.partition("\n")
    if not path.startswith("/"):
        raise ValueError(f"not a path: {path!r}")
    return KubeletConfig(path, body, bool(exists), flag.strip(), dropins)


KUBELET_CONFIG = Fact("kube.kubelet_config", _PROBE_KUBELET, parse_kubelet, condition=systemd.RUNS)

REPOSITORY = apt_repository.of(
    "kube.repository", lambda spec: (spec.kube.apt.repository, next(iter(spec.kube.packages.names), "kubeadm"))
)
