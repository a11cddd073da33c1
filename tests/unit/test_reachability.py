"""Which host needs which port of which other, and what is made of a connection that does not come about."""

from __future__ import annotations

import itertools
import shlex
import subprocess
from collections.abc import Mapping

import pytest

from trueup.facts.across import reachability
from trueup.facts.kube.network import ADDRESSES, Address
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.fact import Peer
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")
ROWS = """\
1: lo    inet 127.0.0.1/8 scope host lo
2: eth0    inet 10.0.0.9/32 scope global eth0
2: eth0    inet {}/24 scope global eth0
3: cali1@if2    inet 10.100.0.1/24 scope global cali1
"""
CONTROL_PLANE = frozenset({"control-plane", "node"})
WORKER = frozenset({"worker", "node"})


def peer(roles: frozenset[str], address: str = "10.0.0.1", **spec: object) -> Peer[list[Address]]:
    given = {"kube": {"control_plane": {"static_pods": ["etcd", "kube-apiserver"]}}} | spec
    return Peer(roles, Spec.model_validate(given), ADDRESSES.parse(ROWS.format(address)))


BGP = {"calico": {"cluster_type": "k8s,bgp"}}


@pytest.mark.parametrize(
    ("own", "other", "ports"),
    [
        (peer(WORKER), peer(CONTROL_PLANE), [6443]),
        (peer(CONTROL_PLANE), peer(WORKER), [10250]),
        (peer(CONTROL_PLANE), peer(CONTROL_PLANE), [6443, 10250, 2379, 2380]),
        (peer(WORKER), peer(WORKER), []),
        (peer(WORKER, network=BGP), peer(WORKER), [179]),
        (peer(WORKER, network={"calico": {"cluster_type": "k8s"}}), peer(WORKER), []),
        (peer(WORKER), peer(CONTROL_PLANE, kube={"cluster": {"bind_port": 8443}}), [8443]),
        (peer(CONTROL_PLANE), peer(CONTROL_PLANE, kube={"control_plane": {"static_pods": []}}), [6443, 10250]),
    ],
)
def test_only_what_a_role_needs_is_tried(
    own: Peer[list[Address]], other: Peer[list[Address]], ports: list[int]
) -> None:
    assert list(reachability.needed(own, other)) == ports


def test_an_address_that_moves_or_is_of_pods_is_not_a_hosts_own() -> None:
    assert reachability.address_of(peer(WORKER, "10.0.0.31")) == "10.0.0.31"


def test_what_the_api_server_tells_counts_where_the_host_has_it() -> None:
    told = {"cluster": {"advertise_address": "10.0.0.9"}}
    assert reachability.address_of(peer(CONTROL_PLANE, "10.0.0.31", kube=told)) == "10.0.0.9"
    elsewhere = {"cluster": {"advertise_address": "10.0.0.8"}}
    assert reachability.address_of(peer(WORKER, "10.0.0.31", kube=elsewhere)) == "10.0.0.31"


def test_hosts_beside_the_cluster_are_not_tried_and_names_are_quoted() -> None:
    others = {
        "lb1": peer(frozenset({"load-balancer"}), "10.0.0.71"),
        "cp 1; rm": peer(CONTROL_PLANE, "10.0.0.11"),
    }
    text = reachability.REACHED.among(peer(WORKER), others).probe(None)
    tried = [shlex.split(row) for row in text.splitlines() if row.startswith("reach ")]
    assert tried == [["reach", "cp 1; rm", "10.0.0.11", "6443", "&"]]


def test_connections_are_made_so_many_at_once() -> None:
    others = {f"cp{n}": peer(CONTROL_PLANE, f"10.0.1.{n}") for n in range(130)}
    rows = reachability.REACHED.among(peer(WORKER), others).probe(None).splitlines()
    at = [n for n, row in enumerate(rows) if row == "wait"]
    assert [b - a - 1 for a, b in itertools.pairwise(at)] == [64, 2]


def judge(spec: Spec, reached: Mapping[str, str], listening: Mapping[str, str]) -> list[Deviation]:
    names = {**reached, **listening}
    texts = {
        host: {"reach.reached": reached.get(host, ""), "reach.listening": listening.get(host, "0016\n")}
        for host in names
    }
    views = {
        host: HostFacts(Snapshot(host, raws={name: Raw(0, text) for name, text in answers.items()}))
        for host, answers in texts.items()
    }
    facts = FleetFacts(views, {})
    try:
        catalog.requirements["cluster.reachability"].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    assert facts.silent == {}
    return []


LISTENS = "280A\n"  # 10250


@pytest.mark.parametrize(
    ("word", "listens", "found"),
    [
        ("open", LISTENS, ""),
        ("refused", "0016\n", ""),  # that nothing listens is said by other requirements
        ("refused", LISTENS, "the port has a listener"),  # another address, or a firewall that rejects
        ("timeout", LISTENS, "the port has a listener"),
        ("timeout", "0016\n", "a port without a listener would refuse at once"),
        ("failed No route to host", LISTENS, "the port has a listener"),
    ],
)
def test_what_is_blocked_is_told_from_what_is_not_there(spec: Spec, word: str, listens: str, found: str) -> None:
    row = f"w1\t10.0.0.31\t10250\t{word}\n"
    deviations = judge(spec, {"cp1": row, "cp2": row}, {"w1": listens})
    if not found:
        assert deviations == []
        return
    [deviation] = deviations
    assert deviation.where == "10.0.0.31:10250, kubelet of w1, from cp1, cp2"
    assert (deviation.found, deviation.hint) == (word, f"probably a firewall: {found}")


def test_a_member_without_an_address_of_its_own_is_said_to_be_out_of_reach() -> None:
    homeless = Peer(CONTROL_PLANE, peer(CONTROL_PLANE).spec, [])
    text = reachability.REACHED.among(peer(WORKER), {"cp1": homeless}).probe(None)
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert reachability.REACHED.parse(done.stdout) == [reachability.Reached("cp1", "-", 6443, "no address of its own")]
