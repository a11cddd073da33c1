"""Section 1 of the catalogue: what kubeadm's preflight checks look at, under kubeadm's own names.

They are those of kubernetes' cmd/kubeadm/app/preflight/checks.go. What it only warns of is of medium or low severity.
Once the cluster runs, its ports, manifests and etcd's directory are rightly taken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.errors import CouldNotLook
from trueup.facts.host import swap
from trueup.facts.host.kernel import SYSCTL, proc_path
from trueup.facts.kube import preflight
from trueup.facts.kube.kubeadm import IMAGES
from trueup.facts.kube.kubelet import KUBELET, PROGRAMS
from trueup.facts.runtime import images
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

if TYPE_CHECKING:
    from trueup.model.catalog import Check, Severity

_NODE = ("node",)
_KUBELET_AGE = 3  # minors: the version skew policy since 1.28
_CONTROL_PLANE = ("control-plane",)
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


@requirement("host.preflight.IsPrivilegedUser", key="host.preflight", reads=(preflight.USER,))
def test_privileged_user(facts: HostFacts, spec: Spec) -> None:
    """Whoever works on the host is root there."""
    expect(equal(facts[preflight.USER], 0, where="user id", layer="effective", hint="log in as root, or use --sudo"))


@requirement("host.preflight.NumCPU", key="host.preflight.cpus", reads=(preflight.MACHINE,), roles=_CONTROL_PLANE)
def test_cpus(facts: HostFacts, spec: Spec) -> None:
    """The control plane has enough CPUs."""
    found, wanted = facts[preflight.MACHINE].cpus, spec.host.preflight.cpus
    if found < wanted:
        unmet(Deviation(f"at least {wanted}", str(found), "CPUs that a process may use", "effective"))


@requirement("host.preflight.Mem", key="host.preflight.memory", reads=(preflight.MACHINE,), roles=_CONTROL_PLANE)
def test_memory(facts: HostFacts, spec: Spec) -> None:
    """The control plane has enough memory."""
    found, wanted = facts[preflight.MACHINE].memory, spec.host.preflight.memory
    if found < wanted:
        unmet(Deviation(f"at least {wanted} MB", f"{found} MB", "/proc/meminfo", "effective"))


@requirement("host.preflight.Hostname", key="host.preflight", reads=(preflight.HOSTNAME,), severity="medium")
def test_hostname(facts: HostFacts, spec: Spec) -> None:
    """The host's name is a DNS name in lower case, and resolves."""
    name, address = facts[preflight.HOSTNAME].name, facts[preflight.HOSTNAME].address
    valid = _DNS_NAME.fullmatch(name)
    expect(
        None if valid else Deviation("a DNS name in lower case", repr(name), "hostname", "effective"),
        None if address else Deviation("an address", "does not resolve", f"getent ahosts {name}", "effective"),
    )


@requirement("host.preflight.SystemVerification", key="host.preflight.kernel_config", reads=(preflight.KERNEL,))
def test_kernel(facts: HostFacts, spec: Spec) -> None:
    """The kernel is one that Kubernetes supports, with all that containers need."""
    kernel, wanted = facts[preflight.KERNEL], spec.host.preflight
    missing = [option for option in wanted.kernel_config if kernel.options.isdisjoint(option.split("|"))]
    off = [name for name in wanted.cgroups if name not in kernel.cgroups]
    supported = re.match(wanted.kernel, kernel.release)
    expect(
        None if supported else Deviation(wanted.kernel, kernel.release, "release of the kernel", "effective"),
        *(Deviation("set", "not set", f"CONFIG_{option} of the kernel", "effective") for option in missing),
        *(Deviation("on", "off", f"cgroup controller {name}", "effective") for name in off),
    )


@requirement(
    "host.preflight.FileContent--proc-sys-net-ipv4-ip_forward",
    key="host.sysctl.net.ipv4.ip_forward",
    reads=(SYSCTL,),
    needs=("host.sysctl.ip_forward",),
)
def test_ip_forward(facts: HostFacts, spec: Spec) -> None:
    """IPv4 forwarding is on now; host.sysctl.ip_forward says the same, and that it stays."""
    key = "net.ipv4.ip_forward"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement(
    "host.preflight.FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
    key="host.sysctl.net.bridge.bridge-nf-call-iptables",
    reads=(SYSCTL,),
    needs=("host.sysctl.bridge_nf_call_iptables",),
)
def test_bridge_nf_call_iptables(facts: HostFacts, spec: Spec) -> None:
    """Bridged traffic passes iptables now; kubeadm looks up to 1.29, host.sysctl.bridge_nf_call_iptables always."""
    key = "net.bridge.bridge-nf-call-iptables"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement(
    "host.preflight.FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables",
    key="host.sysctl.net.bridge.bridge-nf-call-ip6tables",
    reads=(SYSCTL,),
    needs=("host.sysctl.bridge_nf_call_ip6tables",),
)
def test_bridge_nf_call_ip6tables(facts: HostFacts, spec: Spec) -> None:
    """Bridged traffic passes ip6tables now; host.sysctl.bridge_nf_call_ip6tables says the same, and that it stays."""
    key = "net.bridge.bridge-nf-call-ip6tables"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement("host.preflight.Swap", key="host.swap", reads=(swap.ACTIVE,), needs=("host.swap",), severity="medium")
def test_swap(facts: HostFacts, spec: Spec) -> None:
    """No swap is in use now, unless the profile ignores it; host.swap says the same, and that it stays."""
    if spec.host.swap == "off":
        expect(*(Deviation("no swap", name, "/proc/swaps", "effective") for name in facts[swap.ACTIVE]))


@requirement(
    "host.preflight.Service-Kubelet",
    key="kube.kubelet.enabled",
    reads=(KUBELET,),
    needs=("kube.kubelet.service",),
    severity="medium",
)
def test_kubelet_service(facts: HostFacts, spec: Spec) -> None:
    """kubelet.service exists and is enabled; kube.kubelet.service says the same, and mends it."""
    unit = facts[KUBELET]
    where = "kubelet.service"
    expect(
        equal(unit.loaded, "loaded", where=where, layer="effective"),
        None if unit.starts_at_boot else Deviation("enabled", unit.enabled, where, "persistent"),
    )


def _minor(version: str) -> int:
    match = re.match(r"v?1\.(\d+)", version)
    if match is None:
        raise CouldNotLook(f"{version!r} is not a version of Kubernetes")
    return int(match[1])


@requirement("host.preflight.KubeletVersion", key="kube.version", reads=(PROGRAMS,), needs=("kube.packages.version",))
def test_kubelet_version(facts: HostFacts, spec: Spec) -> None:
    """kubelet is not newer than the cluster, and at most three minors older."""
    if found := facts[PROGRAMS].get("kubelet"):
        age = _minor(spec.kube.version) - _minor(found.version)
        if not 0 <= age <= _KUBELET_AGE:
            expected = f"{spec.kube.version}, or up to {_KUBELET_AGE} minors older"
            unmet(Deviation(expected, found.version, f"{found.path} --version", "effective"))


@requirement(
    "host.preflight.KubernetesVersion",
    key="kube.version",
    reads=(PROGRAMS,),
    needs=("kube.packages.version",),
    roles=_CONTROL_PLANE,
    severity="medium",
)
def test_kubernetes_version(facts: HostFacts, spec: Spec) -> None:
    """The cluster's version is not newer than the kubeadm that is to make it."""
    if (found := facts[PROGRAMS].get("kubeadm")) and _minor(spec.kube.version) > _minor(found.version):
        unmet(Deviation(f"{spec.kube.version} or newer", found.version, f"{found.path} version", "effective"))


@requirement(
    "host.preflight.ImagePull",
    key="kube.images.repository",
    reads=(images.PRESENT, IMAGES),
    needs=("kube.images.present",),
    severity="medium",
)
def test_image_pull(facts: HostFacts, spec: Spec) -> None:
    """kubeadm has nothing left to pull; kube.images.present says which image is missing, and brings it."""
    missing = [image for image in facts[IMAGES] or () if not images.usable(facts[images.PRESENT], image)]
    expect(*(Deviation("present", "absent", image, "effective") for image in missing))


@requirement(
    "host.preflight.CRI",
    key="host.preflight.cri_socket",
    reads=(preflight.CRI,),
    needs=("runtime.containerd.service",),
    severity="critical",
)
def test_cri(facts: HostFacts, spec: Spec) -> None:
    """The container runtime listens on the socket that kubelet will use."""
    expect(equal(facts[preflight.CRI], "listening", where=spec.host.preflight.cri_socket, layer="effective"))


@requirement(
    "host.preflight.Firewalld",
    key="host.preflight",
    reads=(preflight.FIREWALLD,),
    roles=_CONTROL_PLANE,
    severity="medium",
)
def test_firewalld(facts: HostFacts, spec: Spec) -> None:
    """No firewalld runs, for it closes the cluster's ports unless it is told of them."""
    ports = ", ".join(spec.host.preflight.ports)
    if facts[preflight.FIREWALLD].active == "active":
        hint = f"stop it, or open {ports} and waive this"
        unmet(Deviation("not active", "active", "firewalld.service", "effective", hint))


@requirement(
    "host.preflight.HTTPProxy", key="host.preflight", reads=(preflight.PROXY,), roles=_CONTROL_PLANE, severity="medium"
)
def test_proxy(facts: HostFacts, spec: Spec) -> None:
    """Connections to the node's own API server do not go by a proxy."""
    if (proxy := facts[preflight.PROXY]) and not proxy.passed_by:
        hint = "name the address in no_proxy"
        unmet(Deviation("direct", f"by {proxy.url}", f"https://{proxy.address}", "effective", hint))


def _tool(tool: str, severity: Severity) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        hint = f"package {spec.host.preflight.tools[tool]} has it"
        if tool not in facts[preflight.TOOLS]:
            unmet(Deviation("an executable", "none", f"{tool} on PATH", "effective", hint))

    check.__doc__ = f"{tool} is there for kubelet and kube-proxy to call."
    id, key = f"host.preflight.FileExisting-{tool}", f"host.preflight.tools.{tool}"
    return requirement(id, key=key, reads=(preflight.TOOLS,), severity=severity)(check)


def _port(port: str, roles: tuple[str, ...]) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        component, listener = spec.host.preflight.ports[port], facts[preflight.PORTS].get(int(port))
        if preflight.member(facts[preflight.FILES]) or listener is None:
            return
        if listener.name != component[:15]:  # the kernel keeps no more of a name
            unmet(Deviation(f"free for {component}", f"taken by {listener}", f"TCP port {port}", "effective"))

    check.__doc__ = f"TCP port {port} is free, or its own component has it."
    id, key = f"host.preflight.Port-{port}", f"host.preflight.ports.{port}"
    return requirement(id, key=key, reads=(preflight.PORTS, preflight.FILES), roles=roles)(check)


def _available(kind: str, path: str, roles: tuple[str, ...]) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        left = next((file for file in facts[preflight.FILES] if file == path or file.startswith(f"{path}/")), "")
        if left and not preflight.member(facts[preflight.FILES]):
            hint = "left over from another cluster? kubeadm reset removes it"
            unmet(Deviation("absent or empty", f"{left} is there", path, "effective", hint))

    check.__doc__ = f"Nothing is left in the place of {path}, unless the host is part of a cluster."
    id = f"host.preflight.{kind}Available-{path.replace('/', '-')}"
    return requirement(id, key="host.preflight", reads=(preflight.FILES,), roles=roles)(check)


# Each table makes requirements that differ in a name only. pytest finds them in the module, so they are put there.
# Of the tools, kubeadm has required the first seven in one release or another since 1.24, and has warned of the rest.
_TOOLS: dict[Severity, str] = {
    "high": "conntrack crictl ip iptables mount nsenter losetup",
    "low": "ebtables ethtool socat tc touch",
}
_PORTS = {"10250": _NODE} | dict.fromkeys(("6443", "10257", "10259", "2379", "2380"), _CONTROL_PLANE)
_PATHS = {
    f"{preflight.KUBERNETES}/kubelet.conf": _NODE,
    f"{preflight.KUBERNETES}/bootstrap-kubelet.conf": _NODE,
    f"{preflight.KUBERNETES}/pki/ca.crt": ("worker",),
    **{f"{preflight.KUBERNETES}/manifests/{name}.yaml": _CONTROL_PLANE for name in preflight.STATIC_PODS},
}
globals().update(
    {f"test_tool_{tool}": _tool(tool, severity) for severity, tools in _TOOLS.items() for tool in tools.split()}
    | {f"test_port_{port}": _port(port, roles) for port, roles in _PORTS.items()}
    | {f"test_file_{path}": _available("File", path, roles) for path, roles in _PATHS.items()}
    | {"test_directory_etcd": _available("Dir", preflight.ETCD, _CONTROL_PLANE)}
)
