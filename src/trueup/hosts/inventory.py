"""Turns ``--hosts`` into hosts: testinfra host specs, ``@file`` and Ansible inventories."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH, check_ssh_config
from trueup.connection.sudo import Password, sudo_shell
from trueup.connection.testinfra import Testinfra
from trueup.connection.transport import Transport
from trueup.errors import UsageError, nearest
from trueup.redact import HIDDEN

_COMMON = {"sudo", "sudo_user"}
_KEYS = {
    "ssh": _COMMON | {"ssh_config", "ssh_identity_file", "timeout"},
    "local": _COMMON,
    "kubectl": _COMMON | {"namespace", "container", "kubeconfig", "context"},
    "openshift": _COMMON | {"namespace", "container", "kubeconfig"},
    "ansible": _COMMON | {"ansible_inventory"},
    "winrm": _COMMON | {"no_ssl", "no_verify_ssl", "read_timeout_sec", "operation_timeout_sec"},
    "paramiko": _COMMON | {"ssh_config", "ssh_identity_file", "timeout"},
}
_TOGETHER = "cluster"
_DEFAULT_CONNECT = 10  # seconds
_ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")  # notice a lost connection


@dataclass(frozen=True)
class Connection:
    """The connection options of all hosts, unless a host's spec overrides them."""

    ssh_config: str | None = None
    ssh_identity_file: str | None = None
    ssh_extra_args: str | None = None
    sudo: bool = False
    sudo_user: str | None = None
    ansible_inventory: str | None = None
    password: Password | None = None  # sudo's


@dataclass(frozen=True)
class Target:
    """One host of the inventory: its id, and how to connect."""

    id: str
    spec: str
    scheme: str
    address: str
    query: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @property
    def testinfra(self) -> str:
        """The host spec for pytest-testinfra, with ``ssh://``, because a bare name would mean paramiko."""
        return f"ssh://{self.address}" if self.scheme == "ssh" and "://" not in self.spec else self.spec

    def becomes(self, options: Connection) -> bool:
        """Whether sudo is asked for on this host."""
        return options.sudo or self.query.get("sudo", "").lower() == "true"

    def connect(self, options: Connection, *, shared: bool) -> Transport:
        """Return the transport to this host; ``shared`` keeps one connection open for all scripts."""
        sudo = self.becomes(options)
        password = options.password if sudo else None
        shell = sudo_shell(self.query.get("sudo_user", options.sudo_user), password) if sudo else ["sh"]
        if self.scheme == "local":
            return Process(shell, self.id, password=password)
        if self.scheme != "ssh":
            return Testinfra(self.spec, {"sudo": sudo, "sudo_user": options.sudo_user})
        url = urllib.parse.urlsplit(f"//{self.address}")
        target = ["-o", f"ConnectTimeout={int(self.query.get('timeout', _DEFAULT_CONNECT))}"]
        for flag, value in (
            ("-F", self.query.get("ssh_config", options.ssh_config)),
            ("-i", self.query.get("ssh_identity_file", options.ssh_identity_file)),
            ("-p", url.port and str(url.port)),
            ("-l", url.username),
        ):
            target += [flag, value] if value else []
        target += [*(options.ssh_extra_args or "").split(), *_ALIVE, "--", _bare(self.address)]
        return OpenSSH(shell, self.id, password=password, target=target, shared=shared)


def read(hosts: str | None, options: Connection) -> list[Target]:
    """Return the hosts sorted by id, so that all processes of a run have the same order.

    Raises:
        UsageError: empty or malformed; says which part and the nearest fix.
    """
    if hosts is None and options.ansible_inventory:
        hosts = "ansible://all"
    if hosts is None or not hosts.replace(",", " ").strip():
        raise UsageError("--hosts is empty: name hosts (--hosts=node1,ssh://root@node2:2222), a file (--hosts=@FILE) "
                         "or this machine (--hosts=local://)")  # fmt: skip
    if options.ssh_config:
        check_ssh_config(options.ssh_config)
    found: dict[str, Target] = {}
    for spec, where in _specs(hosts):
        for target in _ansible(spec, where, options) if spec.startswith("ansible://") else [parse(spec, where)]:
            if found.setdefault(target.id, target).spec != target.spec:
                other = found[target.id].spec
                raise UsageError(f"{where}: {target.spec!r} and {other!r} have the same name {target.id!r}")
    if _TOGETHER in found:
        raise UsageError(f"--hosts: no host may be called {_TOGETHER!r}: results across hosts have this name")
    return [found[id] for id in sorted(found)]


def _specs(hosts: str) -> Iterator[tuple[str, str]]:
    for part in filter(None, (part.strip() for part in hosts.split(","))):
        if not part.startswith("@"):
            yield part, f"--hosts={part}"
            continue
        path = Path(part[1:])
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--hosts={part}: cannot read the file ({error})") from None
        specs = [(text, n) for n, line in enumerate(lines, 1) if (text := line.partition("#")[0].strip())]
        if not specs:
            raise UsageError(f"--hosts={part}: the file names no host (one per line, # comments)")
        yield from ((text, f"{path}:{n}") for text, n in specs)


def parse(spec: str, where: str) -> Target:
    """Return the host of one spec: ``[SCHEME://][user@]name[:port][?key=value]``, by default ``ssh://``.

    Raises:
        UsageError: unknown scheme or query key, a password in the spec, a malformed address.
    """
    scheme, address, text = _split(spec, where)
    query = _query(scheme, text, where)
    if scheme == "local":
        return Target("local", spec, scheme, "", query)
    _refuse_password(address, where)
    return Target(_id(address, where), spec, scheme, address, query)


def _split(spec: str, where: str) -> tuple[str, str, str]:
    """Return a spec's scheme, address and query."""
    from testinfra.backend import BACKENDS  # slow to load

    if spec.startswith("@"):
        raise UsageError(f"{where}: {spec!r} is not a host: a file names hosts, not files")
    if "://" not in spec:
        if "?" in spec:
            raise UsageError(f"{where}: {spec!r} is not a host: write ssh://{spec}")
        return "ssh", spec, ""
    scheme, _, rest = spec.partition("://")
    address, _, query = rest.partition("?")
    scheme = "ssh" if scheme == "safe-ssh" else scheme
    if scheme not in BACKENDS:
        raise UsageError(f"{where}: unknown connection {scheme!r}{nearest(scheme, BACKENDS)}")
    return scheme, address.rstrip("/"), query


def _query(scheme: str, text: str, where: str) -> dict[str, str]:
    """Return the query keys of a spec; unknown ones are an error, because testinfra ignores them."""
    found, known = dict(urllib.parse.parse_qsl(text, keep_blank_values=True)), _KEYS.get(scheme, _COMMON)
    if unknown := sorted(set(found) - known):
        hint = nearest(unknown[0], known) or f"; known here: {', '.join(sorted(known))}"
        raise UsageError(f"{where}: unknown key {unknown[0]!r} in the host spec{hint}")
    if not found.get("timeout", "1").isdigit():
        raise UsageError(f"{where}: timeout is in whole seconds, found {found['timeout']!r}")
    return found


def _refuse_password(address: str, where: str) -> None:
    _, colon, password = address.rpartition("@")[0].partition(":")
    if colon:
        where = where.replace(f":{password}@", f":{HIDDEN}@")
        raise UsageError(f"{where}: a password in a host spec ends up in logs and process lists: use a key or an agent")


def _id(address: str, where: str) -> str:
    """Return the id of the host at an address."""
    try:
        port, name = urllib.parse.urlsplit(f"//{address}").port, _bare(address)
    except ValueError as error:
        raise UsageError(f"{where}: {error}") from None
    if not name or name.startswith("-") or any(c.isspace() for c in address):
        raise UsageError(f"{where}: {address!r} is not a host name or address")
    return f"{name}:{port}" if port else name


def _bare(address: str) -> str:
    """Return the name or IP address, without user, port and brackets."""
    if "[" in address:
        return urllib.parse.urlsplit(f"//{address}").hostname or ""
    return address.rpartition("@")[2].split(":")[0]


def _ansible(spec: str, where: str, options: Connection) -> list[Target]:
    """Read the inventory with ansible-inventory; connect with our own ssh, which is faster than Ansible's."""
    wanted = parse(spec if spec != "ansible://" else "ansible://all", where)
    inventory = wanted.query.get("ansible_inventory", options.ansible_inventory)
    command = ["ansible-inventory", "--list", *(["-i", inventory] if inventory else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        listing: dict[str, Any] = json.loads(done.stdout)
    except FileNotFoundError:
        raise UsageError(f"{where}: ansible-inventory is not installed: pip install ansible-core") from None
    except subprocess.CalledProcessError as error:
        raise UsageError(f"{where}: {' '.join(error.stderr.split())}") from None
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise UsageError(f"{where}: ansible-inventory gave no usable answer ({error})") from None
    variables = listing.get("_meta", {}).get("hostvars", {})
    groups: dict[str, list[str]] = {}
    for group in listing:
        for host in _members(listing, group):
            groups.setdefault(host, []).append(group)
    hosts = [host for host in groups if wanted.address in ("all", host, *groups[host])]
    if not hosts:
        known = {group for names in groups.values() for group in names} | set(groups)
        raise UsageError(
            f"{where}: the inventory has no host or group {wanted.address!r}{nearest(wanted.address, known)}"
        )
    return [_from_ansible(host, variables.get(host, {}), tuple(groups[host])) for host in hosts]


def _members(listing: dict[str, Any], group: str) -> set[str]:
    entry = listing.get(group, {})
    return set(entry.get("hosts", [])).union(*(_members(listing, child) for child in entry.get("children", [])))


def _from_ansible(host: str, variables: dict[str, Any], groups: tuple[str, ...]) -> Target:
    if variables.get("ansible_connection") == "local":
        return Target(host, host, "local", "", groups=groups)
    address = str(variables.get("ansible_host", host))
    if user := variables.get("ansible_user"):
        address = f"{user}@{address}"
    if port := variables.get("ansible_port"):
        address = f"{address}:{port}"
    query = {"sudo": "true"} if variables.get("ansible_become") else {}
    if key := variables.get("ansible_ssh_private_key_file"):
        query["ssh_identity_file"] = str(key)
    return Target(host, f"ssh://{address}", "ssh", address, query, groups)
