"""The keys of a profile. A new requirement adds its key here; the engine reads keys by path and knows none of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Strict and closed: an unknown key or a number where text is meant is an error, never a guess."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# Paths on the controller, in a profile relative to the file that gives them: of anything, and of a file of manifests,
# which must be readable as such before anything is looked at.
LocalPath = Annotated[str, "path"]
Manifest = Annotated[str, "path", "manifest"]


class AptSource(Section):
    """A repository of Debian packages."""

    uri: str = Field(pattern=r"^[^@\s]+$", description="without a password, for which apt has auth.conf.d")
    suites: list[str] = Field(min_length=1, description="such as focal-updates; './' for a flat repository")
    components: list[str] = Field(default_factory=list, description="such as main; none for a flat repository")
    signed_by: str = Field("", description="path of the keyring, where apt does not trust the key already")


class Apt(Section):
    """Where packages come from on hosts with apt."""

    sources: list[AptSource] = Field(default_factory=list, description="repositories that must be listed")


class Time(Section):
    """Who keeps the clock right."""

    service: Literal["systemd-timesyncd", "chrony"] = Field(
        "systemd-timesyncd", description="what is installed where no time service is; any other will do as well"
    )
    skew: float = Field(5.0, gt=0, description="seconds by which two clocks of the run may differ")


class Preflight(Section):
    """What kubeadm's preflight checks expect of a host."""

    cpus: int = Field(2, description="CPUs of a control plane, at least")
    memory: int = Field(1700, description="memory of a control plane in MB as kubeadm counts them, at least")
    ports: dict[str, str] = Field(default_factory=dict, description="TCP port to the component that may have it")
    tools: dict[str, str] = Field(
        default_factory=dict, description="executable to the package that has it, as the distribution names it"
    )
    cri_socket: str = Field("", description="socket of the container runtime")
    kernel: str = Field("", description="regular expression for the releases of the kernel that are supported")
    kernel_config: list[str] = Field(
        default_factory=list, description="options of the kernel without CONFIG_; 'A|B' for two names of one"
    )
    cgroups: list[str] = Field(default_factory=list, description="cgroup controllers")


Identity = Literal["hostname", "machine-id", "product_uuid", "MAC"]


class Host(Section):
    """Section 1 of the catalogue: what every node's operating system must be."""

    modules: list[str] = Field(default_factory=list, description="kernel modules, loaded now and at every boot")
    sysctl: dict[str, str] = Field(default_factory=dict, description="kernel parameters; values are quoted strings")
    swap: Literal["off", "ignored"] = Field("ignored", description="off: none in use, none after a reboot")
    apt: Apt = Field(default_factory=Apt)
    time: Time = Field(default_factory=Time)
    identity: list[Identity] = Field(default_factory=list, description="what no two hosts may have in common")
    preflight: Preflight = Field(default_factory=Preflight)


class Artifact(Section):
    """A program as its own project releases it: an archive, or the bare file."""

    version: str = Field(pattern=r"^\d[\w.+-]*$", description="exact version, without the v")
    url: str = Field(pattern=r"^https?://[^@\s]+$", description="where the host fetches it; with {version} and {arch}")
    sha256: dict[Literal["amd64", "arm64"], str] = Field(description="architecture to the file's checksum")
    directory: str = Field(pattern=r"^/", description="where its programs go")


class Package(Section):
    """A program from a distribution package, or with ``binary`` as its own project releases it."""

    package: str = Field("", description="name of the distribution package")
    version: str = Field("", description="exact version or range in the distribution's own scheme: '>= 1.6.20, << 1.8'")
    binary: Artifact | None = Field(None, description="install this instead of the package")


class Packages(Section):
    """Distribution packages that go together in one version."""

    names: list[str] = Field(default_factory=list, description="names of the packages")
    version: str = Field("", description="exact version or range, the same for all")


class Service(Section):
    """A systemd unit's state."""

    active: bool = Field(True, description="running now")
    enabled: bool = Field(True, description="started at boot")


class Registry(Section):
    """Where images come from."""

    config_path: str = Field("", description="directory of the hosts.toml files")
    mirrors: dict[str, list[str]] = Field(default_factory=dict, description="registry to mirror URLs, tried in order")
    ca: dict[str, str] = Field(default_factory=dict, description="mirror URL to the CA certificate it needs, as PEM")


class Containerd(Package):
    """The container runtime."""

    unit: dict[str, str] = Field(
        default_factory=dict, description="directives of containerd.service, as systemd has them"
    )
    service: Service = Field(default_factory=Service, description="state of containerd.service")
    config: str = Field("", description="path of the configuration file")
    sandbox_image: str = Field("", description="image of the pause container")
    systemd_cgroup: bool = Field(False, description="let systemd manage the cgroups of containers")
    registry: Registry = Field(default_factory=Registry)
    runtime_type: str = Field("io.containerd.runc.v2", description="shim of the runc runtime")


class Cni(Package):
    """The plugins that give pods their network."""

    directory: str = Field("", description="where containerd finds them")
    plugins: list[str] = Field(default_factory=list, description="those that must be there")


class Web(Section):
    """A container that serves, kept running by nerdctl."""

    name: str = Field("", description="name of the container")
    image: str = Field("", description="full reference of its image")
    port: int = Field(80, description="TCP port of the host that is the container's port 80")


class Nerdctl(Section):
    """nerdctl, which distributions do not package."""

    binary: Artifact | None = Field(None, description="the release to install")
    web: Web = Field(default_factory=Web)


class Ctr(Section):
    """What the active checks of containerd's own client use."""

    image: str = Field("", description="full reference of an image to pull and run, with a /bin/true in it")


class Docker(Section):
    """Docker, where it must not be."""

    absent: list[str] = Field(default_factory=list, description="packages that must not be installed")


class Runtime(Section):
    """Section 2 of the catalogue: containerd and what it calls."""

    containerd: Containerd = Field(default_factory=Containerd)
    runc: Package = Field(default_factory=Package)
    nerdctl: Nerdctl = Field(default_factory=Nerdctl)
    cni: Cni = Field(default_factory=Cni)
    ctr: Ctr = Field(default_factory=Ctr)
    docker: Docker = Field(default_factory=Docker)


class KubeRepository(AptSource):
    """The repository that has kubeadm, kubelet and kubectl; ``signed_by`` ends in .asc for a key in ASCII armour."""

    key: str = Field("", description="the key that signs it: its URL, or itself in ASCII armour")


class KubeApt(Section):
    """Where Kubernetes' packages come from on hosts with apt."""

    repository: KubeRepository | None = None


class KubeImages(Section):
    """Where the images of the control plane come from."""

    repository: str = Field("", description="what stands before the image's name; kubeadm's own where empty")


class Kubelet(Section):
    """The agent on each node."""

    enabled: bool = Field(True, description="started at boot")
    cgroup_driver: Literal["systemd", "cgroupfs"] = Field("systemd", description="who manages the cgroups of pods")


class KubeCluster(Section):
    """What a cluster is initialised with; most of it cannot be changed afterwards."""

    endpoint: str = Field("", description="controlPlaneEndpoint, HOST:PORT in front of several API servers")
    advertise_address: str = Field("", description="address of a host's API server; kubeadm's choice where empty")
    bind_port: int = Field(6443, description="port of a host's API server")
    pod_subnet: str = Field("", description="addresses of pods")
    service_subnet: str = Field("", description="addresses of Services; kubeadm's default where empty")
    dns_domain: str = Field("cluster.local", description="domain of Services")
    config: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="kind of kubeadm's configuration, or a component's, to what is added to it"
    )


class Admin(Section):
    """Who administers the cluster from a host."""

    users: list[str] = Field(default_factory=list, description="users with the cluster's admin.conf as ~/.kube/config")


class Nodes(Section):
    """The nodes of a cluster, as its API sees them."""

    heartbeat: float = Field(40, gt=0, description="seconds within which kubelet must have renewed its lease")


_DURATION = r"^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$"


class NodeMonitoring(Section):
    """How soon a node that has gone silent counts as lost; durations as Go writes them: 40s, 1m30s."""

    period: str = Field("5s", pattern=_DURATION, description="how often the controller looks at each node's state")
    grace_period: str = Field("40s", pattern=_DURATION, description="silence after which a node is not ready")
    eviction: str = Field("5m", pattern=_DURATION, description="after which pods leave a node that is not ready")


class ControlPlane(Section):
    """Section 4 of the catalogue, as far as it is about one host: a control plane that runs."""

    static_pods: list[str] = Field(default_factory=list, description="components that kubelet runs by a manifest")
    node_monitoring: NodeMonitoring = Field(default_factory=NodeMonitoring)
    certificate_days: int = Field(30, ge=0, description="days for which every certificate must be valid, at least")


class Proxy(Section):
    """Who leads what is sent to a Service to one of its pods."""

    mode: Literal["iptables", "ipvs", "nftables"] = Field(
        "iptables", description="what kube-proxy writes its rules with"
    )
    rules: int = Field(5000, gt=0, description="rules of Services in iptables on one host, at most")


class Kube(Section):
    """Sections 3 and 4 of the catalogue: Kubernetes itself."""

    version: str = Field("", description="version of the cluster, such as v1.33.4")
    apt: KubeApt = Field(default_factory=KubeApt)
    packages: Packages = Field(default_factory=Packages)
    images: KubeImages = Field(default_factory=KubeImages)
    kubelet: Kubelet = Field(default_factory=Kubelet)
    cluster: KubeCluster = Field(default_factory=KubeCluster)
    admin: Admin = Field(default_factory=Admin)
    nodes: Nodes = Field(default_factory=Nodes)
    control_plane: ControlPlane = Field(default_factory=ControlPlane)
    proxy: Proxy = Field(default_factory=Proxy)


class Calico(Section):
    """The network of pods."""

    manifest: Manifest = Field("", description="Calico's own manifest, a file of YAML documents, relative to this file")
    ipip: Literal["Always", "CrossSubnet", "Never"] = Field("Always", description="ipipMode of the default IPPool")
    vxlan: Literal["Always", "CrossSubnet", "Never"] = Field("Never", description="vxlanMode of the default IPPool")
    cluster_type: str = Field("k8s,bgp", description="CLUSTER_TYPE of calico-node")
    autodetect: str = Field("first-found", description="IP_AUTODETECTION_METHOD of calico-node, such as interface=eth0")

    @property
    def bgp(self) -> bool:
        """Whether nodes tell each other by BGP which pods they have."""
        return "bgp" in self.cluster_type.split(",")


class Network(Section):
    """Section 5 of the catalogue: how pods reach each other."""

    calico: Calico = Field(default_factory=Calico)


class ServicePort(Section):
    """A port of a Service, and of the container behind it."""

    name: str = Field(min_length=1, description="its name; one that begins with https is only connected to")
    port: int = Field(gt=0, lt=65536, description="port of the Service and of the container")
    node_port: int = Field(gt=0, lt=65536, description="port of every node that leads there")


class Nginx(Section):
    """A web server behind a NodePort."""

    namespace: str = Field("", description="its namespace")
    deployment: str = Field("", description="name of the Deployment")
    container: str = Field("nginx", description="name of the container in its pods")
    service: str = Field("", description="name of the Service")
    image: str = Field("", description="reference of the image")
    replicas: int = Field(1, ge=0, description="pods")
    labels: dict[str, str] = Field(default_factory=dict, description="labels of the Deployment")
    service_labels: dict[str, str] = Field(default_factory=dict, description="labels of the Service")
    selector: dict[str, str] = Field(default_factory=dict, description="labels by which both find the pods")
    ports: list[ServicePort] = Field(default_factory=list, description="what it listens on")
    requests: dict[str, str] = Field(default_factory=dict, description="resources that a pod is sure to have")
    limits: dict[str, str] = Field(default_factory=dict, description="resources that a pod may have at most")
    from_runner: bool = Field(False, description="whether nodes answer the machine that runs trueup, too")


class Dashboard(Section):
    """Kubernetes' web interface."""

    manifest: Manifest = Field("", description="its manifest, a file of YAML documents, relative to this file")


class Workload(Section):
    """Section 6 of the catalogue: what runs on the cluster."""

    nginx: Nginx = Field(default_factory=Nginx)
    dashboard: Dashboard = Field(default_factory=Dashboard)
    namespaces: list[str] = Field(
        default_factory=list, description="where every container must have its resources and its image's version set"
    )


class Spec(Section):
    """What one host ought to be, after roles and overrides."""

    host: Host = Field(default_factory=Host)
    runtime: Runtime = Field(default_factory=Runtime)
    kube: Kube = Field(default_factory=Kube)
    network: Network = Field(default_factory=Network)
    workload: Workload = Field(default_factory=Workload)
    wait: float = Field(300, gt=0, description="seconds that something may take to come up after a change")
    artifacts: LocalPath = Field(
        "", description="directory on the controller, relative to this file, with the files of all urls"
    )

    def holds(self, key: str) -> bool:
        """Whether the profile itself gives a value for a dotted key (defaults of the schema do not count)."""
        return _find(self, key)

    def packages(self) -> set[str]:
        """Return the names of all packages that the profile has an opinion on."""
        sections = list(_sections(self))
        named = {section.package for section in sections if isinstance(section, Package)}
        named |= {name for section in sections if isinstance(section, Packages) for name in section.names}
        return (named | set(self.runtime.docker.absent)) - {""}


def paths(kind: str, model: type[BaseModel] = Spec) -> Iterator[tuple[str, ...]]:
    """Yield the keys whose values are paths on the controller: ``path`` for all, ``manifest`` for those."""
    for name, field in model.model_fields.items():
        if kind in field.metadata:
            yield (name,)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in paths(kind, field.annotation))


def _sections(node: BaseModel) -> Iterator[BaseModel]:
    yield node
    for name in type(node).model_fields:
        if isinstance(child := getattr(node, name), BaseModel):
            yield from _sections(child)


def _find(node: Any, key: str) -> bool:
    if isinstance(node, BaseModel):
        head, _, rest = key.partition(".")
        return head in node.model_fields_set and (not rest or _find(getattr(node, head), rest))
    return isinstance(node, dict) and key in node


class Waiver(Section):
    """An accepted deviation: shown with its failure, reason and approver until it expires."""

    requirement: str = Field(description="requirement id or pattern")
    hosts: list[str] = Field(default_factory=lambda: ["*"], description="host names or patterns")
    reason: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    expires: datetime.date = Field(description="last day on which the waiver counts, in UTC")

    def covers(self, requirement: str, host: str) -> bool:
        """Whether the waiver is about this requirement on this host."""
        return fnmatchcase(requirement, self.requirement) and any(fnmatchcase(host, glob) for glob in self.hosts)


class Profile(Spec):
    """A whole profile file."""

    name: str = Field("", description="name in reports; the file's name by default")
    description: str = ""
    extends: str = Field("", description="a profile by name, or a path relative to this file")
    select: list[str] = Field(
        default_factory=lambda: ["*"],
        description="ids or patterns; '!id' subtracts; '+id' and '!id' alone change the parent's selection",
    )
    roles: dict[str, list[str]] = Field(
        default_factory=dict, description="role to host patterns, '@group' for inventory"
    )
    hosts: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="host pattern to values that differ there"
    )
    waivers: list[Waiver] = Field(default_factory=list)
