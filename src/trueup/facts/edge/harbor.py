"""The registry's host: its authority, its certificate on disk and on the wire, and how Harbor is set up and does."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.errors import CouldNotLook
from trueup.facts.edge import tls
from trueup.facts.kube.certificates import CUT_OUT
from trueup.facts.runtime.mirrors import Directory
from trueup.model.fact import Fact, RunnerFact
from trueup.model.result import Deviation

if TYPE_CHECKING:
    from trueup.profiles.keys.registry import Registry
    from trueup.profiles.schema import Spec

_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
# a line of openssl's queue of errors: process, code, library, function, reason, where
_ERROR = re.compile(r"^[0-9A-F]+:error:[^:]*:[^:]*:[^:]*:([^:]+):.*$")
_NOW = "printf 'now\\t%s\\n' \"$(date +%s)\"\n"


@dataclass(frozen=True)
class File:
    """A certificate, or the public half of a key, in a file."""

    path: str
    mode: int
    owner: str
    certificates: tuple[tls.Certificate, ...] = ()
    public: str = ""  # the key's public half, as the middle of a PEM file
    mistake: str = ""  # why there is none of that in it

    @property
    def certificate(self) -> tls.Certificate | None:
        """Return the first one."""
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


# Of a key only the public half leaves the host.
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
{_NOW}{chr(10).join(rows)}
"""


def _blocks(text: str) -> tuple[datetime, Iterator[tuple[list[str], str]]]:
    """Return the time, and the rows that begin with @, split at tabs, each with the lines that follow it.

    Raises:
        ValueError: no time, or a row that is none of the probe's.
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
    mode, _, owner = state.partition(" ")
    if not re.fullmatch("[0-7]{1,5}", mode):
        raise ValueError(f"no mode: {state[:80]!r}")
    known = File(path, int(mode, 8), owner)
    if name.endswith("_key"):
        public = tls.body(text)
        return File(path, known.mode, owner, public=public, mistake="" if public else "no key that openssl reads")
    try:
        return File(path, known.mode, owner, tls.read(text))
    except ValueError as error:
        return File(path, known.mode, owner, mistake=str(error))


def parse_files(text: str) -> Files:
    """Return the four files as far as they are there."""
    now, blocks = _blocks(text)
    found: dict[str, File] = {}
    for head, rows in blocks:
        if len(head) != 3 or head[0] not in ("ca", "ca_key", "server", "server_key"):
            raise ValueError(f"unknown file {head[0][:80]!r}")
        found[head[0]] = _file(head[0], head[1], head[2], rows)
    return Files(now, found.get("ca"), found.get("ca_key"), found.get("server"), found.get("server_key"))


FILES = Fact("registry.files", _probe_files, parse_files)


@dataclass(frozen=True)
class Met:
    """What a TLS handshake brought."""

    chain: tuple[tls.Certificate, ...]
    problem: str  # why there is no chain
    system: str  # why the host's own store does not verify it, in openssl's words; "ok"


@dataclass(frozen=True)
class Meetings:
    """Handshakes, by HOST:PORT."""

    now: datetime
    met: dict[str, Met]

    def of(self, endpoint: str) -> Met:
        """Return what came of the handshake with HOST:PORT.

        Raises:
            CouldNotLook: there was none, so that nothing is known.
        """
        if endpoint not in self.met:
            raise CouldNotLook(f"{endpoint}: no handshake was made")
        return self.met[endpoint]


# s_client also tells the session's secrets: only certificates, its verdict and its last error leave the shell.
_MEET = f"""
{CUT_OUT}
command -v openssl >/dev/null 2>&1 || {{ echo 'openssl: not found' >&2; exit 127; }}
meet() {{
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
{_NOW}"""


def name_of(endpoint: str) -> str:
    """Return the host of HOST:PORT."""
    return endpoint.rpartition(":")[0]


def host_name(wanted: Registry) -> str:
    """Return the name under which Harbor knows itself."""
    return wanted.harbor.hostname or next(iter(wanted.names), "")


def parse_meetings(text: str) -> Meetings:
    """Return what each handshake brought."""
    now, blocks = _blocks(text)
    met: dict[str, Met] = {}
    for head, rows in blocks:
        if len(head) != 3:
            raise ValueError(f"unknown row {head[0][:80]!r}")
        endpoint, why, store = head[0], _ERROR.sub(r"\1", head[1]), head[2]
        try:
            met[endpoint] = Met(() if why else tls.read(rows), why, store)
        except ValueError as error:
            met[endpoint] = Met((), why or f"no certificate: {error}", store)
    return Meetings(now, met)


def local(wanted: Registry) -> str:
    """Return where Harbor serves on its own host."""
    return f"127.0.0.1:{wanted.harbor.port}"


def _probe_served(spec: Spec) -> str:
    return f"{_MEET}meet {local(spec.registry)} {shlex.quote(host_name(spec.registry))}\n"


def _meet(endpoints: list[str]) -> str:
    quoted = ((shlex.quote(endpoint), shlex.quote(name_of(endpoint))) for endpoint in endpoints)
    return _MEET + "".join(f"meet {endpoint} {name}\n" for endpoint, name in quoted)


def _probe_seen(spec: Spec) -> str:
    return _meet(spec.registry.endpoints)


def _probe_runner(spec: Spec) -> str:
    return _meet(spec.registry.from_runner)


def unserved(at: str, met: Met, leaf: tls.Certificate) -> Deviation | None:
    """Return a deviation unless a handshake showed this certificate."""
    if not met.chain:
        return Deviation("a TLS handshake", met.problem, at, "effective")
    shown = met.chain[0]
    hint = "it was issued, and not taken up since"
    return None if shown == leaf else Deviation(str(leaf), str(shown), f"certificate at {at}", "effective", hint)


def distrusted(endpoint: str, met: Met, directory: Directory, now: datetime) -> Deviation | None:
    """Return why containerd refuses what an endpoint shows, or takes anything from it unseen; or nothing."""
    file = directory.of(endpoint)
    if file and file.unverified(f"https://{endpoint}"):
        where = f"skip_verify in {file.path}"
        return Deviation("verified", "not verified: anyone in between can answer for it", where, "declared")
    if not met.chain:
        return Deviation("a TLS handshake", met.problem, endpoint, "effective")
    paths = directory.authorities(endpoint)
    if missing := [path for path in paths if path not in directory.certificates]:
        return Deviation("a file", f"no such file: {missing[0]}", f"ca for {endpoint}", "declared")
    if met.system == "ok" and not tls.misnamed(met.chain[0], name_of(endpoint)):
        return None
    where = f"{endpoint}, with {', '.join(paths) or 'the authorities of the system'}"
    try:
        trusted = [one for path in paths for one in tls.read(directory.certificates[path])]
    except ValueError as error:
        return Deviation("a certificate", str(error), where, "declared")
    why = tls.refused(met.chain, trusted, name_of(endpoint), now)
    return Deviation("a certificate that it verifies", why, where, "effective") if why else None


SERVED = Fact("registry.served", _probe_served, parse_meetings, timeout=20)  # as the registry's host sees itself
FROM_RUNNER = RunnerFact("registry.from_runner", _probe_runner, parse_meetings, timeout=30)
SEEN = Fact("registry.seen", _probe_seen, parse_meetings, timeout=30)  # as a node sees what it pulls from


@dataclass(frozen=True)
class HarborConfig:
    """What harbor.yml says of the name and the certificate, and whether the installer is there."""

    path: str
    exists: bool
    installer: bool
    hostname: str | None
    port: str | None
    certificate: str | None
    private_key: str | None
    mistake: str = ""  # why it cannot be read


# The file has passwords in it: only the two keys that are looked at are taken.
def _probe_config(spec: Spec) -> str:
    wanted = spec.registry.harbor
    return f"""
dir={shlex.quote(wanted.directory)}; file=$dir/harbor.yml
if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
printf 'path\\t%s\\n' "$file"
if (cd "$dir" && command -v {shlex.quote(next(iter(wanted.apply)))}) >/dev/null 2>&1; then echo installer; fi
[ -e "$file" ] || exit 0
[ -r "$file" ] || {{ echo "$file: permission denied" >&2; exit 1; }}
echo --
awk '
  /^[ \\t]*#/ {{ next }}
  /^["'\\'']?(hostname|https)["'\\'']?[ \\t]*:/ {{ on = 1; print; next }}
  /^[^ \\t#]/ {{ on = 0 }}
  on' "$file"
"""


def parse_config(text: str) -> HarborConfig:
    """Return what was taken of the file; one that is no YAML has its mistake."""
    head, exists, body = text.partition("\n--\n")
    row, *rest = head.splitlines() or [""]
    if not row.startswith("path\t/"):
        raise ValueError(f"not a path: {row[:80]!r}")
    document, mistake = _mapping(body)
    https = document.get("https")
    https = https if isinstance(https, dict) else {}
    return HarborConfig(
        path=row[5:],
        exists=bool(exists),
        installer="installer" in rest,
        hostname=_word(document.get("hostname")),
        port=_word(https.get("port")),
        certificate=_word(https.get("certificate")),
        private_key=_word(https.get("private_key")),
        mistake=mistake,
    )


def _mapping(text: str) -> tuple[dict[str, Any], str]:
    """Return a document, and why it is none."""
    try:
        found = YAML(typ="safe", pure=True).load(text) or {}
    except (YAMLError, ValueError, RecursionError) as error:
        return {}, " ".join(str(error).split())[:200]
    return (found, "") if isinstance(found, dict) else ({}, "no mapping of keys")


def _word(value: Any) -> str | None:
    return None if value is None else str(value)


CONFIG = Fact("registry.harbor_config", _probe_config, parse_config)


@dataclass(frozen=True)
class Health:
    """What Harbor says of itself."""

    problem: str  # why it says nothing
    status: str
    components: dict[str, str]  # name to status, with the error of one that is not healthy


def _probe_health(spec: Spec) -> str:
    wanted = spec.registry
    name, port = host_name(wanted), wanted.harbor.port
    return f"""
command -v curl >/dev/null 2>&1 || {{ echo 'curl: not found' >&2; exit 127; }}
curl -sS --max-time 10 --noproxy '*' --cacert {shlex.quote(wanted.tls.ca.certificate)} -w '\\n%{{http_code}}\\n' \\
  --connect-to {shlex.quote(f"{name}:{port}:127.0.0.1:{port}")} \\
  {shlex.quote(f"https://{name}:{port}/api/v2.0/health")} 2>&1 | head -c 65536
"""


def parse_health(text: str) -> Health:
    """Return what Harbor's API says (OverallHealthStatus in its swagger.yaml), or curl's words where it did not."""
    said, _, code = text.rstrip("\n").rpartition("\n")
    if code != "200":
        words = " ".join(said.split())[:200]
        return Health(words if code == "000" and words else f"HTTP {code[:40]}", "", {})
    try:
        document = json.loads(said)
        components = {repr(str(each["name"]))[1:-1]: _condition(each) for each in document.get("components") or ()}
        return Health("", str(document["status"]), components)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Health(f"not what Harbor's API says: {' '.join(said.split())[:120]}", "", {})


def _condition(component: dict[str, Any]) -> str:
    words = ": ".join(filter(None, [str(component["status"]), str(component.get("error") or "")[:200]]))
    return words if words.isprintable() else repr(words)


HEALTH = Fact("registry.health", _probe_health, parse_health)
