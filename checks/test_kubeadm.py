"""First half of section 4 of the catalogue: the cluster exists, and the hosts are its nodes."""

from typing import Any

from trueup import CouldNotLook, Deviation, FleetFacts, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.facts.host.upstream_version import minors
from trueup.facts.kube import kubeconfigs, preflight
from trueup.facts.kube.kubeadm import DEFAULT_REPOSITORIES
from trueup.facts.kube.nodes import KUBEADM, NODES, SELF, VERSION
from trueup.facts.kube.static_pods import PROCESSES

_NODES = ("control-plane", "worker")
_READY = ("kube.packages.version", "kube.kubelet.service", "host.preflight.CRI")
_SAFE = ("kube.images.present", "runtime.containerd.sandbox_image", "runtime.cni.plugins")
_FIXED = "no automatic remedy: kubeadm sets it once, when the cluster is initialised"
_UPGRADE = (
    "no automatic remedy: `kubeadm upgrade apply` on a control-plane host, then `kubeadm upgrade node` on the others"
)


@requirement(
    "kube.init",
    key="kube.version",
    reads=(preflight.FILES,),
    needs=_READY,
    after=(*_SAFE, "lb.vip.single_holder"),  # kubeadm init waits until the endpoint answers
    severity="critical",
    roles=("control-plane",),
    across=True,
)
def test_init(facts: FleetFacts, spec: Spec) -> None:
    """The cluster exists: a control-plane host has been initialised, or has joined.

    Everything else of a cluster needs its first control plane (`kubeadm init`).
    """
    found = facts.each(preflight.FILES)
    if any(map(preflight.initialised, found.values())):
        facts.silent.clear()  # one control plane is enough, so hosts without an answer do not matter
        return
    hosts = ", ".join(found)
    expect(Deviation("a control plane", "none", hosts, "effective") if found or not facts.silent else None)


@requirement(
    "kube.api.answers",
    key="kube.version",
    reads=(VERSION,),
    needs=("kube.init",),
    severity="critical",
    across=True,
    eventually=True,
)
def test_api_answers(facts: FleetFacts, spec: Spec) -> None:
    """The Kubernetes API answers trueup.

    Each requirement of the cluster is judged by the API: without an answer nothing of it can be known.
    """
    try:
        _ = facts[VERSION]
    except CouldNotLook as error:
        unmet(Deviation("an answer", str(error), "the Kubernetes API", "effective"))


def _flag(facts: HostFacts, name: str, wanted: str) -> None:
    running = facts[PROCESSES].get("kube-apiserver")
    if not running:
        unmet(Deviation("a process", "none", "kube-apiserver", "effective"))
    hint = "no automatic remedy: certificates and kubeconfigs contain it; join another control plane instead"
    expect(equal(running[0].flags.get(name), wanted, where=f"--{name} of kube-apiserver", layer="effective", hint=hint))


@requirement(
    "kube.init.advertise_address",
    key="kube.cluster.advertise_address",
    reads=(PROCESSES,),
    needs=("kube.init",),
    after=("kube.join",),
    roles=("control-plane",),
)
def test_advertise_address(facts: HostFacts, spec: Spec) -> None:
    """The API server of the host advertises the profile's address.

    Other members reach this API server and its etcd at the advertised address. By default kubeadm takes that of the
    default network interface, which may be another network (Kubernetes docs, kubeadm init).
    """
    _flag(facts, "advertise-address", spec.kube.cluster.advertise_address)


@requirement(
    "kube.init.bind_port",
    key="kube.cluster.bind_port",
    reads=(PROCESSES,),
    needs=("kube.init",),
    after=("kube.join",),
    roles=("control-plane",),
)
def test_bind_port(facts: HostFacts, spec: Spec) -> None:
    """The API server of the host listens on the profile's port.

    The endpoint, load balancers and firewalls are configured for this port.
    """
    _flag(facts, "secure-port", str(spec.kube.cluster.bind_port))


def _networking(key: str, facts: FleetFacts) -> Any:
    return _kubeadm(facts).get("networking", {}).get(key)


def _kubeadm(facts: FleetFacts) -> dict[str, Any]:
    if (found := facts[KUBEADM]) is None:
        raise CouldNotLook("no ConfigMap kubeadm-config in kube-system: kubeadm did not create this cluster")
    return found


def _subnet(key: str, wanted: str, facts: FleetFacts) -> None:
    where = f"networking.{key} of kubeadm-config"
    expect(equal(_networking(key, facts), wanted, where=where, layer="declared", hint=_FIXED))


@requirement(
    "kube.init.pod_subnet",
    key="kube.cluster.pod_subnet",
    reads=(KUBEADM,),
    needs=("kube.api.answers",),
    layers=("declared",),
    across=True,
)
def test_pod_subnet(facts: FleetFacts, spec: Spec) -> None:
    """The cluster was initialised with the profile's pod subnet.

    The controller manager gives nodes their pod addresses from this subnet. It must be the network plugin's own, and no
    subnet of the hosts.
    """
    _subnet("podSubnet", spec.kube.cluster.pod_subnet, facts)


@requirement(
    "kube.init.service_subnet",
    key="kube.cluster.service_subnet",
    reads=(KUBEADM,),
    needs=("kube.api.answers",),
    layers=("declared",),
    across=True,
)
def test_service_subnet(facts: FleetFacts, spec: Spec) -> None:
    """The cluster was initialised with the profile's Service subnet.

    The addresses of Services, those of DNS and of the API among them, come from this subnet. It must not overlap a
    network of hosts or pods.
    """
    _subnet("serviceSubnet", spec.kube.cluster.service_subnet, facts)


@requirement(
    "kube.init.dns_domain",
    key="kube.cluster.dns_domain",
    reads=(KUBEADM,),
    needs=("kube.api.answers",),
    layers=("declared",),
    across=True,
)
def test_dns_domain(facts: FleetFacts, spec: Spec) -> None:
    """The cluster was initialised with the profile's DNS domain.

    Pods look Services up in this domain, and the API server's certificate is valid for names in it.
    """
    _subnet("dnsDomain", spec.kube.cluster.dns_domain, facts)


@requirement(
    "kube.init.image_repository",
    key="kube.images.repository",
    reads=(KUBEADM,),
    needs=("kube.api.answers",),
    severity="medium",
    layers=("declared",),
    across=True,
)
def test_image_repository(facts: FleetFacts, spec: Spec) -> None:
    """The cluster takes its images from the profile's repository.

    `kubeadm upgrade` and `kubeadm join` pull from this repository: hosts that reach only a mirror need it here.
    """
    found, wanted = _kubeadm(facts).get("imageRepository"), spec.kube.images.repository
    hint = "no automatic remedy: `kubectl -n kube-system edit configmap kubeadm-config`, then `kubeadm upgrade apply`"
    where = "imageRepository of kubeadm-config"
    if not wanted and found in DEFAULT_REPOSITORIES:
        return
    expect(equal(found, wanted or "kubeadm's own", where=where, layer="declared", hint=hint))


@requirement(
    "kube.init.version",
    key="kube.version",
    reads=(VERSION, KUBEADM),
    needs=("kube.api.answers",),
    layers=("declared", "effective"),
    across=True,
)
def test_version(facts: FleetFacts, spec: Spec) -> None:
    """The API server and kubeadm's configuration have the profile's version.

    kubeadm joins new nodes by the version in its ConfigMap. After an upgrade that stopped halfway the two differ.
    """
    running, kubeadm = facts[VERSION], facts[KUBEADM]
    expect(
        equal(running, spec.kube.version, where="version of the API server", layer="effective", hint=_UPGRADE),
        equal(
            kubeadm.get("kubernetesVersion"),
            spec.kube.version,
            where="kubernetesVersion of kubeadm-config",
            layer="declared",
            hint=_UPGRADE,
        )
        if kubeadm
        else None,
    )


@requirement(
    "kube.join",
    key="kube.version",
    reads=(NODES, SELF, preflight.FILES),
    needs=("kube.api.answers", *_READY),
    after=_SAFE,
    severity="critical",
    roles=_NODES,
    eventually=True,
)
def test_join(facts: HostFacts, spec: Spec) -> None:
    """The host is a node of the cluster, with the profile's kubelet version, on containerd.

    A host that has not joined runs no pods of the cluster. kubelet must not be newer than the API server (Kubernetes
    version skew policy).
    """
    nodes, own = facts[NODES], facts[SELF]
    node = own.among(nodes)
    if node is None:
        unmet(Deviation(f"a node {own.name}", ", ".join(n.name for n in nodes) or "none", "nodes", "effective"))
    expect(
        None
        if preflight.member(facts[preflight.FILES])
        else Deviation("a kubelet that has joined", "none", ", ".join(preflight.MEMBER), "effective"),
        equal(node.kubelet, spec.kube.version, where=f"kubelet of node {node.name}", layer="effective", hint=_UPGRADE),
        None
        if node.runtime.startswith("containerd://")
        else Deviation("containerd", node.runtime, f"container runtime of node {node.name}", "effective"),
    )


@requirement(
    "kube.version_skew",
    key="kube.version",
    reads=(VERSION, NODES),
    needs=("kube.api.answers",),
    across=True,
)
def test_version_skew(facts: FleetFacts, spec: Spec) -> None:
    """No kubelet is newer than the API server, or older than Kubernetes supports with it.

    A kubelet outside the supported skew may misread API objects, and blocks the next upgrade
    (kubernetes.io/releases/version-skew-policy).
    """
    server = facts[VERSION]
    # https://kubernetes.io/releases/version-skew-policy/: three minors since kubelet 1.25, two before
    claims = []
    for node in facts[NODES]:
        behind = minors(server) - minors(node.kubelet)
        allowed = 3 if minors(node.kubelet) >= 25 else 2
        if not 0 <= behind <= allowed:
            wanted = f"up to {allowed} minors behind {server}, and not ahead of it"
            claims.append(Deviation(wanted, node.kubelet, f"kubelet of node {node.name}", "effective", _UPGRADE))
    expect(*claims)


@requirement(
    "kube.admin_kubeconfig",
    key="kube.admin.users",
    reads=(kubeconfigs.HOMES,),
    needs=("kube.join",),
    severity="medium",
    layers=("declared",),
    roles=_NODES,
    controls=("CIS 4.1.5",),
)
def test_admin_kubeconfig(facts: HostFacts, spec: Spec) -> None:
    """Each administrator in the profile has the cluster's admin.conf as ~/.kube/config, with mode 600.

    admin.conf gives all rights in the cluster to whoever can read it. A copy from before a renewal or a new cluster no
    longer works.
    """
    claims: list[Deviation | None] = []
    for user, home in facts[kubeconfigs.HOMES].items():
        if home is None or not home.exists:
            found = "no such user" if home is None else "absent"
            claims.append(Deviation("the cluster's admin.conf", found, f"~{user}/.kube/config", "declared"))
            continue
        where = f"{home.path}/.kube/config"
        claims += [
            None if home.current else Deviation("the cluster's admin.conf", "another file", where, "declared"),
            equal(home.mode, "600", where=f"mode of {where}", layer="declared"),
            equal(home.has, home.owner, where=f"owner of {where}", layer="declared"),
        ]
    expect(*claims)
