"""Services, and the pods behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact
from trueup.profiles.keys.workload import Nginx
from trueup.profiles.schema import Spec


@dataclass(frozen=True)
class Port:
    """A port of a Service."""

    name: str
    port: int
    protocol: str
    node_port: int  # 0 for none


@dataclass(frozen=True)
class Service:
    """A Service."""

    namespace: str
    name: str
    type: str
    addresses: tuple[str, ...]  # cluster IPs; empty for a headless Service
    ports: tuple[Port, ...]
    labels: dict[str, str]
    selector: dict[str, str]

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"


def prune_service(live: Object) -> Object:
    """Return the fields of a Service that checks need."""
    spec = live["spec"]
    given = spec.get("clusterIPs") or [spec.get("clusterIP", "")]
    return {
        "namespace": live["metadata"].get("namespace", ""),
        "name": live["metadata"]["name"],
        "type": spec.get("type", "ClusterIP"),
        "addresses": [address for address in given if address not in ("", "None")],
        "ports": [
            [port.get("name", ""), port["port"], port.get("protocol", "TCP"), port.get("nodePort", 0)]
            for port in spec.get("ports") or []
        ],
        "labels": live["metadata"].get("labels") or {},
        "selector": spec.get("selector") or {},
    }


def parse_services(data: Any) -> list[Service]:
    """Return all Services."""
    return [
        Service(
            str(each["namespace"]), str(each["name"]), str(each["type"]), tuple(map(str, each["addresses"])),
            tuple(Port(str(name), int(port), str(protocol), int(node)) for name, port, protocol, node in each["ports"]),
            dict(each["labels"]), dict(each["selector"]),
        )
        for each in data
    ]  # fmt: skip


SERVICES = ApiFact("workloads.services", lambda api, _: api.list("/api/v1/services", prune_service), parse_services)


def holders(services: list[Service], wanted: Nginx) -> dict[int, Service]:
    """Return each nodePort of the workload that another Service has, with that Service."""
    ports = {port.node_port for port in wanted.ports}
    return {
        port.node_port: service
        for service in services
        if (service.namespace, service.name) != (wanted.namespace, wanted.service)
        for port in service.ports
        if port.node_port in ports and port.protocol == "TCP"
    }


def _endpoints(api: Api, spec: Spec) -> Any:
    wanted = spec.workload.nginx
    found = api.get(f"/api/v1/namespaces/{wanted.namespace}/endpoints/{wanted.service}") or {}
    subsets = found.get("subsets") or []
    return {kind: sum(len(each.get(kind) or []) for each in subsets) for kind in ("addresses", "notReadyAddresses")}


def parse_endpoints(data: Any) -> tuple[int, int]:
    """Return the numbers of ready and of not ready pods behind the Service."""
    return int(data["addresses"]), int(data["notReadyAddresses"])


ENDPOINTS = ApiFact("workloads.endpoints", _endpoints, parse_endpoints)
