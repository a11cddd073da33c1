"""Facts: each is a probe and a pure parser of its answer. A host's probes are POSIX sh, sent as one script; the
cluster's facts come from requests to the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar

from trueup import place

if TYPE_CHECKING:
    from trueup.kubeapi.client import Api
    from trueup.profiles.schema import Spec

T = TypeVar("T")
_NOTHING_KNOWN = "echo 'a fact that this check needs is missing on this host' >&2; exit 1"


class Fact(Generic[T]):
    """A fact of a host.

    Args:
        name: stable name, part of the snapshot's schema.
        probe: shell text, or a function of the spec that returns it. It must only read. An absent thing is an answer
            (printed, exit 0); a probe that cannot look fails (its exit code and stderr say why).
        parse: pure function of the probe's output; raises ``ValueError`` for an answer that it cannot read.
        timeout: seconds that the probe may take on the host.
        seal: function of the answer and the spec that returns the answer to store: it compares a secret with the
            spec's, and removes it.
        condition: must hold for the probe to work; otherwise it blocks every requirement that reads the fact.
    """

    def __init__(
        self,
        name: str,
        probe: str | Callable[[Spec], str],
        parse: Callable[[str], T],
        *,
        timeout: int = 15,
        seal: Callable[[str, Spec], str] = lambda text, _: text,
        condition: Condition | None = None,
    ) -> None:
        self.name = name
        self.seal = seal
        self.parse = parse
        self.timeout = timeout
        self.condition = condition
        self._probe = probe
        self._file, self._line, _ = place.caller(__name__)

    @property
    def source(self) -> str:
        """Return the ``file:line`` of its definition."""
        return place.written(self._file, self._line)

    def same(self, other: Fact[Any]) -> bool:
        """Whether another fact has the same probe and parser, or is this fact imported again."""
        if (self._probe, self.parse) == (other._probe, other.parse):
            return True
        texts = {probe for probe in (self._probe, other._probe) if isinstance(probe, str)}
        return len(texts) < 2 and self.source == other.source

    def probe(self, spec: Spec | None) -> str:
        """Return the shell text for a host with this spec."""
        if isinstance(self._probe, str):
            return self._probe
        if spec is None:
            raise TypeError(f"{self!r} depends on the profile")
        return self._probe(spec)

    def of(self, spec: Spec) -> Fact[T]:
        """Return the fact for a host with this spec, for a remedy to read."""
        return Fact(self.name, self.probe(spec), self.parse, timeout=self.timeout)

    def __repr__(self) -> str:
        return f"Fact({self.name!r})"


class Condition(Fact[str]):
    """A fact of a host that requirements can need, such as "systemd runs".

    Args:
        parse: returns an empty text where the condition holds, else the reason in words for the operator.
    """


class ApiFact(Fact[T]):
    """A fact of the cluster.

    Args:
        name: as of any fact.
        fetch: function of the API and the spec that returns the needed fields as plain data: a snapshot keeps all
            of it. It must only read. An absent object is an answer, ``None``.
        parse: pure function of that data; raises ``ValueError`` for what it cannot read.
    """

    def __init__(self, name: str, fetch: Callable[[Api, Spec], Any], parse: Callable[[Any], T]) -> None:
        super().__init__(name, "", lambda text: parse(json.loads(text)))
        self.fetch = fetch


class RunnerFact(Fact[T]):
    """A fact of the controller, with a probe and a parser."""


def of_api(fact: Fact[Any]) -> TypeGuard[ApiFact[Any]]:
    """Whether a fact comes from the Kubernetes API."""
    return isinstance(fact, ApiFact)


def of_peers(fact: Fact[Any]) -> TypeGuard[PeerFact[Any]]:
    """Whether a fact is what a host sees of other hosts."""
    return isinstance(fact, PeerFact)


def of_cluster(fact: Fact[Any]) -> bool:
    """Whether a fact is one for all hosts: of the API, or of the controller."""
    return of_api(fact) or isinstance(fact, RunnerFact)


def of_host(fact: Fact[Any]) -> bool:
    """Whether a host can be asked for a fact without facts of other hosts."""
    return not of_cluster(fact) and not of_peers(fact)


class Drill(Fact[T]):
    """A fact that comes from a disruptive trial on hosts.

    Args:
        name: as of any fact.
        act: function of a :class:`trueup.engine.drill.Trial` that makes the trial, and returns plain data.
            Changes must be undone even if this process is killed: hosts have to undo them by themselves, and that is
            armed before the first change.
        parse: pure function of that data; raises ``ValueError`` for what it cannot read.
    """

    def __init__(self, name: str, act: Callable[[Any], Any], parse: Callable[[Any], T]) -> None:
        super().__init__(name, "", lambda text: parse(json.loads(text)))
        self.act = act


@dataclass(frozen=True)
class Peer(Generic[T]):
    """Another host, for a peer fact: its roles, its spec, and its own fact."""

    roles: frozenset[str]
    spec: Spec
    said: T


class PeerFact(Fact[T]):
    """A fact that a host gathers about other hosts, from a fact that they gathered first.

    Args:
        name: as of any fact.
        first: the fact of the others that ``ask`` needs; the requirement reads it too.
        ask: function of the host itself and of the others by id that returns shell text, which must only read.
        parse: as of any fact.
    """

    def __init__(
        self,
        name: str,
        first: Fact[Any],
        ask: Callable[[Peer[Any], Mapping[str, Peer[Any]]], str],
        parse: Callable[[str], T],
        *,
        timeout: int = 15,
    ) -> None:
        super().__init__(name, _NOTHING_KNOWN, parse, timeout=timeout)
        self.first = first
        self.ask = ask

    def among(self, own: Peer[Any], others: Mapping[str, Peer[Any]]) -> Fact[T]:
        """Return the fact for one host, with its probe."""
        return Fact(self.name, self.ask(own, others), self.parse, timeout=self.timeout)


def parse_clock(text: str) -> tuple[float, float]:
    """Return the lower and upper bound of host clock minus controller clock, in seconds."""
    first, sent, last, received = (float(word) for word in text.split())
    return last - received, first - sent


CLOCK = Fact("clock.offset", ":", parse_clock)  # computed from two probes, see `trueup.hosts.probing.between`
