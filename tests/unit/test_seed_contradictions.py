"""The guide behind aliyun-kubeadm-1.24 contradicts itself; its profile keeps that, and the checks say so."""

import pytest

from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts

SEED = load("aliyun-kubeadm-1.24").spec("any")
DUMP = """version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "registry.aliyuncs.com/google_containers/pause:3.5"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/etc/containerd/certs.d"
"""


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    catalog.load("trueup.checks", "trueup.remediations")


def failure(requirement: str, **answers: str) -> str:
    raws = {name.replace("__", "."): Raw(0, text) for name, text in answers.items()}
    with pytest.raises(Unmet) as caught:
        catalog.requirements[requirement].check(HostFacts(Snapshot("h", raws=raws)), SEED)
    return str(caught.value)


def test_the_mirror_has_its_scheme_twice() -> None:
    said = failure("runtime.containerd.registry_mirrors", containerd__dump=DUMP, containerd__hosts="")
    assert "https://https://2h85dbbg.mirror.aliyuncs.com: it has a scheme twice" in said
    assert "correct it in the profile" in said


@pytest.mark.parametrize(
    ("kubeadm", "source"),
    [("absent\n", "by trueup's own table"), ("k8s.gcr.io/pause:3.7\n", "kubeadm config images list")],
)
def test_the_pause_image_is_not_what_its_kubeadm_wants(kubeadm: str, source: str) -> None:
    said = failure("runtime.containerd.sandbox_image_matches_kubeadm", containerd__dump=DUMP, kubeadm__images=kubeadm)
    assert "expected  3.7\n  found     3.5" in said
    assert source in said


def test_the_pause_image_is_the_profiles_own() -> None:
    facts = HostFacts(Snapshot("h", raws={"containerd.dump": Raw(0, DUMP), "containerd.config": Raw(0, "path=x\n")}))
    catalog.requirements["runtime.containerd.sandbox_image"].check(facts, SEED)
    assert SEED.runtime.containerd.sandbox_image.endswith("pause:3.5")
