"""Whether the hosts of a cluster reach each other on the ports that Kubernetes and Calico use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trueup.facts.kube.network import ADDRESSES, TRY, Address
from trueup.model.fact import Fact, Peer, PeerFact

KUBELET, ETCD, ETCD_PEERS, BGP = 10250, 2379, 2380, 179
SPEAKS = {KUBELET: "kubelet", ETCD: "etcd", ETCD_PEERS: "etcd's peers", BGP: "BGP"}
_APISERVER = 6443
_AT_ONCE = 64  # connections of one host
_NOWHERE = "-"  # stands for a missing address


def parse_listening(text: str) -> frozenset[int]:
    """Return the TCP ports on which something listens, from rows of ports in hexadecimal."""
    return frozenset(int(row, 16) for row in text.split())


LISTENING = Fact(
    "reach.listening",
    """tables=/proc/net/tcp; [ ! -e /proc/net/tcp6 ] || tables="$tables /proc/net/tcp6"
awk '$4 == "0A" { split($2, at, ":"); print at[2] }' $tables""",
    parse_listening,
)


def address_of(peer: Peer[list[Address]]) -> str:
    """Return the address of a host for other hosts.

    That is the API server's advertised address if the host has it, else the first address that is not for pods. An
    address whose network holds only itself does not count: it may be virtual and move to another host.
    """
    own = [each.address for each in peer.said if not each.of_pods]
    told = [str(address.ip) for address in own if str(address.ip) == peer.spec.kube.cluster.advertise_address]
    wide = [str(a.ip) for a in own if a.network.num_addresses > 1 and not a.ip.is_link_local]
    return next(iter([*told, *wide]), "")


def needed(own: Peer[list[Address]], other: Peer[list[Address]]) -> Iterator[int]:
    """Yield the ports of another host that a host needs, by the roles of both (Kubernetes' "Ports and Protocols")."""
    seat, theirs = "control-plane" in own.roles, "control-plane" in other.roles
    if theirs:
        yield other.spec.kube.cluster.bind_port or _APISERVER
    if seat:
        yield KUBELET
    if seat and theirs and "etcd" in other.spec.kube.control_plane.static_pods:
        yield from (ETCD, ETCD_PEERS)
    if own.spec.holds("network.calico") and own.spec.network.calico.bgp:
        yield BGP


@dataclass(frozen=True)
class Reached:
    """The result of a connection to another host."""

    host: str
    address: str
    port: int
    said: str  # open, refused, timeout, or a message


def _probe(own: Peer[list[Address]], others: Mapping[str, Peer[list[Address]]]) -> str:
    members = {id: other for id, other in others.items() if other.roles & {"control-plane", "worker"}}
    tried = [
        f"reach {shlex.quote(id)} {address_of(other) or _NOWHERE} {port} &"
        for id, other in members.items()
        for port in needed(own, other)
    ]
    lines = "\nwait\n".join("\n".join(tried[n : n + _AT_ONCE]) for n in range(0, len(tried), _AT_ONCE))
    return f"""{TRY}
patience={own.spec.cluster.reachability.seconds}
reach() {{
  if [ "$2" = {_NOWHERE} ]; then said='no address of its own'; else said=$(try "$2" "$3" '' | tr '\\t' ' '); fi
  printf '%s\\t%s\\t%s\\t%s\\n' "$1" "$2" "$3" "$said"
}}
{lines}
wait
"""


def parse(text: str) -> list[Reached]:
    """Return the result of each connection, from rows of host, address, port and result."""
    found = []
    for row in text.splitlines():
        host, address, port, said = row.split("\t")
        found.append(Reached(host, address, int(port), said.strip().rpartition(": ")[2]))
    return found


REACHED = PeerFact("reach.reached", ADDRESSES, _probe, parse, timeout=30)
