"""The network as a host sees it: its addresses, kube-proxy, the cluster's DNS, and a NodePort."""

from __future__ import annotations

import http.client
import ipaddress
import re
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.errors import CouldNotLook
from trueup.facts.kube.nodes import prune_node
from trueup.kubeapi.client import Api
from trueup.model.fact import ApiFact, Fact
from trueup.profiles.schema import Spec

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_SERVICES = "10.96.0.0/12"  # kubeadm's default
_TENTH = 10  # kubeadm gives the DNS server the tenth address of the Services' network
_PATIENCE = 3.0  # seconds for a connection
# interfaces that Calico, other networks and kube-proxy make; Calico ignores the same ones
PODS = re.compile(r"(cali|tunl|veth|cni|flannel|kube-ipvs|vxlan|wireguard\.cali|wg-v6\.cali|nodelocaldns|cilium|lxc)")


@dataclass(frozen=True)
class Address:
    """An address of an interface that is up."""

    interface: str
    address: Interface
    of_pods: bool  # whether the interface is for pods or Services

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"


_PROBE_ADDRESSES = "ip -o addr show up"


def parse_addresses(text: str) -> list[Address]:
    """Return the addresses with a scope beyond the host, in the kernel's order, from rows of ``ip -o addr``."""
    found = []
    for row in text.splitlines():
        _, name, family, address, *rest = row.split()
        if family not in ("inet", "inet6"):
            continue
        if rest[:1] == ["peer"]:  # a point-to-point link: its own address, and then its peer's
            address = f"{address}/{rest[1].rpartition('/')[2]}"
        scope = rest[rest.index("scope") + 1] if "scope" in rest[:-1] else ""
        if scope in ("global", "site"):
            name = name.partition("@")[0]
            found.append(Address(name, ipaddress.ip_interface(address), bool(PODS.match(name))))
    return found


ADDRESSES = Fact("network.addresses", _PROBE_ADDRESSES, parse_addresses)


# `try HOST PORT PATH` connects with bash itself: every distribution has bash, and bash reports a refusal. It prints the
# answer, or one word for the failure, after at most `patience` seconds. Without PATH it sends no request.
TRY = r"""
command -v bash >/dev/null || { echo 'bash: not found; it makes the connections' >&2; exit 127; }
command -v timeout >/dev/null || { echo 'timeout: not found' >&2; exit 127; }
patience=3
try() {
  said=$(timeout $patience bash -c '
    exec 3<>"/dev/tcp/$0/$1" || exit
    [ -n "$2" ] || { echo open; exit 0; }
    printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$2" | dd ibs=1 obs=512 2>/dev/null >&3
    cat <&3 2>/dev/null' "$1" "$2" "$3" 2>&1)
  case $?:$said in
  124:*) echo timeout;;
  *"onnection refused"*) echo refused;;
  *:HTTP/*|0:open) printf '%s\n' "$said" | head -c 2000;;
  *) printf 'failed %s\n' "$said" | tail -n 1 | head -c 300;;
  esac
}
"""


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


_PROBE_PROXY = TRY + "try 127.0.0.1 10249 /proxyMode"


def parse_proxy(text: str) -> str:
    """Return the mode that kube-proxy reports, or an empty string if none answers."""
    head, _, body = _clean(text).partition("\n\n")
    status = head.partition("\n")[0].split()
    if not status:
        raise ValueError("no answer")
    if not status[0].startswith("HTTP/"):
        return ""
    if status[1:2] != ["200"]:
        raise ValueError(f"/proxyMode: {' '.join(status)}")
    return body.strip()


PROXY_MODE = Fact("network.proxy_mode", _PROBE_PROXY, parse_proxy)

# kube-proxy's image, not the host, decides between iptables-legacy and iptables-nft, so both are read.
_PROBE_RULES = """
code=127 why='iptables-save: not found'
for tool in iptables-legacy-save iptables-nft-save iptables-save; do
  command -v $tool >/dev/null || continue
  [ $tool != iptables-save ] || [ $code != 0 ] || continue
  if rows=$($tool -t nat 2>&1); then code=0; else [ $code = 0 ] || code=1 why=$rows; continue; fi
  printf '%s\\n' "$rows" | grep -c '^-A KUBE-S[EV]'
done
[ $code = 0 ] || { echo "$why" >&2; exit $code; }
"""


def parse_rules(text: str) -> int:
    """Return the number of rules for Services."""
    if not (rows := text.split()):
        raise ValueError("no answer")
    return sum(map(int, rows))


RULES = Fact("network.rules", _PROBE_RULES, parse_rules)


def parse_ipvs(text: str) -> set[tuple[str, int]]:
    """Return address and port of each virtual server, from rows of ``ipvsadm -Ln``."""
    found = set()
    for row in text.splitlines():
        if match := re.match(r"(?:TCP|UDP|SCTP)\s+(\S+):(\d{1,5})(?:\s|$)", row):
            found.add((str(ipaddress.ip_address(match[1].strip("[]"))), int(match[2])))
    return found


IPVS = Fact("network.ipvs", "ipvsadm -Ln", parse_ipvs)


def _proxy(api: Api, _: Spec) -> Any:
    found = api.get("/api/v1/namespaces/kube-system/configmaps/kube-proxy")
    if found is None:
        return None
    try:
        document = YAML(typ="safe", pure=True).load(found["data"]["config.conf"])
        mode = document.get("mode")
    except (YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CouldNotLook(f"ConfigMap kube-proxy: config.conf is not a mapping in YAML ({error})") from None
    return {"mode": mode or "iptables"}


def parse_declared(data: Any) -> str | None:
    """Return the mode in kube-proxy's configuration, or ``None`` if it sets none."""
    return None if data is None else str(data["mode"])


PROXY = ApiFact("network.proxy", _proxy, parse_declared)


def service_network(spec: Spec) -> Network:
    """Return the first network of Services."""
    return ipaddress.ip_network((spec.kube.cluster.service_subnet or _SERVICES).split(",")[0].strip())


def dns_address(spec: Spec) -> str:
    """Return the address of the cluster's DNS server, by kubeadm's rule."""
    return str(service_network(spec)[_TENTH])


def api_address(spec: Spec) -> str:
    """Return the address of the Service for the API: the first address of the Services' network."""
    return str(service_network(spec)[1])


def api_name(spec: Spec) -> str:
    """Return the DNS name of the Service for the API."""
    return f"kubernetes.default.svc.{spec.kube.cluster.dns_domain}"


def query(name: str, kind: int) -> bytes:
    """Return a question to a DNS server; kind is 1 for an IPv4 address, 28 for an IPv6 one."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.rstrip(".").split("."))
    return b"\x74\x75\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00" + bytes([kind]) + b"\x00\x01"


def _probe_dns(spec: Spec) -> str:
    kind = 1 if service_network(spec).version == 4 else 28
    octets = "".join(f"\\{octet:03o}" for octet in query(api_name(spec), kind))
    return f"""
for tool in bash timeout od; do command -v $tool >/dev/null || {{ echo "$tool: not found" >&2; exit 127; }}; done
said=$(timeout 3 bash -c '
  exec 3<>/dev/udp/{dns_address(spec)}/53 || exit
  printf "$0" | dd ibs=1 obs=512 2>/dev/null >&3  # one packet: printf alone would split it at each newline byte
  dd bs=4096 count=1 <&3 2>/dev/null | od -An -v -tx1
  exit ${{PIPESTATUS[0]}}' {shlex.quote(octets)} 2>&1)
case $? in 0) echo "$said";; 124) echo timeout;; *) echo refused;; esac
"""


def parse_dns(text: str) -> list[str] | str:
    """Return the addresses in a DNS server's answer, or one word for the failure."""
    if (word := text.strip()) in ("timeout", "refused"):
        return word
    data = bytes.fromhex("".join(text.split()))
    if len(data) < 12 or data[:2] != b"tu" or not data[2] & 0x80:
        raise ValueError("not an answer to the question")
    if code := data[3] & 0x0F:
        return {2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}.get(code, f"code {code}")
    at, found = 12, []
    for _ in range(int.from_bytes(data[4:6])):
        at = _after_name(data, at) + 4
    for _ in range(int.from_bytes(data[6:8])):
        at = _after_name(data, at)
        kind, length = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 8 : at + 10])
        value = data[at + 10 : at + 10 + length]
        at += 10 + length
        if kind in (1, 28):
            found.append(str(ipaddress.ip_address(value)))
    return found


def _after_name(data: bytes, at: int) -> int:
    while (length := data[at]) & 0xC0 == 0 and length:
        at += 1 + length
    return at + (2 if length else 1)


DNS = Fact("network.dns", _probe_dns, parse_dns)


def is_http(name: str) -> bool:
    """Return whether a port of this name gets an HTTP request, not only a connection."""
    return not name.startswith("https")


Attempts = dict[tuple[str, int], str]  # address and port to the result: a status, open, refused, timeout, or a message


def _probe_nodeport(spec: Spec) -> str:
    # all addresses of the host, because only the API knows which one is the node's
    ports = " ".join(f"{p.node_port}:{'/' if is_http(p.name) else ''}" for p in spec.workload.nginx.ports)
    return (
        TRY
        + f"""
rows=$(ip -o -4 addr show up scope global) || exit
own=$(printf '%s\\n' "$rows" | awk '$2 !~ /^{PODS.pattern}/ {{ sub("/.*", "", $4); print $4 }}')
for address in $(printf '%s\\n' "$own" | head -n 8); do
  for port in {ports}; do
    (row=$(try "$address" "${{port%%:*}}" "${{port#*:}}" | head -n 1)
    printf '%s %s %s\\n' "$address" "${{port%%:*}}" "$row") &
  done
done
wait
"""
    )


def parse_attempts(text: str) -> Attempts:
    """Return the result of each connection, from rows of address, port and first line of the answer."""
    found = {}
    for row in text.splitlines():
        address, port, said = row.strip().split(" ", 2)
        words = said.split()
        if words and words[0].startswith("HTTP/") and len(words) > 1:
            said = words[1]
        found[str(ipaddress.ip_address(address)), int(port)] = said.strip()
    return found


NODEPORT = Fact("network.nodeport", _probe_nodeport, parse_attempts, timeout=20)


def _knock(address: str, port: int, *, ask: bool) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=_PATIENCE)
    try:
        connection.connect()
        if not ask:
            return "open"
        connection.request("GET", "/")
        return str(connection.getresponse().status)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"
    except (OSError, http.client.HTTPException) as error:
        return f"failed {error}"
    finally:
        connection.close()


def _from_here(api: Api, spec: Spec) -> Any:
    if not spec.workload.nginx.from_runner:
        return None
    addresses = [address for node in api.list("/api/v1/nodes", prune_node) for address in node["addresses"]]
    asked = [(address, port) for address in addresses for port in spec.workload.nginx.ports]
    with ThreadPoolExecutor(16, thread_name_prefix="knock") as pool:
        said = pool.map(lambda pair: _knock(pair[0], pair[1].node_port, ask=is_http(pair[1].name)), asked)
        return [[address, port.node_port, words] for (address, port), words in zip(asked, said, strict=True)]


def parse_from_here(data: Any) -> Attempts | None:
    """Return the result of each connection, or ``None`` if the profile asks for none."""
    return None if data is None else {(str(address), int(port)): str(said) for address, port, said in data}


FROM_HERE = ApiFact("network.from_here", _from_here, parse_from_here)
