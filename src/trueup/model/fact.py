"""Facts: what is. A fact is a probe and a pure parser: of a host POSIX sh, all of which travels as one script; of the
cluster a question to the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeGuard, TypeVar

from trueup.errors import CouldNotLook, UsageError

if TYPE_CHECKING:
    from trueup.kubeapi.client import Api
    from trueup.profiles.schema import Spec

T = TypeVar("T")
SCHEMA = 1
_MISSING = 127
_TIMED_OUT = 124
_KILLED = 137
_CUT_OFF = -1
_NOTHING_KNOWN = "echo 'the host could not say of itself what this goes by' >&2; exit 1"
_DENIED = ("permission denied", "operation not permitted", "access denied")


@dataclass(frozen=True)
class Raw:
    """What a probe answered, kept as it came but for secrets."""

    rc: int
    out: str
    err: str = ""

    def why(self) -> str:
        """Return the reason why there is no answer, in words."""
        last = next((line for line in reversed(self.err.splitlines()) if line.strip()), "").strip()
        if self.rc == _CUT_OFF:
            return "the answer was cut off" + (f" ({last})" if last else "")
        if self.rc == _TIMED_OUT:
            return "timed out"
        if self.rc == _KILLED:
            return "killed: it did not stop when its time was up, or memory ran out"
        if any(word in self.err.lower() for word in _DENIED):
            return f"permission denied ({last!r})"
        if self.rc == _MISSING:
            return f"tool missing ({last!r})"
        return f"exit code {self.rc}" + (f" ({last!r})" if last else "")


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
    """

    def __init__(
        self,
        name: str,
        probe: str | Callable[[Spec], str],
        parse: Callable[[str], T],
        *,
        timeout: int = 15,
        seal: Callable[[str, Spec], str] = lambda text, _: text,
    ) -> None:
        self.name = name
        self.seal = seal
        self.parse = parse
        self.timeout = timeout
        self._probe = probe

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


@dataclass
class Snapshot:
    """All raw answers of one host: evidence, test fixture and drift baseline in one."""

    host: str
    taken: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    raws: dict[str, Raw] = field(default_factory=dict)
    problem: str = ""  # why the host as a whole could not be looked at
    unreachable: bool = False
    root: bool = True
    up: float | None = None  # seconds since the host began to start, where it says so

    @property
    def blank(self) -> bool:
        """Whether nobody has looked yet."""
        return not self.raws and not self.problem

    def save(self, path: Path) -> None:
        """Write the snapshot as JSON with its schema version, readable by its owner only."""
        path.touch(mode=0o600)
        path.write_text(json.dumps({"schema": SCHEMA} | asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read a snapshot.

        Raises:
            UsageError: not a snapshot, or one of another schema version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise UsageError(f"{path}: snapshot schema {schema!r}, this trueup reads {SCHEMA}; record it again")
            return cls(**data | {"raws": {name: Raw(**raw) for name, raw in data["raws"].items()}})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: not a snapshot of trueup ({error}); record it again") from None


class HostFacts:
    """The facts of one host as a check sees them: ``facts[SYSCTL]`` is typed, parsed once and noted as read.

    Args:
        snapshot: where the answers come from.
        allowed: the facts that may be read; all where not given.
        cluster: the facts of the cluster that the host is in, where it is not these.
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
        """Return the same facts, limited to those that a requirement declared, with a record of its own."""
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
        return value  # noqa: RET504 - which mypy would take for Any


class FleetFacts:
    """The facts of several hosts, and of the cluster they make, as a check across hosts sees them.

    Args:
        hosts: host to its facts, limited to those that the requirement declared.
        silent: host to the reason why it has none.
        cluster: the cluster's own, limited likewise.
        roles: host to what it is for.
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
        """Return a parsed fact of the cluster, or what a drill has shown; see :class:`HostFacts`."""
        return self._cluster[fact]

    def each(self, fact: Fact[T]) -> dict[str, T]:
        """Return host to parsed fact; a host that could not say is left out, and noted in ``silent``."""
        found: dict[str, T] = {}
        for name, facts in self._hosts.items():
            try:
                found[name] = facts[fact]
            except CouldNotLook as error:
                self.silent[name] = str(error)
        return found

    def by_role(self) -> dict[str, list[str]]:
        """Return role to the hosts that have it; ``node`` is the role of those that have no other."""
        found: dict[str, list[str]] = {}
        for host in self._hosts:
            roles = self._roles.get(host, frozenset())
            for role in sorted(roles - {"node"}) or ["node"]:
                found.setdefault(role, []).append(host)
        return found

    @property
    def read(self) -> dict[str, Raw]:
        """Return what was read, by host and fact."""
        hosts = {f"{host}: {name}": raw for host, facts in self._hosts.items() for name, raw in facts.read.items()}
        return self._cluster.read | hosts


def _parse(fact: Fact[T], raw: Raw) -> T:
    if raw.rc != 0:
        raise CouldNotLook(f"{fact.name}: {raw.why()}")
    try:
        return fact.parse(raw.out)
    except Exception as error:
        raise CouldNotLook(f"{fact.name}: unreadable answer ({type(error).__name__}: {error})") from error


def parse_clock(text: str) -> tuple[float, float]:
    """Return the least and the most by which the host's clock is ahead of the controller's, in seconds."""
    first, sent, last, received = (float(word) for word in text.split())
    return last - received, first - sent


CUT_OFF = Raw(_CUT_OFF, "")
CLOCK = Fact("clock.offset", ":", parse_clock)  # made of two others, see `trueup.hosts.probing.between`
