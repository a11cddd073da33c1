"""A cluster made of plain objects: what its API would say, as facts that checks read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trueup.errors import CouldNotLook
from trueup.kubeapi import manifests
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.fact import of_api
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec
from trueup.redact import redact

EXAMPLES = Path(__file__).parents[2] / "examples"
PLURALS = {"IPPool": "ippools", "Endpoints": "endpoints"}


def example(name: str) -> list[dict[str, Any]]:
    """The objects of an example, as an API server keeps them, their pods running."""
    return [running(each) for each in manifests.read(str(EXAMPLES / name))]


def running(manifest: dict[str, Any]) -> dict[str, Any]:
    """An object of which all pods are there."""
    made = copy.deepcopy(manifest)
    made["metadata"].setdefault("generation", 2)
    count = made.get("spec", {}).get("replicas", 3)
    names = {
        "Deployment": ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"),
        "DaemonSet": ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady"),
    }.get(made["kind"], ())
    made.setdefault("status", dict.fromkeys(names, count) | {"observedGeneration": 2, "phase": "Active"})
    return made


class MadeApi:
    """Answers from objects; texts are logs by path."""

    def __init__(self, *objects: dict[str, Any], texts: Mapping[str, str] | None = None) -> None:
        self.objects = objects
        self.texts = texts or {}
        self.date = ""

    def _at(self, path: str) -> list[dict[str, Any]]:
        parts = path.removeprefix("/api/").removeprefix("/apis/").split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""
        return [
            each
            for each in self.objects
            if PLURALS.get(each["kind"], f"{each['kind'].lower()}s") == parts[-1]
            and each["metadata"].get("namespace", "") in (namespace or each["metadata"].get("namespace", ""),)
        ]

    def list(self, path: str, keep: Callable[[Any], Any], **query: str) -> list[Any]:
        return [keep(each) for each in self._at(path)]

    def get(self, path: str, **query: str) -> Any:
        base, _, name = path.rpartition("/")
        return next((each for each in self._at(base) if each["metadata"]["name"] == name), None)

    def text(self, path: str, **query: str) -> str | None:
        if path not in self.texts:
            raise CouldNotLook(f"GET {path}: 400")
        return self.texts[path]

    def hasty(self) -> MadeApi:
        return self


def facts_for(id: str, api: MadeApi, spec: Spec, hosts: Mapping[str, Mapping[str, str]] | None = None) -> Any:
    """The facts that a requirement reads, which went the way of all facts: pruned, redacted, read back."""
    requirement = catalog.requirements[id]
    raws = {}
    for fact in requirement.reads:
        if of_api(fact):
            raws[fact.name] = Raw(0, redact(json.dumps(fact.fetch(api, spec), indent=0)))  # type: ignore[arg-type]
    cluster = HostFacts(Snapshot("cluster", raws=raws))
    views = {
        host: HostFacts(Snapshot(host, raws={name: Raw(0, text) for name, text in answers.items()}), None, cluster)
        for host, answers in (hosts or {}).items()
    }
    return FleetFacts(views, {}, cluster) if requirement.across else next(iter(views.values()))


def found(id: str, api: MadeApi, spec: Spec, hosts: Mapping[str, Mapping[str, str]] | None = None) -> list[Deviation]:
    """What a requirement finds."""
    facts = facts_for(id, api, spec, hosts)
    try:
        catalog.requirements[id].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    assert not getattr(facts, "silent", None), facts.silent
    return []


def said(deviations: list[Deviation]) -> str:
    """All that is said, for a test that looks for words in it."""
    return "\n".join(line for each in deviations for line in each.lines())
