"""The roles among the examples are what trueup asks of the API, no less and no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, serving
from ruamel.yaml import YAML

from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection
from trueup.model import profile
from trueup.model.catalog import catalog
from trueup.model.fact import of_api

RBAC = Path(__file__).parents[2] / "examples/rbac"
_ANYONES = {"GET /version", "GET /readyz"}  # of every user, unless somebody took them away
INSTALLS = {"network.calico.applied", "network.calico.installed", "kube.dashboard.ready"}  # an administrator's


def granted(name: str) -> set[str]:
    """Return what a file's roles allow, as remedies write it."""
    documents = YAML(typ="safe", pure=True).load_all((RBAC / name).read_text())
    rules: list[Any] = [rule for document in documents for rule in document["rules"]]
    return {
        f"{verb} {resource}" + (f".{group}" if group else "")
        for rule in rules
        for group in rule.get("apiGroups", ())
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as found:
        yield found


def test_the_role_for_fixing_has_what_remedies_declare() -> None:
    catalog.load("trueup.checks", "trueup.remediations")
    declared = {right for id, remedy in catalog.remedies.items() if id not in INSTALLS for right in remedy.writes}
    allowed = {right for right in granted("fix.yaml") if not right.startswith("get ")}
    assert allowed == declared | {"patch configmaps", "update configmaps"}  # by name, which a review cannot ask for


def test_the_role_for_an_audit_has_every_path_that_facts_ask_for(api: FakeApi, tmp_path: Path) -> None:
    catalog.load("trueup.checks")
    spec = profile.load("aliyun-kubeadm-1.24").spec("any")
    facts = {fact.name: fact for each in catalog.requirements.values() for fact in each.reads if of_api(fact)}
    fleet = Fleet(
        [], profile.load("aliyun-kubeadm-1.24"), Connection(), timeout=3, kubeconfig=str(api.kubeconfig(tmp_path))
    )
    fleet.cluster.spec = spec
    pod = {"metadata": {"name": "p", "namespace": "kube-system"}, "spec": {"containers": [{"name": "c"}]}, "status": {}}
    api.objects["/api/v1/namespaces/kube-system/pods/p"] = pod
    fleet.cluster.gather(facts.values())
    fleet.close()
    asked = {_right(path.partition(" ")[2], path in api.lists) for path in api.asked if path not in _ANYONES}
    assert asked <= granted("audit.yaml")
    assert len(api.asked) == len(set(api.asked))  # nothing is asked twice


def _right(path: str, listed: bool) -> str:
    parts = path.strip("/").split("/")
    group = "" if parts[0] == "api" else parts[1]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    resource = rest[0] + (f"/{rest[2]}" if len(rest) > 2 else "")
    verb = "list" if len(rest) == 1 else "get"
    return f"{verb} {resource}" + (f".{group}" if group else "")
