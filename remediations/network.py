"""Remedies for section 5 of the catalogue, and for kube-proxy."""

from trueup import ChangeFailed, ClusterChange, FleetFacts, Spec, altering, making, remedy
from trueup.edit.documents import edit_yaml
from trueup.facts.kube import calico, network, workloads
from trueup.kubeapi import manifests
from trueup.kubeapi.client import Object

_SAME = "nothing was changed"
# the kinds in Calico's manifest that decide whether an account may apply it
_MANIFEST = making("daemonsets.apps", "deployments.apps", "clusterroles.rbac.authorization.k8s.io")
_CONFIG = "/api/v1/namespaces/kube-system/configmaps/kube-proxy"


@remedy("kube.proxy.mode", disruption="restart", writes=altering("daemonsets.apps"))
def set_proxy_mode(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Set the mode in kube-proxy's ConfigMap, restart its pods one after the other."""
    wanted = spec.kube.proxy.mode
    changed = False
    if facts[network.PROXY] != wanted:
        if (found := change.api().get(_CONFIG)) is None:
            raise ChangeFailed(f"there is no ConfigMap kube-system/kube-proxy; {_SAME}")
        config = edit_yaml(found["data"]["config.conf"], {("mode",): wanted})
        patch = {"data": {"config.conf": config}}
        changed = change.patch("v1", "ConfigMap", "kube-proxy", patch, namespace="kube-system")
    daemons = workloads.find(facts[workloads.DAEMONSETS], "kube-system", "kube-proxy")
    replaced = daemons is None or daemons.replaced  # otherwise a rollout is under way already
    if changed or (replaced and any(mode != wanted for mode in facts.each(network.PROXY_MODE).values())):
        change.restart("DaemonSet", "kube-proxy", "kube-system")


def configured(objects: list[Object], spec: Spec) -> list[Object]:
    """Return Calico's manifest with the profile's values in calico-node's environment.

    Raises:
        ChangeFailed: the manifest has no DaemonSet calico-node.
    """
    env = [container for each in objects if each["kind"] == "DaemonSet" for container in _own(each)]
    if not env:
        raise ChangeFailed(
            f"{spec.network.calico.manifest} has no DaemonSet {calico.NODE} to set variables of; {_SAME}"
        )
    for container in env:
        values = {name: value for name, value in calico.variables(spec).items() if value}
        others = [each for each in container.get("env") or [] if each.get("name") not in values]
        container["env"] = [*others, *({"name": name, "value": value} for name, value in values.items())]
    return objects


def _own(daemonset: Object) -> list[Object]:
    containers: list[Object] = daemonset["spec"]["template"]["spec"]["containers"]
    return [each for each in containers if each.get("name") == calico.NODE]


def _set(change: ClusterChange, spec: Spec, facts: FleetFacts, *names: str) -> None:
    """Set variables of calico-node.

    Raises:
        ChangeFailed: there is no DaemonSet calico-node, or Calico's operator owns it.
    """
    node = calico.deployed(facts[workloads.DAEMONSETS], calico.NODE)
    if node is None:
        raise ChangeFailed(f"there is no DaemonSet {calico.NODE}: install Calico first; {_SAME}")
    if node.namespace != calico.NAMESPACES[0]:
        raise ChangeFailed(f"Calico's operator owns {node}: change its Installation; {_SAME}")
    values = calico.variables(spec)
    env = [{"name": name, "value": values[name], "valueFrom": None} for name in names if values[name]]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": calico.NODE, "env": env}]}}}}
    change.patch("apps/v1", "DaemonSet", node.name, patch, namespace=node.namespace)


@remedy("network.calico.applied", disruption="restart", writes=_MANIFEST)
def apply_calico(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Apply the profile's manifest of Calico with the profile's values."""
    install_calico(change, spec, facts)


@remedy("network.calico.installed", disruption="restart", writes=_MANIFEST)
def install_calico(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Apply the profile's manifest of Calico with the profile's values, or set these on a Calico that exists."""
    if file := spec.network.calico.manifest:
        change.put(*configured(manifests.read(file), spec))
    elif calico.deployed(facts[workloads.DAEMONSETS], calico.NODE):
        _set(change, spec, facts, *calico.variables(spec))
    else:
        raise ChangeFailed(f"the profile names no manifest, network.calico.manifest; {_SAME}")


@remedy(
    "network.calico.pool_cidr",
    disruption="restart",
    writes=altering("daemonsets.apps", "ippools.crd.projectcalico.org"),
)
def set_pool(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Set the encapsulation of the IP pool, and its network unless pods have addresses of the present one."""
    wanted, pool = calico.pod_network(spec), calico.default_pool(facts[calico.POOLS])
    if pool and pool.cidr != wanted and (pods := calico.in_pool(change.api(), pool.cidr)):
        raise ChangeFailed(
            f"{len(pods)} pods have addresses of {pool.cidr}, such as {pods[0]}: they would lose their network. Add a "
            f"pool for {wanted}, disable {pool.name}, recreate the pods, then delete it; {_SAME}"
        )
    names = ["CALICO_IPV4POOL_CIDR", "CALICO_IPV4POOL_IPIP"]
    node = calico.deployed(facts[workloads.DAEMONSETS], calico.NODE)
    if node is None or node.namespace == calico.NAMESPACES[0]:
        _set(change, spec, facts, *names)
    if pool is None:  # calico-node creates it when it starts
        change.restart("DaemonSet", calico.NODE, calico.NAMESPACES[0])
        return
    modes = {"ipipMode": spec.network.calico.ipip, "vxlanMode": spec.network.calico.vxlan}
    patch = {"spec": {"cidr": wanted} | modes | ({"disabled": False} if pool.disabled else {})}
    change.patch("crd.projectcalico.org/v1", "IPPool", pool.name, patch)


@remedy("network.calico.cluster_type", disruption="restart", writes=altering("daemonsets.apps"))
def set_cluster_type(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Set CLUSTER_TYPE of calico-node, which restarts its pods one after the other."""
    _set(change, spec, facts, "CLUSTER_TYPE")


@remedy("network.calico.autodetect", disruption="restart", writes=altering("daemonsets.apps"))
def set_autodetect(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Set IP_AUTODETECTION_METHOD of calico-node, which restarts its pods one after the other."""
    if problem := calico.mistake(spec.network.calico.autodetect):
        raise ChangeFailed(f"{spec.network.calico.autodetect}: {problem}; {_SAME}")
    _set(change, spec, facts, "IP_AUTODETECTION_METHOD")
