"""containerd's mirrors: one hosts.toml per registry below ``config_path`` (containerd's docs/hosts.md)."""

from __future__ import annotations

import re
import shlex
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.facts.runtime.containerd import PROXIES
from trueup.facts.runtime.toml_file import TomlFile
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.runtime import Registry
    from trueup.profiles.schema import Spec

# registry names whose server has another name
_SERVERS = {"docker.io": "https://registry-1.docker.io"}
_PEM = re.compile("-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----")
_HOST = re.compile(r"[a-z0-9][a-z0-9.:-]*")  # a name or an address, as urlsplit gives it


def mistake(endpoint: str) -> str:
    """Return the mistake in a mirror's URL, or an empty string."""
    try:
        url = urllib.parse.urlsplit(endpoint)
        host, _ = url.hostname, url.port
    except ValueError as error:
        return str(error)
    if not endpoint.isprintable() or set(endpoint) & set("\"' "):
        return "it contains white space, quotes or control characters"
    if url.scheme not in ("http", "https"):
        return "it does not begin with http:// or https://"
    if (host or "") in ("http", "https") or "://" in f"{url.netloc}{url.path}" or url.path.startswith("//"):
        return "it has a scheme twice"
    if not _HOST.fullmatch(host or ""):
        return "it names no host"
    return ""


def server(registry: str) -> str:
    """Return the URL of a registry's server."""
    return _SERVERS.get(registry, f"https://{registry}")


@dataclass(frozen=True)
class Hosts(TomlFile):
    """One hosts.toml."""

    @property
    def hosts(self) -> dict[str, dict[str, Any]]:
        """Return mirror to its settings, in order."""
        hosts = (self.document or {}).get("host", {})
        rows = hosts.items() if isinstance(hosts, dict) else ()
        return {name: settings for name, settings in rows if isinstance(settings, dict)}

    @property
    def endpoints(self) -> list[str]:
        """Return the mirrors in order."""
        return list(self.hosts)

    @property
    def useless(self) -> list[str]:
        """Return the mirrors that containerd does not pull from, because of their ``capabilities``."""
        both = {"pull", "resolve"}
        named = {name: settings.get("capabilities", list(both)) for name, settings in self.hosts.items()}
        return [
            name for name, words in named.items() if not isinstance(words, list) or not both <= set(map(str, words))
        ]

    def settings(self, endpoint: str) -> dict[str, Any]:
        """Return the settings of an endpoint: its own section, or for the registry's server the top-level keys."""
        top = self.document or {}
        return self.hosts.get(endpoint, top if top.get("server", endpoint) == endpoint else {})

    def unverified(self, endpoint: str) -> bool:
        """Return whether an endpoint's certificate is not verified."""
        return self.settings(endpoint).get("skip_verify") is True

    def more_than(self, endpoints: Iterable[str]) -> list[str]:
        """Return the settings of these mirrors that no profile key covers: rewriting the file would lose them."""
        own = {name: settings.keys() - {"capabilities", "ca", "skip_verify"} for name, settings in self.hosts.items()}
        return sorted(f"{key} of {name}" for name in endpoints for key in own.get(name, ()))

    def deviates(self, registry: str, wanted: Registry) -> bool:
        """Return whether the file differs from the profile's mirrors of a registry and their CAs."""
        endpoints = wanted.mirrors[registry]
        secured = [endpoint for endpoint in endpoints if endpoint in wanted.ca]
        return (
            self.endpoints != endpoints
            or bool(self.useless)
            or any(self.unverified(endpoint) for endpoint in secured)
            or any(authority(registry, e, wanted.config_path) not in self.authorities(e) for e in secured)
        )

    def authorities(self, endpoint: str) -> list[str]:
        """Return the paths of an endpoint's CA certificates; relative paths start at the file's directory."""
        given = self.settings(endpoint).get("ca", [])
        paths = given if isinstance(given, list) else [given]
        return [path if path.startswith("/") else f"{self.path.rpartition('/')[0]}/{path}" for path in map(str, paths)]


def _probe(config_path: str) -> str:
    base = shlex.quote(config_path)
    return f"""
show() {{ printf '@%s\\n' "$1"; {{ sed 's/^/|/' "$1" && echo; }} || exit 1; }}
for f in {base}/*/hosts.toml; do
  [ -e "$f" ] || continue
  show "$f"
  for ca in $(sed -n '/^[[:space:]]*ca[[:space:]]*=/{{s/[^"]*"\\([^"]*\\)"/\\1 /g;p;}}' "$f"); do
    case $ca in /*) ;; *) ca=${{f%/*}}/$ca;; esac
    [ ! -e "$ca" ] || show "$ca"
  done
done
for ca in {base}/*/*.crt; do [ ! -e "$ca" ] || [ -e "${{ca%/*}}/hosts.toml" ] || show "$ca"; done
"""


@dataclass(frozen=True)
class Directory:
    """The files below ``config_path``."""

    hosts: dict[str, Hosts]  # by directory
    certificates: dict[str, str]  # path to text

    def of(self, registry: str) -> Hosts | None:
        """Return the file for a registry; with a port, a directory name without a colon comes first."""
        return next((self.hosts[name] for name in _directories(registry) if name in self.hosts), None)

    def authorities(self, registry: str) -> list[str]:
        """Return the paths of the CA certificates for a registry's server, without the system's own.

        Without a hosts.toml these are all files in its directory that end in .crt, as with Docker.
        """
        if file := self.of(registry):
            return file.authorities(f"https://{registry}")
        return [path for path in sorted(self.certificates) if path.split("/")[-2] in _directories(registry)]


def _directories(registry: str) -> list[str]:
    name, colon, port = registry.rpartition(":")
    return [f"{name}_{port}_", registry] if colon else [registry]


def parse(text: str) -> Directory:
    """Return the hosts.toml of each registry, and the certificates in the same directories."""
    files: dict[str, list[str]] = {}
    rows: list[str] = []
    for row in text.splitlines():
        if row.startswith("@"):
            rows = files.setdefault(row[1:], [])
        elif row.startswith("|"):
            rows.append(row[1:])
    texts = {path: "".join(f"{row}\n" for row in rows) for path, rows in files.items()}
    hosts = {path.split("/")[-2]: Hosts(path, text) for path, text in texts.items() if path.endswith("/hosts.toml")}
    rest = texts.keys() - {file.path for file in hosts.values()}
    return Directory(hosts, {path: texts[path] for path in rest})


HOSTS = Fact("containerd.hosts", lambda spec: _probe(spec.runtime.containerd.registry.config_path), parse)


def hosts(config_path: str) -> Fact[Directory]:
    """Return the fact about one directory."""
    return Fact("containerd.hosts", _probe(config_path), parse)


def authority(registry: str, endpoint: str, config_path: str) -> str:
    """Return the path for the CA certificate of a mirror."""
    name = urllib.parse.urlsplit(endpoint).netloc.replace(":", "_")
    return f"{config_path}/{registry}/{name}.crt"


def certificate(text: str) -> list[str]:
    """Return the bodies of the certificates in a PEM file, without line breaks."""
    return ["".join(body.split()) for body in _PEM.findall(text)]


def render(registry: str, wanted: Registry) -> str:
    """Return a hosts.toml with the mirrors in order and then the registry itself."""
    rows = ["# written by trueup", f'server = "{server(registry)}"']
    for endpoint in wanted.mirrors[registry]:
        rows += ["", f'[host."{endpoint}"]', '  capabilities = ["pull", "resolve"]']
        if endpoint in wanted.ca:
            rows.append(f'  ca = "{authority(registry, endpoint, wanted.config_path)}"')
    return "\n".join(rows) + "\n"


# All mirrors at once, so that dead ones cost their timeout only once. 401 is an answer too: it asks for credentials.
def _probe_reachable(spec: Spec) -> str:
    wanted = spec.runtime.containerd.registry
    rows = [
        f"try {shlex.quote(endpoint)} {shlex.quote(wanted.ca.get(endpoint, ''))} &"
        for endpoint in dict.fromkeys(endpoint for endpoints in wanted.mirrors.values() for endpoint in endpoints)
    ]
    tries = "\n".join(rows)
    return f"""{PROXIES}
scratch=$(mktemp -d) || exit
trap 'rm -rf "$scratch"' EXIT
trap 'exit 124' HUP INT TERM PIPE
try() {{
  ca=; [ -z "$2" ] || {{ ca=$(mktemp "$scratch/XXXXXX"); printf '%s\\n' "$2" >"$ca"; }}
  printf '%s\\t%s\\n' "$1" "$(ask "${{1%/}}/v2/" "$ca" 2>&1 | cut -c1-300 | tail -n 2 | tr '\\n' ' ')"
}}
if command -v curl >/dev/null 2>&1; then
  ask() {{ curl -sS -o /dev/null -w '%{{http_code}}' --max-time 8 ${{2:+--cacert "$2"}} "$1"; }}
elif command -v wget >/dev/null 2>&1; then
  ask() {{
    said=$(wget -nv -S -O /dev/null -T 8 -t 1 ${{2:+--ca-certificate="$2"}} "$1" 2>&1)
    code=$(echo "$said" | sed -n 's|^ *HTTP/[0-9.]* \\([0-9]*\\).*|\\1|p' | tail -n 1)
    echo "${{code:-$said}}"
  }}
else echo 'neither curl nor wget is installed' >&2; exit 127; fi
{tries or ":"}
wait
"""


def parse_reachable(text: str) -> dict[str, str]:
    """Return mirror to its HTTP status, or to the reason for no answer, without curl's status 000."""
    rows = (row.partition("\t") for row in text.splitlines())
    return {endpoint: said.strip().removesuffix("000").strip() for endpoint, found, said in rows if found}


REACHABLE = Fact("containerd.reachable", _probe_reachable, parse_reachable)
