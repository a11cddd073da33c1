"""Section 1 of the catalogue: kubeadm's preflight checks, under kubeadm's own names.

The names are those of kubernetes' cmd/kubeadm/app/preflight/checks.go. Checks that kubeadm only warns of have medium or
low severity. On a member of a cluster its ports, manifests and etcd's directory are in use, and pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trueup import CouldNotLook, Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.facts.host import swap
from trueup.facts.host.kernel import SYSCTL, proc_path
from trueup.facts.kube import preflight
from trueup.facts.kube.kubeadm import IMAGES
from trueup.facts.kube.kubelet import KUBELET, PROGRAMS
from trueup.facts.runtime import images

if TYPE_CHECKING:
    from trueup.model.catalog import Check, Severity

_NODE = ("node",)
_KUBELET_AGE = 3  # minors: the version skew policy since 1.28
_CONTROL_PLANE = ("control-plane",)
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


@requirement("host.preflight.IsPrivilegedUser", key="host.preflight", reads=(preflight.USER,))
def test_privileged_user(facts: HostFacts, spec: Spec) -> None:
    """trueup works as root on the host.

    kubeadm runs as root only; without root most facts cannot be read and nothing can be changed.
    """
    expect(equal(facts[preflight.USER], 0, where="user id", layer="effective", hint="log in as root, or use --sudo"))


@requirement("host.preflight.NumCPU", key="host.preflight.cpus", reads=(preflight.MACHINE,), roles=_CONTROL_PLANE)
def test_cpus(facts: HostFacts, spec: Spec) -> None:
    """A control-plane host has at least the profile's number of CPUs.

    kubeadm stops below 2: the API server, etcd and kubelet would wait for each other.
    """
    found, wanted = facts[preflight.MACHINE].cpus, spec.host.preflight.cpus
    if found < wanted:
        unmet(Deviation(f"at least {wanted}", str(found), "CPUs that a process may use", "effective"))


@requirement("host.preflight.Mem", key="host.preflight.memory", reads=(preflight.MACHINE,), roles=_CONTROL_PLANE)
def test_memory(facts: HostFacts, spec: Spec) -> None:
    """A control-plane host has at least the profile's memory.

    kubeadm stops below 1700 MB: the kernel would end etcd or the API server for lack of memory.
    """
    found, wanted = facts[preflight.MACHINE].memory, spec.host.preflight.memory
    if found < wanted:
        unmet(Deviation(f"at least {wanted} MB", f"{found} MB", "/proc/meminfo", "effective"))


@requirement("host.preflight.Hostname", key="host.preflight", reads=(preflight.HOSTNAME,), severity="medium")
def test_hostname(facts: HostFacts, spec: Spec) -> None:
    """The hostname is a DNS name in lower case, and resolves.

    The hostname becomes the node's name, which must be a DNS subdomain (RFC 1123); kubeadm warns where it does not
    resolve.
    """
    name, address = facts[preflight.HOSTNAME].name, facts[preflight.HOSTNAME].address
    valid = _DNS_NAME.fullmatch(name)
    expect(
        None if valid else Deviation("a DNS name in lower case", repr(name), "hostname", "effective"),
        None if address else Deviation("an address", "does not resolve", f"getent ahosts {name}", "effective"),
    )


@requirement("host.preflight.SystemVerification", key="host.preflight.kernel_config", reads=(preflight.KERNEL,))
def test_kernel(facts: HostFacts, spec: Spec) -> None:
    """The kernel is a supported release, with the options and cgroup controllers that containers need.

    kubeadm stops where one is missing (kubernetes/system-validators): kubelet, containerd or kube-proxy would fail
    later.
    """
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
    """IPv4 forwarding is on now.

    kubeadm stops without it. host.sysctl.ip_forward judges the same and the value after a reboot, and has the remedy.
    """
    key = "net.ipv4.ip_forward"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement(
    "host.preflight.FileContent--proc-sys-net-bridge-bridge-nf-call-iptables",
    key="host.sysctl.net.bridge.bridge-nf-call-iptables",
    reads=(SYSCTL,),
    needs=("host.sysctl.bridge_nf_call_iptables",),
)
def test_bridge_nf_call_iptables(facts: HostFacts, spec: Spec) -> None:
    """Bridged IPv4 traffic passes iptables now.

    kubeadm up to 1.29 stops without it. host.sysctl.bridge_nf_call_iptables judges the same and the value after a
    reboot, and has the remedy.
    """
    key = "net.bridge.bridge-nf-call-iptables"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement(
    "host.preflight.FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables",
    key="host.sysctl.net.bridge.bridge-nf-call-ip6tables",
    reads=(SYSCTL,),
    needs=("host.sysctl.bridge_nf_call_ip6tables",),
)
def test_bridge_nf_call_ip6tables(facts: HostFacts, spec: Spec) -> None:
    """Bridged IPv6 traffic passes ip6tables now.

    kubeadm up to 1.29 stops without it on IPv6. host.sysctl.bridge_nf_call_ip6tables judges the same and the value
    after a reboot, and has the remedy.
    """
    key = "net.bridge.bridge-nf-call-ip6tables"
    expect(equal(facts[SYSCTL].get(key), spec.host.sysctl[key], where=proc_path(key), layer="effective"))


@requirement("host.preflight.Swap", key="host.swap", reads=(swap.ACTIVE,), needs=("host.swap",), severity="medium")
def test_swap(facts: HostFacts, spec: Spec) -> None:
    """No swap is in use now, unless the profile ignores swap.

    kubeadm warns of swap. host.swap judges the same and the state after a reboot, and has the remedy.
    """
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
    """kubelet.service exists and is enabled.

    kubeadm warns otherwise. kube.kubelet.service judges the same, and has the remedy.
    """
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
    """kubelet is not newer than the cluster, and at most three minor versions older.

    kubeadm stops outside of this range, which Kubernetes supports (kubernetes.io/releases/version-skew-policy).
    """
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
    """The cluster's version is not newer than kubeadm.

    kubeadm does not know the images and settings of later versions, and warns.
    """
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
    """No image is left for kubeadm to pull.

    A pull during `kubeadm init` or `join` can fail halfway. kube.images.present names the missing images, and has the
    remedy.
    """
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
    """The container runtime listens on the socket that kubelet will use.

    kubeadm and kubelet reach the runtime by this socket only.
    """
    expect(equal(facts[preflight.CRI], "listening", where=spec.host.preflight.cri_socket, layer="effective"))


@requirement(
    "host.preflight.Firewalld",
    key="host.preflight",
    reads=(preflight.FIREWALLD,),
    roles=_CONTROL_PLANE,
    severity="medium",
)
def test_firewalld(facts: HostFacts, spec: Spec) -> None:
    """firewalld does not run.

    It closes the cluster's ports unless each is opened in it; kubeadm warns of it.
    """
    ports = ", ".join(spec.host.preflight.ports)
    if facts[preflight.FIREWALLD].active == "active":
        hint = f"stop it, or open {ports} and waive this requirement"
        unmet(Deviation("not active", "active", "firewalld.service", "effective", hint))


@requirement(
    "host.preflight.HTTPProxy", key="host.preflight", reads=(preflight.PROXY,), roles=_CONTROL_PLANE, severity="medium"
)
def test_proxy(facts: HostFacts, spec: Spec) -> None:
    """Connections to the host's own API server bypass the HTTP proxy.

    A proxy that cannot reach the API server makes kubeadm and kubectl time out; kubeadm warns of it.
    """
    if (proxy := facts[preflight.PROXY]) and not proxy.passed_by:
        hint = "name the address in no_proxy"
        unmet(Deviation("direct", f"through {proxy.url}", f"https://{proxy.address}", "effective", hint))


_WITHOUT: dict[Severity, str] = {
    "high": "Without it kubeadm stops, in some releases since 1.24.",
    "low": "Without it kubeadm warns, in some releases since 1.24.",
}
_TAKEN = "Another program on the port keeps the component from starting, and kubeadm stops."
_LEFT = "kubeadm stops at files of an earlier cluster: their certificates and data do not fit the new one."


def _tool(tool: str, severity: Severity) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        hint = f"package {spec.host.preflight.tools[tool]} has it"
        if tool not in facts[preflight.TOOLS]:
            unmet(Deviation("an executable", "none", f"{tool} on PATH", "effective", hint))

    check.__doc__ = f"The program {tool} is on PATH.\n\nkubelet, kube-proxy or kubeadm calls it. {_WITHOUT[severity]}"
    id, key = f"host.preflight.FileExisting-{tool}", f"host.preflight.tools.{tool}"
    return requirement(id, key=key, reads=(preflight.TOOLS,), severity=severity)(check)


def _port(port: str, roles: tuple[str, ...]) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        component, listener = spec.host.preflight.ports[port], facts[preflight.PORTS].get(int(port))
        if preflight.member(facts[preflight.FILES]) or listener is None:
            return
        if listener.name != component[:15]:  # the kernel keeps 15 characters of a process's name
            unmet(Deviation(f"free for {component}", f"taken by {listener}", f"TCP port {port}", "effective"))

    check.__doc__ = f"TCP port {port} is free, or its own component uses it.\n\n{_TAKEN}"
    id, key = f"host.preflight.Port-{port}", f"host.preflight.ports.{port}"
    return requirement(id, key=key, reads=(preflight.PORTS, preflight.FILES), roles=roles)(check)


def _available(kind: str, path: str, roles: tuple[str, ...]) -> Check:
    def check(facts: HostFacts, spec: Spec) -> None:
        left = next((file for file in facts[preflight.FILES] if file == path or file.startswith(f"{path}/")), "")
        if left and not preflight.member(facts[preflight.FILES]):
            hint = "probably left by an earlier cluster: `kubeadm reset` removes it"
            unmet(Deviation("absent or empty", f"{left} is there", path, "effective", hint))

    check.__doc__ = f"{path} is absent or empty, unless the host is part of a cluster.\n\n{_LEFT}"
    id = f"host.preflight.{kind}Available-{path.replace('/', '-')}"
    return requirement(id, key="host.preflight", reads=(preflight.FILES,), roles=roles)(check)


# Each row of a table is a requirement. pytest collects names of the module, so each is added to it.
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
