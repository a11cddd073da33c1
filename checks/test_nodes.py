"""Section 4 of the catalogue: the state of the cluster's nodes."""

from trueup import Deviation, HostFacts, Spec, expect, requirement
from trueup.checks.claims.pods import MEMBERS
from trueup.facts.kube import nodes


@requirement(
    "kube.nodes.ready",
    key="kube.version",
    reads=(nodes.NODES, nodes.SELF),
    needs=("kube.join",),
    after=("network.calico.installed",),
    severity="critical",
    roles=MEMBERS,
    eventually=True,
)
def test_ready(facts: HostFacts, spec: Spec) -> None:
    """The host's node is Ready, and reports no pressure.

    The scheduler places no pod on a node that is not Ready. Under memory, disk or PID pressure kubelet evicts pods
    (Kubernetes docs, Node-pressure Eviction).
    """
    node = facts[nodes.SELF].among(facts[nodes.NODES])
    assert node
    hint = "the node waits for the pod network" if node.waits_for_network else ""
    words = f"{node.ready or 'nothing'}: {node.why}"
    expect(
        None
        if node.ready == "True"
        else Deviation("True", words, f"condition Ready of node {node.name}", "effective", hint),
        *(Deviation("False", "True", f"condition {bad} of node {node.name}", "effective") for bad in node.pressures),
    )


@requirement(
    "kube.nodes.schedulable",
    key="kube.version",
    reads=(nodes.NODES, nodes.SELF),
    needs=("kube.join",),
    severity="medium",
    roles=MEMBERS,
)
def test_schedulable(facts: HostFacts, spec: Spec) -> None:
    """The host's node accepts new pods (it is not cordoned).

    A drain that failed leaves its node cordoned, and the cluster loses the node's capacity unnoticed (kubespray#6545).
    """
    node = facts[nodes.SELF].among(facts[nodes.NODES])
    assert node
    hint = f"no automatic remedy, because somebody may be working on it: `kubectl uncordon {node.name}`"
    where = f"node {node.name}"
    expect(Deviation("schedulable", "cordoned", where, "effective", hint) if node.cordoned else None)


@requirement(
    "kube.nodes.heartbeat",
    key="kube.nodes.heartbeat",
    reads=(nodes.LEASES, nodes.NODES, nodes.SELF),
    needs=("kube.join",),
    roles=MEMBERS,
    eventually=True,
)
def test_heartbeat(facts: HostFacts, spec: Spec) -> None:
    """kubelet has renewed its node's Lease within the grace period.

    Without renewal the controller manager marks the node as not ready after the grace period, and its pods are evicted
    (Kubernetes docs, Leases).
    """
    node = facts[nodes.SELF].among(facts[nodes.NODES])
    assert node
    age, limit = facts[nodes.LEASES].get(node.name), spec.kube.nodes.heartbeat
    found = "never renewed" if age is None else f"renewed {age:.0f} s ago"
    late = age is None or age > limit
    where = f"lease of node {node.name}"
    expect(Deviation(f"renewed in the last {limit:g} s", found, where, "effective") if late else None)
