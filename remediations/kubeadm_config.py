"""The configuration for kubeadm, in the API version that the host's kubeadm reads."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from trueup import ChangeFailed, Spec
from trueup.facts.host.upstream_version import minors
from trueup.model.profile import merge

# https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4: each release reads the two before, too
_API = ((15, "v1beta2"), (22, "v1beta3"), (31, "v1beta4"))
_SCHEME_SINCE = 24  # minor: from here on the CRI socket is a URL, before it is a path
_COMPONENTS = {
    "KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
    "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
}
Document = dict[str, Any]


def _minor(version: str) -> int:
    try:
        return minors(version)
    except ValueError as error:
        raise ChangeFailed(f"kubeadm's version: {error}; nothing was changed") from None


def api_version(kubeadm: str) -> str:
    """Return the newest API version that a kubeadm of this version reads.

    Raises:
        ChangeFailed: the version is malformed, or older than all that trueup supports.
    """
    minor = _minor(kubeadm)
    known = [name for since, name in _API if minor >= since]
    if not known:
        raise ChangeFailed(
            f"kubeadm {kubeadm} is older than v1.{_API[0][0]}, the oldest that trueup supports; nothing was changed"
        )
    return f"kubeadm.k8s.io/{known[-1]}"


def _registration(spec: Spec, kubeadm: str) -> Document:
    socket = spec.host.preflight.cri_socket.removeprefix("unix://")
    return {"criSocket": f"unix://{socket}" if _minor(kubeadm) >= _SCHEME_SINCE else socket} if socket else {}


def _endpoint(spec: Spec) -> Document:
    address = {"advertiseAddress": spec.kube.cluster.advertise_address} if spec.kube.cluster.advertise_address else {}
    return {**address, "bindPort": spec.kube.cluster.bind_port}


def init(spec: Spec, kubeadm: str) -> str:
    """Return the YAML documents for ``kubeadm init`` on a host with this ``spec``.

    Raises:
        ChangeFailed: trueup does not support this kubeadm, or kube.cluster.config names an unknown kind.
    """
    wanted, version = spec.kube.cluster, api_version(kubeadm)
    networking = {
        "podSubnet": wanted.pod_subnet, "serviceSubnet": wanted.service_subnet, "dnsDomain": wanted.dns_domain
    }  # fmt: skip
    cluster: Document = {
        "kubernetesVersion": spec.kube.version,
        "controlPlaneEndpoint": wanted.endpoint,
        "imageRepository": spec.kube.images.repository,
        "networking": {key: value for key, value in networking.items() if value},
    }
    documents: dict[str, Document] = {
        "InitConfiguration": {
            "apiVersion": version,
            "localAPIEndpoint": _endpoint(spec),
            "nodeRegistration": _registration(spec, kubeadm),
        },
        "ClusterConfiguration": {"apiVersion": version} | {key: value for key, value in cluster.items() if value},
        **{kind: {"apiVersion": api} for kind, api in _COMPONENTS.items() if kind in wanted.config},
    }
    documents.setdefault("KubeletConfiguration", {"apiVersion": _COMPONENTS["KubeletConfiguration"]})
    documents["KubeletConfiguration"]["cgroupDriver"] = spec.kube.kubelet.cgroup_driver
    if unknown := wanted.config.keys() - documents.keys():
        known = ", ".join(documents)
        raise ChangeFailed(f"kube.cluster.config: unknown kind {', '.join(sorted(unknown))}; known: {known}")
    return _dump({"kind": kind} | merge(document, wanted.config.get(kind, {})) for kind, document in documents.items())


def join(spec: Spec, kubeadm: str, *, endpoint: str, token: str, ca_hash: str, certificate_key: str = "") -> str:
    """Return YAML for ``kubeadm join``, with secrets; with a ``certificate_key`` the host joins as a control plane."""
    discovery = {"apiServerEndpoint": endpoint, "token": token, "caCertHashes": [ca_hash]}
    document: Document = {
        "apiVersion": api_version(kubeadm),
        "kind": "JoinConfiguration",
        "discovery": {"bootstrapToken": discovery},
        "nodeRegistration": _registration(spec, kubeadm),
    }
    if certificate_key:
        document["controlPlane"] = {"localAPIEndpoint": _endpoint(spec), "certificateKey": certificate_key}
    return _dump([document])


def _dump(documents: Iterable[Document]) -> str:
    text = StringIO()
    YAML().dump_all(documents, text)
    return text.getvalue()
