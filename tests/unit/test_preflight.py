"""kubeadm's preflight checks, on facts made by hand: one host that is fine, and each way not to be."""

from typing import Any

import pytest

from trueup import remediations
from trueup.errors import CouldNotLook
from trueup.facts.host.kernel import SYSCTL
from trueup.facts.kube import preflight
from trueup.facts.kube.preflight import Proxy
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks", remediations.__name__)
IDS = [id for id in catalog.requirements if id.startswith("host.preflight.")]
TOOLS = [
    "conntrack",
    "crictl",
    "ip",
    "iptables",
    "mount",
    "nsenter",
    "losetup",
    "ebtables",
    "ethtool",
    "socat",
    "tc",
    "touch",
]
PROGRAMS = ("kubeadm", "kubelet", "kubectl")
MEMBER = "/etc/kubernetes/kubelet.conf\n/var/lib/kubelet/config.yaml\n"
UNIT = "LoadState={}\nActiveState={}\n"
PORTS = {"10250": "280A", "6443": "192B", "10257": "2811", "10259": "2813", "2379": "094B", "2380": "094C"}
FILES = [
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/bootstrap-kubelet.conf",
    "/etc/kubernetes/pki/ca.crt",
    *(f"/etc/kubernetes/manifests/{name}.yaml" for name in preflight.STATIC_PODS),
]


def kernel(spec: Spec, release: str = "6.1.0-39-amd64", without: str = "", off: str = "") -> str:
    options = [f"CONFIG_{option.split('|')[-1]}=m" for option in spec.host.preflight.kernel_config if option != without]
    return "\n".join([release, " ".join(name for name in spec.host.preflight.cgroups if name != off), *options])


def fine(spec: Spec) -> dict[str, str]:
    """The answers of a host that is ready for kubeadm."""
    return {
        "preflight.user": "0",
        "preflight.machine": "2 1740800",
        "preflight.files": "",
        "preflight.ports": "",
        "preflight.tools": "".join(f"/usr/sbin/{tool}\n" for tool in TOOLS),
        "preflight.hostname": "node-1.example\t10.0.0.1\n",
        "preflight.kernel": kernel(spec),
        "preflight.cri": "listening",
        "preflight.proxy": "",
        "unit.firewalld.service": UNIT.format("not-found", "inactive"),
        SYSCTL.name: "".join(f"{key}=1\n" for key in spec.host.sysctl),
        "swap.active": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
        "unit.kubelet.service": "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled\n",
        "kube.programs": "".join(f"{name}\t/usr/bin/{name}\t{spec.kube.version}\t{name}\n" for name in PROGRAMS),
        "kubeadm.images": "registry.k8s.io/pause:3.10\n",
        "images.present": f"@k8s.io\nREF TYPE DIGEST\nregistry.k8s.io/pause:3.10 x sha256:{'a' * 64}\n",
    }


def judge(name: str, spec: Spec, **answers: str) -> str:
    """Return what is wrong, or nothing; the words of an answer name its fact with _ for dots."""
    given = fine(spec) | {key.replace("__", "."): answer for key, answer in answers.items()}
    requirement = catalog.requirements[f"host.preflight.{name}"]
    facts = HostFacts(Snapshot("h", raws={key: Raw(0, answer) for key, answer in given.items()}))
    try:
        requirement.check(facts.view(requirement.reads), spec)
    except Unmet as unmet:
        return str(unmet)
    return ""


def test_the_names_are_those_that_kubeadm_can_be_told_to_ignore() -> None:
    names = {id.removeprefix("host.preflight.") for id in IDS}
    assert names == {
        "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
        "FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables", "Swap", "ImagePull",
        "KubeletVersion", "KubernetesVersion", "Service-Kubelet",
        "IsPrivilegedUser", "NumCPU", "Mem", "Hostname", "SystemVerification", "CRI", "Firewalld", "HTTPProxy",
        "FileContent--proc-sys-net-ipv4-ip_forward", "DirAvailable--var-lib-etcd",
        "FileAvailable--etc-kubernetes-kubelet.conf", "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
        "FileAvailable--etc-kubernetes-pki-ca.crt",
        "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
        "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
        "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
        "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
        *(f"FileExisting-{tool}" for tool in TOOLS), *(f"Port-{port}" for port in PORTS),
    }  # fmt: skip


@pytest.mark.parametrize("id", IDS)
def test_a_host_that_is_ready_for_kubeadm_has_no_failure(id: str, spec: Spec) -> None:
    assert judge(id.removeprefix("host.preflight."), spec) == ""


def test_each_tool_can_be_installed() -> None:
    assert {f"host.preflight.FileExisting-{tool}" for tool in TOOLS} <= set(catalog.remedies)


@pytest.mark.parametrize(
    ("name", "answers", "says"),
    [
        ("IsPrivilegedUser", {"preflight__user": "1000"}, "found     1000"),
        ("NumCPU", {"preflight__machine": "1 4000000"}, "expected  at least 2\n  found     1"),
        ("Mem", {"preflight__machine": "2 1740799"}, "expected  at least 1700 MB\n  found     1699 MB"),
        ("Hostname", {"preflight__hostname": "Node\t10.0.0.1"}, "found     'Node'"),
        ("Hostname", {"preflight__hostname": "node_1\t10.0.0.1"}, "found     'node_1'"),
        ("Hostname", {"preflight__hostname": "a..b\t10.0.0.1"}, "found     'a..b'"),
        ("Hostname", {"preflight__hostname": f"{'a' * 64}\t10.0.0.1"}, "a DNS name in lower case"),
        ("Hostname", {"preflight__hostname": "node\t"}, "found     does not resolve"),
        ("CRI", {"preflight__cri": "absent"}, "found     absent"),
        ("CRI", {"preflight__cri": "abandoned"}, "found     abandoned"),
        ("Firewalld", {"unit__firewalld__service": UNIT.format("loaded", "active")}, "or open 10250, 6443"),
        ("HTTPProxy", {"preflight__proxy": "http://p:3128\n\n10.0.0.1"}, "through http://p:3128"),
        ("HTTPProxy", {"preflight__proxy": "http://p:3128\n10.1.0.0/16,.svc\n10.0.0.1"}, "https://10.0.0.1"),
        ("DirAvailable--var-lib-etcd", {"preflight__files": "/var/lib/etcd/member"}, "/var/lib/etcd/member is there"),
        ("FileContent--proc-sys-net-ipv4-ip_forward", {"kernel__sysctl": "net.ipv4.ip_forward=0"}, "found     0"),
    ],
)
def test_what_is_wrong_is_said(name: str, answers: dict[str, str], says: str, spec: Spec) -> None:
    assert says in judge(name, spec, **answers)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_is_missing_is_named_with_its_package(tool: str, spec: Spec) -> None:
    others = "".join(f"/usr/sbin/{other}\n" for other in TOOLS if other != tool)
    found = judge(f"FileExisting-{tool}", spec, preflight__tools=others)
    assert f"{tool} on PATH" in found
    assert f"package {spec.host.preflight.tools[tool]} has it" in found


@pytest.mark.parametrize("port", PORTS)
def test_a_port_is_free_or_has_its_own_component_or_the_host_is_a_member(port: str, spec: Spec) -> None:
    component, name = spec.host.preflight.ports[port], f"Port-{port}"
    assert "taken by nginx (process 7)" in judge(name, spec, preflight__ports=f"{PORTS[port]}\t7\tnginx")
    assert "taken by a process that cannot be seen" in judge(name, spec, preflight__ports=f"{PORTS[port]}\t\t")
    assert judge(name, spec, preflight__ports=f"{PORTS[port]}\t7\t{component[:15]}") == ""
    assert judge(name, spec, preflight__ports=f"{PORTS[port]}\t7\tnginx", preflight__files=MEMBER) == ""


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_a_cluster_is_left_over_unless_the_host_is_a_member(path: str, spec: Spec) -> None:
    name = f"FileAvailable-{path.replace('/', '-')}"
    assert f"{path} is there" in judge(name, spec, preflight__files=path)
    assert judge(name, spec, preflight__files=f"{path}\n{MEMBER}") == ""
    assert judge(name, spec, preflight__files="".join(f"{other}\n" for other in FILES if other != path)) == ""


def test_the_data_of_a_member_is_rightly_there(spec: Spec) -> None:
    assert judge("DirAvailable--var-lib-etcd", spec, preflight__files=f"{MEMBER}/var/lib/etcd/member") == ""


@pytest.mark.parametrize("left", [*MEMBER.splitlines(), "/etc/kubernetes/admin.conf"])
def test_half_of_what_a_member_has_makes_none(left: str, spec: Spec) -> None:
    files = f"{left}\n/var/lib/etcd/member"
    assert "is there" in judge("DirAvailable--var-lib-etcd", spec, preflight__files=files)
    taken = judge("Port-10250", spec, preflight__ports=f"{PORTS['10250']}\t7\tnginx", preflight__files=files)
    assert "taken by nginx" in taken


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        ({"release": "4.18.0-553.el8.x86_64"}, "4.18.0-553.el8.x86_64"),
        ({"release": "5.8.0"}, "5.8.0"),
        ({"without": "CGROUP_PIDS"}, "CONFIG_CGROUP_PIDS of the kernel"),
        ({"off": "memory"}, "cgroup controller memory"),
        ({"release": "5.15.0-91-generic"}, ""),
        ({"release": "5.14.0-503.el9.x86_64"}, ""),
        ({"release": "16.0"}, ""),
    ],
)
def test_a_kernel_has_what_containers_need(kept: dict[str, Any], says: str, spec: Spec) -> None:
    found = judge("SystemVerification", spec, preflight__kernel=kernel(spec, **kept))
    assert says in found
    assert bool(found) == bool(says)


@pytest.mark.parametrize(
    ("release", "supported"),
    [
        ("2.6.32-754.el6", False),
        ("3.9.11", False),
        ("3.10.0-1160.el7", True),
        ("4.18.0-553.el8", True),
        ("5.4.0", True),
    ],
)
def test_a_profile_says_which_kernels_its_release_supports(release: str, supported: bool) -> None:
    spec = load("aliyun-kubeadm-1.24").spec("any")
    found = judge("SystemVerification", spec, preflight__kernel=kernel(spec, release))
    assert (release in found) is not supported


def test_a_kernel_without_its_configuration_could_not_be_looked_at(spec: Spec) -> None:
    requirement = catalog.requirements["host.preflight.SystemVerification"]
    raws = {"preflight.kernel": Raw(1, "", "cat: /lib/modules/6.1/build/.config: No such file or directory\n")}
    with pytest.raises(CouldNotLook, match="No such file"):
        requirement.check(HostFacts(Snapshot("h", raws=raws)), spec)


@pytest.mark.parametrize(
    ("exempt", "passed"),
    [
        ("*", True), ("10.0.0.1", True), ("localhost, 10.0.0.0/8", True), ("::/0", False), ("10.0.0.2", False),
        ("", False), (".example,node", False),
    ],
)  # fmt: skip
def test_no_proxy_is_read_as_go_reads_it(exempt: str, passed: bool) -> None:
    assert Proxy("http://p", exempt, "10.0.0.1").passed_by is passed


def programs(version: str) -> str:
    return "".join(f"{name}\t/usr/bin/{name}\t{version}\t{name}\n" for name in PROGRAMS)


@pytest.mark.parametrize(
    ("name", "answers", "said"),
    [
        ("KubeletVersion", {"kube__programs": programs("v1.29.9")}, "found     v1.29.9"),
        ("KubeletVersion", {"kube__programs": programs("v1.34.0")}, "found     v1.34.0"),
        ("KubernetesVersion", {"kube__programs": programs("v1.32.1")}, "found     v1.32.1"),
        (
            "Service-Kubelet",
            {"unit__kubelet__service": "LoadState=not-found\nActiveState=inactive\n"},
            "found     not-found",
        ),
        ("ImagePull", {"images__present": "@default\n"}, "registry.k8s.io/pause:3.10"),
        ("Swap", {"swap__active": "Filename Type\n/swapfile file 1 0 -2\n"}, "found     /swapfile"),
        (
            "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
            {"kernel__sysctl": "net.bridge.bridge-nf-call-iptables=0"},
            "found     0",
        ),
        (
            "FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables",
            {"kernel__sysctl": "net.bridge.bridge-nf-call-ip6tables=0"},
            "found     0",
        ),
    ],
)
def test_what_another_requirement_says_too_is_said_under_kubeadms_name(
    name: str, answers: dict[str, str], said: str, spec: Spec
) -> None:
    assert said in judge(name, spec, **answers)


@pytest.mark.parametrize("version", ["v1.33.0", "v1.32.9", "v1.30.1"])
def test_a_kubelet_may_be_up_to_three_minors_older(version: str, spec: Spec) -> None:
    assert judge("KubeletVersion", spec, kube__programs=programs(version)) == ""


def test_a_version_that_is_none_cannot_be_compared(spec: Spec) -> None:
    with pytest.raises(CouldNotLook, match="is not a version of Kubernetes"):
        judge("KubeletVersion", spec, kube__programs=programs(""))
