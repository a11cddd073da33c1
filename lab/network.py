"""Addresses, and the lab's switch: a bridge in a network namespace of its own, with no route to anywhere else."""

from pathlib import Path

from lab.machine import LabUnavailable, run

NET = "10.77.0"
SERVICES = f"{NET}.254"
SERVED = ("mirror.lab", "registry.lab")
"""Where the lab serves packages and images to its hosts, and the names of that in their /etc/hosts."""
VIRTUAL = {f"{NET}.100": ("api.lab", "harbor.lab")}
"""Addresses that move between hosts, and their names."""
MANAGEMENT = ["nsenter", "--net=/run/netns/lab-mgmt"]
ROLES = {"cp": range(11, 31), "w": range(31, 71), "lb": range(71, 81), "reg": range(81, 91)}
NUMBER = {f"{role}{i + 1}": number for role, numbers in ROLES.items() for i, number in enumerate(numbers)}
"""Every possible host and what its address and MAC end in: fixed, so a host made anew meets no stale ARP entry."""


def address(name: str) -> str:
    """The address of a host."""
    if name not in NUMBER:
        raise LabUnavailable(f"no host can have the name {name}: there are cp1-20, w1-40, lb1-10, reg1-10")
    return f"{NET}.{NUMBER[name]}"


def namespaces() -> list[str]:
    """The lab's network namespaces, without the prefix that marks them."""
    return [entry.name.removeprefix("lab-") for entry in Path("/run/netns").glob("lab-*")]


def ip(namespace: str, commands: str) -> None:
    """Run lines of ip(8) commands in a namespace, made first if need be."""
    if namespace not in namespaces():
        run("ip", "netns", "add", f"lab-{namespace}")
    run("ip", "-n", f"lab-{namespace}", "-batch", "-", stdin=commands)


def plug(name: str, number: int) -> None:
    """Give a host its namespace and address, connected to the switch."""
    ip(name, "link set lo up")
    mac = f"02:77:00:00:00:{number:02x}"
    ip("sw", f"link add {name} type veth peer name eth0 address {mac} netns lab-{name}\nlink set {name} master br0 up")
    ip(name, f"addr add {NET}.{number}/24 dev eth0\nlink set eth0 up")


def route(name: str) -> None:
    """Give a host a default route, without which it cannot call a cluster's own addresses; it ends in the lab."""
    # of what a cloud has there, a kubelet would await the answer
    ip(name, f"route add default via {SERVICES}\nroute add unreachable 169.254.0.0/16")


def up() -> None:
    """Make the switch and the management side, from which tests and the repository speak to the hosts."""
    ip("sw", "link add br0 type bridge forward_delay 0\nlink set br0 up")
    # as a switch it must not filter what hosts say to each other
    run("nsenter", "--net=/run/netns/lab-sw", "sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
    plug("mgmt", 254)
    # it answers at once that there is no way to anywhere else
    run(*MANAGEMENT, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def remove(*names: str) -> None:
    """Remove namespaces that exist, and their ends on the switch, which would outlive them for a moment."""
    for name in set(names).intersection(namespaces()):
        run("sh", "-c", 'ip -n lab-sw link del "$0" 2>/dev/null; ip netns del "lab-$0"', name)
