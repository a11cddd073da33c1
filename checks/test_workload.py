"""Section 6 of the catalogue: workloads of the cluster and access to them; of section 4 the dashboard."""

import re
from collections.abc import Iterator

from trueup import CouldNotLook, Deviation, FleetFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.pods import API_NEEDS, MEMBERS, available, troubles
from trueup.facts.kube import dashboard, network, troubled_pods, workloads
from trueup.facts.kube.nodes import NODES, SELF
from trueup.facts.kube.services import ENDPOINTS, SERVICES, holders
from trueup.profiles.keys.workload import Nginx

NODE_PORTS = range(30000, 32768)  # default of the API server's --service-node-port-range
_PINNED = re.compile(r"@sha256:[0-9a-f]{64}$|:(?!latest$)[\w.-]+$")
_KINDS = (workloads.DEPLOYMENTS, workloads.DAEMONSETS, workloads.STATEFULSETS)


@requirement(
    "kube.dashboard.ready",
    key="workload.dashboard.manifest",
    reads=(dashboard.DASHBOARD, workloads.DEPLOYMENTS, dashboard.DASHBOARD_TROUBLE),
    needs=API_NEEDS,
    severity="low",
    across=True,
    eventually=True,
)
def test_dashboard(facts: FleetFacts, spec: Spec) -> None:
    """Every Deployment of the dashboard's manifest is available.

    Users see an error page, or nothing, while one of its parts does not run.
    """
    wanted, found = facts[dashboard.DASHBOARD], facts[workloads.DEPLOYMENTS]
    if not wanted:
        unmet(Deviation("a Deployment", "none", spec.workload.dashboard.manifest, "declared"))
    there = {each: workloads.find(found, *each) for each in wanted}
    selectors = [each.selector for each in there.values() if each and each.selector]
    pods = [pod for pod in facts[dashboard.DASHBOARD_TROUBLE] if any(map(pod.fits, selectors))]
    expect(*(available(each, f"Deployment {'/'.join(name)}") for name, each in there.items()), *troubles(pods))


@requirement(
    "workload.nginx.namespace",
    key="workload.nginx.namespace",
    reads=(workloads.NAMESPACES,),
    needs=API_NEEDS,
    layers=("declared",),
    across=True,
)
def test_nginx_namespace(facts: FleetFacts, spec: Spec) -> None:
    """The workload's namespace exists and is Active.

    The API refuses objects for a namespace that does not exist: the seed document forgets to create it, and its
    manifest fails.
    """
    name = spec.workload.nginx.namespace
    found = facts[workloads.NAMESPACES].get(name)
    expect(equal(found or "not there", "Active", where=f"namespace {name}", layer="declared"))


def _mapping(found: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(found.items())) or "none"


def _labels(found: dict[str, str], wanted: dict[str, str], where: str) -> Deviation | None:
    """Return a deviation unless all wanted labels are there; other labels do not matter."""
    if wanted.items() <= found.items():
        return None
    return Deviation(_mapping(wanted), _mapping(found), f"labels of {where}", "declared")


@requirement(
    "workload.nginx.deployment",
    key="workload.nginx.deployment",
    reads=(workloads.DEPLOYMENTS, troubled_pods.NGINX_TROUBLE),
    needs=(*API_NEEDS, "workload.nginx.namespace"),
    after=("network.calico.installed",),
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_nginx_deployment(facts: FleetFacts, spec: Spec) -> None:
    """The Deployment is as the profile describes it, and all its pods are ready.

    A Service finds pods by the labels of the Deployment's template, and fewer ready replicas than wanted serve fewer
    clients.
    """
    wanted = spec.workload.nginx
    found = workloads.find(facts[workloads.DEPLOYMENTS], wanted.namespace, wanted.deployment)
    if found is None:
        unmet(Deviation("there", "not there", f"Deployment {wanted.namespace}/{wanted.deployment}", "declared"))
    selector = equal(
        _mapping(found.selector), _mapping(wanted.selector), where=f"spec.selector of {found}", layer="declared",
        hint="no automatic remedy: spec.selector cannot be changed, delete the Deployment first",
    )  # fmt: skip
    container = found.container(wanted.container)
    claims = [
        selector,
        _labels(found.labels, wanted.labels, str(found)),
        _labels(found.pod_labels, wanted.selector, f"the pods of {found}"),
        equal(found.wanted, wanted.replicas, where=f"replicas of {found}", layer="declared"),
    ]
    if container is None:
        names = ", ".join(each.name for each in found.containers)
        claims.append(Deviation(wanted.container, names, f"containers of {found}", "declared"))
    else:
        claims += _container(container, wanted, f"container {container.name} of {found}")
    pods = [pod for pod in facts[troubled_pods.NGINX_TROUBLE] if found.selector and pod.fits(found.selector)]
    if found.wanted or not found.rolled_out:  # a profile may want no pod
        claims.append(available(found, str(found)))
    expect(*claims, *troubles(pods))


def _container(found: workloads.Container, wanted: Nginx, where: str) -> Iterator[Deviation | None]:
    yield equal(found.image, wanted.image, where=f"image of {where}", layer="declared")
    for port in wanted.ports:
        if (port.port, "TCP") not in found.ports:
            yield Deviation(f"containerPort {port.port}", "not declared", where, "declared")
    for kind, asked, given in (
        ("requests", wanted.requests, found.requests),
        ("limits", wanted.limits, found.limits),
    ):
        if not asked.items() <= given.items():
            yield Deviation(_mapping(asked), _mapping(given), f"{kind} of {where}", "declared")


@requirement(
    "workload.nginx.service",
    key="workload.nginx.service",
    reads=(SERVICES, ENDPOINTS),
    needs=(*API_NEEDS, "workload.nginx.namespace"),
    layers=("declared", "effective"),
    across=True,
    eventually=True,
)
def test_nginx_service(facts: FleetFacts, spec: Spec) -> None:
    """The Service is a NodePort with the profile's ports, and has ready pods.

    A Service whose selector matches no ready pod refuses connections. A nodePort belongs to one Service only, and lies
    in the API server's range (Kubernetes docs, Service: type NodePort).
    """
    wanted, services = spec.workload.nginx, facts[SERVICES]
    found = workloads.find(services, wanted.namespace, wanted.service)
    name = f"Service {wanted.namespace}/{wanted.service}"
    taken = holders(services, wanted)
    if found is None:
        hint = "; ".join(f"nodePort {port} is taken by {owner}" for port, owner in taken.items())
        unmet(Deviation("there", "not there", name, "declared", hint))
    claims = [
        equal(found.type, "NodePort", where=f"type of {name}", layer="declared"),
        equal(_mapping(found.selector), _mapping(wanted.selector), where=f"selector of {name}", layer="declared"),
        _labels(found.labels, wanted.service_labels, name),
    ]
    for port in wanted.ports:
        same = next((p for p in found.ports if (p.port, p.protocol) == (port.port, "TCP")), None)
        hint = ""
        if port.node_port in taken:
            hint = f"taken by {taken[port.node_port]}"
        elif port.node_port not in NODE_PORTS:
            hint = f"outside of {NODE_PORTS[0]}-{NODE_PORTS[-1]}, the API server's default range"
        where = f"{name}, port {port.port}"
        if same is None:
            claims.append(Deviation(f"nodePort {port.node_port}", "no such port", where, "declared", hint))
        else:
            said = same.node_port or None
            claims.append(equal(said, port.node_port, where=f"nodePort of {where}", layer="declared", hint=hint))
    ready, waiting = facts[ENDPOINTS]
    if not ready:
        words = f"none ready, {waiting} not ready" if waiting else "none: no pod matches its selector"
        claims.append(Deviation("pods", words, f"endpoints of {name}", "effective"))
    expect(*claims)


def _reached(said: str | None, port: str, number: int, where: str, behind: int) -> Deviation | None:
    """Return a deviation unless the port gave the expected answer; ``behind`` is the number of ready pods."""
    wanted = "200" if network.is_http(port) else "open"
    if said == wanted:
        return None
    hint = ""
    if said == "refused":
        hint = f"nothing listens on {number} in the pod" if behind else "the Service has no ready pod"
    elif said == "timeout":
        hint = "a firewall between them, or no route from this node to the pod's node"
    found = f"refused: {hint}" if said == "refused" else said or "not tried"
    words = "HTTP 200" if wanted == "200" else "a connection"
    return Deviation(words, found, where, "effective", "" if said == "refused" else hint)


@requirement(
    "workload.nginx.nodeport",
    key="workload.nginx.ports",
    reads=(NODES, SELF, ENDPOINTS, network.NODEPORT, network.FROM_HERE),
    needs=(*API_NEEDS, "workload.nginx.service"),
    roles=MEMBERS,
    across=True,
    active=True,
    eventually=True,
)
def test_nginx_nodeport(facts: FleetFacts, spec: Spec) -> None:
    """Every node answers on each nodePort of its InternalIP, from itself and, with from_runner, from the controller.

    Clients reach the workload by any node's address: kube-proxy, the pod network or a firewall can fail on one node
    only.
    """
    wanted, (behind, _), nodes = spec.workload.nginx, facts[ENDPOINTS], facts[NODES]
    claims: list[Deviation | None] = []
    names = facts.each(SELF)
    for host, attempts in facts.each(network.NODEPORT).items():
        node = names[host].among(nodes) if host in names else None
        if node is None:
            facts.silent.setdefault(host, "this host is no node of the cluster")
            continue
        for port in wanted.ports:
            said = attempts.get((node.address, port.node_port))
            where = f"{host}: {node.address}:{port.node_port}"
            claims.append(_reached(said, port.name, port.port, where, behind))
    for (address, number), said in (facts[network.FROM_HERE] or {}).items():
        port = next(each for each in wanted.ports if each.node_port == number)
        where = f"controller: {address}:{number}"
        claims.append(_reached(said, port.name, port.port, where, behind))
    if not claims and not facts.silent:
        raise CouldNotLook(
            "no attempt was made: --hosts has no node of the cluster, and the profile's from_runner is off"
        )
    expect(*claims)


@requirement(
    "workload.plaintext_secrets",
    key="workload",
    reads=_KINDS,
    needs=API_NEEDS,
    layers=("declared",),
    across=True,
    controls=("CIS 5.4.1", "NIST SP 800-190 4.1.4"),
)
def test_plaintext_secrets(facts: FleetFacts, spec: Spec) -> None:
    """No environment variable with a secret's name has its value in a manifest.

    Everybody who may read Deployments reads the value there, and it stays in backups and version control (CIS
    Kubernetes Benchmark 5.4.1; the seed document has a literal password).
    """
    hint = "move it to a Secret, refer to it by valueFrom.secretKeyRef, and change it: others may have read it"
    expect(
        *(
            Deviation("from a Secret", "a literal value", f"env {name} of {container.name}, {each}", "declared", hint)
            for fact in _KINDS
            for each in facts[fact]
            if not each.namespace.startswith("kube-")
            for container in each.containers
            for name in container.secrets
        )
    )


@requirement(
    "workload.resources",
    key="workload.namespaces",
    reads=_KINDS,
    needs=API_NEEDS,
    severity="medium",
    layers=("declared",),
    across=True,
)
def test_resources(facts: FleetFacts, spec: Spec) -> None:
    """Every container has requests and limits, and an image with a fixed version.

    Without requests the scheduler overcommits a node, without limits one container starves the others, and `latest`
    runs another program after each pull (Kubernetes docs, Resource Management; Images).
    """
    claims = []
    for each in (each for fact in _KINDS for each in facts[fact] if each.namespace in spec.workload.namespaces):
        for container in each.containers:
            where = f"{container.name} of {each}"
            for kind, given in (("requests", container.requests), ("limits", container.limits)):
                if missing := [name for name in ("cpu", "memory") if name not in given]:
                    claims.append(Deviation(", ".join(missing), "not set", f"{kind} of {where}", "declared"))
            if not _PINNED.search(container.image.rpartition("/")[2]):
                hint = "each pull may bring another version"
                claims.append(Deviation("a version", container.image, f"image of {where}", "declared", hint))
    expect(*claims)
