"""Views: the facts of hosts that a check reads, typed, parsed once, limited to those it declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from trueup.errors import CouldNotLook
from trueup.model.fact import ApiFact, Drill, Fact, of_cluster
from trueup.model.snapshot import Raw, Snapshot

T = TypeVar("T")


class HostFacts:
    """The facts of one host for a check: ``facts[SYSCTL]`` is typed, parsed once and recorded as read.

    Args:
        snapshot: where the answers come from.
        allowed: the facts that may be read; by default all.
        cluster: the facts of the host's cluster, unless this is the cluster itself.
    """

    def __init__(
        self, snapshot: Snapshot, allowed: Iterable[Fact[Any]] | None = None, cluster: HostFacts | None = None
    ) -> None:
        self.snapshot = snapshot
        self.read: dict[str, Raw] = {}
        self.cluster = cluster
        self._allowed = None if allowed is None else {fact.name for fact in allowed}
        self._parsed: dict[str, Any] = {}

    def view(self, allowed: Iterable[Fact[Any]], cluster: HostFacts | None = None) -> HostFacts:
        """Return the same facts, limited to those that a requirement declared, with an own record of reads."""
        limited = HostFacts(self.snapshot, allowed, cluster)
        limited._parsed = self._parsed
        return limited

    def __getitem__(self, fact: Fact[T]) -> T:
        """Return the parsed fact.

        Raises:
            CouldNotLook: the probe failed, was not sent, or its answer is unreadable.
            TypeError: the requirement did not declare that it reads this fact.
        """
        if self._allowed is not None and fact.name not in self._allowed:
            raise TypeError(f"{fact.name} is read but not declared: add it to reads=(…) of the requirement")
        if self.cluster and of_cluster(fact):
            value: T = self.cluster[fact]
            self.read[fact.name] = self.cluster.read[fact.name]
            return value
        if (raw := self.snapshot.raws.get(fact.name)) is None:
            raise CouldNotLook(self.snapshot.problem or f"{fact.name}: not in the snapshot of {self.snapshot.taken}")
        self.read[fact.name] = raw
        if fact.name not in self._parsed:
            self._parsed[fact.name] = _parse(fact, raw)
        value = self._parsed[fact.name]
        return value  # noqa: RET504 - mypy would infer Any


class FleetFacts:
    """The facts of several hosts and of their cluster, for a check across hosts.

    Args:
        hosts: host to its facts, limited to those the requirement declared.
        silent: host to the reason why it has none.
        cluster: the facts of the cluster, limited likewise.
        roles: host to its roles.
    """

    def __init__(
        self,
        hosts: Mapping[str, HostFacts],
        silent: Mapping[str, str],
        cluster: HostFacts | None = None,
        roles: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.silent = dict(silent)
        self._hosts = hosts
        self._roles = roles or {}
        self._cluster = cluster or HostFacts(Snapshot("cluster"))

    def __getitem__(self, fact: ApiFact[T] | Drill[T]) -> T:
        """Return a parsed fact of the cluster, or the answer of a drill; see :class:`HostFacts`."""
        return self._cluster[fact]

    def each(self, fact: Fact[T]) -> dict[str, T]:
        """Return host to parsed fact; hosts without an answer are left out, and added to ``silent``."""
        found: dict[str, T] = {}
        for name, facts in self._hosts.items():
            try:
                found[name] = facts[fact]
            except CouldNotLook as error:
                self.silent[name] = str(error)
        return found

    def by_role(self) -> dict[str, list[str]]:
        """Return role to its hosts; a host without a role is a ``node``."""
        found: dict[str, list[str]] = {}
        for host in self._hosts:
            roles = self._roles.get(host, frozenset())
            for role in sorted(roles - {"node"}) or ["node"]:
                found.setdefault(role, []).append(host)
        return found

    @property
    def read(self) -> dict[str, Raw]:
        """Return the answers that were read, by host and fact."""
        hosts = {f"{host}: {name}": raw for host, facts in self._hosts.items() for name, raw in facts.read.items()}
        return self._cluster.read | hosts


def _parse(fact: Fact[T], raw: Raw) -> T:
    if raw.rc != 0:
        raise CouldNotLook(f"{fact.name}: {raw.why()}")
    try:
        return fact.parse(raw.out)
    except Exception as error:
        raise CouldNotLook(f"{fact.name}: unreadable answer ({type(error).__name__}: {error})") from error
