"""Harbor: its configuration and its health."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.registry import Registry
    from trueup.profiles.schema import Spec


def host_name(wanted: Registry) -> str:
    """Return Harbor's own host name."""
    return wanted.harbor.hostname or next(iter(wanted.names), "")


def local(wanted: Registry) -> str:
    """Return HOST:PORT of Harbor on its own host."""
    return f"127.0.0.1:{wanted.harbor.port}"


@dataclass(frozen=True)
class HarborConfig:
    """The host name and certificate in harbor.yml, and whether the installer exists."""

    path: str
    exists: bool
    installer: bool
    hostname: str | None
    port: str | None
    certificate: str | None
    private_key: str | None
    mistake: str = ""  # why it cannot be read


# The file contains passwords, so only the two needed keys are read.
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
    """Return the keys that were read; for a file that is no YAML, the mistake."""
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
    """Return the mapping in a document, and the mistake if there is none."""
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
    """Harbor's health by its own API."""

    problem: str  # why there is no answer
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
    """Return the answer of Harbor's API (OverallHealthStatus in its swagger.yaml), or curl's message without one."""
    said, _, code = text.rstrip("\n").rpartition("\n")
    if code != "200":
        words = " ".join(said.split())[:200]
        return Health(words if code == "000" and words else f"HTTP {code[:40]}", "", {})
    try:
        document = json.loads(said)
        components = {repr(str(each["name"]))[1:-1]: _condition(each) for each in document.get("components") or ()}
        return Health("", str(document["status"]), components)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Health(f"not an answer of Harbor's API: {' '.join(said.split())[:120]}", "", {})


def _condition(component: dict[str, Any]) -> str:
    words = ": ".join(filter(None, [str(component["status"]), str(component.get("error") or "")[:200]]))
    return words if words.isprintable() else repr(words)


HEALTH = Fact("registry.health", _probe_health, parse_health)
