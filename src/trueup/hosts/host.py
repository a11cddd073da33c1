"""One host of a run: its spec, its connection and its snapshot."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

from trueup.connection.transport import Completed, Transport
from trueup.errors import CouldNotLook, TimedOut, Unreachable
from trueup.hosts import probing
from trueup.hosts.inventory import Connection, Target
from trueup.model.catalog import Requirement
from trueup.model.fact import CLOCK, Fact, of_cluster, of_host
from trueup.model.snapshot import Snapshot, dated
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec
from trueup.redact import redact

_SLOW = 30  # seconds: the timeout of a slower fact is added to the host's


@dataclass
class Host:
    """One host of the run."""

    target: Target
    spec: Spec
    roles: frozenset[str]
    options: Connection
    shared: bool = False
    timeout: float = 60.0  # seconds for one script of probes, without the slow facts
    closed: str = ""  # why it must not be changed now
    facts: HostFacts = field(init=False)
    gone: str = ""  # why it is not asked any more
    # By time.monotonic(), if known:
    started: float | None = None
    interrupted: float | None = None  # when an interrupted run last changed it

    def __post_init__(self) -> None:
        self.forget()

    @property
    def id(self) -> str:
        """Return the name of the host in reports."""
        return self.target.id

    @cached_property
    def transport(self) -> Transport:
        """Return the host's one connection, opened at first use."""
        return self.target.connect(self.options, shared=self.shared)

    def concerns(self, requirement: Requirement) -> bool:
        """Whether the requirement applies to the roles of this host."""
        return not requirement.roles or bool(requirement.roles & self.roles)

    def members(self, requirement: Requirement) -> list[Host]:  # noqa: ARG002 - see Cluster
        """Return the hosts that the requirement is judged on: this one."""
        return [self]

    def view(self, requirement: Requirement, cluster: HostFacts | None = None) -> HostFacts:
        """Return the facts that the requirement may read, of this host and of its cluster."""
        return self.facts.view(requirement.reads, cluster)

    def forget(self) -> None:
        """Forget all facts, after a change."""
        self.facts = HostFacts(Snapshot(self.id, problem=self.gone, unreachable=bool(self.gone)))

    @property
    def age(self) -> float:
        """Return the seconds since it booted or an interrupted run last changed it; infinity if unknown."""
        known = [at for at in (self.started, self.interrupted) if at is not None]
        return time.monotonic() - max(known, default=-math.inf)

    def give_up(self, why: str) -> None:
        """Ask nothing more of the host in this run."""
        self.gone = why
        self.forget()

    def knows(self, wanted: Iterable[Fact[Any]]) -> bool:
        """Whether all these facts have an answer, or the reason why there is none."""
        snapshot = self.facts.snapshot
        return bool(snapshot.problem) or all(fact.name in snapshot.raws for fact in wanted if not of_cluster(fact))

    def gather(self, wanted: Iterable[Fact[Any]]) -> None:
        """Gather the missing facts in one round trip; if the host cannot answer, record the reason.

        After a timeout, the answers that arrived count, and only the others are missing.
        """
        known = self.facts.snapshot.raws
        missing = {f.name: f for f in wanted if f.name not in known and of_host(f)}
        if not missing or self.facts.snapshot.problem:
            return
        asked = sorted(missing.values(), key=attrgetter("timeout"))  # so that slow facts do not delay the others
        script, nonce = probing.script(asked, self.spec)
        limit, late = self.timeout + sum(f.timeout for f in asked if f.timeout > _SLOW), ""
        sent = time.time()
        try:
            done = self.transport.run(script, limit)
        except (Unreachable, CouldNotLook) as error:
            if not isinstance(error, TimedOut) or not probing.unframe(nonce, error.out, error.err):
                gone = isinstance(error, Unreachable)
                self.facts = HostFacts(Snapshot(self.id, problem=str(error), unreachable=gone))
                return
            done, late = Completed(-1, error.out, error.err), str(error)
        if not (answers := probing.unframe(nonce, done.out, done.err)):
            said = redact((done.err or done.out).decode(errors="replace")).strip().splitlines()[-1:] or ["nothing"]
            why = f"no shell answered: exit code {done.rc}, it said {said[0]!r}"
            self.facts = HostFacts(Snapshot(self.id, problem=why))
            return
        if CLOCK.name in missing and not late:
            answers[CLOCK.name] = probing.between(answers, sent, time.time())
        snapshot = probing.take(self.id, answers, asked, self.spec, late)
        if snapshot.up is not None:
            self.started = time.monotonic() - snapshot.up
        snapshot.raws = known | dated(snapshot.raws, sent)
        self.facts = HostFacts(snapshot)
