"""Where containerd pulls from: one hosts.toml per registry below ``config_path`` (containerd's docs/hosts.md)."""

from __future__ import annotations

import re
import shlex
import tomllib
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trueup.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

# The name in an image reference is not always the server behind it.
_SERVERS = {"docker.io": "https://registry-1.docker.io"}
_HOST = re.compile(r"[a-z0-9][a-z0-9.:-]*")  # a name or an address, as urlsplit gives it


def mistake(endpoint: str) -> str:
    """Return what is wrong with a mirror's URL, or nothing."""
    try:
        url = urllib.parse.urlsplit(endpoint)
        host, _ = url.hostname, url.port
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https"):
        return "it does not begin with http:// or https://"
    if (host or "") in ("http", "https") or "://" in f"{url.netloc}{url.path}" or url.path.startswith("//"):
        return "it has a scheme twice"
    if not _HOST.fullmatch(host or ""):
        return "it names no host"
    return ""


def server(registry: str) -> str:
    """Return the server that a registry's name stands for."""
    return _SERVERS.get(registry, f"https://{registry}")


@dataclass(frozen=True)
class Hosts:
    """One hosts.toml."""

    path: str
    text: str

    @property
    def endpoints(self) -> list[str]:
        """Return the mirrors in order; of a file that is not TOML, none."""
        try:
            hosts: Any = tomllib.loads(self.text).get("host", {})
        except tomllib.TOMLDecodeError:
            return []
        return list(hosts) if isinstance(hosts, dict) else []


def _probe(spec: Spec) -> str:
    base = shlex.quote(spec.runtime.containerd.registry.config_path)
    return f"""
for f in {base}/*/hosts.toml; do
  [ -e "$f" ] || continue
  printf '@%s\\n' "$f"
  {{ sed 's/^/|/' "$f" && echo; }} || exit 1
done
"""


def parse(text: str) -> dict[str, Hosts]:
    """Return registry to its hosts.toml."""
    found: dict[str, Hosts] = {}
    name = ""
    for row in text.splitlines():
        if row.startswith("@"):
            name = row.rsplit("/", 2)[-2] if row.count("/") >= 2 else row[1:]
            found[name] = Hosts(row[1:], "")
        elif row.startswith("|") and name:
            found[name] = Hosts(found[name].path, f"{found[name].text}{row[1:]}\n")
    return found


HOSTS = Fact("containerd.hosts", _probe, parse)


def render(registry: str, endpoints: list[str]) -> str:
    """Return the hosts.toml that tries these mirrors in order, and then the registry itself."""
    rows = ["# written by trueup", f'server = "{server(registry)}"']
    for endpoint in endpoints:
        rows += ["", f'[host."{endpoint}"]', '  capabilities = ["pull", "resolve"]']
    return "\n".join(rows) + "\n"
