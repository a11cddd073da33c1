"""Workloads of a cluster (Deployments, DaemonSets, StatefulSets), and their namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact
from trueup.profiles.schema import Spec
from trueup.redact import secret

_HARMLESS = ("", "true", "false")  # never a secret, whatever the name of the variable
KEPT = ("CLUSTER_TYPE", "IP_AUTODETECTION_METHOD", "CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_IPIP")


class Named(Protocol):
    """An object with a namespace and a name."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True)
class Container:
    """A container of a pod template, with the values of a few environment variables only."""

    name: str
    image: str
    ports: tuple[tuple[int, str], ...]  # containerPort and protocol
    env: dict[str, str]  # name to value, for the names in KEPT
    secrets: tuple[str, ...]  # variables with a secret-looking name and a value in the manifest
    requests: dict[str, str]
    limits: dict[str, str]


@dataclass(frozen=True)
class Workload:
    """A Deployment, DaemonSet or StatefulSet."""

    kind: str
    namespace: str
    name: str
    labels: dict[str, str]
    selector: dict[str, str]
    pod_labels: dict[str, str]
    containers: tuple[Container, ...]
    wanted: int  # pods
    updated: int  # those that match the current template
    ready: int
    total: int  # with the old ones
    observed: bool  # whether the status is about the latest template
    why: str  # why it makes no progress, in its controller's words

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def replaced(self) -> bool:
        """Return whether exactly the wanted pods exist and all match the template."""
        return self.observed and self.updated == self.total == self.wanted

    @property
    def rolled_out(self) -> bool:
        """Return whether all pods are replaced and ready."""
        return self.replaced and self.ready == self.wanted

    @property
    def state(self) -> str:
        """Return its progress as a sentence."""
        if not self.observed:
            return "its controller has not seen the latest change yet"
        words = f"{self.ready} of {self.wanted} pods ready"
        if self.updated != self.wanted:
            words += f", {self.updated} updated"
        if self.total > self.wanted:
            words += f", {self.total - self.wanted} old"
        return words

    def container(self, name: str) -> Container | None:
        """Return the container with this name, or ``None``."""
        return next((each for each in self.containers if each.name == name), None)


def find(found: list[N], namespace: str, name: str) -> N | None:
    """Return the object with this namespace and name, or ``None``."""
    return next((each for each in found if (each.namespace, each.name) == (namespace, name)), None)


def prune_workload(kind: str, live: Object) -> Object:
    """Return the needed fields of an object with a pod template, without other variables' values."""
    meta, spec, status = live["metadata"], live["spec"], live.get("status", {})
    template = spec["template"]
    pods = template["spec"]
    kept: Object = {
        "kind": kind,
        "namespace": meta.get("namespace", ""),
        "name": meta["name"],
        "labels": meta.get("labels") or {},
        "selector": (spec.get("selector") or {}).get("matchLabels") or {},
        "pod_labels": (template.get("metadata") or {}).get("labels") or {},
        "containers": [_prune_container(each) for each in pods["containers"]],
        "init": [_prune_container(each) for each in pods.get("initContainers") or []],
        "observed": status.get("observedGeneration", 0) >= meta.get("generation", 0),
        "why": next(
            (
                condition.get("message", "")
                for condition in status.get("conditions") or []
                if condition["type"] in ("Available", "Progressing", "ReplicaFailure")
                and (condition["status"] == "True") is (condition["type"] == "ReplicaFailure")
            ),
            "",
        ),
    }
    if kind == "DaemonSet":
        names = {"wanted": "desired", "updated": "updated", "ready": "", "total": "current"}
        counts = {key: f"{each}NumberScheduled" if each else "numberReady" for key, each in names.items()}
        return kept | {key: status.get(name, 0) for key, name in counts.items()}
    ready = "availableReplicas" if kind == "Deployment" else "readyReplicas"
    counts = {"updated": "updatedReplicas", "ready": ready, "total": "replicas"}
    wanted = {"wanted": 1 if spec.get("replicas") is None else spec["replicas"]}
    return kept | wanted | {key: status.get(name, 0) for key, name in counts.items()}


def _prune_container(container: Object) -> Object:
    env = [each for each in container.get("env") or [] if isinstance(each.get("value"), str)]
    resources = container.get("resources") or {}
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "ports": [[port["containerPort"], port.get("protocol", "TCP")] for port in container.get("ports") or []],
        "env": [[each["name"], each["value"]] for each in env if each["name"] in KEPT],
        "secrets": [each["name"] for each in env if secret(each["name"]) and each["value"].lower() not in _HARMLESS],
        "requests": resources.get("requests") or {},
        "limits": resources.get("limits") or {},
    }


def _container(data: Any) -> Container:
    return Container(
        str(data["name"]), str(data["image"]), tuple((port, protocol) for port, protocol in data["ports"]),
        dict(data["env"]), tuple(map(str, data["secrets"])),
        {key: str(value) for key, value in data["requests"].items()},
        {key: str(value) for key, value in data["limits"].items()},
    )  # fmt: skip


def parse_workload(data: Any) -> Workload:
    """Return the workload from the fields that :func:`prune_workload` kept; init containers come last."""
    containers = tuple(_container(each) for each in [*data["containers"], *data["init"]])
    return Workload(
        str(data["kind"]), str(data["namespace"]), str(data["name"]), dict(data["labels"]), dict(data["selector"]),
        dict(data["pod_labels"]), containers, int(data["wanted"]), int(data["updated"]), int(data["ready"]),
        int(data["total"]), bool(data["observed"]), str(data["why"]),
    )  # fmt: skip


def parse_workloads(data: Any) -> list[Workload]:
    """Return the workloads sorted by name."""
    return sorted(map(parse_workload, data), key=str)


def _all(kind: str) -> ApiFact[list[Workload]]:
    plural = f"{kind.lower()}s"

    def fetch(api: Api, _: Spec) -> Any:
        return api.list(f"/apis/apps/v1/{plural}", partial(prune_workload, kind))

    return ApiFact(f"workloads.{plural}", fetch, parse_workloads)


DEPLOYMENTS, DAEMONSETS, STATEFULSETS = _all("Deployment"), _all("DaemonSet"), _all("StatefulSet")


def _prune_namespace(live: Object) -> list[str]:
    return [live["metadata"]["name"], live.get("status", {}).get("phase", "Active")]


def parse_namespaces(data: Any) -> dict[str, str]:
    """Return namespace to its phase."""
    return {str(name): str(phase) for name, phase in data}


NAMESPACES = ApiFact(
    "workloads.namespaces", lambda api, _: api.list("/api/v1/namespaces", _prune_namespace), parse_namespaces
)
