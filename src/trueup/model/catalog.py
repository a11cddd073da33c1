"""The catalogue: requirements and remedies, joined by id only."""

from __future__ import annotations

import graphlib
import importlib
import inspect
import os
import pkgutil
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from trueup import place
from trueup.errors import UsageError, nearest
from trueup.model.claims import Layer
from trueup.model.fact import Condition
from trueup.version import FIRST_CATALOGUE

if TYPE_CHECKING:
    from trueup.model.fact import Drill, Fact
    from trueup.profiles.schema import Spec

    # a check takes HostFacts or FleetFacts; a remedy takes Change or ClusterChange
    Check = Callable[[Any, Spec], None]
    Fix = Callable[[Any, Spec, Any], None]

Severity = Literal["critical", "high", "medium", "low"]
Disruption = Literal["none", "reload", "restart", "drain", "reboot"]
DISRUPTIONS: tuple[Disruption, ...] = ("none", "reload", "restart", "drain", "reboot")
MOST: Disruption = "restart"  # the highest disruption that --fix allows by default
_DRAINING = ("patch nodes", "create pods/eviction")  # rights at the Kubernetes API that a drain needs
OWN = "@own"  # a pattern: every requirement that does not come with trueup
_DATE = re.compile(r"\d{4}\.(0[1-9]|1[0-2])")
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True)
class Requirement:
    """A sentence that must hold for a host or across hosts, and the pure function that checks it."""

    id: str
    check: Check
    sentence: str
    why: str
    key: str
    severity: Severity
    layers: tuple[Layer, ...]
    reads: tuple[Fact[Any], ...]
    needs: tuple[str, ...]
    conditions: tuple[Condition, ...]
    after: tuple[str, ...]
    roles: frozenset[str]
    controls: tuple[str, ...]
    across: bool
    active: bool
    eventually: bool
    drill: Drill[Any] | None
    since: str
    shipped: bool
    source: str

    @property
    def subject(self) -> str:
        """The feature: the first two parts of the id, or the first of two."""
        parts = self.id.split(".")
        return ".".join(parts[:2]) if len(parts) > 2 else parts[0]

    @property
    def place(self) -> str:
        """The file and line of its check, relative to the parent of its directory."""
        return "/".join(self.source.split("/")[-2:])


@dataclass(frozen=True)
class Remedy:
    """A function that makes a failed requirement hold, and its disruption."""

    id: str
    fix: Fix
    sentence: str
    disruption: Disruption
    destructive: bool
    can_undo: bool
    writes: tuple[str, ...]
    source: str

    @property
    def drains(self) -> bool:
        """Whether a node is drained before it is applied there."""
        return self.disruption in ("drain", "reboot")

    def exceeds(self, most: Disruption, *, node: bool = True) -> bool:
        """Whether its disruption exceeds ``most``; a host that is not a ``node`` of a cluster needs no drain."""
        disruption = "restart" if self.disruption == "drain" and not node else self.disruption
        return more(disruption, most)


def more(disruption: Disruption, most: Disruption) -> bool:
    """Whether a disruption exceeds the highest one that is allowed."""
    return DISRUPTIONS.index(disruption) > DISRUPTIONS.index(most)


class Catalog:
    """The registry of requirements and remedies."""

    def __init__(self) -> None:
        self.requirements: dict[str, Requirement] = {}
        self.remedies: dict[str, Remedy] = {}
        self._directories: set[str] = set()

    def requirement(
        self,
        id: str,
        *,
        key: str,
        reads: tuple[Fact[Any], ...],
        severity: Severity = "high",
        layers: tuple[Layer, ...] = ("effective",),
        needs: tuple[str | Condition, ...] = (),
        after: tuple[str, ...] = (),
        roles: Iterable[str] = ("node",),
        controls: tuple[str, ...] = (),
        across: bool = False,
        active: bool = False,
        eventually: bool = False,
        drill: Drill[Any] | None = None,
        since: str = FIRST_CATALOGUE,
    ) -> Callable[[Check], Check]:
        """Register a check.

        Args:
            key: the profile key of the expected value.
            reads: the facts that the check reads.
            needs: the requirements and host conditions that must hold before it is judged.
            after: the requirements that must hold before its remedy is safe.
            roles: the roles of its hosts; empty for every host.
            controls: references such as ``CIS 5.1``.
            across: it is judged once for all hosts, on their facts and the cluster's.
            active: its check does more than read (pulls, runs, connects), and cleans up.
            eventually: after a change, wait until it holds, up to the profile's deadline.
            drill: it is judged on the answer of this drill, last and only with ``--drill``.
            since: its first catalogue; a profile with an earlier catalogue does not select it.
        """

        def register(check: Check) -> Check:
            source = _source(check)
            self._claim(self.requirements, id, source)
            if not _DATE.fullmatch(since):
                raise UsageError(f'{source}: {id}: since={since!r} is no catalogue, as in since="{FIRST_CATALOGUE}"')
            own = [need for need in needs if isinstance(need, Condition)]
            conditions = tuple(dict.fromkeys([*own, *(fact.condition for fact in reads if fact.condition)]))
            sentence, why = _sentence(check, id)
            made = self.requirements[id] = Requirement(
                id=id,
                check=check,
                sentence=sentence,
                why=why,
                key=key,
                severity=severity,
                layers=layers,
                reads=(*reads, *conditions),
                needs=tuple(need for need in needs if isinstance(need, str)),
                conditions=conditions,
                after=after,
                roles=frozenset(roles),
                controls=controls,
                across=across,
                active=active,
                eventually=eventually,
                drill=drill,
                since=since,
                shipped=self._ships(source),
                source=source,
            )
            check.__requirement__ = made  # type: ignore[attr-defined]
            return check

        return register

    def remedy(
        self,
        id: str,
        *,
        disruption: Disruption,
        destructive: bool = False,
        can_undo: bool = True,
        writes: tuple[str, ...] = (),
    ) -> Callable[[Fix], Fix]:
        """Register the remedy of a requirement, with its highest disruption. A ``destructive`` remedy may remove
        data or packages and needs --fix-allow. ``can_undo`` says whether a rollback restores the previous state.
        ``writes`` names its writes to the Kubernetes API, such as ``patch deployments.apps``."""

        def register(fix: Fix) -> Fix:
            source = _source(fix)
            self._claim(self.remedies, id, source)
            made = Remedy(id, fix, _sentence(fix, id)[0], disruption, destructive, can_undo, writes, source)
            self.remedies[id] = replace(made, writes=(*writes, *_DRAINING)) if made.drains else made
            return fix

        return register

    def _claim(self, taken: dict[str, Any], id: str, source: str) -> None:
        if not _ID.fullmatch(id):
            raise UsageError(f"{source}: {id!r} is not a requirement id (words joined by dots)")
        # pytest may import a file again by its path: the same source is the same requirement.
        if id in taken and taken[id].source != source:
            raise UsageError(f"{source}: {id!r} is already defined at {taken[id].source}")

    def load(self, *packages: str) -> None:
        """Import trueup's own checks and remedies, so that their decorators register them."""
        for package in packages:
            self._directories.update(map(os.path.realpath, importlib.import_module(package).__path__))
            for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
                importlib.import_module(module.name)

    def validate(self) -> None:
        """Check that ids, facts and profile keys are known and unambiguous.

        Raises:
            UsageError: a remedy or a need names an unknown requirement, needs form a cycle, a drill could be carried
                out more than once, a remedy across hosts would drain, two facts have one name, or a check or a remedy
                names a profile key that the schema does not have.
        """
        from trueup.profiles import named  # and so pydantic, which only a run needs

        self._facts()
        # mypy checks the keys of trueup's own checks; doing it again would take 0.1 s.
        checks = [each.check for each in self.requirements.values() if not each.shipped]
        fixes = [each.fix for each in self.remedies.values() if not self._ships(each.source)]
        named.hold(((each.source, each.key) for each in self.requirements.values()), [*checks, *fixes])
        for remedy in self.remedies.values():
            if remedy.id not in self.requirements:
                raise UsageError(
                    f"{remedy.source}: no requirement {remedy.id!r}{nearest(remedy.id, self.requirements)}"
                )
            if remedy.drains and self.requirements[remedy.id].across:
                raise UsageError(f"{remedy.source}: {remedy.id}: a remedy that drains is for one host at a time")
        for requirement in self.requirements.values():
            if requirement.drill and (not requirement.across or requirement.id in self.remedies):
                raise UsageError(f"{requirement.source}: {requirement.id}: a drill is across hosts and has no remedy")
            for other in (*requirement.needs, *requirement.after):
                if other not in self.requirements:
                    hint = nearest(other, self.requirements)
                    raise UsageError(f"{requirement.source}: {requirement.id} names unknown {other!r}{hint}")
        self.order()

    def _ships(self, source: str) -> bool:
        return os.path.split(source)[0] in self._directories

    def _facts(self) -> None:
        taken: dict[str, Fact[Any]] = {}
        for requirement in self.requirements.values():
            for fact in (*requirement.reads, *filter(None, [requirement.drill])):
                if not fact.same(first := taken.setdefault(fact.name, fact)):
                    raise UsageError(f"{fact.source}: fact {fact.name!r} is already defined at {first.source}")

    def order(self) -> list[str]:
        """Return all ids, each after its needs, drills last, otherwise in the order of registration."""
        rank = {r.id: (r.drill is not None, n) for n, r in enumerate(self.requirements.values())}
        sorter = graphlib.TopologicalSorter({r.id: (*r.needs, *r.after) for r in self.requirements.values()})
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            raise UsageError(f"requirements need each other in a circle: {' -> '.join(error.args[1])}") from None
        ordered: list[str] = []
        ready: list[str] = []
        while sorter.is_active():
            ready = sorted([*ready, *sorter.get_ready()], key=rank.__getitem__)
            ordered.append(ready.pop(0))
            sorter.done(ordered[-1])
        return ordered

    def known(self, patterns: Iterable[str], where: str) -> None:
        """Check that each pattern (``host.*``, ``+host.swap``, ``!host.swap``) matches a requirement.

        Raises:
            UsageError: a pattern matches no requirement, with the nearest id.
        """
        for pattern in patterns:
            glob = pattern.lstrip("+!")
            if glob != OWN and not any(fnmatchcase(id, glob) for id in self.requirements):
                raise UsageError(f"{where}: {pattern!r} matches no requirement{nearest(glob, self.requirements)}")


def _source(function: Callable[..., Any]) -> str:
    code = inspect.unwrap(function).__code__
    file, line, at_top = place.caller(__name__)
    return place.written(file, line) if at_top else place.written(code.co_filename, code.co_firstlineno)


def _sentence(function: Callable[..., Any], id: str) -> tuple[str, str]:
    """Return the sentence of a docstring, its first line, and the reason that follows."""
    if not (doc := inspect.getdoc(function)):
        raise UsageError(f"{_source(function)}: {id} needs a docstring: the sentence that must hold")
    sentence, _, why = doc.partition("\n")
    return sentence, " ".join(why.split())


catalog = Catalog()
requirement = catalog.requirement
remedy = catalog.remedy
