"""Section 4 of the catalogue: access of nodes to Services, by kube-proxy and DNS."""

from trueup import Deviation, FleetFacts, HostFacts, Spec, equal, expect, requirement
from trueup.checks.claims.pods import API_NEEDS, MEMBERS, available, troubles
from trueup.facts.kube import network, services, troubled_pods, workloads


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
    """kube-proxy works in the profile's mode on every node; with ipvs each Service has a virtual server there.

    A node on which kube-proxy could not use the mode sends nothing to Services, or works in another mode than the rest.
    kube-proxy reports its own mode on port 10249.
    """
    wanted, declared = spec.kube.proxy.mode, facts[network.PROXY]
    claims = [
        equal(declared, wanted, where="mode in config.conf of ConfigMap kube-system/kube-proxy", layer="declared")
    ]
    for host, mode in facts.each(network.PROXY_MODE).items():
        hint = "a kernel module or program for the configured mode is missing: see kube-proxy's log"
        claims.append(
            equal(
                mode or "no answer", wanted, where=f"{host}: http://127.0.0.1:10249/proxyMode",
                layer="effective", hint=hint if mode and declared == wanted else "",
            )
        )  # fmt: skip
    if daemons := workloads.find(facts[workloads.DAEMONSETS], "kube-system", "kube-proxy"):
        claims.append(available(daemons, str(daemons)))  # during a rollout the old pods may still answer
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
    """iptables has at most the profile's number of rules for Services.

    In mode iptables each packet passes the rules one by one, so many Services slow every connection down; mode ipvs
    looks them up in a table (Kubernetes docs, Virtual IPs and Service Proxies).
    """
    limit = spec.kube.proxy.rules
    if facts[network.PROXY_MODE] == "iptables" and (found := facts[network.RULES]) > limit:
        hint = "each packet passes them one by one: mode ipvs uses a table"
        expect(Deviation(f"at most {limit}", str(found), "rules for Services in iptables", "effective", hint))


@requirement(
    "kube.coredns.ready",
    key="kube.cluster.dns_domain",
    reads=(workloads.DEPLOYMENTS, services.SERVICES, troubled_pods.SYSTEM_TROUBLE, network.DNS),
    needs=(*API_NEEDS, "network.calico.installed"),  # without a pod network its pods do not start
    roles=MEMBERS,
    severity="critical",
    across=True,
    eventually=True,
)
def test_coredns(facts: FleetFacts, spec: Spec) -> None:
    """CoreDNS is available, and resolves the API's name for every node, at the address that pods use.

    Pods find Services by this DNS server only. kubelet gives pods the tenth address of the Service subnet, so the
    Service kube-dns must have that one.
    """
    found = workloads.find(facts[workloads.DEPLOYMENTS], "kube-system", "coredns")
    address, name = network.dns_address(spec), network.api_name(spec)
    service = workloads.find(facts[services.SERVICES], "kube-system", "kube-dns")
    claims = [
        available(found, "Deployment kube-system/coredns"),
        equal(
            ", ".join(service.addresses[:1]) if service else None,
            address,
            where="address of Service kube-system/kube-dns",
            layer="effective",
            hint="kubeadm gives kubelet the tenth address of kube.cluster.service_subnet",
        ),
    ]
    if found:
        pods = [pod for pod in facts[troubled_pods.SYSTEM_TROUBLE] if found.selector and pod.fits(found.selector)]
        claims += troubles(pods)
    for host, answer in facts.each(network.DNS).items():
        said = answer if isinstance(answer, str) else ", ".join(answer) or "no address"
        claims.append(equal(said, network.api_address(spec), where=f"{host}: {name} at {address}", layer="effective"))
    expect(*claims)
