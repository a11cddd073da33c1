"""A node of the Kubernetes API: its pods, cordon, uncordon and eviction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.errors import ChangeFailed, CouldNotLook
from trueup.facts.kube import nodes as facts
from trueup.hosts.probing import ask
from trueup.kubeapi.client import MANAGER, Api, ApiError, Object
from trueup.redact import redact

if TYPE_CHECKING:
    from trueup.hosts.cluster import Cluster
    from trueup.hosts.host import Host

CORDONED_BY = "trueup.io/cordoned-by"  # the run
CORDONED_FOR = "trueup.io/cordoned-for"  # the requirement; the node is uncordoned once it holds
_MERGE = "application/merge-patch+json"
_GONE, _CONFLICT, _BUDGET = 404, 409, 429


@dataclass(frozen=True)
class Pod:
    """The fields of a pod that a drain needs."""

    name: str  # with its namespace
    uid: str
    controller: str  # kind of the controller that recreates it, or empty
    mirror: bool  # a static pod
    local: bool  # has data in an emptyDir
    over: bool
    ending: bool
    ready: bool

    @property
    def moves(self) -> bool:
        """Whether a drain evicts it; pods of DaemonSets and static pods stay."""
        return not (self.mirror or self.over or self.controller == "DaemonSet")


def keep_pod(pod: Object) -> Pod:
    """Return the fields of a Pod object that a drain needs."""
    meta, status = pod["metadata"], pod.get("status", {})
    owners = [owner["kind"] for owner in meta.get("ownerReferences", ()) if owner.get("controller")]
    return Pod(
        f"{meta['namespace']}/{meta['name']}",
        meta.get("uid", ""),
        next(iter(owners), ""),
        "kubernetes.io/config.mirror" in meta.get("annotations", {}),
        any("emptyDir" in volume for volume in pod["spec"].get("volumes", ())),
        status.get("phase") in ("Succeeded", "Failed"),
        "deletionTimestamp" in meta,
        any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())),
    )


def owed(node: Object) -> str:
    """Return the requirement for which trueup cordoned the node; empty if it is not cordoned by trueup.

    The annotation survives a manual uncordon, so we must also be the field manager of ``unschedulable``.
    """
    meta = node["metadata"]
    owners = {
        entry.get("manager")
        for entry in meta.get("managedFields", ())
        if "f:unschedulable" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    }
    ours = MANAGER in owners if owners else True
    return meta.get("annotations", {}).get(CORDONED_FOR, "") if cordoned(node) and ours else ""


def cordoned(node: Object) -> bool:
    """Whether a node is cordoned."""
    return bool(node["spec"].get("unschedulable"))


class Node:
    """One node, reached by the cluster's connection, which reconnects if it is lost.

    Every method raises ``CouldNotLook`` if the API does not answer.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = name
        self._cluster = cluster
        self._evictions = ""  # the API version of evictions

    @classmethod
    def of(cls, cluster: Cluster, host: Host) -> Node:
        """Return the node of a host.

        Raises:
            ChangeFailed: the API does not answer, or has no such node; says what to do.
            Unreachable: no connection to the host.
        """
        try:
            own = ask(host.transport, facts.SELF, host.timeout)
            nodes = facts.parse_nodes(cluster.api().list("/api/v1/nodes", facts.prune_node))
        except CouldNotLook as error:
            raise ChangeFailed(
                f"this host is part of a cluster, and pods on it are not disturbed undrained: {error}; "
                "nothing was changed"
            ) from None
        if (node := own.among(nodes)) is None:
            names = ", ".join(node.name for node in nodes) or "none at all"
            raise ChangeFailed(
                f"this host is part of a cluster, but is no node of the one whose API is asked ({names}): what runs on "
                "it is not for a guess; give --kubeconfig of its own, or `kubeadm reset` it; nothing was changed"
            )
        return cls(cluster, node.name)

    def _api(self) -> Api:
        return self._cluster.api()

    def read(self) -> Object:
        """Return the object.

        Raises:
            ChangeFailed: it is gone.
        """
        node: Object | None = self._api().get(f"/api/v1/nodes/{self.name}")
        if node is None:
            raise ChangeFailed(f"node {self.name} is gone")
        return node

    def present(self) -> list[Pod]:
        """Return the pods that are on the node now."""
        api = self._api()
        api.begin()
        return api.list("/api/v1/pods", keep_pod, fieldSelector=f"spec.nodeName={self.name}")

    def pulse(self) -> tuple[str, str]:
        """Return when kubelet last renewed its lease, and why the node is not Ready (empty if it is)."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self.name}"
        lease = self._api().get(path) or {"spec": {}}
        node = facts.parse_nodes([facts.prune_node(self.read())])[0]
        return lease["spec"].get("renewTime", ""), "" if node.ready == "True" else f"{node.ready}: {node.why}"

    def cordon(self, run: str, requirement: str) -> None:
        """Cordon the node, with annotations of run and requirement; do nothing if it is cordoned.

        Raises:
            ChangeFailed: refused, in the server's words.
        """
        notes = {CORDONED_BY: run, CORDONED_FOR: requirement}
        while not cordoned(node := self.read()):
            if self._patch(node, notes, unschedulable=True):
                return

    def uncordon(self, requirement: str) -> bool:
        """Uncordon the node if we cordoned it for this requirement; return whether we did.

        Raises:
            ChangeFailed: refused, in the server's words.
        """
        while owed(node := self.read()) == requirement:
            if self._patch(node, {CORDONED_BY: None, CORDONED_FOR: None}, unschedulable=None):
                return True
        return False

    def _patch(self, node: Object, notes: Object, *, unschedulable: bool | None) -> bool:
        """Patch the node; return False if it changed since it was read."""
        version = node["metadata"].get("resourceVersion")
        meta = {"annotations": notes} | ({"resourceVersion": version} if version else {})
        body = {"metadata": meta, "spec": {"unschedulable": unschedulable}}
        try:
            self._api().write("PATCH", f"/api/v1/nodes/{self.name}", body, kind=_MERGE)
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise ChangeFailed(f"node {self.name}: {redact(str(error))}") from None
        return True

    def evict(self, pod: Pod) -> str:
        """Request the eviction of a pod once, and return its state as text.

        Raises:
            ChangeFailed: refused for another reason than a disruption budget.
        """
        namespace, _, name = pod.name.partition("/")
        body = {
            "apiVersion": self._eviction(),
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},  # not a new pod of the same name
        }
        try:
            self._api().write("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body, patient=False)
        except ApiError as error:
            words = redact(str(error))
            if 400 <= error.status < 500 and error.status not in (_GONE, _CONFLICT, _BUDGET):
                raise ChangeFailed(f"evict {pod.name}: {words}") from None
            return f"is gone ({words})" if error.status == _GONE else f"may not be evicted: {words}"
        return "is asked to end"

    def _eviction(self) -> str:
        """Return the API version of evictions that the server accepts, from its discovery data."""
        if not self._evictions:
            served = (self._api().get("/api/v1") or {}).get("resources", [])
            found = next((each for each in served if each["name"] == "pods/eviction"), None)
            if found is None:
                raise ChangeFailed("the API server serves no pods/eviction")
            self._evictions = f"{found.get('group', 'policy')}/{found.get('version', 'v1')}"
        return self._evictions
