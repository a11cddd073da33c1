"""The health of the control plane's components, by their own health endpoints."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import partial

from trueup.facts.kube.preflight import KUBERNETES, STATIC_PODS
from trueup.facts.kube.static_pods import COMPONENT, MANIFESTS_DIR
from trueup.model.fact import Fact

ADMIN = f"{KUBERNETES}/admin.conf"
# `ask BASE PATH [CERTIFICATE KEY]` prints the answer, and the tool that asked. A TLS server is not verified, because
# the question is only whether it answers. kubectl needs some user, or it prompts for one. `administer BASE PATH` asks
# with the rights of admin.conf.
ASK = f"""
ask() {{
  if command -v curl >/dev/null 2>&1; then
    curl -sSk --noproxy '*' --connect-timeout 3 -m 8 -w '\\nhttp %{{http_code}}\\n' ${{3:+--cert "$3" --key "$4"}} \\
      "$1$2" 2>&1
    echo "curl $?"
  elif can_administer; then administer "$@"
  else echo 'neither curl is there, nor kubectl with {ADMIN}' >&2; exit 127; fi
}}
administer() {{
  NO_PROXY='*' kubectl --kubeconfig="$([ -n "${{3-}}" ] && echo /dev/null || echo {ADMIN})" --server="$1" \\
    ${{3:+--client-certificate="$3" --client-key="$4"}} --insecure-skip-tls-verify --request-timeout=8s \\
    get --raw "$2" 2>&1
  printf '\\nkubectl %s\\n' $?
}}
can_administer() {{ command -v kubectl >/dev/null 2>&1 && [ -r {ADMIN} ]; }}
"""

# The address (`base`) and paths of each health endpoint; kubeadm gives etcd a port for it since 1.16.
_WHERE = {
    "kube-apiserver": """
address=$(flag advertise-address "$(flag bind-address 127.0.0.1)")
base=https://$(reach "$address"):$(flag secure-port 6443) paths='/livez /readyz'""",
    "etcd": f"""
base=$(urls "$(flag listen-metrics-urls '')" | head -n 1) paths=/health
[ -n "$base" ] || {{
  base=$(urls "$(flag listen-client-urls https://127.0.0.1:2379)" | head -n 1)
  set -- {KUBERNETES}/pki/etcd/healthcheck-client.crt {KUBERNETES}/pki/etcd/healthcheck-client.key
}}""",
    "kube-scheduler": """
base=https://$(reach "$(flag bind-address 127.0.0.1)"):$(flag secure-port 10259) paths=/healthz""",
    "kube-controller-manager": """
base=https://$(reach "$(flag bind-address 127.0.0.1)"):$(flag secure-port 10257) paths=/healthz""",
}


def locate(component: str) -> str:
    """Return shell that sets ``args``, ``base`` and ``paths`` of a component, after :data:`COMPONENT` and ``ask``.

    ``$1`` and ``$2`` are then the client certificate and its key, if the component needs one.
    """
    return f"{COMPONENT}{ASK}set --\nargs=$(args {component}){_WHERE[component]}\n"


def healthy(component: str) -> str:
    """Return shell text to put after :func:`locate`: it succeeds while the component reports that it is healthy."""
    return "\n".join(
        [
            "well() {",
            f"  args=$(args {component})",
            '  for path in $paths; do ask "$base" "$path" "$@" | grep -qxE "http 200|kubectl 0" || return; done',
            "}",
        ]
    )


_LOGS = "/var/log/pods/kube-system_{name}-*/{name}/*.log"


def _probe_health(component: str) -> str:
    logs = _LOGS.format(name=component)
    query = "" if component == "etcd" else "?verbose"
    return f"""
dir={MANIFESTS_DIR}
if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
{locate(component)}
manifest=absent; [ ! -e "$dir/{component}.yaml" ] || manifest=present
printf 'pod\\t%s\\t%s\\t%s\\n' $manifest "$(echo $(pids {component}))" "$(systemctl is-active kubelet 2>/dev/null)"
log=$(ls -t {logs} 2>/dev/null | head -n 1)
[ -n "$args" ] || [ $manifest = present ] || exit 0
why() {{
  said=
  ! can_administer || said=$(administer "$base" "$path/$1" |
    sed -n 's/.*internal server error: \\(.*\\)") has prevented.*/\\1/p' | tail -n 1)
  [ -n "$said" ] || [ -z "$log" ] || said=$(grep -aF -e "[-]$1 failed: " "$log" | tail -n 1 | sed 's/.* failed: //')
  printf 'why\\t%s\\t%s\\t%s\\n' "$path" "$1" "$said"
}}
for path in $paths; do
  answer=$(ask "$base" "$path{query}" "$@" | tail -c 8000)
  case $answer in
  *'
http 40'[13]*) ! can_administer || answer=$(administer "$base" "$path{query}" | tail -c 8000);;
  '') exit 127;;
  esac
  printf '@%s%s\\n' "$base" "$path"
  printf '%s\\n' "$answer" | sed 's/^/|/'
  printf '%s\\n' "$answer" | grep -o '\\[-\\][A-Za-z0-9._/-]* failed: reason withheld' | head -n 8 |
    while read -r name rest; do why "${{name#"[-]"}}"; done
  case $answer in *'
http 000'*|*'was refused'*|*'Unable to connect'*) break;; esac
done
[ -z "$log" ] || {{
  # the fatal message is above the stack traces
  last=$(tail -c 1000000 "$log" |
    grep -aE '^[^ ]+ std(err|out) F (F[0-9]{{4}} |Error: |[^|]{{20,30}} C [|] |.*"level":"(fatal|panic)")' |
    tail -n 1)
  printf 'log\\t%s\\t%s\\n' "$log" "${{last:-$(tail -n 1 "$log")}}" | tail -c 2000
}}
"""


@dataclass(frozen=True)
class Answer:
    """The answer of an endpoint."""

    url: str
    code: int  # HTTP status; 0 for no answer
    text: str
    problem: str = ""  # why there was no answer

    @property
    def failing(self) -> dict[str, str]:
        """Return the failing sub-checks with the reasons that the endpoint gives."""
        return {name: why.strip() for name, why in _FAILING.findall(self.text)}


@dataclass(frozen=True)
class Health:
    """The state of one component on one host."""

    component: str
    manifest: bool
    processes: tuple[str, ...]
    kubelet: str  # active, failed, inactive, …
    answers: tuple[Answer, ...]
    reasons: dict[tuple[str, str], str]  # by path and sub-check, for reasons that the endpoint withholds
    log: tuple[str, str]  # path of the newest log, and its last line with its time

    @property
    def standing(self) -> str:
        """Return the state of its pod as a sentence, for a component that does not answer."""
        if self.processes:
            doing = f"its process {' and '.join(self.processes)} runs"
        elif self.manifest:
            doing = f"its manifest is there, but no process of it; kubelet is {self.kubelet or 'unknown'}"
        else:
            return f"kubelet is {self.kubelet or 'unknown'}"
        path, last = self.log
        if path:
            restarts = re.search(r"/([1-9][0-9]{0,5})\.log$", path)  # kubelet numbers a container's logs
            counted = f", begun {int(restarts[1]) + 1} times" if restarts else ""
            return f"{doing}{counted}; last in {path}: {last or 'nothing'}"
        return f"{doing}; no log of it"


_FAILING = re.compile(r"(?m)^\[-\]([^\s\[\]]{1,200}) failed: ([^\n]{0,500})")
_CRI = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\S{0,40} std(?:out|err) [FP] ")
_ON_SERVER = re.compile(r"an error on the server \((\"(?:[^\"\\]|\\.)*\")\) has prevented")
_STATUS = {"Forbidden": 403, "Unauthorized": 401, "NotFound": 404, "ServiceUnavailable": 503}
_WORDS = {"28": "no answer in time", "7": "connection refused", "52": "an empty answer"}


def parse_answer(url: str, lines: list[str]) -> Answer:
    """Return the answer from what ``curl`` or ``kubectl`` printed, and its exit code in the last line.

    Raises:
        ValueError: the last line names neither tool.
    """
    if not lines or not (match := re.fullmatch(r"(curl|kubectl) (\d{1,3})", lines[-1])):
        raise ValueError(f"{url}: not an answer of curl or kubectl: {lines[-1] if lines else ''!r}")
    tool, rc = match[1], match[2]
    body = lines[:-1]
    if tool == "curl":
        said = next((line for line in reversed(body) if line.startswith("curl: (")), "")
        code = next((line[5:] for line in reversed(body) if re.fullmatch(r"http \d{3}", line)), "000")
        text = "\n".join(line for line in body if line != said and line != f"http {code}").strip("\n")
        if rc == "0" and code != "000":
            return Answer(url, int(code), text)
        words = said.partition(") ")[2]
        plain = _WORDS.get(rc, "")
        return Answer(url, int(code), text, words if not plain or "route" in words or "unreach" in words else plain)
    text = "\n".join(body).strip("\n")
    if rc == "0":
        return Answer(url, 200, text)
    if on_server := _ON_SERVER.search(text):
        return Answer(url, 500, _unquoted(on_server[1]))
    if status := re.search(r"\((Forbidden|Unauthorized|NotFound|ServiceUnavailable)\): ([^\n]*)", text):
        return Answer(url, _STATUS[status[1]], status[2])
    if "You must be logged in" in text:
        return Answer(url, 401, text)
    last = text.rpartition("\n")[2] or "no output"
    return Answer(url, 0, "", "connection refused" if "refused" in last else last)


def _unquoted(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text.replace("\\n", "\n")


def parse_health(component: str, text: str) -> Health:
    """Return a component's health from the rows of its pod, answers, reasons, and last log line.

    Raises:
        ValueError: the row of the pod is missing, or an answer is from neither tool.
    """
    rows = text.split("\n")
    head = rows[0].split("\t")
    if len(head) != 4 or head[0] != "pod" or head[1] not in ("present", "absent"):
        raise ValueError(f"no row about the pod: {rows[0]!r}")
    asked: list[tuple[str, list[str]]] = []
    reasons: dict[tuple[str, str], str] = {}
    log = ("", "")
    for row in rows[1:]:
        if row.startswith("@"):
            asked.append((row[1:], []))
        elif row.startswith("|") and asked:
            asked[-1][1].append(row[1:].rstrip("\r"))
        elif row.startswith("why\t") and row.count("\t") >= 3:
            _, path, name, why = row.split("\t", 3)
            reasons[path, name] = why.strip()
        elif row.startswith("log\t") and row.count("\t") >= 2:
            _, path, last = row.split("\t", 2)
            log = (path, _CRI.sub(r"\1 ", last).strip()[:500])
    answers = tuple(parse_answer(url, lines) for url, lines in asked)
    return Health(component, head[1] == "present", tuple(head[2].split()), head[3], answers, reasons, log)


HEALTH = {
    name: Fact(f"control_plane.{name}", _probe_health(name), partial(parse_health, name), timeout=60)
    for name in STATIC_PODS
}
