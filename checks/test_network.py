"""Section 5 of the catalogue: the network of pods, Calico."""

import ipaddress

from trueup import CouldNotLook, Deviation, FleetFacts, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.pods import API_NEEDS, MEMBERS, available, troubles
from trueup.facts.kube import calico, network, troubled_pods, workloads
from trueup.facts.kube.nodes import NODES, SELF


def _node(facts: FleetFacts) -> workloads.Workload:
    """Return the DaemonSet calico-node.

    Raises:
        Unmet: the cluster has none.
    """
    found = calico.deployed(facts[workloads.DAEMONSETS], calico.NODE)
    if found is None:
        unmet(Deviation("a DaemonSet", "not there", calico.NODE, "declared"))
    return found


def _hint(pod: troubled_pods.Troubled, node: workloads.Workload | None, spec: Spec) -> str:
    if not pod.says(*calico.LOST):
        return ""
    container = node.container(calico.NODE) if node else None
    method = container.env.get("IP_AUTODETECTION_METHOD") if container else None
    given = f"IP_AUTODETECTION_METHOD={method}" if method else "the default method, first-found,"
    return f"{given} finds no interface on {pod.node}: the profile wants {spec.network.calico.autodetect}"


@requirement(
    "network.calico.applied",
    key="network.calico",
    reads=(workloads.DAEMONSETS, workloads.DEPLOYMENTS),
    needs=API_NEEDS,
    after=("runtime.cni.plugins",),
    severity="critical",
    layers=("declared",),
    across=True,
)
def test_calico_applied(facts: FleetFacts, spec: Spec) -> None:
    """The cluster has Calico's DaemonSet and Deployment.

    Without a network plugin no node becomes Ready and no pod gets an address (Kubernetes docs, Creating a cluster with
    kubeadm).
    """
    wanted = {
        "DaemonSet": (workloads.DAEMONSETS, calico.NODE),
        "Deployment": (workloads.DEPLOYMENTS, calico.CONTROLLERS),
    }
    missing = [f"{kind} {name}" for kind, (fact, name) in wanted.items() if calico.deployed(facts[fact], name) is None]
    expect(*(Deviation("there", "not there", what, "declared") for what in missing))


@requirement(
    "network.calico.installed",
    key="network.calico",
    reads=(workloads.DAEMONSETS, workloads.DEPLOYMENTS, troubled_pods.SYSTEM_TROUBLE),
    needs=(*API_NEEDS, "network.calico.applied"),
    after=("network.calico.autodetect", "network.calico.cluster_type"),
    severity="critical",
    across=True,
    eventually=True,
)
def test_calico_installed(facts: FleetFacts, spec: Spec) -> None:
    """calico-node runs on every node that it selects, and calico-kube-controllers runs.

    Pods on a node without calico-node have no route to the pods of other nodes.
    """
    node = calico.deployed(facts[workloads.DAEMONSETS], calico.NODE)
    controllers = calico.deployed(facts[workloads.DEPLOYMENTS], calico.CONTROLLERS)
    own = [pod for pod in facts[troubled_pods.SYSTEM_TROUBLE] if pod.name.startswith("calico-")]
    expect(
        available(node, f"DaemonSet {calico.NODE}"),
        available(controllers, f"Deployment {calico.CONTROLLERS}"),
        *troubles(own, {pod.name: _hint(pod, node, spec) for pod in own}),
    )


def variable(name: str, facts: FleetFacts, spec: Spec) -> list[Deviation | None]:
    """Return deviations of a variable of calico-node: a wrong value, or pods that do not have the new value yet.

    Raises:
        Unmet: the cluster has no DaemonSet calico-node.
    """
    node = _node(facts)
    container = node.container(calico.NODE)
    found = container.env.get(name) if container else None
    where = f"{name} of {node}"
    differs = equal(found, calico.variables(spec)[name], where=where, layer="declared")
    rolled = None if differs or node.rolled_out else Deviation("rolled out", node.state, where, "effective")
    return [differs, rolled]


@requirement(
    "network.calico.pool_cidr",
    key="kube.cluster.pod_subnet",
    reads=(workloads.DAEMONSETS, calico.POOLS),
    needs=(*API_NEEDS, "network.calico.installed"),
    severity="critical",
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_calico_pool(facts: FleetFacts, spec: Spec) -> None:
    """Calico's IP pool is the cluster's pod subnet, with the profile's encapsulation.

    Pods with addresses outside the pod subnet are not routed as pods by the rest of the cluster. Without encapsulation,
    nodes in different subnets need routes of their own (Calico docs, Overlay networking).
    """
    wanted, pool, node = spec.network.calico, calico.default_pool(facts[calico.POOLS]), _node(facts)
    declared: list[Deviation | None] = []
    if node.namespace == calico.NAMESPACES[0]:  # Calico's operator creates pools itself
        for name in ("CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_IPIP"):
            declared += variable(name, facts, spec)
    if pool is None:
        unmet(*filter(None, declared), Deviation(calico.pod_network(spec), "no IPPool", calico.POOL, "effective"))
    where = f"of IPPool {pool.name}"
    hint = "pods get addresses outside the cluster's pod subnet"
    expect(
        *declared,
        equal(pool.cidr, calico.pod_network(spec), where=f"cidr {where}", layer="effective", hint=hint),
        equal(pool.ipip, wanted.ipip, where=f"ipipMode {where}", layer="effective"),
        equal(pool.vxlan, wanted.vxlan, where=f"vxlanMode {where}", layer="effective"),
        Deviation("enabled", "disabled", f"IPPool {pool.name}", "effective") if pool.disabled else None,
    )


@requirement(
    "network.calico.cluster_type",
    key="network.calico.cluster_type",
    reads=(workloads.DAEMONSETS,),
    needs=(*API_NEEDS, "network.calico.applied"),
    after=("network.calico.autodetect",),  # with a wrong method the DaemonSet's rollout never reaches all nodes
    severity="medium",
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_calico_cluster_type(facts: FleetFacts, spec: Spec) -> None:
    """calico-node has the profile's CLUSTER_TYPE, and its pods run with it.

    Calico records this list of traits of the cluster (Calico docs, Configuring calico/node). The seed document sets
    k8s,bgp, and with bgp in it network.calico.bgp expects BGP sessions.
    """
    expect(*variable("CLUSTER_TYPE", facts, spec))


@requirement(
    "network.calico.autodetect",
    key="network.calico.autodetect",
    reads=(workloads.DAEMONSETS, NODES, SELF, network.ADDRESSES),
    needs=(*API_NEEDS, "network.calico.applied"),
    roles=MEMBERS,
    severity="critical",
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_calico_autodetect(facts: FleetFacts, spec: Spec) -> None:
    """calico-node detects each node's InternalIP by the profile's method.

    A method that Calico does not know, or that finds no interface, stops calico-node (calico#2965), and `cidr=` can
    pick keepalived's address, which moves to another host (calico#5094).
    """
    wanted = spec.network.calico.autodetect
    if problem := calico.mistake(wanted):
        unmet(Deviation("a method of Calico", wanted, "network.calico.autodetect in the profile", "declared", problem))
    claims = variable("IP_AUTODETECTION_METHOD", facts, spec)
    names, nodes = facts.each(SELF), facts[NODES]
    for host, addresses in facts.each(network.ADDRESSES).items():
        node = names[host].among(nodes) if host in names else None
        if node is None:
            facts.silent.setdefault(host, "this host is no node of the cluster")
            continue
        if not calico.decides(wanted):
            continue
        found = calico.detect(wanted, addresses)
        hint = ""
        if found is None:
            hint = f"calico-node cannot start there; the host has {', '.join(map(str, addresses)) or 'no address'}"
        elif found.address.network.prefixlen == 32:
            hint = f"{found} is probably keepalived's virtual address: use interface= instead"
        said = str(found.address.ip) if found else "no interface"
        claims.append(equal(said, node.address, where=f"{host}: {wanted}", layer="effective", hint=hint))
    expect(*claims)


@requirement(
    "network.calico.bgp",
    key="network.calico.cluster_type",
    reads=(calico.BIRD, NODES),
    needs=(*API_NEEDS, "network.calico.installed"),
    roles=MEMBERS,
    eventually=True,
)
def test_calico_bgp(facts: HostFacts, spec: Spec) -> None:
    """BIRD answers on its socket, and every BGP peer of the node is Established, where the profile uses BGP.

    A node learns by BGP where the pods of other nodes are: without a session to a peer its packets to that peer's pods
    are lost.
    """
    if not spec.network.calico.bgp:
        return
    peers = facts[calico.BIRD]
    if peers is None:
        hint = "calico-node has not started: perhaps IP_AUTODETECTION_METHOD finds no interface"
        unmet(Deviation("a socket", "absent", "/var/run/calico/bird.ctl", "effective", hint))
    hint = "TCP port 179 must be open between all nodes"
    claims = [
        Deviation("Established", f"{peer.state} {peer.info}".strip(), f"BGP peer {peer.name}", "effective", hint)
        for peer in peers
        if not peer.established
    ]
    others = len(facts[NODES]) - 1
    if not peers and others > 0:
        claims.append(Deviation("peers", f"none, with {others} other nodes", "BIRD", "effective"))
    expect(*claims)


def _networks(text: str) -> list[network.Network]:
    try:
        return [ipaddress.ip_network(each.strip()) for each in text.split(",") if each.strip()]
    except ValueError as error:
        raise CouldNotLook(f"the profile's kube.cluster: {error}") from None


@requirement(
    "network.cidr.overlap",
    key="kube.cluster.pod_subnet",
    reads=(network.ADDRESSES,),
    roles=MEMBERS,
    severity="critical",
    layers=("declared", "effective"),
    across=True,
)
def test_cidr_overlap(facts: FleetFacts, spec: Spec) -> None:
    """The networks of pods, of Services and of the hosts do not overlap.

    A packet for an address in two networks goes to one of them: pods or hosts there become unreachable. The subnets
    cannot be changed after `kubeadm init`.
    """
    pods, services = _networks(spec.kube.cluster.pod_subnet), _networks(spec.kube.cluster.service_subnet)
    services = services or [network.service_network(spec)]
    ours = [("pods", each) for each in pods] + [("Services", each) for each in services]
    claims = [
        Deviation("networks apart", f"{one} overlaps {other}", "pods and Services", "declared")
        for one in pods
        for other in services
        if one.overlaps(other)
    ]
    hosts: dict[network.Network, list[str]] = {}
    for host, addresses in facts.each(network.ADDRESSES).items():
        for each in addresses:
            if not each.of_pods:
                hosts.setdefault(each.address.network, []).append(f"{each.interface} of {host}")
    for theirs, where in hosts.items():
        claims += [
            Deviation(f"apart from {kind}, {own}", str(theirs), ", ".join(where), "effective")
            for kind, own in ours
            if own.overlaps(theirs)
        ]
    expect(*claims)
