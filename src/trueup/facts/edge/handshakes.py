"""TLS handshakes with the registry: which certificate it shows, and whether containerd accepts that."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trueup.errors import CouldNotLook
from trueup.facts.edge.certificate_files import NOW, read_blocks
from trueup.facts.edge.harbor import host_name, local
from trueup.facts.kube.certificates import CUT_OUT
from trueup.facts.runtime.mirrors import Directory
from trueup.model.claims import Deviation
from trueup.model.fact import Fact, RunnerFact
from trueup.pki.certificate import Certificate, misnamed, refused

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

# a line of openssl's error queue: process, code, library, function, reason, place
_ERROR = re.compile(r"^[0-9A-F]+:error:[^:]*:[^:]*:[^:]*:([^:]+):.*$")


@dataclass(frozen=True)
class Handshake:
    """The result of a TLS handshake."""

    chain: tuple[Certificate, ...]
    problem: str  # why there is no chain
    system: str  # openssl's reason why the host's own store rejects it, or "ok"


@dataclass(frozen=True)
class Handshakes:
    """Handshakes, by HOST:PORT."""

    now: datetime
    met: dict[str, Handshake]

    def of(self, endpoint: str) -> Handshake:
        """Return the handshake with HOST:PORT.

        Raises:
            CouldNotLook: no handshake was made.
        """
        if endpoint not in self.met:
            raise CouldNotLook(f"{endpoint}: no handshake was made")
        return self.met[endpoint]


# s_client also prints the session's secrets; only certificates, its verdict and its last error leave the shell.
_SHAKE = f"""
{CUT_OUT}
command -v openssl >/dev/null 2>&1 || {{ echo 'openssl: not found' >&2; exit 127; }}
shake() {{
  case $2 in
  *[!0-9.]*) set -- "$1" "$2" -servername "$2" -verify_hostname "$2";;
  *) set -- "$1" "$2" -verify_ip "$2";;
  esac
  at=$1; shift 2
  said=$(timeout 8 openssl s_client -connect "$at" "$@" -showcerts </dev/null 2>&1)
  [ $? != 124 ] || said='error: no answer within 8 seconds'
  found=$(printf '%s\\n' "$said" | cut_out)
  why=$(printf '%s\\n' "$said" | grep -i -m 1 -e error -e errno -e refused -e unknown | cut -c 1-200 | tr '\\t' ' ')
  store=$(printf '%s\\n' "$said" | sed -n 's/^ *Verify return code: [0-9]* (\\(.*\\))$/\\1/p' | head -n 1)
  [ -z "$found" ] || why=''
  printf '@%s\\t%s\\t%s\\n%s\\n' "$at" "$why" "$store" "$found"
}}
{NOW}"""


def name_of(endpoint: str) -> str:
    """Return the host of HOST:PORT."""
    return endpoint.rpartition(":")[0]


def parse_handshakes(text: str) -> Handshakes:
    """Return the result of each handshake."""
    from trueup.pki.reading import read  # cryptography is slow to load

    now, blocks = read_blocks(text)
    met: dict[str, Handshake] = {}
    for head, rows in blocks:
        if len(head) != 3:
            raise ValueError(f"unknown row {head[0][:80]!r}")
        endpoint, why, store = head[0], _ERROR.sub(r"\1", head[1]), head[2]
        try:
            met[endpoint] = Handshake(() if why else read(rows), why, store)
        except ValueError as error:
            met[endpoint] = Handshake((), why or f"no certificate: {error}", store)
    return Handshakes(now, met)


def _probe_served(spec: Spec) -> str:
    return f"{_SHAKE}shake {local(spec.registry)} {shlex.quote(host_name(spec.registry))}\n"


def _shake(endpoints: list[str]) -> str:
    quoted = ((shlex.quote(endpoint), shlex.quote(name_of(endpoint))) for endpoint in endpoints)
    return _SHAKE + "".join(f"shake {endpoint} {name}\n" for endpoint, name in quoted)


def _probe_seen(spec: Spec) -> str:
    return _shake(spec.registry.endpoints)


def _probe_runner(spec: Spec) -> str:
    return _shake(spec.registry.from_runner)


def unserved(at: str, met: Handshake, leaf: Certificate) -> Deviation | None:
    """Return a deviation unless a handshake showed this certificate."""
    if not met.chain:
        return Deviation("a TLS handshake", met.problem, at, "effective")
    shown = met.chain[0]
    hint = "the server still uses the certificate from before"
    return None if shown == leaf else Deviation(str(leaf), str(shown), f"certificate at {at}", "effective", hint)


def distrusted(endpoint: str, met: Handshake, directory: Directory, now: datetime) -> Deviation | None:
    """Return why containerd rejects an endpoint's certificate or does not verify it, or ``None``."""
    from trueup.pki.reading import read  # cryptography is slow to load

    file = directory.of(endpoint)
    if file and file.unverified(f"https://{endpoint}"):
        where = f"skip_verify in {file.path}"
        return Deviation("verified", "not verified: anyone in between can answer in its place", where, "declared")
    if not met.chain:
        return Deviation("a TLS handshake", met.problem, endpoint, "effective")
    paths = directory.authorities(endpoint)
    if missing := [path for path in paths if path not in directory.certificates]:
        return Deviation("a file", f"no such file: {missing[0]}", f"ca for {endpoint}", "declared")
    if met.system == "ok" and not misnamed(met.chain[0], name_of(endpoint)):
        return None
    where = f"{endpoint}, with {', '.join(paths) or 'the authorities of the system'}"
    try:
        trusted = [one for path in paths for one in read(directory.certificates[path])]
    except ValueError as error:
        return Deviation("a certificate", str(error), where, "declared")
    why = refused(met.chain, trusted, name_of(endpoint), now)
    return Deviation("a certificate that it verifies", why, where, "effective") if why else None


SERVED = Fact("registry.served", _probe_served, parse_handshakes, timeout=20)  # as the registry's host sees itself
FROM_RUNNER = RunnerFact("registry.from_runner", _probe_runner, parse_handshakes, timeout=30)
SEEN = Fact("registry.seen", _probe_seen, parse_handshakes, timeout=30)  # as a node sees what it pulls from
