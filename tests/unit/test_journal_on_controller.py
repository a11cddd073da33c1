"""This machine's journal of a run, by which objects are put back."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, serving

from trueup.change import ClusterChange
from trueup.errors import ChangeFailed, UsageError
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection
from trueup.journal import on_controller
from trueup.journal.on_controller import RunJournal
from trueup.journal.record import Record
from trueup.model import profile
from trueup.results.result import Outcome, Result
from trueup.undo.run import Rollback

AT = "/api/v1/namespaces/web/configmaps/c"
MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "c", "namespace": "web", "uid": "7", "resourceVersion": "1", "managedFields": [{}]},
    "data": {"a": "1"},
}


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with serving() as found:
        found.objects["/api/v1/namespaces/web"] = {"kind": "Namespace"}
        found.objects[AT] = copy.deepcopy(MAP)
        yield found


@pytest.fixture
def fleet(api: FakeApi, tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet([], profile.load("base"), Connection(), timeout=3, kubeconfig=str(api.kubeconfig(tmp_path)))
    yield made
    made.close()


@pytest.fixture
def journal(tmp_path: Path) -> RunJournal:
    return RunJournal(tmp_path / ".trueup/runs", "run")


def rows(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / ".trueup/runs/run/journal.jsonl").read_text().splitlines()]


def change(fleet: Fleet, journal: RunJournal) -> ClusterChange:
    record = Record("own.object", journal)
    return ClusterChange(fleet.cluster, run="run", apply=True, allowed="restart", record=record)


def rollback(fleet: Fleet, journal: RunJournal, *, apply: bool = True) -> Result:
    taken = Rollback(fleet, "run", journal, apply=apply)
    taken.selected = frozenset(taken.pairs)
    return taken.result("own.object", "cluster")


def test_what_was_changed_is_put_back_and_what_was_made_goes(api: FakeApi, fleet: Fleet, journal: RunJournal) -> None:
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "namespace": "web"}}
    verbs = change(fleet, journal)
    verbs.patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    verbs.patch("v1", "ConfigMap", "c", {"data": {"a": "3"}}, namespace="web")
    verbs.put(made)
    planned = rollback(fleet, journal, apply=False)
    assert (planned.outcome, len(planned.actions)) == (Outcome.CAN_UNDO, 3)
    assert api.objects[AT]["data"] == {"a": "3"}
    done = rollback(fleet, journal)
    assert (done.outcome, done.detail) == (Outcome.UNDONE, "")
    assert api.objects[AT]["data"] == {"a": "1"}
    assert AT.replace("/c", "/new") not in api.objects
    again = rollback(fleet, journal)
    assert (again.outcome, again.actions, again.detail) == (Outcome.UNDONE, [], "was undone before")


def test_an_object_that_changed_since_stays_as_it_is(api: FakeApi, fleet: Fleet, journal: RunJournal) -> None:
    change(fleet, journal).patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    api.objects[AT]["metadata"]["resourceVersion"] = "99"  # as after a write that changes nothing
    assert rollback(fleet, journal, apply=False).outcome is Outcome.CAN_UNDO
    api.objects[AT]["data"]["b"] = "mine"
    done = rollback(fleet, journal)
    assert (done.outcome, "ConfigMap web/c has changed since" in done.detail) == (Outcome.NOT_UNDONE, True)
    assert api.objects[AT]["data"] == {"a": "2", "b": "mine"}


def test_an_object_that_the_server_counts_changes_of_goes_by_that(
    api: FakeApi, fleet: Fleet, journal: RunJournal
) -> None:
    api.objects[AT]["metadata"]["generation"] = 1
    change(fleet, journal).patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    api.objects[AT]["data"]["by a controller"] = "x"
    assert rollback(fleet, journal, apply=False).outcome is Outcome.CAN_UNDO
    api.objects[AT]["metadata"]["generation"] = 2
    assert rollback(fleet, journal, apply=False).outcome is Outcome.NOT_UNDONE


@pytest.mark.parametrize(
    "secretive",
    [
        {"data": {"password": "hunter2hunter2"}},
        {"data": {"conf": "x: 1\ntoken: hunter2hunter2\n"}},
        {"spec": {"env": [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]}},
    ],
)
def test_an_object_with_a_secret_is_not_kept_and_so_stays(
    api: FakeApi, fleet: Fleet, journal: RunJournal, tmp_path: Path, secretive: dict[str, Any]
) -> None:
    api.objects[AT] |= secretive
    verbs = change(fleet, journal)
    verbs.patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    assert "hunter2" not in (tmp_path / ".trueup/runs/run/journal.jsonl").read_text()
    done = rollback(fleet, journal)
    assert (done.outcome, "may contain a secret" in done.detail) == (Outcome.NOT_UNDONE, True)
    assert verbs.rollback() == []  # by the run itself, which remembers it
    assert api.objects[AT]["data"] != {"a": "2"}


def test_a_change_that_is_refused_is_marked_as_failed(
    api: FakeApi, fleet: Fleet, journal: RunJournal, tmp_path: Path
) -> None:
    asked = iter([0, 409])  # the trial, then the change
    api.mood = lambda method, path: next(asked) if method == "PATCH" else 0
    verbs = change(fleet, journal)
    with pytest.raises(ChangeFailed):
        verbs.patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    assert [row["state"] for row in rows(tmp_path)] == ["begun", "failed"]
    assert verbs.rollback() == []
    assert rows(tmp_path)[-1]["state"] == "undone"


def test_it_is_for_its_owner_alone_and_the_oldest_runs_go(tmp_path: Path, fleet: Fleet, journal: RunJournal) -> None:
    for n in range(on_controller.RUNS + 2):
        (tmp_path / f".trueup/runs/2026{n:03}").mkdir(parents=True)
    change(fleet, journal).patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    runs = sorted(path.name for path in (tmp_path / ".trueup/runs").iterdir())
    assert (len(runs), runs[0], runs[-1]) == (on_controller.RUNS, "2026003", "run")
    file = tmp_path / ".trueup/runs/run/journal.jsonl"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [row["host"] for row in rows(tmp_path) if "host" in row] == ["cluster"]


def test_where_it_cannot_be_written_nothing_is_changed(
    api: FakeApi, fleet: Fleet, journal: RunJournal, tmp_path: Path
) -> None:
    (tmp_path / ".trueup").write_text("a file where the directory would be")
    with pytest.raises(ChangeFailed, match="cannot write the journal on the controller"):
        change(fleet, journal).patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    assert api.objects[AT]["data"] == {"a": "1"}


def test_half_a_line_at_the_end_hurts_no_other(fleet: Fleet, api: FakeApi, journal: RunJournal, tmp_path: Path) -> None:
    change(fleet, journal).patch("v1", "ConfigMap", "c", {"data": {"a": "2"}}, namespace="web")
    with (tmp_path / ".trueup/runs/run/journal.jsonl").open("a") as file:
        file.write('{"sequence": 99, "stat')
    assert rollback(fleet, journal).outcome is Outcome.UNDONE


def test_a_run_of_which_nobody_knows_is_an_error_of_usage(fleet: Fleet, journal: RunJournal) -> None:
    with pytest.raises(UsageError, match="--rollback=run: no host knows any run"):
        Rollback(fleet, "run", journal, apply=True)
