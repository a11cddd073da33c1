"""Facts: each is a question and a pure parser of its answer. A host is asked by a probe in POSIX sh, and all its probes
travel as one script; the cluster is asked by requests to the Kubernetes API."""

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
_NOTHING_KNOWN = "echo 'the host could not say of itself what this goes by' >&2; exit 1"


class Fact(Generic[T]):
    """One thing that can be learned of a host.

    Args:
        name: stable name, part of the snapshot's schema.
        probe: shell text, or a function of the spec that returns it. It must only look. An absent thing is an answer
            (printed, exit 0); not being able to look is a failure (exit code and stderr say why).
        parse: pure function of the probe's output; raises ``ValueError`` for an answer that it cannot read.
        timeout: seconds that the probe may take on the host.
        seal: function of the answer and the spec that returns what is kept of it: a secret in it is compared with the
            spec's here, and never stored.
        condition: without which the probe makes no sense; it blocks every requirement that reads the fact.
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
        """Return ``file:line`` where it is defined."""
        return place.written(self._file, self._line)

    def same(self, other: Fact[Any]) -> bool:
        """Whether another fact of this name asks the same and reads it alike, or is this one, imported once more."""
        if (self._probe, self.parse) == (other._probe, other.parse):
            return True
        texts = {probe for probe in (self._probe, other._probe) if isinstance(probe, str)}
        return len(texts) < 2 and self.source == other.source

    def probe(self, spec: Spec | None) -> str:
        """Return the shell text for a host that is to be as ``spec`` says."""
        if isinstance(self._probe, str):
            return self._probe
        if spec is None:
            raise TypeError(f"{self!r} depends on the profile")
        return self._probe(spec)

    def of(self, spec: Spec) -> Fact[T]:
        """Return the fact about a host that is to be as ``spec`` says, for a remedy to look at."""
        return Fact(self.name, self.probe(spec), self.parse, timeout=self.timeout)

    def __repr__(self) -> str:
        return f"Fact({self.name!r})"


class Condition(Fact[str]):
    """A fact of a host that requirements can need, such as "systemd runs".

    Args:
        parse: returns an empty text where the condition holds, else the reason in words for the operator.
    """


class ApiFact(Fact[T]):
    """One thing that can be learned of the cluster.

    Args:
        name: as of any fact.
        fetch: function of the API and the spec that returns plain data, pruned to what is needed: a snapshot keeps all
            of it. It must only look. An absent object is an answer, ``None``.
        parse: pure function of that data; raises ``ValueError`` for what it cannot read.
    """

    def __init__(self, name: str, fetch: Callable[[Api, Spec], Any], parse: Callable[[Any], T]) -> None:
        super().__init__(name, "", lambda text: parse(json.loads(text)))
        self.fetch = fetch


class RunnerFact(Fact[T]):
    """One thing that the machine which runs trueup sees itself, with a probe and a parser as of any fact."""


def of_api(fact: Fact[Any]) -> TypeGuard[ApiFact[Any]]:
    """Whether a fact is the cluster's and not a host's."""
    return isinstance(fact, ApiFact)


def of_peers(fact: Fact[Any]) -> TypeGuard[PeerFact[Any]]:
    """Whether a fact is a host's about others."""
    return isinstance(fact, PeerFact)


def of_cluster(fact: Fact[Any]) -> bool:
    """Whether a fact is one for all hosts: of the API, or of the machine that runs trueup."""
    return of_api(fact) or isinstance(fact, RunnerFact)


def of_host(fact: Fact[Any]) -> bool:
    """Whether a host can be asked for a fact without anything being known of others."""
    return not of_cluster(fact) and not of_peers(fact)


class Drill(Fact[T]):
    """One thing that is learned by doing something to hosts and looking at what comes of it.

    Args:
        name: as of any fact.
        act: is given a trial (:class:`trueup.engine.drill.Trial`), does it by the hand of that, and returns plain data.
            What must not stay even when this process is killed has to be taken back by the hosts themselves: that is
            armed before anything is done.
        parse: pure function of that data; raises ``ValueError`` for what it cannot read.
    """

    def __init__(self, name: str, act: Callable[[Any], Any], parse: Callable[[Any], T]) -> None:
        super().__init__(name, "", lambda text: parse(json.loads(text)))
        self.act = act


@dataclass(frozen=True)
class Peer(Generic[T]):
    """A host as another host's question needs it: what it is for, what it ought to be, and what it said of itself."""

    roles: frozenset[str]
    spec: Spec
    said: T


class PeerFact(Fact[T]):
    """One thing that a host can say of the other hosts, once they have said something of themselves.

    Args:
        name: as of any fact.
        first: what the others have to say before; the requirement reads that, too.
        ask: function of the host itself and of the others by id that returns shell text, which must only look.
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
        """Return the fact as it is asked of one host."""
        return Fact(self.name, self.ask(own, others), self.parse, timeout=self.timeout)


def parse_clock(text: str) -> tuple[float, float]:
    """Return the least and the most by which the host's clock is ahead of the controller's, in seconds."""
    first, sent, last, received = (float(word) for word in text.split())
    return last - received, first - sent


CLOCK = Fact("clock.offset", ":", parse_clock)  # made of two others, see `trueup.hosts.probing.between`
