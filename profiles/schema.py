"""The schema of a profile. Its keys are in ``keys``; the engine reads them by path and knows none of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, Field

from trueup.profiles.keys.cluster import Across
from trueup.profiles.keys.host import Host
from trueup.profiles.keys.kube import Kube
from trueup.profiles.keys.load_balancer import LoadBalancer
from trueup.profiles.keys.registry import Registry
from trueup.profiles.keys.runtime import Runtime
from trueup.profiles.keys.section import LocalPath, Package, Packages, Section
from trueup.profiles.keys.workload import Network, Workload
from trueup.version import FIRST_CATALOGUE


class Spec(Section):
    """The desired state of one host, after roles and overrides."""

    host: Host = Field(default_factory=Host)
    runtime: Runtime = Field(default_factory=Runtime)
    kube: Kube = Field(default_factory=Kube)
    network: Network = Field(default_factory=Network)
    workload: Workload = Field(default_factory=Workload)
    lb: LoadBalancer = Field(default_factory=LoadBalancer)
    registry: Registry = Field(default_factory=Registry)
    cluster: Across = Field(default_factory=Across)
    wait: float = Field(
        300, gt=0, description="seconds to wait for a component to become healthy after a change or a start"
    )
    artifacts: LocalPath = Field(
        "", description="directory on the controller with the files of all urls, relative to this file"
    )

    def holds(self, key: str) -> bool:
        """Return whether the profile itself gives a value for a dotted key; defaults of the schema do not count."""
        return _find(self, key)

    def packages(self) -> set[str]:
        """Return the names of all packages that the profile wants installed or absent."""
        sections = list(_sections(self))
        named = {section.package for section in sections if isinstance(section, Package)}
        named |= {name for section in sections if isinstance(section, Packages) for name in section.names}
        return (named | set(self.runtime.docker.absent)) - {""}


def paths(kind: str, model: type[BaseModel] = Spec) -> Iterator[tuple[str, ...]]:
    """Yield the keys whose values are paths on the controller: ``path`` for all, ``manifest`` for manifests only."""
    for name, field in model.model_fields.items():
        if kind in field.metadata:
            yield (name,)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from ((name, *rest) for rest in paths(kind, field.annotation))


def _sections(node: BaseModel) -> Iterator[BaseModel]:
    yield node
    for name in type(node).model_fields:
        if isinstance(child := getattr(node, name), BaseModel):
            yield from _sections(child)


def _find(node: Any, key: str) -> bool:
    if isinstance(node, BaseModel):
        head, _, rest = key.partition(".")
        return head in node.model_fields_set and (not rest or _find(getattr(node, head), rest))
    return isinstance(node, dict) and key in node


class Waiver(Section):
    """An accepted failure: reported with its reason and approver until it expires."""

    requirement: str = Field(description="requirement id or pattern")
    hosts: list[str] = Field(default_factory=lambda: ["*"], description="host names or patterns")
    reason: str = Field(min_length=1, description="why the failure is accepted")
    approver: str = Field(min_length=1, description="who accepted it")
    expires: datetime.date = Field(description="last day of the waiver, in UTC")

    def covers(self, requirement: str, host: str) -> bool:
        """Return whether the waiver is for this requirement on this host."""
        return fnmatchcase(requirement, self.requirement) and any(fnmatchcase(host, glob) for glob in self.hosts)


class Profile(Spec):
    """A profile file."""

    name: str = Field("", description="name in reports; empty: the file's name")
    description: str = Field("", description="one sentence about the profile")
    extends: str = Field("", description="parent: the name of a built-in profile, or a path relative to this file")
    select: list[str] = Field(
        default_factory=lambda: ["*"],
        description="requirement ids or patterns; '@own': all that do not come with trueup; '!id' subtracts; a list of "
        "'+id' and '!id' only changes the parent's selection",
    )
    catalogue: str = Field(
        FIRST_CATALOGUE,
        pattern=r"^\d{4}\.\d{2}$",
        description="YYYY.MM: requirements added to trueup later are off, unless select names their id",
    )
    roles: dict[str, list[str]] = Field(
        default_factory=dict, description="role to host patterns; '@group' is a group of the Ansible inventory"
    )
    hosts: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="host pattern to the values that differ on these hosts"
    )
    waivers: list[Waiver] = Field(default_factory=list)
