"""Addresses, and the lab's switch: a bridge in its own network namespace, without a route to the outside."""

from pathlib import Path

from lab.machine import LabUnavailable, run

NET = "10.77.0"
SERVICES = f"{NET}.254"
SERVED = ("mirror.lab", "registry.lab")
"""The address that serves packages and images to hosts, and its names in their /etc/hosts."""
VIRTUAL = {f"{NET}.100": ("api.lab", "harbor.lab")}
"""Addresses that move between hosts, and their names."""
MANAGEMENT = ["nsenter", "--net=/run/netns/lab-mgmt"]
ROLES = {"cp": range(11, 31), "w": range(31, 71), "lb": range(71, 81), "reg": range(81, 91)}
NUMBER = {f"{role}{i + 1}": number for role, numbers in ROLES.items() for i, number in enumerate(numbers)}
"""Host to the last byte of address and MAC: fixed, so that a recreated host meets no stale ARP entry."""


def address(name: str) -> str:
    """Return the address of a host."""
    if name not in NUMBER:
        raise LabUnavailable(f"no host can have the name {name}: there are cp1-20, w1-40, lb1-10, reg1-10")
    return f"{NET}.{NUMBER[name]}"


def namespaces() -> list[str]:
    """Return the names of the lab's network namespaces, without their prefix."""
    return [entry.name.removeprefix("lab-") for entry in Path("/run/netns").glob("lab-*")]


def ip(namespace: str, commands: str) -> None:
    """Run lines of ip(8) commands in a namespace, which is made if necessary."""
    if namespace not in namespaces():
        run("ip", "netns", "add", f"lab-{namespace}")
    run("ip", "-n", f"lab-{namespace}", "-batch", "-", stdin=commands)


def plug(name: str, number: int) -> None:
    """Make a host's namespace with its address, and connect it to the switch."""
    ip(name, "link set lo up")
    mac = f"02:77:00:00:00:{number:02x}"
    ip("sw", f"link add {name} type veth peer name eth0 address {mac} netns lab-{name}\nlink set {name} master br0 up")
    ip(name, f"addr add {NET}.{number}/24 dev eth0\nlink set eth0 up")


def route(name: str) -> None:
    """Give a host a default route, which it needs for cluster addresses; it ends in the lab."""
    # a kubelet would wait for a cloud's metadata service there
    ip(name, f"route add default via {SERVICES}\nroute add unreachable 169.254.0.0/16")


def up() -> None:
    """Make the switch and the management interface, from which tests and services reach the hosts."""
    ip("sw", "link add br0 type bridge forward_delay 0\nlink set br0 up")
    # a switch must not filter the hosts' traffic
    run("nsenter", "--net=/run/netns/lab-sw", "sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables")
    plug("mgmt", 254)
    # other destinations fail at once
    run(*MANAGEMENT, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def remove(*names: str) -> None:
    """Remove the namespaces, and their ports on the switch, which would stay for a moment."""
    for name in set(names).intersection(namespaces()):
        run("sh", "-c", 'ip -n lab-sw link del "$0" 2>/dev/null; ip netns del "lab-$0"', name)
