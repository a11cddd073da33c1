"""What runs on a cluster: Deployments and their like, Services, and the pods in trouble with their last words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from trueup.errors import CouldNotLook
from trueup.kubeapi import manifests
from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact
from trueup.profiles.keys.workload import Nginx
from trueup.profiles.schema import Spec
from trueup.redact import secret

_LOGS = 10  # pods whose logs are read
_LINES, _WIDTH = 20, 300  # of a log
_HARMLESS = ("", "true", "false")  # no secret, whatever the variable is called
KEPT = ("CLUSTER_TYPE", "IP_AUTODETECTION_METHOD", "CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_IPIP")


class Named(Protocol):
    """What has a name in a namespace."""

    @property
    def namespace(self) -> str: ...

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True)
class Container:
    """A container of a pod template. Of its environment only names are known, and the values of a few."""

    name: str
    image: str
    ports: tuple[tuple[int, str], ...]  # containerPort and protocol
    env: dict[str, str]  # name to value, of those that are asked about
    secrets: tuple[str, ...]  # names of variables that sound secret and have their value in the manifest
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
    updated: int  # those of them that are as the template says
    ready: int
    total: int  # the old ones too
    observed: bool  # whether what is said of pods is about the latest template
    why: str  # why it does not get on, in the words of its controller

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def replaced(self) -> bool:
        """Whether all pods that are wanted are there and as the template says, and no others."""
        return self.observed and self.updated == self.total == self.wanted

    @property
    def settled(self) -> bool:
        """Whether they are ready, too."""
        return self.replaced and self.ready == self.wanted

    @property
    def state(self) -> str:
        """Return in words how far it is."""
        if not self.observed:
            return "its controller has not seen the latest change yet"
        words = f"{self.ready} of {self.wanted} pods ready"
        if self.updated != self.wanted:
            words += f", {self.updated} as its template says"
        if self.total > self.wanted:
            words += f", {self.total - self.wanted} to go"
        return words

    def container(self, name: str) -> Container | None:
        """Return one of its containers."""
        return next((each for each in self.containers if each.name == name), None)


def find(found: list[N], namespace: str, name: str) -> N | None:
    """Return the one with this name."""
    return next((each for each in found if (each.namespace, each.name) == (namespace, name)), None)


def keep_workload(kind: str, live: Object) -> Object:
    """Return of an object with a pod template what is needed; values of variables stay behind."""
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
        "containers": [_keep_container(each) for each in pods["containers"]],
        "init": [_keep_container(each) for each in pods.get("initContainers") or []],
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


def _keep_container(container: Object) -> Object:
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
    """Return what :func:`keep_workload` kept; init containers come after the others."""
    containers = tuple(_container(each) for each in [*data["containers"], *data["init"]])
    return Workload(
        str(data["kind"]), str(data["namespace"]), str(data["name"]), dict(data["labels"]), dict(data["selector"]),
        dict(data["pod_labels"]), containers, int(data["wanted"]), int(data["updated"]), int(data["ready"]),
        int(data["total"]), bool(data["observed"]), str(data["why"]),
    )  # fmt: skip


def parse_workloads(data: Any) -> list[Workload]:
    """Return them in the order of their names."""
    return sorted(map(parse_workload, data), key=str)


def _all(kind: str) -> ApiFact[list[Workload]]:
    plural = f"{kind.lower()}s"

    def fetch(api: Api, _: Spec) -> Any:
        return api.list(f"/apis/apps/v1/{plural}", partial(keep_workload, kind))

    return ApiFact(f"workloads.{plural}", fetch, parse_workloads)


DEPLOYMENTS, DAEMONSETS, STATEFULSETS = _all("Deployment"), _all("DaemonSet"), _all("StatefulSet")


@dataclass(frozen=True)
class Port:
    """A port of a Service."""

    name: str
    port: int
    protocol: str
    node_port: int  # 0 where it has none


@dataclass(frozen=True)
class Service:
    """A Service."""

    namespace: str
    name: str
    type: str
    addresses: tuple[str, ...]  # cluster IPs; none where it is headless
    ports: tuple[Port, ...]
    labels: dict[str, str]
    selector: dict[str, str]

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"


def keep_service(live: Object) -> Object:
    """Return of a Service what is needed."""
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


SERVICES = ApiFact("workloads.services", lambda api, _: api.list("/api/v1/services", keep_service), parse_services)


def holders(services: list[Service], wanted: Nginx) -> dict[int, Service]:
    """Return nodePort to the other Service that has it."""
    ports = {port.node_port for port in wanted.ports}
    return {
        port.node_port: service
        for service in services
        if (service.namespace, service.name) != (wanted.namespace, wanted.service)
        for port in service.ports
        if port.node_port in ports and port.protocol == "TCP"
    }


def _keep_namespace(live: Object) -> list[str]:
    return [live["metadata"]["name"], live.get("status", {}).get("phase", "Active")]


def parse_namespaces(data: Any) -> dict[str, str]:
    """Return namespace to its phase."""
    return {str(name): str(phase) for name, phase in data}


NAMESPACES = ApiFact(
    "workloads.namespaces", lambda api, _: api.list("/api/v1/namespaces", _keep_namespace), parse_namespaces
)


def _endpoints(api: Api, spec: Spec) -> Any:
    wanted = spec.workload.nginx
    found = api.get(f"/api/v1/namespaces/{wanted.namespace}/endpoints/{wanted.service}") or {}
    subsets = found.get("subsets") or []
    return {kind: sum(len(each.get(kind) or []) for each in subsets) for kind in ("addresses", "notReadyAddresses")}


def parse_endpoints(data: Any) -> tuple[int, int]:
    """Return how many pods are behind the Service and ready, and how many are not."""
    return int(data["addresses"]), int(data["notReadyAddresses"])


ENDPOINTS = ApiFact("workloads.endpoints", _endpoints, parse_endpoints)


@dataclass(frozen=True)
class Troubled:
    """A pod that is not ready."""

    namespace: str
    name: str
    node: str
    labels: dict[str, str]
    reason: str  # such as CrashLoopBackOff
    message: str
    warning: str  # the last event of the pod that is one: of a readiness probe, it says what that said
    log: tuple[str, ...]  # the last lines

    @property
    def words(self) -> str:
        """Return what it suffers from, with the last that it said."""
        last = next((line for line in reversed(self.log) if line.strip()), "")
        said = f"its last line is {last.strip()!r}" if last else ""
        return "; ".join(dict.fromkeys(filter(None, [self.reason, self.message, self.warning, said])))

    def fits(self, selector: dict[str, str]) -> bool:
        """Whether its labels are those of a selector."""
        return selector.items() <= self.labels.items()

    def says(self, *texts: str) -> bool:
        """Whether it, or the readiness probe, says one of these."""
        return any(text in line for text in texts for line in (self.message, self.warning, *self.log))


def keep_pod(pod: Object) -> Object | None:
    """Return what ails a pod; ``None`` for one that is ready, has done its work, or is going."""
    meta, status = pod["metadata"], pod.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    phase = status.get("phase", "")
    if phase == "Succeeded" or ready.get("status") == "True" or "deletionTimestamp" in meta:
        return None
    kept = {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "node": pod.get("spec", {}).get("nodeName", ""),
        "labels": meta.get("labels") or {},
        "reason": status.get("reason", ""),
        "message": status.get("message", ""),
        "container": "",
        "restarted": False,
    }
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = each.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if each.get("ready") or (ended and ended.get("exitCode") == 0):
            continue
        why = waiting or ended or {"reason": "not ready"}
        return kept | {
            "reason": why.get("reason") or f"exit code {why.get('exitCode', '?')}",
            "message": why.get("message", ""),
            "container": each["name"],
            "restarted": bool(waiting) and each.get("restartCount", 0) > 0,
        }
    scheduled = conditions.get("PodScheduled", {})
    why = scheduled if scheduled.get("status") == "False" else ready
    reason = kept["reason"] or why.get("reason") or phase or "no status"
    return kept | {"reason": reason, "message": kept["message"] or why.get("message", "")}


def _with_words(api: Api, pod: Object) -> Object:
    """Return the pod with its last warning and the end of its log, as far as there are any."""
    base = f"/api/v1/namespaces/{pod['namespace']}"
    selector = f"involvedObject.name={pod['name']},type=Warning"
    warnings: list[tuple[str, str]] = []
    log = ""
    try:
        warnings = api.list(f"{base}/events", _keep_event, fieldSelector=selector)
        if pod["container"]:
            before = {"previous": "true"} if pod["restarted"] else {}
            path = f"{base}/pods/{pod['name']}/log"
            log = api.text(path, container=pod["container"], tailLines=str(_LINES), **before) or ""
    except CouldNotLook:
        pass  # a container that has never run has no log, and a node that is away gives none: the reason is known
    last = max(warnings, default=("", ""))[1]
    return pod | {"warning": last[:_WIDTH], "log": [line[:_WIDTH] for line in log.splitlines()[-_LINES:]]}


def _keep_event(event: Object) -> tuple[str, str]:
    when = event.get("lastTimestamp") or event.get("eventTime") or ""
    return str(when), " ".join(str(event.get("message", "")).split())


def fetch_troubled(api: Api, namespaces: Iterable[str]) -> list[Object]:
    """Return the pods of some namespaces that are not ready; the first ones with their last words."""
    pods = [
        pod
        for namespace in namespaces
        for pod in api.list(f"/api/v1/namespaces/{namespace}/pods", keep_pod)
        if pod is not None
    ]
    with ThreadPoolExecutor(_LOGS, thread_name_prefix="logs") as pool:
        heard = list(pool.map(partial(_with_words, api.hasty()), pods[:_LOGS]))
    return heard + [pod | {"warning": "", "log": []} for pod in pods[_LOGS:]]


def parse_troubled(data: Any) -> list[Troubled]:
    """Return the pods that are not ready."""
    return [
        Troubled(
            str(each["namespace"]), str(each["name"]), str(each["node"]), dict(each["labels"]), str(each["reason"]),
            " ".join(str(each["message"]).split()), str(each["warning"]), tuple(map(str, each["log"])),
        )
        for each in data
    ]  # fmt: skip


def _troubled(name: str, namespaces: Callable[[Spec], Iterable[str]]) -> ApiFact[list[Troubled]]:
    return ApiFact(name, lambda api, spec: fetch_troubled(api, namespaces(spec)), parse_troubled)


SYSTEM_TROUBLE = _troubled("workloads.system_trouble", lambda _: ("calico-system", "kube-system"))
NGINX_TROUBLE = _troubled("workloads.nginx_trouble", lambda spec: (spec.workload.nginx.namespace,))


def _dashboard(spec: Spec) -> list[tuple[str, str]]:
    metas = [
        each["metadata"] for each in manifests.read(spec.workload.dashboard.manifest) if each["kind"] == "Deployment"
    ]
    return [(meta.get("namespace", "default"), meta["name"]) for meta in metas]


def parse_names(data: Any) -> list[tuple[str, str]]:
    """Return namespaces and names."""
    return [(str(namespace), str(name)) for namespace, name in data]


DASHBOARD = ApiFact("workloads.dashboard", lambda _, spec: _dashboard(spec), parse_names)  # Deployments in its manifest
DASHBOARD_TROUBLE = _troubled("workloads.dashboard_trouble", lambda spec: sorted(dict(_dashboard(spec))))
