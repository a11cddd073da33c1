"""Access to a running etcd: where it listens, which clients it answers, and who may read its data directory."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from trueup.facts.kube.control_plane import ASK, Answer, parse_answer
from trueup.facts.kube.static_pods import COMPONENT
from trueup.model.fact import Fact


@dataclass(frozen=True)
class Etcd:
    """The access that a running etcd gives."""

    listens: tuple[tuple[str, int], ...]  # address and port
    answers: tuple[Answer, ...]  # to a client without a certificate
    directory: str
    mode: str


# The sockets come from the kernel; etcd's arguments only show what it was told.
_PROBE_ETCD = f"""
{COMPONENT}{ASK}
pid=$(pids etcd | head -n 1)
[ -n "$pid" ] || exit 0
args=$(args etcd) || exit
dir=$(flag data-dir '')
mode=$([ -z "$dir" ] || stat -Lc %a "/proc/$pid/root$dir") || exit
printf 'directory\\t%s\\t%s\\n' "$mode" "$dir"
fds=$(ls -l "/proc/$pid/fd") || exit
inodes=$(printf '%s\\n' "$fds" | sed -n 's/.*socket:\\[\\([0-9]*\\)\\]$/\\1/p' | tr '\\n' ' ')
tables=/proc/$pid/net/tcp; [ ! -e "/proc/$pid/net/tcp6" ] || tables="$tables /proc/$pid/net/tcp6"
awk -v inodes=" $inodes " '$4 == "0A" && index(inodes, " " $10 " ") {{ print "listens\\t" $2 }}' $tables || exit
for base in $(urls "$(flag listen-client-urls http://localhost:2379)"); do
  answer=$(ask "$base" /version | tail -c 4000)
  [ -n "$answer" ] || exit 127
  printf '@%s/version\\n' "$base"
  printf '%s\\n' "$answer" | sed 's/^/|/'
done
"""


def parse_socket(text: str) -> tuple[str, int]:
    """Return the address and the port of a row of ``/proc/net/tcp``, such as ``0100007F:094B``.

    Raises:
        ValueError: it is no such row.
    """
    words, _, port = text.partition(":")
    if len(words) not in (8, 32) or len(port) != 4:
        raise ValueError(f"not a socket: {text!r}")
    raw = b"".join(bytes.fromhex(words[at : at + 8])[::-1] for at in range(0, len(words), 8))
    address = ipaddress.ip_address(raw)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address), int(port, 16)


def parse_etcd(text: str) -> Etcd | None:
    """Return the access to etcd, or ``None`` if it does not run.

    Raises:
        ValueError: a row is unknown.
    """
    if not text.strip():
        return None
    rows = text.split("\n")
    head = rows[0].split("\t")
    if len(head) != 3 or head[0] != "directory":
        raise ValueError(f"no row about the directory: {rows[0][:80]!r}")
    if not re.fullmatch(r"[0-7]{3,4}|", head[1]):
        raise ValueError(f"not a mode: {head[1][:80]!r}")
    listens: list[tuple[str, int]] = []
    asked: list[tuple[str, list[str]]] = []
    for row in rows[1:]:
        if row.startswith("listens\t"):
            listens.append(parse_socket(row.partition("\t")[2]))
        elif row.startswith("@"):
            asked.append((row[1:], []))
        elif row.startswith("|") and asked:
            asked[-1][1].append(row[1:])
        elif row.strip():
            raise ValueError(f"unknown row {row[:80]!r}")
    return Etcd(tuple(listens), tuple(parse_answer(url, lines) for url, lines in asked), head[2], head[1])


ETCD_ACCESS = Fact("control_plane.etcd_access", _PROBE_ETCD, parse_etcd, timeout=60)
