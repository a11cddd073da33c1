"""The cluster by its API: the server's version, kubeadm's configuration, and the nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.errors import CouldNotLook
from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact, Fact
from trueup.profiles.schema import Spec


def _version(api: Api, _: Spec) -> Any:
    return api.get("/version")


def parse_version(data: Any) -> str:
    """Return the API server's own version, such as ``v1.33.4``."""
    return str(data["gitVersion"])


VERSION = ApiFact("cluster.version", _version, parse_version)


def _kubeadm(api: Api, _: Spec) -> Any:
    found = api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")
    if found is None:
        return None
    try:
        document = YAML(typ="safe", pure=True).load(StringIO(found["data"]["ClusterConfiguration"]))
    except (YAMLError, KeyError) as error:
        raise CouldNotLook(f"kubeadm-config: no ClusterConfiguration in YAML ({error})") from None
    kept = ("kubernetesVersion", "networking", "imageRepository", "controlPlaneEndpoint", "clusterName")
    return {key: document[key] for key in kept if key in document}


def parse_kubeadm(data: Any) -> dict[str, Any] | None:
    """Return the needed keys of kubeadm's stored ClusterConfiguration, or ``None`` without one."""
    if data is not None and not isinstance(data, dict):
        raise ValueError("not a mapping")
    return data


KUBEADM = ApiFact("cluster.kubeadm", _kubeadm, parse_kubeadm)


@dataclass(frozen=True)
class Node:
    """The fields of a Node object that checks need."""

    name: str
    address: str  # InternalIP
    ready: str  # True, False, Unknown; empty if kubelet has never reported
    why: str  # the message of the Ready condition
    pressures: tuple[str, ...]  # conditions that are true and must be false
    cordoned: bool
    kubelet: str  # version
    runtime: str  # such as containerd://1.6.20
    pods: str  # podCIDR

    @property
    def waits_for_network(self) -> bool:
        """Return whether only the pod network is missing, by the message of the container runtime."""
        return self.ready != "True" and "cni" in self.why.lower()


def prune_node(node: Object) -> Object:
    """Return the fields of a Node that checks need."""
    status = node.get("status", {})
    conditions = {
        c["type"]: {"status": c["status"], "message": c.get("message", "")} for c in status.get("conditions", [])
    }
    return {
        "name": node["metadata"]["name"],
        "addresses": [a["address"] for a in status.get("addresses", []) if a["type"] == "InternalIP"],
        "conditions": conditions,
        "cordoned": bool(node["spec"].get("unschedulable")),
        "kubelet": status.get("nodeInfo", {}).get("kubeletVersion", ""),
        "runtime": status.get("nodeInfo", {}).get("containerRuntimeVersion", ""),
        "pods": node["spec"].get("podCIDR", ""),
    }


def parse_nodes(data: Any) -> list[Node]:
    """Return the nodes of the cluster, by name."""
    found = []
    for each in data:
        conditions = each["conditions"]
        ready = conditions.get("Ready", {"status": "", "message": "kubelet has never reported"})
        bad = tuple(kind for kind, c in sorted(conditions.items()) if kind != "Ready" and c["status"] == "True")
        address = next(iter(each["addresses"]), "")
        found.append(
            Node(
                each["name"], address, ready["status"], ready["message"], bad, each["cordoned"],
                each["kubelet"], each["runtime"], each["pods"],
            )
        )  # fmt: skip
    return sorted(found, key=lambda node: node.name)


NODES = ApiFact("cluster.nodes", lambda api, _: api.list("/api/v1/nodes", prune_node), parse_nodes)


@dataclass(frozen=True)
class Self:
    """The name and addresses of a host, to find its Node object."""

    name: str
    addresses: frozenset[str]

    def among(self, nodes: list[Node]) -> Node | None:
        """Return the host's own Node: by the host's name, as kubeadm does it, or else by an address."""
        named = [node for node in nodes if node.name == self.name]
        return next(iter([*named, *(node for node in nodes if node.address in self.addresses)]), None)


_PROBE_SELF = """
cat /proc/sys/kernel/hostname || exit
addresses=$(ip -o addr show scope global) || exit
echo "$addresses" | awk '{ sub("/.*", "", $4); print $4 }'
"""


def parse_self(text: str) -> Self:
    """Return the host's name as kubeadm uses it, and its addresses."""
    name, *addresses = text.split()
    return Self(name.lower(), frozenset(addresses))


SELF = Fact("cluster.self", _PROBE_SELF, parse_self)


def _leases(api: Api, _: Spec) -> Any:
    def prune(lease: Object) -> list[str]:
        return [lease["metadata"]["name"], lease["spec"].get("renewTime", "")]

    leases = api.list("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", prune)
    return {"leases": leases, "now": api.date}


def parse_leases(data: Any) -> dict[str, float]:
    """Return node to the seconds since it last renewed its lease, by the API server's clock."""
    now = parsedate_to_datetime(data["now"])
    return {name: (now - datetime.fromisoformat(time)).total_seconds() for name, time in data["leases"] if time}


LEASES = ApiFact("cluster.leases", _leases, parse_leases)
