"""The certificate and key files of the registry's authority and server."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trueup.facts.kube.certificates import CUT_OUT
from trueup.model.fact import Fact
from trueup.pki.certificate import Certificate, body

if TYPE_CHECKING:
    from trueup.profiles.keys.registry import Registry
    from trueup.profiles.schema import Spec

NOW = "printf 'now\\t%s\\n' \"$(date +%s)\"\n"


@dataclass(frozen=True)
class File:
    """A certificate, or the public half of a key, in a file."""

    path: str
    mode: int
    owner: str
    certificates: tuple[Certificate, ...] = ()
    public: str = ""  # the public key, as the body of a PEM file
    mistake: str = ""  # why neither was found in it

    @property
    def certificate(self) -> Certificate | None:
        """Return the first certificate, or ``None``."""
        return next(iter(self.certificates), None)


@dataclass(frozen=True)
class Files:
    """The authority's pair, and the server's; what is absent is ``None``."""

    now: datetime  # by the host's own clock
    ca: File | None
    ca_key: File | None
    server: File | None
    server_key: File | None


def _paths(wanted: Registry) -> dict[str, str]:
    authority, server = wanted.tls.ca, wanted.tls.server
    return {
        "ca": authority.certificate,
        "ca_key": authority.private_key,
        "server": server.certificate,
        "server_key": server.private_key,
    }


# Only the public half of a key leaves the host.
def _probe_files(spec: Spec) -> str:
    rows = [f"file {name} {shlex.quote(path)}" for name, path in _paths(spec.registry).items() if path]
    return f"""
{CUT_OUT}
command -v openssl >/dev/null 2>&1 || {{ echo 'openssl: not found' >&2; exit 127; }}
file() {{
  may "${{2%/*}}"
  [ -f "$2" ] || return 0
  [ -r "$2" ] || {{ echo "$2: permission denied" >&2; exit 1; }}
  printf '@%s\\t%s\\t%s\\n' "$1" "$(stat -L -c '%a %U:%G' "$2")" "$2"
  case $1 in
  *_key) openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null </dev/null | sed 's/^/|/';;
  *) cut_out <"$2";;
  esac
}}
{NOW}{chr(10).join(rows)}
"""


def read_blocks(text: str) -> tuple[datetime, Iterator[tuple[list[str], str]]]:
    """Return the time, and the rows that begin with @, split at tabs, each with the lines that follow it.

    Raises:
        ValueError: the time is missing, or a row is unknown.
    """
    first, *blocks = re.split(r"(?m)^@", text)
    if not (match := re.fullmatch(r"now\t(\d{1,11})\s*", first)):
        raise ValueError(f"no time: {first[:80]!r}")

    def each() -> Iterator[tuple[list[str], str]]:
        for block in blocks:
            head, *rows = block.splitlines()
            if strange := next((row for row in rows if row and not row.startswith("|")), ""):
                raise ValueError(f"unknown row {strange[:80]!r}")
            yield head.split("\t"), "\n".join(row[1:] for row in rows)

    return datetime.fromtimestamp(int(match[1]), UTC), each()


def _file(name: str, state: str, path: str, text: str) -> File:
    from trueup.pki.reading import read  # cryptography is slow to load

    mode, _, owner = state.partition(" ")
    if not re.fullmatch("[0-7]{1,5}", mode):
        raise ValueError(f"no mode: {state[:80]!r}")
    known = File(path, int(mode, 8), owner)
    if name.endswith("_key"):
        public = body(text)
        return File(path, known.mode, owner, public=public, mistake="" if public else "no key that openssl reads")
    try:
        return File(path, known.mode, owner, read(text))
    except ValueError as error:
        return File(path, known.mode, owner, mistake=str(error))


def parse_files(text: str) -> Files:
    """Return those of the four files that exist."""
    now, blocks = read_blocks(text)
    found: dict[str, File] = {}
    for head, rows in blocks:
        if len(head) != 3 or head[0] not in ("ca", "ca_key", "server", "server_key"):
            raise ValueError(f"unknown file {head[0][:80]!r}")
        found[head[0]] = _file(head[0], head[1], head[2], rows)
    return Files(now, found.get("ca"), found.get("ca_key"), found.get("server"), found.get("server_key"))


FILES = Fact("registry.files", _probe_files, parse_files)
