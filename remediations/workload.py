"""Remedies for section 6 of the catalogue: the profile's workload and the dashboard."""

from trueup import ChangeFailed, ClusterChange, FleetFacts, Spec, making, remedy
from trueup.facts.kube import services, workloads
from trueup.kubeapi import manifests
from trueup.kubeapi.client import Object
from trueup.profiles.keys.workload import Nginx

_SAME = "nothing was changed"


def namespace(wanted: Nginx) -> Object:
    """Return the manifest of the profile's namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": wanted.namespace}}


def deployment(wanted: Nginx) -> Object:
    """Return the manifest of the profile's Deployment."""
    ports = [{"name": port.name, "containerPort": port.port, "protocol": "TCP"} for port in wanted.ports]
    container: Object = {"name": wanted.container, "image": wanted.image, "ports": ports}
    if resources := {
        kind: given for kind, given in (("requests", wanted.requests), ("limits", wanted.limits)) if given
    }:
        container["resources"] = resources
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": wanted.deployment, "namespace": wanted.namespace, "labels": wanted.labels},
        "spec": {
            "replicas": wanted.replicas,
            "selector": {"matchLabels": wanted.selector},
            "template": {"metadata": {"labels": wanted.selector}, "spec": {"containers": [container]}},
        },
    }


def service(wanted: Nginx) -> Object:
    """Return the manifest of the profile's Service."""
    ports = [
        {"name": p.name, "port": p.port, "targetPort": p.port, "nodePort": p.node_port, "protocol": "TCP"}
        for p in wanted.ports
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": wanted.service, "namespace": wanted.namespace, "labels": wanted.service_labels},
        "spec": {"type": "NodePort", "selector": wanted.selector, "ports": ports},
    }


@remedy("kube.dashboard.ready", disruption="none", writes=making("deployments.apps"))
def install_dashboard(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Apply the dashboard's manifest."""
    change.put(*manifests.read(spec.workload.dashboard.manifest))


@remedy("workload.nginx.namespace", disruption="none", writes=making("namespaces"))
def make_namespace(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Create the namespace."""
    wanted = spec.workload.nginx
    if facts[workloads.NAMESPACES].get(wanted.namespace) == "Terminating":
        raise ChangeFailed(f"namespace {wanted.namespace} is being deleted: run again when that is done; {_SAME}")
    change.put(namespace(wanted))


@remedy("workload.nginx.deployment", disruption="restart", writes=making("deployments.apps"))
def apply_deployment(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Apply the Deployment; refused if its selector, which cannot be changed, differs."""
    wanted = spec.workload.nginx
    found = workloads.find(facts[workloads.DEPLOYMENTS], wanted.namespace, wanted.deployment)
    if found and found.selector != wanted.selector:
        raise ChangeFailed(f"no automatic remedy: spec.selector of {found} cannot be changed; {_SAME}")
    change.put(deployment(wanted))


@remedy("workload.nginx.service", disruption="none", writes=making("services"))
def apply_service(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Apply the Service; refused if another one has its nodePort."""
    wanted = spec.workload.nginx
    if taken := services.holders(facts[services.SERVICES], wanted):
        words = "; ".join(f"nodePort {port} is taken by {owner}" for port, owner in taken.items())
        raise ChangeFailed(f"{words}; {_SAME}")
    change.put(service(wanted))
