"""A control plane that runs: its static pods, their processes, and what each says of its own health."""

from __future__ import annotations

import ast
import ipaddress
import re
from dataclasses import dataclass
from functools import partial

from trueup.fact import Fact
from trueup.facts.preflight import KUBERNETES, STATIC_PODS

MANIFESTS_DIR = f"{KUBERNETES}/manifests"
ADMIN = f"{KUBERNETES}/admin.conf"
_ETCD_VARIABLES = "CLIENT_CERT_AUTH|TRUSTED_CA_FILE|PEER_CLIENT_CERT_AUTH|PEER_TRUSTED_CA_FILE|DATA_DIR|CONFIG_FILE"
_ETCD_VARIABLES += "|LISTEN_(CLIENT|PEER|METRICS)_URLS"

# `pids NAME`: the processes that were started under this name. `args NAME`: the arguments, one a line, of the one that
# runs, or else those in its manifest; for etcd its variables come before, which its flags override. `flag NAME DEFAULT`
# of $args. `reach`: an address that listens everywhere, as one to connect to.
COMPONENT = f"""
pids() {{
  for file in $(grep -lxF -e "$(printf %.15s "$1")" /proc/[0-9]*/comm 2>/dev/null); do
    pid=${{file%/comm}}; pid=${{pid#/proc/}}
    first=$({{ tr '\\0' '\\n' <"/proc/$pid/cmdline" | head -n 1; }} 2>/dev/null)
    [ "${{first##*/}}" != "$1" ] || echo "$pid"
  done
}}
told() {{
  [ "$1" != etcd ] || {{ tr '\\0' '\\n' <"/proc/$2/environ" | grep -E '^ETCD_({_ETCD_VARIABLES})=' | awk '{{
    at = index($0, "="); name = tolower(substr($0, 6, at - 6)); gsub("_", "-", name); print "--" name substr($0, at)
  }}'; }}
  tr '\\0' '\\n' <"/proc/$2/cmdline"
}}
args() {{
  pid=$(pids "$1" | head -n 1)
  if [ -n "$pid" ]; then told "$1" "$pid"
  elif [ -e "{MANIFESTS_DIR}/$1.yaml" ]; then
    sed -n "s/^ *- *[\\"']*\\(--[a-z].*\\)/\\1/p" "{MANIFESTS_DIR}/$1.yaml" | sed "s/[\\"' ]*\\$//"
  fi
}}
flag() {{
  value=$(printf '%s\\n' "$args" | sed -n -e "/^--*$1\\$/{{n;p;}}" -e "s/^--*$1=//p" | tail -n 1)
  echo "${{value:-$2}}"
}}
reach() {{ printf '%s\\n' "$1" | sed -e 's/^0\\.0\\.0\\.0$/127.0.0.1/' -e 's/^::$/::1/' -e 's/^[^[]*:.*:.*$/[&]/'; }}
urls() {{
  printf '%s\\n' "$1" | tr , '\\n' | sed -e 's|//0\\.0\\.0\\.0|//127.0.0.1|' -e 's|//\\[::\\]|//[::1]|' -e 's|/$||'
}}
"""

# `ask BASE PATH [CERTIFICATE KEY]`: what is answered there, and who asked; a TLS server is not verified, because the
# question is whether it answers. kubectl has to be somebody: it asks for a name otherwise. `administer BASE PATH`: the
# same with the rights of admin.conf.
_ASK = f"""
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

# Where each answers, as `base`, and at which paths; etcd's own port for it came with kubeadm 1.16.
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
    """Return shell that sets ``args``, ``base`` and ``paths`` of a component, and gives :data:`COMPONENT` and ``ask``.

    ``$1`` and ``$2`` are then the certificate and the key to ask with, where it takes one.
    """
    return f"{COMPONENT}{_ASK}set --\nargs=$(args {component}){_WHERE[component]}\n"


def healthy(component: str) -> str:
    """Return shell text for after :func:`locate`: it succeeds while the component says that it is well."""
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
  # what ends it comes before the stacks of all that it was doing
  last=$(tail -c 1000000 "$log" |
    grep -aE '^[^ ]+ std(err|out) F (F[0-9]{{4}} |Error: |[^|]{{20,30}} C [|] |.*"level":"(fatal|panic)")' |
    tail -n 1)
  printf 'log\\t%s\\t%s\\n' "$log" "${{last:-$(tail -n 1 "$log")}}" | tail -c 2000
}}
"""


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered."""

    url: str
    code: int  # of HTTP; 0 where there was no answer
    text: str
    problem: str = ""  # why there was none

    @property
    def failing(self) -> dict[str, str]:
        """Return the sub-checks that fail, and why as far as the endpoint says it."""
        return {name: why.strip() for name, why in _FAILING.findall(self.text)}


@dataclass(frozen=True)
class Health:
    """One component on one host."""

    component: str
    manifest: bool
    processes: tuple[str, ...]
    kubelet: str  # active, failed, inactive, …
    answers: tuple[Answer, ...]
    reasons: dict[tuple[str, str], str]  # of a sub-check at a path, where the endpoint withholds it
    log: tuple[str, str]  # path of the newest one, and what it says last, after when

    @property
    def standing(self) -> str:
        """Return in words what its pod is doing, for where it does not answer."""
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
        ValueError: neither asked.
    """
    if not lines or not (match := re.fullmatch(r"(curl|kubectl) (\d{1,3})", lines[-1])):
        raise ValueError(f"{url}: nobody asked: {lines[-1] if lines else ''!r}")
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
    """Return a component's health from its pod, its answers, reasons, and the end of its log.

    Raises:
        ValueError: no word of the pod, or an answer that neither tool gives.
    """
    rows = text.split("\n")
    head = rows[0].split("\t")
    if len(head) != 4 or head[0] != "pod" or head[1] not in ("present", "absent"):
        raise ValueError(f"no word of the pod: {rows[0]!r}")
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


@dataclass(frozen=True)
class Manifest:
    """The file by which kubelet runs a static pod."""

    path: str
    mode: str
    owner: str
    image: str

    @property
    def strict(self) -> bool:
        """Whether nobody but root may read it or write it."""
        return self.owner == "root:root" and int(self.mode, 8) & 0o177 == 0


_PROBE_MANIFESTS = f"""
dir={MANIFESTS_DIR}
if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
for name in {" ".join(STATIC_PODS)}; do
  file=$dir/$name.yaml
  [ -e "$file" ] || continue
  image=$(sed -n 's/^[ -]*image: *//p' "$file") || exit
  printf '%s\\t%s\\t%s\\t%s\\n' "$name" "$file" "$(stat -Lc '%a %U:%G' "$file")" "$(echo "$image" | head -n 1)"
done
"""


def parse_manifests(text: str) -> dict[str, Manifest]:
    """Return component to its manifest, from rows of name, path, mode and owner, and image; without absent ones."""
    found = {}
    for row in text.splitlines():
        name, path, who, image = row.split("\t")
        mode, _, owner = who.partition(" ")
        if not re.fullmatch(r"[0-7]{3,4}", mode):
            raise ValueError(f"{path}: not a mode: {mode!r}")
        found[name] = Manifest(path, mode, owner, image.strip("\"' "))
    return found


MANIFESTS = Fact("control_plane.manifests", _PROBE_MANIFESTS, parse_manifests)


@dataclass(frozen=True)
class Process:
    """A component that runs, and the arguments that it was started with."""

    pid: str
    arguments: tuple[str, ...]

    @property
    def flags(self) -> dict[str, str]:
        """Return flag to value; the last one counts, and one without a value is ``true``."""
        found: dict[str, str] = {}
        name = ""
        for word in self.arguments:
            if match := re.fullmatch(r"--?([a-z][\w.-]*)(?:=(.*))?", word, re.S):
                name = match[1]
                found[name] = "true" if match[2] is None else match[2]
                name = name if match[2] is None else ""
            elif name:
                found[name], name = word, ""
        return found


_PROBE_PROCESSES = f"""
{COMPONENT}
for name in {" ".join(STATIC_PODS)}; do
  for pid in $(pids $name); do
    told=$(told $name "$pid") || {{ [ ! -e "/proc/$pid" ] && continue; exit 1; }}
    printf '@%s\\t%s\\n' $name "$pid"
    printf '%s\\n' "$told" | sed 's/^/|/'
  done
done
"""


def parse_processes(text: str) -> dict[str, list[Process]]:
    """Return component to its processes; one that does not run is left out."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    rows: list[str] | None = None
    for row in text.splitlines():
        if row.startswith("@"):
            name, _, pid = row[1:].partition("\t")
            if name not in STATIC_PODS or not pid.isdecimal():
                raise ValueError(f"not a component's process: {row!r}")
            found.setdefault(name, []).append((pid, rows := []))
        elif row.startswith("|") and rows is not None:
            rows.append(row[1:])
        elif row.strip():
            raise ValueError(f"not an argument: {row[:80]!r}")
    return {name: [Process(pid, tuple(words)) for pid, words in all_] for name, all_ in found.items()}


PROCESSES = Fact("control_plane.processes", _PROBE_PROCESSES, parse_processes)


@dataclass(frozen=True)
class Etcd:
    """What can be reached of an etcd that runs."""

    listens: tuple[tuple[str, int], ...]  # address and port
    answers: tuple[Answer, ...]  # to somebody without a certificate
    directory: str
    mode: str


# The kernel's own list of its sockets: what it was told is known from its arguments.
_PROBE_ETCD = f"""
{COMPONENT}{_ASK}
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
        ValueError: not such a thing.
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
    """Return what can be reached of etcd, or ``None`` where it does not run.

    Raises:
        ValueError: a row that is none of the probe's.
    """
    if not text.strip():
        return None
    rows = text.split("\n")
    head = rows[0].split("\t")
    if len(head) != 3 or head[0] != "directory":
        raise ValueError(f"no word of the directory: {rows[0][:80]!r}")
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


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(ns|us|µs|μs|ms|s|m|h)")


def duration(text: str) -> float:
    """Return the seconds of a duration as Go writes it: ``1m30s``.

    Raises:
        ValueError: it is not one.
    """
    text = text.strip()
    if text == "0":
        return 0.0
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"not a duration: {text[:40]!r}")
    return round(sum(float(part[1]) * _UNITS[part[2]] for part in parts), 9)


def minor(version: str) -> int | None:
    """Return the minor of a version or an image of Kubernetes: 20 for ``…/kube-controller-manager:v1.20.2``."""
    match = re.search(r"(?:^|:)v?1\.([0-9]{1,3})\b", version)
    return int(match[1]) if match else None
