"""What is known of kubeadm's releases before there is a kubeadm on the host."""

import pytest

from trueup.facts.kube.kubeadm import IMAGES, known_images, known_pause, tag
from trueup.profiles.keys.kube import Kube, KubeImages
from trueup.profiles.schema import Spec


@pytest.mark.parametrize(
    ("version", "pause"), [("v1.24.3", "3.7"), ("1.31.0", "3.10"), ("v1.34.1", "3.10.1"), ("v1.99.0", None), ("", None)]
)
def test_the_pause_image_of_a_version(version: str, pause: str | None) -> None:
    assert known_pause(version) == pause


@pytest.mark.parametrize(
    ("image", "expected"),
    [("registry.k8s.io/pause:3.10", "3.10"), ("r.example:5000/pause", ""), ("r:5000/a/pause:3.7@sha256:00", "3.7")],
)
def test_the_tag_of_an_image(image: str, expected: str) -> None:
    assert tag(image) == expected


def test_kubeadms_own_list_is_known_before_there_is_a_kubeadm() -> None:
    assert known_images("v1.34.3") == [
        "registry.k8s.io/kube-apiserver:v1.34.3",
        "registry.k8s.io/kube-controller-manager:v1.34.3",
        "registry.k8s.io/kube-scheduler:v1.34.3",
        "registry.k8s.io/kube-proxy:v1.34.3",
        "registry.k8s.io/coredns/coredns:v1.12.1",
        "registry.k8s.io/pause:3.10.1",
        "registry.k8s.io/etcd:3.6.5-0",
    ]


MIRROR = "registry.cn-hangzhou.aliyuncs.com/google_containers"


@pytest.mark.parametrize(
    ("version", "repository", "images"),
    [
        ("v1.20.9", "", "k8s.gcr.io/coredns:1.7.0 k8s.gcr.io/pause:3.2 k8s.gcr.io/etcd:3.4.13-0"),
        ("v1.19.0", "", "k8s.gcr.io/coredns:1.7.0 k8s.gcr.io/pause:3.2 k8s.gcr.io/etcd:3.4.9-1"),
        ("1.21.3", "", "k8s.gcr.io/coredns/coredns:v1.8.0 k8s.gcr.io/pause:3.4.1 k8s.gcr.io/etcd:3.4.13-0"),
        ("v1.24.3", "", "k8s.gcr.io/coredns/coredns:v1.8.6 k8s.gcr.io/pause:3.7 k8s.gcr.io/etcd:3.5.3-0"),
        ("v1.24.3", MIRROR, f"{MIRROR}/coredns:v1.8.6 {MIRROR}/pause:3.7 {MIRROR}/etcd:3.5.3-0"),
        ("v1.24.8", "", "k8s.gcr.io/coredns/coredns:v1.8.6 k8s.gcr.io/pause:3.7 k8s.gcr.io/etcd:3.5.5-0"),
        (
            "v1.24.9",
            "",
            "registry.k8s.io/coredns/coredns:v1.8.6 registry.k8s.io/pause:3.7 registry.k8s.io/etcd:3.5.6-0",
        ),
        ("v1.24.9", "k8s.gcr.io", "k8s.gcr.io/coredns:v1.8.6 k8s.gcr.io/pause:3.7 k8s.gcr.io/etcd:3.5.6-0"),
        ("v1.30.14", "r:5000/k", "r:5000/k/coredns:v1.11.3 r:5000/k/pause:3.9 r:5000/k/etcd:3.5.15-0"),
    ],
)
def test_the_rest_of_the_list_depends_on_the_patch_and_the_repository(
    version: str, repository: str, images: str
) -> None:
    assert (known_images(version, repository) or [])[4:] == images.split()


@pytest.mark.parametrize("version", ["v1.32.11", "v1.99.0", "v1.24", "v1.34.0-rc.1", "v2.0.0", "", "latest"])
def test_a_patch_that_was_not_seen_is_not_guessed(version: str) -> None:
    assert known_images(version) is None


def test_kubeadm_is_asked_about_the_repository_of_the_profile() -> None:
    spec = Spec(kube=Kube(version="v1.24.3", images=KubeImages(repository="r/it's")))
    assert IMAGES.probe(spec).rstrip().endswith("""--kubernetes-version v1.24.3 --image-repository 'r/it'"'"'s'""")
    assert "--image-repository" not in IMAGES.probe(Spec(kube=Kube(version="v1.24.3")))
