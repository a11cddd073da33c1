"""Keys of sections 5 and 6 of the catalogue: the network of pods, and what runs on it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import Manifest, Section


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
