"""Keys of sections 3 and 4 of the catalogue: Kubernetes itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from trueup.profiles.keys.section import Packages, Section, SignedSource


class KubeApt(Section):
    """Where Kubernetes' packages come from on hosts with apt."""

    repository: SignedSource | None = Field(None, description="the one that has kubeadm, kubelet and kubectl")


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


class Drain(Section):
    """How a node is emptied before a remedy disturbs its pods."""

    seconds: float = Field(
        300, gt=0, description="seconds in which all pods must have left, budgets and grace included"
    )


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
    drain: Drain = Field(default_factory=Drain)
    control_plane: ControlPlane = Field(default_factory=ControlPlane)
    proxy: Proxy = Field(default_factory=Proxy)
