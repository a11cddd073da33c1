"""Calico: its workloads, IP pools and address autodetection, and BIRD's peers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from trueup.facts.kube.network import Address
from trueup.facts.kube.workloads import Workload, find
from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact, Fact
from trueup.profiles.schema import Spec

NAMESPACES = ("kube-system", "calico-system")  # with its manifest, and with its operator
NODE, CONTROLLERS = "calico-node", "calico-kube-controllers"
POOL = "default-ipv4-ippool"
METHODS = ("first-found", "kubernetes-internal-ip", "can-reach=", "interface=", "skip-interface=", "cidr=")
# its log messages if IP_AUTODETECTION_METHOD finds nothing
LOST = ("unable to connect to BIRDv4 socket", "Couldn't autodetect an IPv4 address", "nable to auto-detect")
_SKIPPED = re.compile(  # by every method that names no interfaces
    r"docker|cbr|dummy|virbr|lxcbr|veth|lo|cali|tunl|flannel|kube-ipvs|cni|vxlan\.calico|vxlan-v6\.calico"
    r"|wireguard\.cali|wg-v6\.cali|nodelocaldns"
)


def variables(spec: Spec) -> dict[str, str]:
    """Return the variables that calico-node must have, with their values."""
    wanted = spec.network.calico
    return {
        "CLUSTER_TYPE": wanted.cluster_type,
        "IP_AUTODETECTION_METHOD": wanted.autodetect,
        "CALICO_IPV4POOL_CIDR": pod_network(spec),
        "CALICO_IPV4POOL_IPIP": wanted.ipip,
        "CALICO_IPV4POOL_VXLAN": wanted.vxlan,
    }


def pod_network(spec: Spec) -> str:
    """Return the IPv4 network of pods."""
    subnets = [each.strip() for each in spec.kube.cluster.pod_subnet.split(",")]
    return next((each for each in subnets if ":" not in each), "")


def deployed(workloads: list[Workload], name: str) -> Workload | None:
    """Return a workload of Calico by name, in either namespace."""
    return next((found for each in NAMESPACES if (found := find(workloads, each, name))), None)


@dataclass(frozen=True)
class Pool:
    """An IP pool."""

    name: str
    cidr: str
    ipip: str
    vxlan: str
    disabled: bool


def _prune_pool(live: Object) -> Object:
    spec = live["spec"]
    modes = {key: spec.get(key) or "Never" for key in ("ipipMode", "vxlanMode")}
    disabled = bool(spec.get("disabled"))
    return {"name": live["metadata"]["name"], "cidr": spec.get("cidr", ""), "disabled": disabled} | modes


def parse_pools(data: Any) -> list[Pool]:
    """Return the IP pools."""
    return [
        Pool(str(p["name"]), str(p["cidr"]), str(p["ipipMode"]), str(p["vxlanMode"]), bool(p["disabled"])) for p in data
    ]


_POOLS = "/apis/crd.projectcalico.org/v1/ippools"
POOLS = ApiFact("calico.pools", lambda api, _: api.list(_POOLS, _prune_pool, optional=True), parse_pools)


def default_pool(pools: list[Pool]) -> Pool | None:
    """Return Calico's default pool, or else the first enabled pool for IPv4."""
    named = [pool for pool in pools if pool.name == POOL]
    others = [pool for pool in pools if ":" not in pool.cidr and not pool.disabled]
    return next(iter([*named, *others]), None)


def in_pool(api: Api, cidr: str) -> list[str]:
    """Return the pods with an address in a network, without those that use their node's address."""
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError:
        return []

    def prune(pod: Object) -> tuple[str, str]:
        own = "" if pod["spec"].get("hostNetwork") else pod.get("status", {}).get("podIP", "")
        return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}", own

    return [name for name, own in api.list("/api/v1/pods", prune) if own and ipaddress.ip_address(own) in network]


def mistake(method: str) -> str:
    """Return the mistake in an autodetection method, or an empty string."""
    kind = next((each for each in METHODS if method == each or (each[-1] == "=" and method.startswith(each))), None)
    if kind is None:
        return f"not a method of Calico; it has {', '.join(METHODS)}"
    argument = method.removeprefix(kind)
    if kind[-1] == "=" and not argument.strip():
        return "there is nothing after the ="
    try:
        if kind in ("interface=", "skip-interface="):
            _pattern(argument)
        elif kind == "cidr=":
            _networks(argument)
    except (re.error, ValueError) as error:
        return str(error)
    return ""


def _pattern(argument: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{each})" for each in re.split(r"\s*,\s*", argument)))


def _networks(argument: str) -> list[ipaddress.IPv4Network]:
    given = [ipaddress.ip_network(each, strict=False) for each in re.split(r"\s*,\s*", argument)]
    return [each for each in given if isinstance(each, ipaddress.IPv4Network)]


def decides(method: str) -> bool:
    """Return whether a method depends only on the interfaces, so that its result can be computed here."""
    return not mistake(method) and not method.startswith(("can-reach=", "kubernetes-internal-ip"))


def detect(method: str, addresses: Iterable[Address]) -> Address | None:
    """Return the IPv4 address that a method finds on a host: the first match, in the kernel's order."""
    kind, _, argument = method.partition("=")
    usable = [each for each in addresses if isinstance(each.address, ipaddress.IPv4Interface)]
    if kind != "interface":
        named = [each for each in usable if kind == "cidr" or not _SKIPPED.match(each.interface)]
    else:
        named = [each for each in usable if _pattern(argument).search(each.interface)]
    if kind == "skip-interface":
        named = [each for each in named if not _pattern(argument).search(each.interface)]
    if kind == "cidr":
        named = [each for each in named if any(each.address.ip in network for network in _networks(argument))]
    return next(iter(named), None)


@dataclass(frozen=True)
class Peer:
    """A BGP session of a node, as BIRD reports it."""

    name: str  # such as Mesh_10_0_4_9
    state: str  # up, start, down
    info: str  # Established, or the reason why not

    @property
    def established(self) -> bool:
        """Return whether routes are exchanged."""
        return self.state == "up" and self.info.startswith("Established")


_SOCKET = "/var/run/calico/bird.ctl"
_PROBE_BIRD = f"""
if [ ! -S {_SOCKET} ]; then echo absent; exit 0; fi
command -v socat >/dev/null || {{ echo "socat: not found; it connects to the socket of BIRD" >&2; exit 127; }}
printf 'show protocols\\n' | socat -t 2 - UNIX-CONNECT:{_SOCKET}
"""


def parse_bird(text: str) -> list[Peer] | None:
    """Return the BGP sessions from the answer to ``show protocols``, or ``None`` without BIRD."""
    if text.strip() == "absent":
        return None
    if "BIRD" not in text or not re.search(r"(?m)^2002-", text):
        raise ValueError("not an answer of BIRD")
    found = []
    for row in text.splitlines():
        words = row.removeprefix("1002-").split(maxsplit=5)
        if len(words) >= 5 and words[1] == "BGP" and words[0].startswith(("Mesh_", "Node_", "Global_")):
            found.append(Peer(words[0], words[3], words[5].strip() if len(words) > 5 else ""))
    return found


BIRD = Fact("calico.bird", _PROBE_BIRD, parse_bird)
