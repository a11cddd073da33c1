"""Section 5 of the catalogue, and of section 4 what leads from nodes to Services: kube-proxy, DNS, Calico."""

import ipaddress

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.checks.claims.pods import MEMBERS, available, troubles
from trueup.errors import CouldNotLook
from trueup.facts.kube import calico, network, services, troubled_pods, workloads
from trueup.facts.kube.nodes import NODES, SELF
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

API_NEEDS = ("kube.api.answers",)


@requirement(
    "kube.proxy.mode",
    key="kube.proxy.mode",
    reads=(network.PROXY, network.PROXY_MODE, network.IPVS, services.SERVICES, workloads.DAEMONSETS),
    needs=API_NEEDS,
    roles=MEMBERS,
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_proxy_mode(facts: FleetFacts, spec: Spec) -> None:
    """kube-proxy works on every node in the profile's mode; with ipvs each Service has its virtual server there."""
    wanted, declared = spec.kube.proxy.mode, facts[network.PROXY]
    claims = [
        equal(declared, wanted, where="mode in config.conf of ConfigMap kube-system/kube-proxy", layer="declared")
    ]
    for host, mode in facts.each(network.PROXY_MODE).items():
        hint = "it lacks something of the kernel for the mode that it is told: its log says what"
        claims.append(
            equal(
                mode or "nothing answers", wanted, where=f"{host}: http://127.0.0.1:10249/proxyMode",
                layer="effective", hint=hint if mode and declared == wanted else "",
            )
        )  # fmt: skip
    if daemons := workloads.find(facts[workloads.DAEMONSETS], "kube-system", "kube-proxy"):
        claims.append(available(daemons, str(daemons)))  # while they are replaced, those of before may still answer
    expect(*claims)
    if wanted == "ipvs":
        for host, servers in facts.each(network.IPVS).items():
            claims += [
                Deviation("a virtual server", "none", f"{host}: {service}, {address}:{port.port}", "effective")
                for service in facts[services.SERVICES]
                for address in service.addresses
                for port in service.ports
                if (address, port.port) not in servers
            ]
    expect(*claims)


@requirement(
    "kube.proxy.rules",
    key="kube.proxy.rules",
    reads=(network.PROXY_MODE, network.RULES),
    needs=API_NEEDS,
    roles=MEMBERS,
    severity="low",
)
def test_proxy_rules(facts: HostFacts, spec: Spec) -> None:
    """iptables has no more rules for Services than it goes through quickly; ipvs has a table in their place."""
    limit = spec.kube.proxy.rules
    if facts[network.PROXY_MODE] == "iptables" and (found := facts[network.RULES]) > limit:
        hint = "each packet goes through them one by one: mode ipvs does not"
        expect(Deviation(f"at most {limit}", str(found), "rules for Services in iptables", "effective", hint))


@requirement(
    "kube.coredns.ready",
    key="kube.cluster.dns_domain",
    reads=(workloads.DEPLOYMENTS, services.SERVICES, troubled_pods.SYSTEM_TROUBLE, network.DNS),
    needs=(*API_NEEDS, "network.calico.installed"),  # without a network for pods it does not start
    roles=MEMBERS,
    severity="critical",
    across=True,
    eventually=True,
)
def test_coredns(facts: FleetFacts, spec: Spec) -> None:
    """CoreDNS is available, and resolves the API's own name for every node at the address that pods are given."""
    found = workloads.find(facts[workloads.DEPLOYMENTS], "kube-system", "coredns")
    address, name = network.dns_address(spec), network.api_name(spec)
    service = workloads.find(facts[services.SERVICES], "kube-system", "kube-dns")
    claims = [
        available(found, "Deployment kube-system/coredns"),
        Deviation("a pod", "none: it is scaled to 0", str(found), "effective") if found and not found.wanted else None,
        equal(
            ", ".join(service.addresses[:1]) if service else None,
            address,
            where="address of Service kube-system/kube-dns",
            layer="effective",
            hint="the tenth of kube.cluster.service_subnet is what kubeadm tells kubelet",
        ),
    ]
    if found:
        pods = [pod for pod in facts[troubled_pods.SYSTEM_TROUBLE] if found.selector and pod.fits(found.selector)]
        claims += troubles(pods)
    for host, answer in facts.each(network.DNS).items():
        said = answer if isinstance(answer, str) else ", ".join(answer) or "no address"
        claims.append(equal(said, network.api_address(spec), where=f"{host}: {name} at {address}", layer="effective"))
    expect(*claims)


def _node(facts: FleetFacts) -> workloads.Workload:
    """Return the DaemonSet calico-node.

    Raises:
        Unmet: there is none.
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
    """Calico's objects are in the cluster."""
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
    """Calico runs on every node that it is wanted on, and so do its controllers."""
    node = calico.deployed(facts[workloads.DAEMONSETS], calico.NODE)
    controllers = calico.deployed(facts[workloads.DEPLOYMENTS], calico.CONTROLLERS)
    own = [pod for pod in facts[troubled_pods.SYSTEM_TROUBLE] if pod.name.startswith("calico-")]
    expect(
        available(node, f"DaemonSet {calico.NODE}"),
        Deviation("a pod on each node", "wanted on none", str(node), "effective") if node and not node.wanted else None,
        available(controllers, f"Deployment {calico.CONTROLLERS}"),
        *troubles(own, {pod.name: _hint(pod, node, spec) for pod in own}),
    )


def variable(name: str, facts: FleetFacts, spec: Spec) -> list[Deviation | None]:
    """Return what differs in a variable of calico-node, and whether its pods have taken it up."""
    node = _node(facts)
    container = node.container(calico.NODE)
    found = container.env.get(name) if container else None
    where = f"{name} of {node}"
    differs = equal(found, calico.variables(spec)[name], where=where, layer="declared")
    rolled = None if differs or node.settled else Deviation("taken up", node.state, where, "effective")
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
    """Calico's IP pool is the cluster's network of pods, in the profile's encapsulation."""
    wanted, pool, node = spec.network.calico, calico.default_pool(facts[calico.POOLS]), _node(facts)
    declared: list[Deviation | None] = []
    if node.namespace == calico.NAMESPACES[0]:  # Calico's operator makes pools itself
        for name in ("CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_IPIP"):
            declared += variable(name, facts, spec)
    if pool is None:
        unmet(*filter(None, declared), Deviation(calico.pod_network(spec), "no IPPool", calico.POOL, "effective"))
    where = f"of IPPool {pool.name}"
    hint = "pods get addresses that the rest of the cluster does not count among its own"
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
    after=("network.calico.autodetect",),  # where that is wrong, no change of the DaemonSet reaches all nodes
    severity="medium",
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_calico_cluster_type(facts: FleetFacts, spec: Spec) -> None:
    """calico-node is told what kind of cluster it is in, and its pods have taken that up."""
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
    """calico-node looks for its address the way the profile says, and finds on every node the node's InternalIP."""
    wanted = spec.network.calico.autodetect
    if problem := calico.mistake(wanted):
        unmet(Deviation("a method of Calico", wanted, "network.calico.autodetect in the profile", "declared", problem))
    claims = variable("IP_AUTODETECTION_METHOD", facts, spec)
    names, nodes = facts.each(SELF), facts[NODES]
    for host, addresses in facts.each(network.ADDRESSES).items():
        node = names[host].among(nodes) if host in names else None
        if node is None:
            facts.silent.setdefault(host, "no node of the cluster is this host")
            continue
        if not calico.decides(wanted):
            continue
        found = calico.detect(wanted, addresses)
        hint = ""
        if found is None:
            hint = f"calico-node cannot start there; the host has {', '.join(map(str, addresses)) or 'no address'}"
        elif found.address.network.prefixlen == 32:
            hint = f"{found} looks like a virtual address of keepalived: name the interface instead"
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
    """BIRD answers on its socket, and every BGP peer of the node is established, where the cluster is one with BGP."""
    if not spec.network.calico.bgp:
        return
    peers = facts[calico.BIRD]
    if peers is None:
        hint = "calico-node has not started: IP_AUTODETECTION_METHOD may find no interface"
        unmet(Deviation("a socket", "absent", "/var/run/calico/bird.ctl", "effective", hint))
    hint = "TCP port 179 must be open between all nodes"
    claims = [
        Deviation("Established", f"{peer.state} {peer.info}".strip(), f"BGP peer {peer.name}", "effective", hint)
        for peer in peers
        if not peer.established
    ]
    others = len(facts[NODES]) - 1
    if not peers and others > 0:
        claims.append(Deviation("peers", f"none, of {others} other nodes", "BIRD", "effective"))
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
    """The networks of pods, of Services and of the hosts have no address in common."""
    pods, services = _networks(spec.kube.cluster.pod_subnet), _networks(spec.kube.cluster.service_subnet)
    services = services or [network.service_network(spec)]
    ours = [("pods", each) for each in pods] + [("Services", each) for each in services]
    claims = [
        Deviation("networks apart", f"{one} has addresses of {other}", "pods and Services", "declared")
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
