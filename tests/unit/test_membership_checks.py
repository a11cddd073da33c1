"""A cluster and its members: what checks say of made answers, and that no answer can end the run."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import CouldNotLook
from trueup.facts.kube import kubeconfigs, preflight
from trueup.facts.kube.nodes import KUBEADM, LEASES, NODES, SELF, VERSION
from trueup.model import profile
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.fact import ApiFact, Fact
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")
NODE = {
    "name": "w1", "addresses": ["10.0.0.5"], "conditions": {"Ready": {"status": "True", "message": "kubelet is well"}},
    "cordoned": False, "kubelet": "v1.24.3", "runtime": "containerd://1.6.20", "pods": "10.100.1.0/24",
}  # fmt: skip
MEMBER = "\n".join(preflight.MEMBER)


@pytest.fixture
def seed() -> Spec:
    return profile.load("aliyun-kubeadm-1.24").spec("any")


def facts(*answers: tuple[Fact[Any], str]) -> HostFacts:
    """Return facts of one host, those of the API as JSON."""
    own = {fact.name: Raw(0, text) for fact, text in answers if not isinstance(fact, ApiFact)}
    api = {fact.name: Raw(0, text) for fact, text in answers if isinstance(fact, ApiFact)}
    return HostFacts(Snapshot("w1", raws=own), cluster=HostFacts(Snapshot("cluster", raws=api)))


LEASES_ANSWER = {"leases": [["w1", "2026-11-25T10:00:00.5Z"]], "now": "Wed, 25 Nov 2026 10:00:30 GMT"}


def of(*nodes: dict[str, Any], name: str = "w1", address: str = "10.0.0.5", files: str = MEMBER) -> HostFacts:
    return facts(
        (NODES, json.dumps(nodes)), (SELF, f"{name}\n{address}\n"), (preflight.FILES, files),
        (LEASES, json.dumps(LEASES_ANSWER)),
    )  # fmt: skip


def said(id: str, found: HostFacts | FleetFacts, spec: Spec) -> str:
    """Return what a check says, or nothing where it passes."""
    try:
        catalog.requirements[id].check(found, spec)
    except Unmet as unmet:
        return str(unmet)
    return ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (of(NODE), ""),
        (of(NODE, name="another-name"), ""),  # found by its address
        (of(NODE, name="w2", address="10.0.0.6"), "expected  a node w2"),
        (of(), "found     none"),
        (of(NODE, files=""), "a kubelet that has joined"),
        (of(NODE | {"kubelet": "v1.23.9"}), "found     v1.23.9"),
        (of(NODE | {"runtime": "docker://20.10.7"}), "docker://20.10.7"),
    ],
)
def test_a_host_is_a_node_of_the_version_on_containerd(found: HostFacts, words: str, seed: Spec) -> None:
    text = said("kube.join", found, seed)
    assert words in text
    assert bool(words) is bool(text)


def test_a_node_that_waits_for_a_network_is_told_from_one_that_is_lost(seed: Spec) -> None:
    waits = {"Ready": {"status": "False", "message": "cni plugin not initialized"}}
    lost = {"Ready": {"status": "Unknown", "message": "Kubelet stopped posting node status."}}
    assert "the node waits for the pod network" in said("kube.nodes.ready", of(NODE | {"conditions": waits}), seed)
    text = said("kube.nodes.ready", of(NODE | {"conditions": lost}), seed)
    assert "Unknown: Kubelet stopped posting" in text
    assert "network" not in text
    assert "kubelet has never reported" in said("kube.nodes.ready", of(NODE | {"conditions": {}}), seed)
    full = NODE["conditions"] | {"DiskPressure": {"status": "True", "message": ""}}  # type: ignore[operator]
    assert "condition DiskPressure of node w1" in said("kube.nodes.ready", of(NODE | {"conditions": full}), seed)


def test_a_lease_is_judged_by_the_servers_clock(seed: Spec) -> None:
    assert said("kube.nodes.heartbeat", of(NODE), seed) == ""  # 29.5 s
    nodes = seed.kube.nodes.model_copy(update={"heartbeat": 20.0})
    late = seed.model_copy(update={"kube": seed.kube.model_copy(update={"nodes": nodes})})
    assert "renewed 30 s ago" in said("kube.nodes.heartbeat", of(NODE), late)


@pytest.mark.parametrize(
    ("server", "kubelet", "supported"),
    [
        ("v1.24.3", "v1.24.9", True), ("v1.24.3", "v1.22.0", True), ("v1.24.3", "v1.21.14", False),
        ("v1.28.0", "v1.25.0", True), ("v1.28.0", "v1.24.17", False), ("v1.24.3", "v1.25.0", False),
    ],
)  # fmt: skip
def test_kubelets_are_as_old_as_the_policy_lets_them(server: str, kubelet: str, supported: bool, seed: Spec) -> None:
    answers = {
        VERSION.name: Raw(0, json.dumps({"gitVersion": server})),
        NODES.name: Raw(0, json.dumps([NODE | {"kubelet": kubelet}])),
    }
    found = FleetFacts({}, {}, HostFacts(Snapshot("cluster", raws=answers)))
    assert (said("kube.version_skew", found, seed) == "") is supported


def test_what_a_living_cluster_has_for_life_is_red_with_the_reason(seed: Spec) -> None:
    data = {"networking": {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.200.0.0/16"}}
    found = FleetFacts({}, {}, HostFacts(Snapshot("cluster", raws={KUBEADM.name: Raw(0, json.dumps(data))})))
    text = said("kube.init.pod_subnet", found, seed)
    assert "found     10.244.0.0/16" in text
    assert "no automatic remedy: kubeadm sets it once, when the cluster is initialised" in text
    assert said("kube.init.service_subnet", found, seed) == ""
    none = FleetFacts({}, {}, HostFacts(Snapshot("cluster", raws={KUBEADM.name: Raw(0, "null")})))
    with pytest.raises(CouldNotLook, match="kubeadm did not create this cluster"):
        said("kube.init.pod_subnet", none, seed)


HOME = "root\t/root\troot:root\t600\troot:root\tyes\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HOME, ""),
        ("root\t/root\troot:root\n", "absent"),
        ("jane\tabsent\n", "no such user"),
        (HOME.replace("600", "644"), "mode of /root/.kube/config"),
        (HOME.replace("600\troot:root", "600\tjane:jane"), "owner of /root/.kube/config"),
        (HOME.replace("yes", "no"), "another file"),
    ],
)
def test_an_administrators_kubeconfig_is_the_clusters_and_theirs_alone(text: str, words: str, seed: Spec) -> None:
    found = said("kube.admin_kubeconfig", facts((kubeconfigs.HOMES, text)), seed)
    assert words in found
    assert bool(words) is bool(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(data=JSON, text=st.text(max_size=80))
def test_no_answer_can_end_the_run(data: Any, text: str) -> None:
    for fact in (NODES, LEASES, VERSION, KUBEADM):
        with suppress(CouldNotLook):
            _ = facts((fact, json.dumps(data)))[fact]
    for own in (SELF, kubeconfigs.HOMES):
        with suppress(CouldNotLook):
            _ = facts((own, text))[own]


@pytest.mark.parametrize(("found", "right"), [("registry.k8s.io", True), ("k8s.gcr.io", True), ("evil.example", False)])
def test_no_repository_in_the_profile_means_kubeadms_own(found: str, right: bool) -> None:
    raws = {KUBEADM.name: Raw(0, json.dumps({"imageRepository": found}))}
    facts = FleetFacts({}, {}, HostFacts(Snapshot("cluster", raws=raws)))
    assert (said("kube.init.image_repository", facts, profile.load("base").spec("any")) == "") is right


def test_a_nodeport_that_nobody_tried_is_not_right(seed: Spec) -> None:
    raws = {
        "cluster.nodes": Raw(0, json.dumps([NODE])),
        "workloads.endpoints": Raw(0, '{"addresses": 1, "notReadyAddresses": 0}'),
        "network.from_here": Raw(0, "null"),
    }
    api = HostFacts(Snapshot("cluster", raws=raws))
    with pytest.raises(CouldNotLook, match="no attempt was made"):
        said("workload.nginx.nodeport", FleetFacts({}, {}, api), seed)
    stranger = HostFacts(
        Snapshot("x", raws={"cluster.self": Raw(0, "x\n10.9.9.9\n"), "network.nodeport": Raw(0, "")}), cluster=api
    )
    facts = FleetFacts({"x": stranger}, {}, api)
    assert said("workload.nginx.nodeport", facts, seed) == ""
    assert facts.silent == {"x": "this host is no node of the cluster"}  # which makes it no pass
