"""Answers of containerd to its own client: deprecation warnings, a trial pull, a trial run."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.facts.runtime.containerd import PROXIES
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec


@dataclass(frozen=True)
class Deprecation:
    """A warning that a feature in use will be removed."""

    id: str
    message: str


def parse_deprecations(text: str) -> list[Deprecation]:
    """Return the warnings of ``ctr deprecations list --format json``; without any, containerd prints nothing."""
    rows = json.loads(text) if text.strip() else []
    if not isinstance(rows, list):
        raise ValueError(f"not a list: {text[:80]!r}")
    return [Deprecation(str(row["id"]), str(row["message"])) for row in rows]


_PROBE_DEPRECATIONS = """
said=$(ctr --timeout 10s deprecations list --format json 2>&1) && { echo "$said"; exit 0; }
case $said in
*'No help topic'*) echo 'this containerd lists no deprecations: 1.6.27, 1.7.12 and later do' >&2;;
*) echo "$said" >&2;;
esac
exit 1
"""
DEPRECATIONS = Fact("ctr.deprecations", _PROBE_DEPRECATIONS, parse_deprecations)

# trueup's own namespace, so that the clean-up removes nothing of others.
_OURS = "trueup-check"


def _try(command: str, spec: Spec) -> str:
    """Return a probe that pulls an image, runs a command with it, and removes everything again."""
    image, hosts = shlex.quote(spec.runtime.ctr.image), shlex.quote(spec.runtime.containerd.registry.config_path)
    return f"""{PROXIES}
command -v ctr >/dev/null 2>&1 || {{ echo 'ctr: not found' >&2; exit 127; }}
image={image} ours='ctr -n {_OURS}'
clean() {{
  $ours tasks kill -s 9 trueup-check; $ours containers rm trueup-check
  $ours images rm --sync "$image"; ctr namespaces rm {_OURS}
}}
trap 'trap "" HUP INT TERM PIPE; clean >/dev/null 2>&1' EXIT
trap 'exit 124' HUP INT TERM PIPE  # dash does not run the EXIT trap when a signal ends it
hosts=; [ ! -d {hosts} ] || hosts='--hosts-dir '{hosts}
said=$( {{ $ours images pull $hosts "$image" >/dev/null{command}; }} 2>&1) && echo good && exit 0
echo bad; printf '%s\\n' "$said" | tail -n 4
"""


def parse_try(text: str) -> str:
    """Return why it failed, or an empty string."""
    word, _, said = text.strip().partition("\n")
    if word not in ("good", "bad"):
        raise ValueError(f"neither good nor bad: {text[:80]!r}")
    return (said.strip().splitlines() or ["no reason given"])[-1] if word == "bad" else ""


PULL = Fact("ctr.pull", lambda spec: _try("", spec), parse_try, timeout=120)
RUN = Fact(
    "ctr.run",
    lambda spec: _try(' && $ours run --rm --net-host "$image" trueup-check /bin/true', spec),
    parse_try,
    timeout=120,
)


@dataclass(frozen=True)
class Container:
    """A container of nerdctl, as containerd lists it."""

    image: str
    labels: dict[str, str]
    status: str  # of its task, such as RUNNING; empty without a task
    answer: str  # HTTP status at the port, 000 for no answer

    @property
    def restarts(self) -> bool:
        """Return whether containerd always restarts it."""
        policy = self.labels.get("containerd.io/restart.policy", "always")
        return self.labels.get("containerd.io/restart.status") == "running" and policy == "always"

    def serves(self, image: str) -> bool:
        """Return whether it is made from an image, runs, is always restarted, and answers."""
        return self.image == image and self.restarts and self.status == "RUNNING" and self.answer == "200"


def answers(port: int) -> str:
    """Return shell that defines ``answer``: it prints the HTTP status at a port of the host, 000 for no answer."""
    url = f"http://127.0.0.1:{port}/"
    curl = "curl -s -o /dev/null -w '%{http_code}\\n' --noproxy '*' --max-time 5"
    return f"""answer() {{
  if command -v curl >/dev/null 2>&1; then {curl} {url} || :
  elif command -v wget >/dev/null 2>&1; then wget -q -O /dev/null -T 5 -t 1 {url} && echo 200 || echo 000
  else echo 'neither curl nor wget is installed' >&2; return 127; fi
}}
"""


def _probe_web(spec: Spec) -> str:
    web = spec.runtime.nerdctl.web
    return f"""{answers(web.port)}
command -v ctr >/dev/null 2>&1 || {{ echo 'ctr: not found' >&2; exit 127; }}
id=$(ctr -n default containers ls -q {shlex.quote(f'labels."nerdctl/name"=={web.name}')}) || exit
[ -n "$id" ] || {{ echo absent; exit 0; }}
ctr -n default tasks ls | awk -v id="$id" '$1 == id {{ status = $3 }} END {{ print status }}'
answer || exit
ctr -n default containers info "$id"
"""


def parse_web(text: str) -> Container | None:
    """Return the container, or ``None`` if none has the name."""
    if text.strip() == "absent":
        return None
    status, answer, document = text.split("\n", 2)
    known = json.loads(document)
    labels = known.get("Labels") or {}
    return Container(str(known["Image"]), {str(k): str(v) for k, v in labels.items()}, status.strip(), answer.strip())


WEB = Fact("nerdctl.web", _probe_web, parse_web, timeout=20)
