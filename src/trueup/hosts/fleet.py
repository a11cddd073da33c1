"""The fleet: all hosts of a run, and how their facts are gathered in parallel."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from trueup.errors import CouldNotLook
from trueup.hosts.cluster import Cluster
from trueup.hosts.host import Host
from trueup.hosts.inventory import Connection, Target
from trueup.model.fact import Fact, Peer, PeerFact, of_api, of_peers
from trueup.model.profile import LoadedProfile
from trueup.model.snapshot import Snapshot
from trueup.model.view import HostFacts

T = TypeVar("T")
Progress = Callable[[int, int, int], None]  # hosts done, hosts in all, hosts unreachable


class Fleet:
    """All hosts of the run, by id."""

    def __init__(
        self,
        targets: Iterable[Target],
        profile: LoadedProfile,
        options: Connection,
        *,
        shared: bool = False,
        timeout: float = 60.0,
        forks: int = 32,
        kubeconfig: str = "",
    ) -> None:
        self.forks = forks
        self.hosts = {
            t.id: Host(t, profile.spec(t.id, t.groups), profile.roles(t.id, t.groups), options, shared, timeout)
            for t in targets
        }
        self.cluster = Cluster(self.hosts, profile.spec(""), kubeconfig, timeout)

    def gather(self, wanted: Mapping[str, Iterable[Fact[Any]]], progress: Progress | None = None) -> None:
        """Gather facts of the hosts, ``forks`` at a time, then their peer facts, then those of the cluster, which may
        be reached through a host."""
        asked = [fact for facts in wanted.values() for fact in facts]
        if any(map(of_api, asked)):
            for host in self.cluster.control_planes:
                host.shared = True  # one login for all scripts
        wanted = {id: facts for id, facts in wanted.items() if id != self.cluster.id}
        with ThreadPoolExecutor(self.forks, thread_name_prefix="gather") as pool:
            looks = {pool.submit(self.hosts[id].gather, list(facts)): self.hosts[id] for id, facts in wanted.items()}
            gone = 0
            for done, look in enumerate(as_completed(looks), 1):
                look.result()
                gone += looks[look].facts.snapshot.unreachable
                if progress:
                    progress(done, len(looks), gone)
            around = {
                id: [self._among(self.hosts[id], f) for f in facts if of_peers(f)] for id, facts in wanted.items()
            }
            list(pool.map(lambda id: self.hosts[id].gather(around[id]), around))
        self.cluster.gather(asked)

    def _among(self, host: Host, asked: PeerFact[T]) -> Fact[T]:
        """Return a peer fact for one host, about the other hosts that are known."""
        peers = {}
        for id, each in self.hosts.items():
            with suppress(CouldNotLook):  # the result of that host says why
                peers[id] = Peer(each.roles, each.spec, each.facts[asked.first])
        own = peers.pop(host.id, None)
        return asked.among(own, peers) if own else Fact(asked.name, asked.probe(None), asked.parse)

    def save(self, directory: Path) -> None:
        """Write every host's snapshot into a private directory."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        everyone: list[Host | Cluster] = [*self.hosts.values(), self.cluster]
        for each in everyone:
            each.facts.snapshot.save(_file(directory, each.id))

    def load(self, id: str, directory: Path) -> None:
        """Read the saved snapshot of a host or the cluster, unless it is known."""
        each = self.cluster if id == self.cluster.id else self.hosts[id]
        if each.facts.snapshot.blank:
            each.facts = HostFacts(Snapshot.load(_file(directory, id)))

    def close(self) -> None:
        """Close all connections."""
        self.cluster.close()
        open_ones = [host.transport for host in self.hosts.values() if "transport" in vars(host)]
        with ThreadPoolExecutor(self.forks) as pool:
            list(pool.map(lambda transport: transport.close(), open_ones))


def _file(directory: Path, host: str) -> Path:
    return directory / f"{urllib.parse.quote(host, safe='')}.json"
