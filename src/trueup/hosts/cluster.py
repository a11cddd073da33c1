"""All hosts of a run together, and the Kubernetes cluster that they form."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from trueup.connection.local import Process
from trueup.errors import CouldNotLook, Unreachable
from trueup.hosts.probing import ask, script, take, unframe
from trueup.kubeapi.connection import ApiConnection, Route
from trueup.model.catalog import Requirement
from trueup.model.fact import ApiFact, Fact, of_api, of_cluster
from trueup.model.snapshot import Raw, Snapshot, dated
from trueup.model.view import FleetFacts, HostFacts
from trueup.redact import redact

if TYPE_CHECKING:
    from trueup.hosts.host import Host
    from trueup.kubeapi.client import Api
    from trueup.profiles.schema import Spec

_ADMIN = "/etc/kubernetes/admin.conf"
ADMIN_CONF = Fact("cluster.admin_conf", f"[ ! -e {_ADMIN} ] || cat {_ADMIN}", str)  # not in a snapshot
_AT_ONCE = 8  # parallel requests to the API


class Cluster:
    """The subject of requirements across hosts: all hosts, and the API of their cluster.

    Args:
        kubeconfig: the operator's own; by default, the API is reached through a control-plane host.
        patience: seconds to wait for the API, restarts included.
    """

    id = "cluster"
    closed = ""  # see Host
    roles: frozenset[str] = frozenset()

    def __init__(self, hosts: Mapping[str, Host], spec: Spec, kubeconfig: str = "", patience: float = 60.0) -> None:
        self.hosts = hosts
        self.spec = spec
        self.facts = HostFacts(Snapshot(self.id))
        self.one_at_a_time = threading.RLock()  # held while only one host may change
        self._kubeconfig = kubeconfig
        self._patience = patience
        self._looking = threading.Lock()
        self._looked = 0.0
        self._connection = ApiConnection(kubeconfig, self._route, patience)
        self._seat: Host | None = None

    @property
    def control_planes(self) -> list[Host]:
        """Return the hosts with role ``control-plane``, in the order of the inventory."""
        return [host for host in self.hosts.values() if "control-plane" in host.roles]

    @property
    def present(self) -> bool:
        """Whether there is a cluster: a kubeconfig, or a host with role ``control-plane``."""
        return bool(self._kubeconfig or self.control_planes)

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the API."""
        return self._connection.open

    def members(self, requirement: Requirement) -> list[Host]:
        """Return the hosts that the requirement is judged on."""
        if not requirement.drill and all(map(of_api, requirement.reads)):
            return []
        return [host for host in self.hosts.values() if host.concerns(requirement)]

    def concerned(self, requirement: Requirement) -> bool:
        """Whether the requirement can be judged: it has hosts, or a cluster."""
        return bool(self.members(requirement)) or (self.present and any(map(of_api, requirement.reads)))

    def view(self, requirement: Requirement, blocked: Mapping[str, str] | None = None) -> FleetFacts:
        """Return the facts that the requirement may read; blocked and unreachable hosts are silent."""
        members = self.members(requirement)
        silent = dict(blocked or {}) | {h.id: problem for h in members if (problem := h.facts.snapshot.problem)}
        views = {host.id: host.view(requirement, self.facts) for host in members if host.id not in silent}
        roles = {host.id: host.roles for host in members}
        return FleetFacts(views, silent, self.facts.view(requirement.reads), roles)

    def forget(self, age: float = 0) -> None:
        """Forget all facts that are older than ``age`` seconds, after a change."""
        with self._looking:
            if time.monotonic() - self._looked >= age:
                self.facts = HostFacts(Snapshot(self.id))

    def knows(self, wanted: Iterable[Fact[Any]]) -> bool:
        """Whether all of these facts that belong to the cluster have an answer."""
        snapshot = self.facts.snapshot
        return bool(snapshot.problem) or all(fact.name in snapshot.raws for fact in wanted if of_cluster(fact))

    def gather(self, wanted: Iterable[Fact[Any]]) -> None:
        """Gather the missing facts once; without a connection to the API, record the reason."""
        with self._looking:
            self._looked, asked_at = time.monotonic(), time.time()
            known, problem = self.facts.snapshot.raws, self.facts.snapshot.problem
            missing = {f.name: f for f in wanted if of_cluster(f) and f.name not in known}
            found = self._see([fact for fact in missing.values() if not of_api(fact)])
            asked = [fact for fact in missing.values() if of_api(fact)]
            if asked and not problem:
                try:
                    found |= self._ask(asked)
                except CouldNotLook as error:
                    problem = redact(str(error))
            if missing:
                raws = known | dated(found, asked_at)
                self.facts = HostFacts(Snapshot(self.id, raws=raws, problem=problem))

    def _see(self, asked: list[Fact[Any]]) -> dict[str, Raw]:
        """Return the answers of the controller's probes."""
        if not asked:
            return {}
        text, nonce = script(asked, self.spec)
        try:
            done = Process(["sh"], self.id).run(text, self._patience)
        except CouldNotLook as error:
            return {fact.name: Raw(1, "", redact(str(error))) for fact in asked}
        return take(self.id, unframe(nonce, done.out, done.err), asked, self.spec).raws

    def _ask(self, asked: list[ApiFact[Any]]) -> dict[str, Raw]:
        """Return the answers of the API.

        Raises:
            CouldNotLook: no connection, or the API is not ready.
        """
        api = self.api()
        api.begin()
        if why := api.unready():
            raise CouldNotLook(f"the Kubernetes API is not ready: {why}")
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="api") as pool:
            raws = pool.map(lambda fact: _fetch(fact, api, self.spec), asked)
            return dict(zip((fact.name for fact in asked), raws, strict=True))

    def api(self) -> Api:
        """Return the connection to the API, opened at first use.

        Raises:
            CouldNotLook: no connection; names the hosts that were tried.
        """
        return self._connection.api()

    @property
    def missing(self) -> list[str]:
        """Return the hosts that did not come back after a reboot in this run."""
        return [host.id for host in self.hosts.values() if host.gone]

    def severed(self, host: str) -> None:
        """Reconnect to the API through another host, if the connection led through this one."""
        if self._seat and self._seat.id == host:
            self._connection.sever()

    def control_plane(self) -> Host:
        """Return the control-plane host from which the cluster is administered.

        Raises:
            CouldNotLook: none of the hosts is one.
        """
        if self._seat is None:
            self._route()
        assert self._seat
        return self._seat

    def close(self) -> None:
        """Close the connection, and remove its credentials."""
        self._connection.close()

    def _route(self) -> Route:
        """Return the route through the first control-plane host that has an admin kubeconfig, and remember the host.

        Raises:
            CouldNotLook: there is none.
        """
        said = {}
        for host in self.control_planes:
            try:
                if text := ask(host.transport, ADMIN_CONF, self._patience).strip():
                    self._seat = host
                    return Route(host.id, _ADMIN, text, host.transport.forward)
                said[host.id] = f"no {_ADMIN}"
            except (CouldNotLook, Unreachable) as error:
                said[host.id] = str(error)
        words = "; ".join(f"{id}: {why}" for id, why in said.items()) or "no host has the role control-plane"
        raise CouldNotLook(f"no way to the Kubernetes API: {words}; or give --kubeconfig=FILE")


def _fetch(fact: ApiFact[Any], api: Api, spec: Spec) -> Raw:
    try:
        # one key per line, as `redact` needs
        return Raw(0, redact(json.dumps(fact.fetch(api, spec), indent=0)))
    except CouldNotLook as error:
        return Raw(1, "", redact(str(error)))
    except Exception as error:  # noqa: BLE001 - an object of any shape must not end the run
        return Raw(1, "", redact(f"unreadable answer ({type(error).__name__}: {error})"))
