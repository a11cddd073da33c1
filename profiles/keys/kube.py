"""Keys of sections 3 and 4 of the catalogue: Kubernetes itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from trueup.profiles.keys.section import Packages, Section, SignedSource


class KubeApt(Section):
    """Source of Kubernetes' packages on hosts with apt."""

    repository: SignedSource | None = Field(None, description="repository of kubeadm, kubelet and kubectl")


class KubeImages(Section):
    """Source of the control plane's images."""

    repository: str = Field("", description="registry and path before the image's name; empty: kubeadm's default")


class Kubelet(Section):
    """kubelet, the agent on each node."""

    enabled: bool = Field(True, description="start kubelet at boot")
    cgroup_driver: Literal["systemd", "cgroupfs"] = Field("systemd", description="manager of the pods' cgroups")


class KubeCluster(Section):
    """Values of `kubeadm init`; most of them cannot be changed afterwards."""

    endpoint: str = Field("", description="controlPlaneEndpoint: HOST:PORT in front of all API servers")
    advertise_address: str = Field("", description="advertised address of a host's API server; empty: kubeadm's choice")
    bind_port: int = Field(6443, description="port of a host's API server")
    pod_subnet: str = Field("", description="network of the pods, such as 10.100.0.0/16")
    service_subnet: str = Field("", description="network of the Services; empty: kubeadm's default")
    dns_domain: str = Field("cluster.local", description="DNS domain of Services")
    config: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="kind of a configuration document of kubeadm to the values added to it"
    )


class Admin(Section):
    """Administrators of the cluster on its hosts."""

    users: list[str] = Field(
        default_factory=list, description="users who get the cluster's admin.conf as ~/.kube/config"
    )


class Nodes(Section):
    """Nodes of the cluster, as its API reports them."""

    heartbeat: float = Field(40, gt=0, description="seconds after which a Lease that kubelet has not renewed fails")


_DURATION = r"^([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+$"


class NodeMonitoring(Section):
    """Times after which a silent node counts as lost; durations as in Go: 40s, 1m30s."""

    period: str = Field(
        "5s", pattern=_DURATION, description="time between two checks of each node by the controller manager"
    )
    grace_period: str = Field("40s", pattern=_DURATION, description="silence after which a node becomes not ready")
    eviction: str = Field(
        "5m", pattern=_DURATION, description="time after which pods are evicted from a node that is not ready"
    )


class ControlPlane(Section):
    """Section 4 of the catalogue, for one host: its running control plane."""

    static_pods: list[str] = Field(default_factory=list, description="components that kubelet runs from a manifest")
    node_monitoring: NodeMonitoring = Field(default_factory=NodeMonitoring)
    certificate_days: int = Field(
        30, ge=0, description="least number of days for which every certificate must be valid"
    )


class Proxy(Section):
    """kube-proxy, which forwards connections to a Service to one of its pods."""

    mode: Literal["iptables", "ipvs", "nftables"] = Field(
        "iptables", description="kernel interface that kube-proxy uses"
    )
    rules: int = Field(5000, gt=0, description="largest number of iptables rules for Services on one host")


class Drain(Section):
    """How a node is drained before a remedy disturbs its pods."""

    seconds: float = Field(
        300, gt=0, description="seconds in which all pods must have left, disruption budgets and grace periods included"
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
