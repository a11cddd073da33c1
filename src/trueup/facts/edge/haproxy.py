"""haproxy: its configuration files, its own verdict on them, and its statistics by the socket."""

from __future__ import annotations

import csv
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.edit import haproxy as haproxy_text
from trueup.edit.haproxy import Section, Words
from trueup.facts.edge.keepalived import LOADED, OPTION
from trueup.facts.host import systemd
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.load_balancer import Listen
    from trueup.profiles.schema import Spec

MAIN = "/etc/haproxy/haproxy.cfg"
UNIT = systemd.unit("haproxy.service")

_PROBE = (
    LOADED
    + OPTION
    + r"""
files=$(option haproxy.service -f '' | sort -u)
[ -n "$files" ] || files=/etc/haproxy/haproxy.cfg
loaded haproxy.service
for each in $files; do
  [ ! -d "$each" ] || each=$(ls "$each"/*.cfg 2>/dev/null)
  for file in $each; do
    [ -e "$file" ] || { echo "absent $file"; continue; }
    echo "file $(stat -c %Y "$file") $file" && sed 's/^/|/' "$file" || exit
    echo
  done
done
command -v haproxy >/dev/null || exit 0
flags=$(for each in $files; do printf ' -f %s' "$each"; done)
said=$(haproxy -c $flags 2>&1); echo "valid $?"
printf '%s\n' "$said" | tail -n 6 | sed 's/^/said /'
journalctl -u haproxy.service -n 30 -o cat --no-pager 2>/dev/null | grep -i 'ALERT\|cannot bind\|fail' | tail -n 3 |
  sed 's/^/journal /'
"""
)


@dataclass(frozen=True)
class Conf:
    """The configuration files of haproxy, running or not."""

    loaded: int  # when haproxy last read it, in seconds since the epoch; 0 if it does not run
    files: dict[str, str]
    changed: dict[str, int]
    absent: tuple[str, ...]
    valid: bool | None  # verdict of `haproxy -c`; None without haproxy
    said: str
    journal: str

    @property
    def mistake(self) -> str:
        """Return why it cannot be read, or an empty string."""
        for path, text in self.files.items():
            try:
                haproxy_text.parse(text)
            except ValueError as error:
                return f"{path}: {error}"
        return ""

    @property
    def stale(self) -> str:
        """Return a file that changed after haproxy had read it (to the second), or an empty string."""
        return next((path for path, at in self.changed.items() if self.loaded and at > self.loaded), "")

    @property
    def sections(self) -> list[tuple[str, Section]]:
        """Return all sections, each with its file; files that cannot be read are left out."""
        found: list[tuple[str, Section]] = []
        for path, text in self.files.items():
            try:
                found += [(path, section) for section in haproxy_text.parse(text)]
            except ValueError:
                continue  # `mistake` reports it
        return found

    def of(self, *header: str) -> tuple[str, Section] | None:
        """Return the first section with this header, and its file."""
        return next((each for each in self.sections if each[1].words[: len(header)] == header), None)


def parse(text: str) -> Conf:
    """Return the configuration from the probe's rows."""
    loaded: int | None = None
    valid: bool | None = None
    rows: dict[str, list[str]] = {}
    changed: dict[str, int] = {}
    said, journal, absent, path = [], [], [], ""
    for row in text.split("\n"):
        kind, _, rest = row.partition(" ")
        if row[:1] == "|" and path:
            rows[path].append(row[1:])
        elif kind == "loaded":
            loaded = int(rest)
        elif kind == "file":
            at, _, path = rest.partition(" ")
            rows[path], changed[path] = [], int(at)
        elif kind == "absent":
            absent.append(rest)
        elif kind == "valid":
            valid = int(rest) == 0
        elif kind == "said":
            said.append(rest)
        elif kind == "journal" and rest:
            journal.append(rest)
    if loaded is None:
        raise ValueError("it does not say when haproxy read its configuration")
    files = {path: "\n".join(lines) + "\n" for path, lines in rows.items()}
    return Conf(loaded, files, changed, tuple(absent), valid, "; ".join(filter(None, said)), "; ".join(journal))


CONF = Fact("lb.haproxy.conf", _PROBE, parse)


def wanted(listen: Listen) -> dict[Words, list[Words]]:
    """Return the profile's lines of a listen section, by the words that they begin with."""
    return {
        ("bind",): [("bind", listen.bind)],
        ("mode",): [("mode", listen.mode)],
        ("server",): [
            ("server", each.name, each.address, *haproxy_text.split(each.options)) for each in listen.servers
        ],
    }


BASE = """# written by trueup
global
    log /dev/log local0
    daemon

defaults
    log global
    timeout connect 5s
    timeout client 50s
    timeout server 50s
"""


def socket(spec: Spec) -> Words:
    """Return the line of the global section that creates haproxy's statistics socket."""
    return ("stats", "socket", spec.lb.stats_socket, "mode", "660", "level", "admin")


# Without socat, perl connects to the socket: even a minimal Debian has it. curl and bash cannot.
_SPEAK = r"""
ask() {
  if command -v socat >/dev/null 2>&1; then printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$socket"
  elif perl -MIO::Socket::UNIX -e 1 2>/dev/null; then
    perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\n";
      print $s "$ARGV[1]\n"; print while <$s>' "$socket" "$1"
  elif command -v python3 >/dev/null 2>&1; then
    python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
s.sendall((sys.argv[2] + "\n").encode()); sys.stdout.write(s.makefile().read())' "$socket" "$1"
  else echo 'none of socat, perl and python3 is installed, to connect to a socket' >&2; exit 127; fi
}
[ -S "$socket" ] || { echo absent; exit 0; }
said=$(ask 'show stat' 2>&1) || {
  rc=$?; case $said in *efused*) echo refused; exit 0;; esac; printf '%s\n' "$said" >&2; exit $rc; }
printf '%s\n' "$said"
"""


@dataclass(frozen=True)
class Row:
    """A row of haproxy's statistics: a listen section, or one of its servers."""

    section: str
    name: str
    status: str
    check: str  # haproxy's code for the last check, such as L4CON
    says: str  # haproxy's text for that code


@dataclass(frozen=True)
class Stats:
    """The answer of haproxy's socket."""

    problem: str  # why there is no answer, or empty
    rows: tuple[Row, ...] = ()

    def server(self, section: str, name: str) -> Row | None:
        """Return one server."""
        return next((row for row in self.rows if (row.section, row.name) == (section, name)), None)


_PROBLEMS = {"absent": "the socket does not exist", "refused": "no process listens on it"}


def parse_stats(text: str) -> Stats:
    """Return the statistics of ``show stat``, which is CSV behind ``# ``."""
    if (word := text.strip()) in _PROBLEMS:
        return Stats(_PROBLEMS[word])
    if not text.lstrip().startswith("# pxname,"):
        raise ValueError("not an answer to `show stat`")
    try:
        rows = list(csv.DictReader(text.lstrip().removeprefix("# ").splitlines()))
        return Stats(
            "",
            tuple(
                Row(row["pxname"], row["svname"], row["status"], row["check_status"] or "", row["check_desc"] or "")
                for row in rows
                if row.get("svname")
            ),
        )
    except (csv.Error, KeyError) as error:
        raise ValueError(f"not an answer to `show stat`: {error}") from None


STATS = Fact("lb.haproxy.stats", lambda spec: f"socket={shlex.quote(spec.lb.stats_socket)}{_SPEAK}", parse_stats)
