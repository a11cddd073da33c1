"""The facts that kubeadm's preflight checks use, read before kubeadm is installed."""

from __future__ import annotations

import ipaddress
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.facts.host import systemd
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

KUBERNETES = "/etc/kubernetes"
ETCD = "/var/lib/etcd"
STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
# A host with both files was initialised or joined. The first file alone can be a leftover, and admin.conf is often
# copied to other machines.
MEMBER = (f"{KUBERNETES}/kubelet.conf", "/var/lib/kubelet/config.yaml")
_FILES = (
    *MEMBER,
    f"{KUBERNETES}/bootstrap-kubelet.conf",
    f"{KUBERNETES}/pki/ca.crt",
    *(f"{KUBERNETES}/manifests/{name}.yaml" for name in STATIC_PODS),
)

USER = Fact("preflight.user", "id -u", int)
FIREWALLD = systemd.unit("firewalld.service")


@dataclass(frozen=True)
class Machine:
    """The CPUs and memory that a process on the host can use."""

    cpus: int
    memory: int  # MiB, which kubeadm calls MB


def parse_machine(text: str) -> Machine:
    """Return the machine from the number of CPUs and the total memory in KiB."""
    cpus, kib = text.split()
    return Machine(int(cpus), int(kib) // 1024)


# nproc counts what the process may run on, as Go's runtime.NumCPU does
MACHINE = Fact("preflight.machine", "nproc && awk '/^MemTotal:/ { print $2 }' /proc/meminfo", parse_machine)


# Files in a directory without search permission would look absent.
_PROBE_FILES = f"""
for path in {shlex.join(_FILES)} {ETCD}; do
  dir=${{path%/*}}
  if [ -d "$dir" ] && [ ! -x "$dir" ]; then echo "$dir: permission denied" >&2; exit 1; fi
done
for path in {shlex.join(_FILES)}; do [ ! -e "$path" ] || echo "$path"; done
if [ -d {ETCD} ]; then
  names=$(ls -A {ETCD}) || exit 1
  [ -z "$names" ] || printf '{ETCD}/%s\\n' "$names" | head -n 1
fi
"""


def parse_files(text: str) -> frozenset[str]:
    """Return the existing paths, and one path of a file in etcd's directory."""
    paths = frozenset(text.splitlines())
    if strange := [path for path in paths if not path.startswith("/")]:
        raise ValueError(f"not a path: {strange[0]!r}")
    return paths


FILES = Fact("preflight.files", _PROBE_FILES, parse_files)


@dataclass(frozen=True)
class Listener:
    """The process that listens on a port; empty fields if the user may not see it."""

    name: str
    pid: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})" if self.pid else "a process that cannot be seen"


# The list of sockets comes from the kernel, so that no tool is needed; processes are searched only for taken ports.
def _probe_ports(spec: Spec) -> str:
    wanted = " ".join(f"{int(port):04X}" for port in spec.host.preflight.ports)
    return f"""
tables=/proc/net/tcp; [ ! -e /proc/net/tcp6 ] || tables="$tables /proc/net/tcp6"
taken=$(awk -v wanted=' {wanted} ' '
  $4 == "0A" {{ split($2, at, ":"); if (index(wanted, " " at[2] " ")) print at[2], $10 }}' $tables) || exit
[ -n "$taken" ] || exit 0
echo "$taken" | while read -r port inode; do
  pid=$(ls -l /proc/[0-9]*/fd 2>/dev/null | awk -v socket="socket:[$inode]" '
    /^\\/proc\\// {{ split($1, at, "/") }}
    $NF == socket {{ print at[3]; exit }}')
  printf '%s\\t%s\\t%s\\n' "$port" "$pid" "$([ -z "$pid" ] || cat "/proc/$pid/comm")"
done
"""


def parse_ports(text: str) -> dict[int, Listener]:
    """Return port to listener, from rows of port in hexadecimal, process and name."""
    found = {}
    for row in text.splitlines():
        port, pid, name = row.split("\t")
        found[int(port, 16)] = Listener(name, pid)
    return found


PORTS = Fact("preflight.ports", _probe_ports, parse_ports)


def _probe_tools(spec: Spec) -> str:
    return f'for tool in {shlex.join(spec.host.preflight.tools)}; do command -v "$tool" || :; done'


def parse_tools(text: str) -> dict[str, str]:
    """Return tool to path."""
    return {line.rpartition("/")[2]: line for line in text.splitlines()}


TOOLS = Fact("preflight.tools", _probe_tools, parse_tools)


@dataclass(frozen=True)
class Hostname:
    """The future name of the node, and the address that it resolves to."""

    name: str
    address: str  # empty if it does not resolve


_PROBE_HOSTNAME = """
name=$(cat /proc/sys/kernel/hostname) || exit
answer=$(getent ahosts "$name"); rc=$?
[ $rc = 0 ] || [ $rc = 2 ] || exit $rc
printf '%s\\t%s\\n' "$name" "${answer%%[[:space:]]*}"
"""


def parse_hostname(text: str) -> Hostname:
    """Return the name and its address from one row."""
    name, address = text.strip("\n").split("\t")
    return Hostname(name, address)


HOSTNAME = Fact("preflight.hostname", _PROBE_HOSTNAME, parse_hostname)


@dataclass(frozen=True)
class Kernel:
    """The properties of the running kernel that containers depend on."""

    release: str
    options: frozenset[str]  # built in or as a module, without CONFIG_
    cgroups: frozenset[str]  # controllers


# The same files as kubeadm, in its order. kubeadm would also load the module `configs`; a probe changes nothing.
def _probe_kernel(spec: Spec) -> str:
    options = "|".join(spec.host.preflight.kernel_config)
    return f"""
release=$(uname -r)
for file in /proc/config.gz "/boot/config-$release" "/usr/src/linux-$release/.config" /usr/src/linux/.config \\
  "/usr/lib/modules/$release/config" "/usr/lib/ostree-boot/config-$release" "/usr/lib/kernel/config-$release" \\
  "/usr/src/linux-headers-$release/.config" "/lib/modules/$release/build/.config"; do [ ! -e "$file" ] || break; done
case $file in *.gz) config=$(zcat "$file");; *) config=$(cat "$file");; esac || exit
echo "$release"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then cat /sys/fs/cgroup/cgroup.controllers
else echo $(awk '$4 == 1 {{ print $1 }}' /proc/cgroups); fi
printf '%s\\n' "$config" | grep -E {shlex.quote(f"^CONFIG_({options})=[ym]")} || [ $? = 1 ]
"""


def parse_kernel(text: str) -> Kernel:
    """Return the kernel from its release, a line of cgroup controllers and lines of its configuration."""
    release, controllers, *options = text.splitlines()
    names = (line.partition("=")[0].removeprefix("CONFIG_") for line in options)
    return Kernel(release, frozenset(names), frozenset(controllers.split()))


KERNEL = Fact("preflight.kernel", _probe_kernel, parse_kernel)


def _probe_cri(spec: Spec) -> str:
    return f"""
socket={shlex.quote(spec.host.preflight.cri_socket)}
socket=$(readlink -f "$socket" || echo "$socket")
if [ ! -S "$socket" ]; then echo absent
elif awk -v socket="$socket" '$4 == "00010000" && $8 == socket {{ found = 1 }} END {{ exit !found }}' /proc/net/unix
then echo listening
else echo abandoned; fi
"""


def parse_cri(text: str) -> str:
    """Return the state of the runtime's socket: ``listening``, ``absent``, or ``abandoned`` (nobody listens)."""
    if (state := text.strip()) not in ("listening", "absent", "abandoned"):
        raise ValueError(f"unknown state {state!r}")
    return state


CRI = Fact("preflight.cri", _probe_cri, parse_cri)


@dataclass(frozen=True)
class Proxy:
    """The session's proxy for HTTPS, and the address that this node's API server would get."""

    url: str
    exempt: str
    address: str

    @property
    def passed_by(self) -> bool:
        """Return whether a connection to the address bypasses the proxy, by the rules of Go's net/http."""
        return any(_covers(entry.strip(), self.address) for entry in self.exempt.split(","))


def _covers(entry: str, address: str) -> bool:
    try:
        return entry == "*" or ipaddress.ip_address(address) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # a domain
        return False


# kubeadm uses the source address of the default route; the upper-case variable wins, as in Go
_PROBE_PROXY = """
proxy=${HTTPS_PROXY:-${https_proxy:-}}
[ -n "$proxy" ] || exit 0
address=$(ip -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \\([^ ]*\\).*/\\1/p')
[ -n "$address" ] || address=$(ip -o -4 addr show scope global | awk 'NR == 1 { sub("/.*", "", $4); print $4 }')
[ -n "$address" ] || { echo 'no address of this host' >&2; exit 1; }
printf '%s\\n' "${proxy##*@}" "${NO_PROXY:-${no_proxy:-}}" "$address"
"""


def parse_proxy(text: str) -> Proxy | None:
    """Return the proxy from lines of URL, exemptions and address, or ``None``."""
    if not text.strip():
        return None
    url, exempt, address = text.splitlines()
    return Proxy(url, exempt, str(ipaddress.ip_address(address)))


PROXY = Fact("preflight.proxy", _PROBE_PROXY, parse_proxy)


def member(files: frozenset[str]) -> bool:
    """Return whether the host is part of a cluster."""
    return files.issuperset(MEMBER)


def initialised(files: frozenset[str]) -> bool:
    """Return whether the host has a control plane."""
    return member(files) and f"{KUBERNETES}/manifests/kube-apiserver.yaml" in files
