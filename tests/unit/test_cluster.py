"""The cluster as a subject: facts by its API, objects changed by server-side apply, what is waited for."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, serving

from trueup.change import ClusterChange
from trueup.engine.rollout import rollout
from trueup.errors import ChangeFailed, CouldNotLook, UsageError
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection
from trueup.kubeapi.connection import check_kubeconfig
from trueup.model import profile as profiles
from trueup.model.catalog import Catalog
from trueup.model.claims import equal, expect
from trueup.model.fact import ApiFact
from trueup.results.result import Outcome, Result
from trueup.waiting import cut

NODES = ApiFact("nodes", lambda api, _: api.list("/api/v1/nodes", lambda node: node["metadata"]["name"]), list)
VERSION = ApiFact("version", lambda api, _: api.get("/version"), lambda data: str(data["gitVersion"]))
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "nginx", "namespace": "web"},
    "spec": {"replicas": 2, "env": [{"name": "DB_PASSWORD", "value": "hunter2"}]},
}
AT = "/apis/apps/v1/namespaces/web/deployments/nginx"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as found:
        yield found


@pytest.fixture
def fleet(api: FakeApi, tmp_path: Path) -> Iterator[Fleet]:
    profile = profiles.load("base")
    made = Fleet([], profile, Connection(), timeout=3, kubeconfig=str(api.kubeconfig(tmp_path)))
    yield made
    made.close()


def change(fleet: Fleet, *, apply: bool = True) -> ClusterChange:
    return ClusterChange(fleet.cluster, run="run", apply=apply, allowed="restart")


def test_a_kind_is_listed_once_and_in_pages(api: FakeApi, fleet: Fleet) -> None:
    api.objects = {f"/api/v1/nodes/n{n:04}": {"metadata": {"name": f"n{n:04}"}} for n in range(1203)}
    for _ in range(3):
        fleet.cluster.gather([NODES, VERSION])
    assert len(fleet.cluster.facts[NODES]) == 1203
    assert api.asked.count("GET /api/v1/nodes") == 3  # pages of 500
    assert api.asked.count("GET /version") == 1


def test_a_server_that_restarts_is_asked_again(api: FakeApi, fleet: Fleet) -> None:
    answers = iter([503, 429, -1])
    api.mood = lambda method, path: next(answers, 0)
    fleet.cluster.gather([VERSION])
    assert fleet.cluster.facts[VERSION] == "v1.33.4"


def test_a_server_that_restarts_is_asked_no_more_by_who_wants_to_stop_now(api: FakeApi, fleet: Fleet) -> None:
    def busy(method: str, path: str) -> int:
        cut.set()
        return 503

    api.mood = busy
    try:
        fleet.cluster.gather([VERSION])
    finally:
        cut.clear()
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "GET /version: 403: a mood of 403"), (500, "not ready: 500: a mood"), (-1, "not ready: ")],
)
def test_a_server_that_does_not_answer_is_could_not_look(api: FakeApi, fleet: Fleet, status: int, words: str) -> None:
    api.mood = lambda method, path: status
    fleet.cluster.gather([VERSION])
    with pytest.raises(CouldNotLook, match=words):
        _ = fleet.cluster.facts[VERSION]
    assert fleet.cluster.knows([VERSION])


def test_an_answer_of_another_shape_hurts_its_own_fact_only(api: FakeApi, fleet: Fleet) -> None:
    api.objects = {"/api/v1/nodes/a": {"metadata": 7}}
    fleet.cluster.gather([NODES, VERSION])
    with pytest.raises(CouldNotLook, match="unreadable answer"):
        _ = fleet.cluster.facts[NODES]
    assert fleet.cluster.facts[VERSION] == "v1.33.4"


def test_no_way_to_the_api_is_said_with_all_that_was_tried(tmp_path: Path) -> None:
    fleet = Fleet([], profiles.load("base"), Connection())
    fleet.cluster.gather([VERSION])
    with pytest.raises(CouldNotLook, match="no host has the role control-plane; or give --kubeconfig"):
        _ = fleet.cluster.facts[VERSION]


@pytest.mark.parametrize(
    ("text", "words"), [("", "kubeconfig"), ("{}", "kubeconfig"), ("a: [", "kubeconfig"), (None, "No such file")]
)
def test_a_kubeconfig_that_is_none_is_an_error_of_usage(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=words):
        check_kubeconfig(str(path))


def test_objects_are_made_and_a_second_application_changes_nothing(api: FakeApi, fleet: Fleet) -> None:
    first = change(fleet)
    first.put(NAMESPACE, DEPLOYMENT)
    assert [action.summary for action in first.actions] == ["create Namespace web", "create Deployment web/nginx"]
    assert api.objects[AT]["spec"]["replicas"] == 2
    second = change(fleet)
    second.put(NAMESPACE, DEPLOYMENT)
    assert second.actions == []


def test_a_plan_shows_what_the_server_would_make_of_it_and_writes_nothing(api: FakeApi, fleet: Fleet) -> None:
    planned = change(fleet, apply=False)
    planned.put(NAMESPACE, DEPLOYMENT)
    assert len(planned.actions) == 2  # though what is in the namespace cannot be tried before there is one
    assert api.objects == {}
    change(fleet).put(NAMESPACE, DEPLOYMENT)
    again = change(fleet, apply=False)
    again.put({**DEPLOYMENT, "spec": {"replicas": 3}})
    [action] = again.actions
    assert "-  replicas: 2\n" in action.diff
    assert "+  replicas: 3\n" in action.diff
    assert api.objects[AT]["spec"]["replicas"] == 2


def test_secrets_do_not_show(api: FakeApi, fleet: Fleet) -> None:
    made = change(fleet, apply=False)
    made.put(NAMESPACE, DEPLOYMENT)
    assert "DB_PASSWORD" in made.actions[1].diff
    assert "hunter2" not in made.actions[1].diff


def test_where_one_object_is_refused_none_is_changed(api: FakeApi, fleet: Fleet) -> None:
    api.objects["/api/v1/namespaces/web"] = NAMESPACE
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "web"}}
    api.mood = lambda method, path: 403 if method == "PATCH" and "deployments" in path else 0
    made = change(fleet)
    with pytest.raises(ChangeFailed, match="Deployment web/nginx: 403: a mood of 403; nothing was changed"):
        made.put(config, DEPLOYMENT)
    assert api.objects == {"/api/v1/namespaces/web": NAMESPACE}


def test_a_kind_that_is_not_served_is_named(fleet: Fleet) -> None:
    with pytest.raises(ChangeFailed, match=r"the cluster serves no IPPool of crd\.projectcalico\.org/v1"):
        change(fleet).patch("crd.projectcalico.org/v1", "IPPool", "default", {"spec": {}})


def test_what_was_made_is_taken_back_and_what_was_changed_is_as_before(api: FakeApi, fleet: Fleet) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "web"},
        "data": {"a": "1"},
    }
    change(fleet).put(NAMESPACE, config)
    made = change(fleet)
    made.put(DEPLOYMENT)
    for value in ("2", "3"):
        made.patch("v1", "ConfigMap", "c", {"data": {"a": value}}, namespace="web")
    assert made.rollback() == []
    assert AT not in api.objects
    assert api.objects["/api/v1/namespaces/web/configmaps/c"]["data"] == {"a": "1"}


def test_what_was_made_is_taken_back_when_it_is_gone(
    api: FakeApi, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.waiting.FIRST", 0.01)
    made = change(fleet)
    made.put(NAMESPACE)
    api.lingers = 3
    assert made.rollback() == []
    assert api.objects == {}
    made.put(NAMESPACE)
    api.lingers = 1000
    monkeypatch.setattr(fleet.cluster, "spec", fleet.cluster.spec.model_copy(update={"wait": 0.1}))
    assert made.rollback() == ["delete Namespace web: it is being deleted, but not gone in 0.1 s"]


def settle(fleet: Fleet, check: Callable[..., None], fix: Callable[..., None] | None) -> tuple[Result, list[str]]:
    catalog = Catalog()
    catalog.requirement("own.ready", key="wait", reads=(VERSION,), across=True, eventually=True)(check)
    if fix:
        catalog.remedy("own.ready", disruption="none")(fix)
    said: list[str] = []
    pairs = [("own.ready", "cluster")]
    made = rollout(catalog, fleet, profiles.load("base"), pairs, run="run", apply=True, say=said.append)
    return made.verdict(catalog.requirements["own.ready"], fleet.cluster), said


def rising(api: FakeApi, after: int) -> Callable[..., None]:
    looks = itertools.count(1)

    def check(facts: Any, spec: Any) -> None:
        """It is up."""
        _ = facts[VERSION]
        up = next(looks) > after
        expect(equal("3 of 3 ready" if up else "1 of 3 ready", "3 of 3 ready", where="pods", layer="effective"))

    return check


def put(change: ClusterChange, spec: Any, facts: Any) -> None:
    """Make the namespace."""
    change.put(NAMESPACE)


def test_what_comes_up_in_a_while_is_waited_for_and_said(
    api: FakeApi, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.waiting.FIRST", 0.01)
    result, said = settle(fleet, rising(api, 4), put)
    assert result.outcome is Outcome.FIXED
    assert said == ["waiting for own.ready on cluster: pods: 1 of 3 ready"]


def test_what_does_not_come_up_by_the_deadline_is_taken_back(
    api: FakeApi, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.waiting.FIRST", 0.01)
    fleet.cluster.spec = fleet.cluster.spec.model_copy(update={"wait": 0.2})
    result, _ = settle(fleet, rising(api, 10_000), put)
    assert result.outcome is Outcome.FIX_FAILED
    assert api.objects == {}
    assert "rolled back" in result.detail


def test_nothing_is_waited_for_where_nothing_was_changed(api: FakeApi, fleet: Fleet) -> None:
    result, said = settle(fleet, rising(api, 2), None)
    assert result.outcome is Outcome.FAILED
    assert said == []


def test_a_remedy_may_not_write_where_the_reader_may_only_read(api: FakeApi, fleet: Fleet) -> None:
    api.mood = lambda method, path: 403 if method != "GET" else 0
    result, _ = settle(fleet, rising(api, 3), put)
    assert result.outcome is Outcome.FIX_FAILED
    assert "Namespace web: 403" in result.detail
    assert "nothing was changed" in result.detail
    assert result.actions == []


def test_a_path_that_is_not_served_is_no_empty_list(api: FakeApi, fleet: Fleet) -> None:
    api.mood = lambda method, path: 404 if path == "/api/v1/nodes" else 0
    fleet.cluster.gather([NODES])
    with pytest.raises(CouldNotLook, match="GET /api/v1/nodes: 404: not served"):
        _ = fleet.cluster.facts[NODES]
    assert fleet.cluster.api().list("/api/v1/nodes", str, optional=True) == []


def test_where_a_remedy_finds_nothing_to_change_an_earlier_run_is_waited_for(api: FakeApi, fleet: Fleet) -> None:
    def nothing(change: ClusterChange, spec: Any, facts: Any) -> None:
        """Find nothing to do."""

    result, said = settle(fleet, rising(api, 2), nothing)
    assert (result.outcome, result.actions) == (Outcome.PASSED, [])
    assert said


def test_a_way_that_was_lost_is_looked_for_again(api: FakeApi, fleet: Fleet, tmp_path: Path) -> None:
    fleet.cluster.gather([VERSION])
    api.mood = lambda method, path: -1
    fleet.cluster.forget()
    fleet.cluster.gather([VERSION])
    assert "not ready" in fleet.cluster.facts.snapshot.problem
    with serving() as other:
        other.kubeconfig(tmp_path)  # in the place of the first
        fleet.cluster.forget()
        fleet.cluster.gather([VERSION])
        assert fleet.cluster.facts[VERSION] == "v1.33.4"


def test_an_object_is_put_back_without_what_a_server_refuses_in_it(api: FakeApi, fleet: Fleet) -> None:
    meta = {"name": "c", "namespace": "web", "managedFields": [{"manager": "other"}]}
    api.objects["/api/v1/namespaces/web"] = NAMESPACE
    api.objects["/api/v1/namespaces/web/configmaps/c"] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    made = change(fleet)
    made.patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    assert made.rollback() == []
    assert "managedFields" not in api.objects["/api/v1/namespaces/web/configmaps/c"]["metadata"]
