"""containerd and runc: installed programs, configuration, running processes."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.facts.host import systemd
from trueup.facts.host.packages import OWNER
from trueup.facts.host.systemd import unit
from trueup.facts.runtime.toml_file import TomlFile
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

UNIT = unit("containerd.service")


def render_unit(program: str, directives: Mapping[str, str]) -> str:
    """Return a unit file for containerd like its project's own, with these directives."""
    own = {name: value for name, value in directives.items() if name not in ("After", "ExecStart")}
    rows = ["# written by trueup", "[Unit]", "Description=containerd container runtime"]
    rows += [f"After={directives.get('After', 'network.target local-fs.target')}", "", "[Service]"]
    rows += [f"ExecStart={program}", *(f"{name}={value}" for name, value in own.items())]
    return "\n".join([*rows, "", "[Install]", "WantedBy=multi-user.target", ""])


@dataclass(frozen=True)
class Config(TomlFile):
    """containerd's configuration file: that of the running process, or the profile's path."""

    exists: bool
    changed: float  # seconds since the epoch: the newest change of the file or an imported one

    @property
    def imports(self) -> str:
        """Return the patterns of imported files, for messages."""
        named = (self.document or {}).get("imports", [])
        return ", ".join(map(str, named)) if isinstance(named, list) else ""


# If the state of containerd is unknown, so are its file, PATH and proxy: the probe fails.
_PID = "pid=$(systemctl show containerd.service -p MainPID --value) || exit"
_ENVIRONMENT = """environment=$(tr '\\0' '\\n' <"/proc/$pid/environ") || exit  # only root may see it"""


def _config_path(spec: Spec) -> str:
    """Return shell that sets ``path`` to the --config of the running process, or else to the default."""
    return f"""
path={shlex.quote(spec.runtime.containerd.config or "/etc/containerd/config.toml")}
{_PID}
if [ "${{pid:-0}}" -gt 0 ]; then
  given=$(tr '\\0' '\\n' <"/proc/$pid/cmdline" |
    sed -n -e '/^-c$/{{n;p;q;}}' -e '/^--config$/{{n;p;q;}}' -e '/^--config=/{{s///p;q;}}')
  [ -z "$given" ] || path=$given
fi
"""


def _probe_config(spec: Spec) -> str:
    return f"""{_config_path(spec)}
echo "path=$path"
if [ -e "$path" ]; then
  changed=$(stat -L -c %.9Z "$path") || exit 1
  imports=$(sed -n '/^ *imports *=/,/\\]/p' "$path" | tr -d "\\n\\"'" | sed 's/^[^[]*\\[\\([^]]*\\)\\].*/\\1/')
  imports=$(echo "$imports" | tr , ' ')
  # patterns, relative to the file's directory
  times=$(cd "${{path%/*}}" && stat -L -c %.9Z -- $imports 2>/dev/null)
  changed=$(printf '%s\\n' "$changed" $times | sort -n | tail -n 1)
  echo "changed=$changed"
  echo --
  cat "$path"
fi
"""


def parse_config(text: str) -> Config:
    """Return the file's path, time of change and text."""
    head, exists, body = text.partition("\n--\n")
    fields = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    return Config(fields["path"], body, bool(exists), float(fields.get("changed", "0")))


CONFIG = Fact("containerd.config", _probe_config, parse_config, condition=systemd.RUNS)


def parse_dump(text: str) -> dict[str, Any] | None:
    """Return the effective configuration, or ``None`` if containerd is not installed."""
    return None if text.strip() == "absent" else tomllib.loads(text)


def _probe_dump(spec: Spec) -> str:
    return f"""
command -v containerd >/dev/null 2>&1 || {{ echo absent; exit 0; }}
{_config_path(spec)}
if [ -e "$path" ]; then containerd --config "$path" config dump; else containerd config default; fi
"""


DUMP = Fact("containerd.dump", _probe_dump, parse_dump, condition=systemd.RUNS)
DEFAULT: Fact[str] = Fact("containerd.default", "containerd config default", str)


@dataclass(frozen=True)
class Binary:
    """A program on its PATH."""

    path: str
    version: str  # upstream's, without "v"
    package: str  # that owns it, or empty
    real: str = ""  # the path with links resolved


@dataclass(frozen=True)
class Binaries:
    """containerd and nerdctl on a shell's PATH, and runc on containerd's PATH."""

    containerd: Binary | None
    runc: Binary | None
    nerdctl: Binary | None
    copies: tuple[str, ...] = ()  # every containerd on the standard PATH, with links resolved


PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")  # systemd's, for services

# containerd finds runc on its own PATH: systemd's default, unless the unit sets another.
_PROBE_BINARIES = (
    OWNER
    + f"""{_PID}
PATH={":".join(PATH)}
path=$PATH
if [ "${{pid:-0}}" -gt 0 ]; then
  {_ENVIRONMENT}
  own=$(echo "$environment" | sed -n 's/^PATH=//p'); path=${{own:-$path}}
fi
"""
    + """
for dir in $(echo "$PATH" | tr : ' '); do
  [ ! -x "$dir/containerd" ] || printf 'copy\t%s\n' "$(readlink -f "$dir/containerd")"
done
for tool in containerd nerdctl runc; do
  [ $tool != runc ] || PATH=$path
  file=$(command -v $tool) || continue
  said=$("$file" --version 2>/dev/null | head -n 1)
  printf '%s\\t%s\\t%s\\t%s\\t%s\\n' $tool "$file" "$said" "$(owner "$file")" "$(readlink -f "$file")"
done
"""
)


def parse_binaries(text: str) -> Binaries:
    """Return the binaries from lines of tool, path, first line of ``--version`` and owner."""
    found: dict[str, Binary] = {}
    copies: dict[str, None] = {}
    for row in text.splitlines():
        tool, path, said, owner, real = (row.split("\t") + [""] * 5)[:5]
        if tool == "copy":
            copies[path] = None
            continue
        words = [word.removeprefix("v") for word in said.split()]
        found[tool] = Binary(path, next((word for word in words if word[:1].isdigit()), ""), owner, real or path)
    return Binaries(found.get("containerd"), found.get("runc"), found.get("nerdctl"), tuple(copies))


BINARIES = Fact("containerd.binaries", _PROBE_BINARIES, parse_binaries, condition=systemd.RUNS)

# Uptime and process start are both by the clock that also runs during suspend, in hundredths of a second.
_PROBE_STARTED = f"""{_PID}
[ "${{pid:-0}}" -gt 0 ] || {{ echo stopped; exit 0; }}
ticks=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20) || exit 1
echo "$(date +%s.%N) $(cut -d' ' -f1 /proc/uptime) $ticks $(getconf CLK_TCK)"
"""


def parse_started(text: str) -> float | None:
    """Return the start time of the running containerd in seconds since the epoch (to 0.02 s), or ``None``."""
    if text.strip() == "stopped":
        return None
    now, up, ticks, hertz = (float(word) for word in text.split())
    return now - up + ticks / hertz


STARTED = Fact("containerd.started", _PROBE_STARTED, parse_started, condition=systemd.RUNS)


# Shell that replaces the session's proxy variables by those of containerd's unit. curl reads only lower case, Go reads
# both.
PROXIES = f"""
unset HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy
{_PID}
if [ "${{pid:-0}}" -gt 0 ]; then
  {_ENVIRONMENT}
  for name in http_proxy https_proxy no_proxy; do
    value=$(echo "$environment" | sed -n "s/^$name=//Ip" | tail -n 1)
    [ -z "$value" ] || export "$name=$value"
  done
fi
"""


@dataclass(frozen=True)
class Running:
    """The program of the running containerd."""

    path: str
    replaced: bool  # the file was replaced after the process had started


_PROBE_RUNNING = f"""{_PID}
[ "${{pid:-0}}" -gt 0 ] || {{ echo stopped; exit 0; }}
readlink "/proc/$pid/exe"
"""
_DELETED = " (deleted)"  # the kernel's mark, proc_pid_exe(5)


def parse_running(text: str) -> Running | None:
    """Return the running program, or ``None`` if containerd does not run."""
    path = text.strip()
    if path == "stopped":
        return None
    if not path.startswith("/"):
        raise ValueError(f"not a path: {path!r}")
    return Running(path.removesuffix(_DELETED), path.endswith(_DELETED))


RUNNING = Fact("containerd.running", _PROBE_RUNNING, parse_running, condition=systemd.RUNS)


def parse_plugins(text: str) -> dict[str, str]:
    """Return plugin (``type.id``) to status (``ok``, ``skip``, ``error``) of ``ctr plugins ls``."""
    rows = [row.split() for row in text.splitlines()]
    if not rows or rows[0][:2] != ["TYPE", "ID"]:
        raise ValueError("ctr plugins ls gave no table")
    return {f"{row[0]}.{row[1]}": row[-1] for row in rows[1:] if len(row) >= 3}


PLUGINS = Fact("containerd.plugins", "ctr --timeout 10s plugins ls", parse_plugins)
# One plugin up to containerd 1.7, two (images and runtime) since 2.0.
CRI_PLUGINS = ("io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime")
