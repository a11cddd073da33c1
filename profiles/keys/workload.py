"""Keys of sections 5 and 6 of the catalogue: the network of pods, and the workloads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import Manifest, Section


class Calico(Section):
    """Calico, the network of pods."""

    manifest: Manifest = Field(
        "", description="path of Calico's manifest, a file of YAML documents, relative to this file"
    )
    ipip: Literal["Always", "CrossSubnet", "Never"] = Field("Always", description="ipipMode of the default IPPool")
    vxlan: Literal["Always", "CrossSubnet", "Never"] = Field("Never", description="vxlanMode of the default IPPool")
    cluster_type: str = Field("k8s,bgp", description="CLUSTER_TYPE of calico-node")
    autodetect: str = Field("first-found", description="IP_AUTODETECTION_METHOD of calico-node, such as interface=eth0")

    @property
    def bgp(self) -> bool:
        """Return whether nodes exchange routes to pods by BGP."""
        return "bgp" in self.cluster_type.split(",")


class Network(Section):
    """Section 5 of the catalogue: the network of pods."""

    calico: Calico = Field(default_factory=Calico)


class ServicePort(Section):
    """A port of a Service, and of the container behind it."""

    name: str = Field(min_length=1, description="name of the port; if it begins with https, the check connects only")
    port: int = Field(gt=0, lt=65536, description="port of the Service and of the container")
    node_port: int = Field(gt=0, lt=65536, description="port of every node that leads to it")


class Nginx(Section):
    """A web server behind a NodePort."""

    namespace: str = Field("", description="name of the namespace")
    deployment: str = Field("", description="name of the Deployment")
    container: str = Field("nginx", description="name of the container in its pods")
    service: str = Field("", description="name of the Service")
    image: str = Field("", description="reference of the image")
    replicas: int = Field(1, ge=0, description="number of pods")
    labels: dict[str, str] = Field(default_factory=dict, description="labels of the Deployment")
    service_labels: dict[str, str] = Field(default_factory=dict, description="labels of the Service")
    selector: dict[str, str] = Field(
        default_factory=dict, description="labels by which Deployment and Service select the pods"
    )
    ports: list[ServicePort] = Field(default_factory=list, description="ports of the Service")
    requests: dict[str, str] = Field(default_factory=dict, description="resource requests of the container")
    limits: dict[str, str] = Field(default_factory=dict, description="resource limits of the container")
    from_runner: bool = Field(False, description="the controller must get an answer, too")


class Dashboard(Section):
    """Kubernetes' web interface."""

    manifest: Manifest = Field("", description="path of its manifest, a file of YAML documents, relative to this file")


class Workload(Section):
    """Section 6 of the catalogue: workloads of the cluster."""

    nginx: Nginx = Field(default_factory=Nginx)
    dashboard: Dashboard = Field(default_factory=Dashboard)
    namespaces: list[str] = Field(
        default_factory=list,
        description="namespaces whose containers must have requests, limits and an image with a fixed version",
    )
