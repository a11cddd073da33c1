"""What kubeadm is given, in each API version that it has had."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from trueup.errors import ChangeFailed
from trueup.model import profile
from trueup.profiles.schema import Spec
from trueup.remediations import kubeadm_config


@pytest.fixture
def seed() -> Spec:
    return profile.load("aliyun-kubeadm-1.24").spec("any")


def documents(text: str) -> dict[str, Any]:
    return {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(text)}


@pytest.mark.parametrize(
    ("kubeadm", "version"),
    [
        ("v1.15.0", "v1beta2"), ("v1.20.2", "v1beta2"), ("v1.21.14", "v1beta2"), ("v1.22.0", "v1beta3"),
        ("v1.24.3", "v1beta3"), ("v1.30.9", "v1beta3"), ("v1.31.0", "v1beta4"), ("1.35.8", "v1beta4"),
    ],
)  # fmt: skip
def test_each_release_gets_the_newest_version_that_it_reads(kubeadm: str, version: str) -> None:
    assert kubeadm_config.api_version(kubeadm) == f"kubeadm.k8s.io/{version}"


@pytest.mark.parametrize("kubeadm", ["v1.14.10", "", "v2.0.0", "kubeadm", "v1.x"])
def test_a_release_that_is_not_known_is_refused(kubeadm: str) -> None:
    with pytest.raises(ChangeFailed, match="nothing was changed"):
        kubeadm_config.api_version(kubeadm)


def test_a_cluster_is_initialised_with_what_the_guide_says(seed: Spec) -> None:
    found = documents(kubeadm_config.init(seed, "v1.24.3"))
    assert found["InitConfiguration"]["localAPIEndpoint"] == {"advertiseAddress": "10.0.4.8", "bindPort": 6443}
    assert found["InitConfiguration"]["nodeRegistration"] == {"criSocket": "unix:///run/containerd/containerd.sock"}
    cluster = found["ClusterConfiguration"]
    assert cluster["kubernetesVersion"] == "v1.24.3"
    assert cluster["imageRepository"] == "registry.cn-hangzhou.aliyuncs.com/google_containers"
    assert cluster["networking"] == {
        "podSubnet": "10.100.0.0/16",
        "serviceSubnet": "10.200.0.0/16",
        "dnsDomain": "cluster.local",
    }
    assert found["KubeletConfiguration"]["cgroupDriver"] == "systemd"


def test_before_1_24_the_socket_is_a_path(seed: Spec) -> None:
    found = documents(kubeadm_config.init(seed, "v1.20.2"))
    assert found["InitConfiguration"]["nodeRegistration"] == {"criSocket": "/run/containerd/containerd.sock"}


def _with(seed: Spec, **config: Any) -> Spec:
    cluster = seed.kube.cluster.model_copy(update={"config": config})
    return seed.model_copy(update={"kube": seed.kube.model_copy(update={"cluster": cluster})})


def test_a_profile_adds_to_any_document(seed: Spec) -> None:
    spec = _with(
        seed,
        KubeProxyConfiguration={"mode": "ipvs"},
        ClusterConfiguration={"networking": {"podSubnet": "10.1.0.0/16"}, "apiServer": {"certSANs": ["vip"]}},
    )
    found = documents(kubeadm_config.init(spec, "v1.33.0"))
    assert found["KubeProxyConfiguration"] == {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "ipvs",
    }
    assert found["ClusterConfiguration"]["networking"]["podSubnet"] == "10.1.0.0/16"
    assert found["ClusterConfiguration"]["networking"]["serviceSubnet"] == "10.200.0.0/16"
    assert found["ClusterConfiguration"]["apiServer"] == {"certSANs": ["vip"]}


def test_a_kind_that_is_none_is_refused_by_name(seed: Spec) -> None:
    with pytest.raises(ChangeFailed, match=r"unknown kind ClusterConfig; known: .*ClusterConfiguration"):
        kubeadm_config.init(_with(seed, ClusterConfig={}), "v1.33.0")


@pytest.mark.parametrize("key", ["", "c0ffee"])
def test_a_host_joins_as_a_worker_or_with_a_key_as_a_control_plane(seed: Spec, key: str) -> None:
    text = kubeadm_config.join(
        seed, "v1.24.3", endpoint="10.0.4.8:6443", token="abcdef.0123456789abcdef", ca_hash="sha256:00",
        certificate_key=key,
    )  # fmt: skip
    found = documents(text)["JoinConfiguration"]
    assert found["discovery"]["bootstrapToken"] == {
        "apiServerEndpoint": "10.0.4.8:6443",
        "token": "abcdef.0123456789abcdef",
        "caCertHashes": ["sha256:00"],
    }
    assert ("controlPlane" in found) is bool(key)
