"""The checks of Kubernetes' packages and images, on answers of a host."""

import pytest

from trueup.errors import CouldNotLook
from trueup.facts.host.apt_repository import index_name
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")
LAB, SEED = load("lab").spec("w1"), load("aliyun-kubeadm-1.24").spec("any")
REPOSITORY = "registry.lab:5000/google_containers"
HEAD = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"


def facts(**answers: str) -> HostFacts:
    return HostFacts(Snapshot("h", raws={name.replace("__", "."): Raw(0, text) for name, text in answers.items()}))


def found(id: str, facts: HostFacts | FleetFacts, spec: Spec = LAB) -> list[Deviation]:
    try:
        catalog.requirements[id].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    return []


SOURCES = """bookworm
@/etc/apt/sources.list.d/kubernetes.sources
|Types: deb
|URIs: http://10.77.0.254:8000/kubernetes/
|Suites: ./
|Signed-By: /etc/apt/keyrings/lab-kubernetes.asc
|
"""
INDEX = "/var/lib/apt/lists/10.77.0.254:8000_kubernetes_._Packages\n"


@pytest.mark.parametrize(
    ("sources", "repository", "expected"),
    [
        (SOURCES, f"present\n{INDEX}", []),
        (SOURCES, f"absent\n{INDEX}", ["absent"]),
        (SOURCES, f"malformed\n{INDEX}", ["malformed"]),
        (SOURCES, "present\n", ["none"]),
        ("bookworm\n", "present\n", ["not listed"]),
        (SOURCES.replace("lab-kubernetes", "other"), f"present\n{INDEX}", ["/etc/apt/keyrings/other.asc"]),
        (
            SOURCES.replace(" /etc/apt/keyrings/lab-kubernetes.asc", "\n| -----BEGIN PGP PUBLIC KEY BLOCK-----\n| ."),
            f"present\n{INDEX}",
            ["a key inside the entry"],
        ),
        (SOURCES.replace("|Signed-By", "|X-Other"), f"present\n{INDEX}", ["not set: any key of apt"]),
    ],
)
def test_the_repository_is_listed_signed_by_its_key_and_fetched(
    sources: str, repository: str, expected: list[str]
) -> None:
    seen = found("kube.apt.repository", facts(apt__sources=sources, kube__repository=repository))
    assert [deviation.found for deviation in seen] == expected


PACKAGES = "dpkg\n" + "".join(f"hi \t{name}\t1.20.2-00\n" for name in ("kubeadm", "kubectl", "kubelet"))
PROGRAMS = "".join(f"{name}\t/usr/bin/{name}\tv1.20.2\t{name}\n" for name in ("kubeadm", "kubelet", "kubectl"))


@pytest.mark.parametrize(
    ("packages", "programs", "expected"),
    [
        (PACKAGES, PROGRAMS, []),
        (PACKAGES.replace("kubelet\t1.20.2", "kubelet\t1.20.1"), PROGRAMS, ["1.20.1-00"]),
        ("dpkg\n", "", ["not installed"] * 3),
        (PACKAGES, PROGRAMS.replace("v1.20.2\tkubectl", "v1.19.9\t"), ["no package", "1.19.9"]),
        (PACKAGES, PROGRAMS.partition("\n")[2], ["none"]),
    ],
)
def test_the_packages_and_the_programs_that_a_shell_finds_agree(
    packages: str, programs: str, expected: list[str]
) -> None:
    seen = found("kube.packages.version", facts(packages=packages, kube__programs=programs, preflight__files=""))
    assert [deviation.found for deviation in seen] == expected


def test_each_package_that_is_not_on_hold_is_named() -> None:
    loose = PACKAGES.replace("hi \tkubectl", "ii \tkubectl")
    assert [d.where for d in found("kube.packages.held", facts(packages=loose))] == ["package kubectl"]


MEMBER = "/etc/kubernetes/kubelet.conf\n/var/lib/kubelet/config.yaml\n"


def unit(active: str, enabled: str) -> str:
    return f"LoadState=loaded\nActiveState={active}\nUnitFileState={enabled}\n"


@pytest.mark.parametrize(
    ("active", "enabled", "files", "expected"),
    [
        ("activating", "enabled", "", []),  # it fails and is restarted until kubeadm has been there: that is normal
        ("activating", "enabled", MEMBER, ["activating"]),
        ("active", "enabled", MEMBER, []),
        ("activating", "enabled", MEMBER.partition("\n")[0], []),
        ("inactive", "disabled", "", ["disabled"]),
    ],
)
def test_kubelet_is_enabled_and_runs_in_a_cluster(active: str, enabled: str, files: str, expected: list[str]) -> None:
    answers = facts(**{"unit.kubelet.service": unit(active, enabled), "preflight__files": files})
    assert [deviation.found for deviation in found("kube.kubelet.service", answers)] == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("/var/lib/kubelet/config.yaml\n\n", []),
        ("/var/lib/kubelet/config.yaml\n\n--\ncgroupDriver: systemd\n", []),
        ("/var/lib/kubelet/config.yaml\n\n--\ncgroupDriver: cgroupfs\n", ["cgroupfs"]),
        ("/var/lib/kubelet/config.yaml\n\n--\nkind: KubeletConfiguration\n", ["cgroupfs"]),
        ("/etc/kubelet.yaml\ncgroupfs\n--\ncgroupDriver: systemd\n", ["cgroupfs"]),
        ("/etc/kubelet.yaml\nsystemd\n--\ncgroupDriver: cgroupfs\n", []),
        ("/etc/kubelet.yaml\n\n--\n- a list\n", ["not a mapping"]),
    ],
)
def test_the_cgroup_driver_is_that_of_the_running_kubelet(answer: str, expected: list[str]) -> None:
    seen = found("kube.kubelet.cgroup_driver", facts(kube__kubelet_config=answer))
    assert [deviation.found for deviation in seen] == expected


def test_a_profile_whose_two_drivers_differ_contradicts_itself() -> None:
    kubelet = LAB.kube.kubelet.model_copy(update={"cgroup_driver": "cgroupfs"})
    spec = LAB.model_copy(update={"kube": LAB.kube.model_copy(update={"kubelet": kubelet})})
    (deviation,) = found(
        "kube.kubelet.cgroup_driver", facts(kube__kubelet_config="/var/lib/kubelet/config.yaml\n\n"), spec
    )
    assert (deviation.found, deviation.expected, deviation.where) == ("cgroupfs", "systemd", "the profile")


def table(**namespaces: list[str]) -> str:
    rows = ""
    for name, images in namespaces.items():
        rows += f"@{name.replace('_', '.')}\n{HEAD}"
        rows += "".join(f"{image} application/x sha256:{'a' * 64} 1.0 MiB linux/amd64 -\n" for image in images)
    return rows


def test_an_image_in_another_namespace_is_reported_as_exactly_that() -> None:
    listed = f"{REPOSITORY}/pause:3.2\n{REPOSITORY}/etcd:3.4.13-0\n{REPOSITORY}/coredns:1.7.0\n"
    present = table(default=[f"{REPOSITORY}/pause:3.2"], k8s_io=[f"{REPOSITORY}/etcd:3.4.13-0"])
    seen = found("kube.images.present", facts(kubeadm__images=listed, images__present=present))
    assert [(d.where.split()[0].rpartition("/")[2], d.found) for d in seen] == [
        ("pause:3.2", "present, but in namespace default"),
        ("coredns:1.7.0", "absent"),
    ]
    assert "(kubeadm config images list)" in seen[0].where


def test_before_kubeadm_the_known_list_is_used_and_said_to_be() -> None:
    seen = found("kube.images.present", facts(kubeadm__images="absent\n", images__present=table(k8s_io=[])), SEED)
    names = [deviation.where.split()[0] for deviation in seen]
    repository = "registry.cn-hangzhou.aliyuncs.com/google_containers"
    assert set(names) == {
        *(f"{repository}/kube-{part}:v1.24.3" for part in ("apiserver", "controller-manager", "scheduler", "proxy")),
        f"{repository}/pause:3.7", f"{repository}/etcd:3.5.3-0", f"{repository}/coredns:v1.8.6",
    }  # fmt: skip
    assert all("by trueup's own table: kubeadm is not installed yet" in deviation.where for deviation in seen)


def test_an_unknown_release_without_kubeadm_cannot_be_looked_at() -> None:
    spec = LAB.model_copy(update={"kube": LAB.kube.model_copy(update={"version": "v1.99.0"})})
    with pytest.raises(CouldNotLook, match=r"trueup\'s own table has no images for v1\.99\.0"):
        found("kube.images.present", facts(kubeadm__images="absent\n", images__present=table(k8s_io=[])), spec)


def test_the_host_with_another_digest_is_named() -> None:
    good = table(k8s_io=[f"{REPOSITORY}/pause:3.2", "docker.io/library/nginx:latest"])
    odd = good.replace("a" * 64, "b" * 64)
    hosts = {name: facts(images__present=text) for name, text in {"w1": good, "w2": odd, "w3": good}.items()}
    (deviation,) = found("kube.images.same_digest", FleetFacts(hosts, {}))
    assert deviation.where == f"{REPOSITORY}/pause:3.2"
    assert deviation.expected == f"sha256:{'a' * 64} as on w1, w3"
    assert deviation.found == f"sha256:{'b' * 64} on w2"


def test_cloned_machines_are_named_by_what_they_have_in_common(spec: Spec) -> None:
    rows = "hostname\t{}\nmachine-id\t{}\nproduct_uuid\t{}\nMAC\t02:00:00:00:00:0{}\n"
    hosts = {
        "a": facts(host__identity=rows.format("a", "1", "u1", 1)),
        "b": facts(host__identity=rows.format("b", "1", "U2", 2)),
        "c": facts(host__identity=rows.format("c", "3", "u2", 3)),
    }
    seen = found("host.identity.unique", FleetFacts(hosts, {}), spec)
    assert {(d.where, d.found) for d in seen} == {("machine-id", "a, b have 1"), ("product_uuid", "b, c have u2")}


def test_a_host_without_what_is_compared_is_named_and_compared_by_the_rest(spec: Spec) -> None:
    hosts = {
        "a": facts(host__identity="hostname\ta\nmachine-id\t1\nproduct_uuid\tu1\nMAC\t02:00:00:00:00:01\n"),
        "b": facts(host__identity="hostname\tb\nmachine-id\t\nproduct_uuid\t\nMAC\t02:00:00:00:00:01\n"),
    }
    fleet = FleetFacts(hosts, {})
    assert [(d.where, d.found) for d in found("host.identity.unique", fleet, spec)] == [
        ("MAC", "a, b have 02:00:00:00:00:01")
    ]
    assert fleet.silent.keys() == {"b"}
    assert fleet.silent["b"].startswith("it has no machine-id, no product_uuid:")
    alone = FleetFacts({"b": hosts["b"]}, {})
    assert (found("host.identity.unique", alone, spec), alone.silent) == ([], {})


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("http://10.77.0.254:8000/kubernetes", "10.77.0.254:8000_kubernetes_"),
        ("https://mirrors.aliyun.com/kubernetes/apt/", "mirrors.aliyun.com_kubernetes_apt_"),
        ("https://pkgs.k8s.io/core:/stable:/v1.34/deb/", "pkgs.k8s.io_core:_stable:_v1.34_deb_"),
        ("https://r.example/a_b", "r.example_a%5fb_"),
    ],
)
def test_the_name_of_an_index_is_the_one_that_apt_gives_it(uri: str, name: str) -> None:
    assert index_name(uri) == name
