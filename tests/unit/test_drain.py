"""A node is emptied before a remedy that disturbs its pods, and takes pods again when all is well, and only then."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fake_api import FakeApi, serving

from trueup.change import Change, verbs
from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.engine.plan_guard import differences
from trueup.engine.rollout import rollout
from trueup.errors import ChangeFailed, UsageError
from trueup.facts.kube.nodes import NODES
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, Target
from trueup.model import profile as profiles
from trueup.model.catalog import Catalog, Disruption
from trueup.model.claims import equal, expect
from trueup.model.fact import Fact
from trueup.model.view import HostFacts
from trueup.nodes.node import CORDONED_BY, CORDONED_FOR
from trueup.results.result import Outcome, Result
from trueup.waiting import cut

STATE: Fact[str] = Fact("state", "cat /etc/state", str.strip)
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MEMBER = ("etc/kubernetes/kubelet.conf", "var/lib/kubelet/config.yaml")
REPLICASET = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": True}]}
DAEMONSET = {"ownerReferences": [{"kind": "DaemonSet", "name": "net", "controller": True}]}


@dataclass
class Rooted(Process):
    """A host whose files are in a directory, and whose name is its own."""

    home: Path = field(default_factory=Path)

    def run(self, script: str, timeout: float) -> Completed:
        moved = r"(?<![\w.-])/(?=etc/|var/lib/kubelet|proc/sys/kernel/hostname)"
        script = f"PATH={self.home}/bin:$PATH; export PATH\n" + re.sub(moved, f"{self.home}/", script)
        done = super().run(script, timeout)
        return replace(done, out=done.out.replace(f"{self.home}/".encode(), b"/"))


class Killed(BaseException):
    """The runner is killed: nothing after it happens."""


class Nodes:
    """Hosts h1 and h2, nodes of a cluster, with a requirement that is not met on h1."""

    def __init__(self, api: FakeApi, directory: Path) -> None:
        self.api, self.directory = api, directory
        self.catalog = Catalog()
        self.said: list[str] = []
        self.seen: list[list[str]] = []  # pods on the node when the remedy acts
        profile = profiles.load("base")
        targets = [Target(name, name, "local", "") for name in ("h1", "h2")]
        self.profile = profile
        self.fleet = Fleet(
            targets, profile, Connection(), timeout=2, forks=2, kubeconfig=str(api.kubeconfig(directory))
        )
        renewals = itertools.count()

        def mood(method: str, path: str) -> int:
            if path.startswith(LEASES):  # kubelet renews it all the time
                api.objects[path] = {"spec": {"renewTime": f"2026-01-01T00:00:{next(renewals):02}Z"}}
            return 0

        api.mood = mood
        for name, host in self.fleet.hosts.items():
            home = directory / name
            for path in ("bin/ip", "etc/state", "proc/sys/kernel/hostname", *MEMBER):
                (home / path).parent.mkdir(parents=True, exist_ok=True)
                (home / path).touch()
            (home / "bin/ip").write_text("#!/bin/sh\n:\n")
            (home / "bin/ip").chmod(0o755)
            (home / "proc/sys/kernel/hostname").write_text(f"{name}\n")
            vars(host)["transport"] = Rooted(["sh"], name, home=home)
            host.spec = host.spec.model_copy(update={"wait": 0.4})
            ready = {"conditions": [{"type": "Ready", "status": "True"}]}
            self.api.objects[f"/api/v1/nodes/{name}"] = {"metadata": {"name": name}, "spec": {}, "status": ready}
        self.drain_within(0.5)
        self.be("h1", "bad")
        self.be("h2", "good")
        self.pod("web-1", REPLICASET)

        def check(facts: HostFacts, spec: Any) -> None:
            """The state is good."""
            expect(equal(facts[STATE], "good", where="state", layer="effective"))

        self.catalog.requirement("own.state", key="host.modules", reads=(STATE,))(check)

    def drain_within(self, seconds: float) -> None:
        for host in self.fleet.hosts.values():
            kube = host.spec.kube.model_copy(update={"drain": type(host.spec.kube.drain)(seconds=seconds)})
            host.spec = host.spec.model_copy(update={"kube": kube})

    def remedy(self, fix: Callable[..., None] | None = None, disruption: Disruption = "drain") -> None:
        def default(change: Change, spec: Any, facts: HostFacts) -> None:
            """Write the state."""
            if change.apply:
                self.seen.append(self.pods())
            change.write("/etc/state", "good\n")

        fix = fix or default
        fix.__doc__ = "Write the state."
        self.catalog.remedy("own.state", disruption=disruption)(fix)

    def be(self, host: str, state: str) -> None:
        (self.directory / host / "etc/state").write_text(f"{state}\n")

    def state(self) -> str:
        return (self.directory / "h1/etc/state").read_text().strip()

    def pod(self, name: str, meta: dict[str, Any], **spec: Any) -> None:
        self.api.objects[f"/api/v1/namespaces/web/pods/{name}"] = {
            "metadata": {"name": name, "namespace": "web", "uid": f"uid-{name}", **meta},
            "spec": {"nodeName": "h1", **spec},
        }

    def pods(self) -> list[str]:
        return [key.rpartition("/")[2] for key in self.api.objects if "/pods/" in key]

    @property
    def node(self) -> Any:
        return self.api.objects["/api/v1/nodes/h1"]

    @property
    def cordoned(self) -> bool:
        return bool(self.node["spec"].get("unschedulable"))

    def cordon(self, manager: str = "kubectl") -> None:
        self.node["spec"]["unschedulable"] = True
        owned = [{"manager": manager, "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]
        self.node["metadata"]["managedFields"] = owned

    def run(
        self, *, apply: bool = True, most: Disruption = "drain", allow: tuple[str, ...] = (), id: str = "r1"
    ) -> Result:
        for host in self.fleet.hosts.values():
            host.forget()
        pairs = [("own.state", "h1"), ("own.state", "h2")]
        made = rollout(
            self.catalog, self.fleet, self.profile, pairs,
            run=id, apply=apply, most=most, allow=allow, say=self.said.append,
        )  # fmt: skip
        return made.verdict(self.catalog.requirements["own.state"], self.fleet.hosts["h1"])


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setattr(verbs, "STATE", str(tmp_path / "kept"))
    monkeypatch.setattr("trueup.waiting.FIRST", 0.05)
    with serving() as api:
        made = Nodes(api, tmp_path)
        yield made
        made.fleet.close()


def said(result: Result) -> list[str]:
    return [action.summary for action in result.actions]


def test_a_node_is_empty_while_it_is_remedied_and_takes_pods_afterwards(nodes: Nodes) -> None:
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIXED
    assert nodes.seen == [[]]
    assert not nodes.cordoned
    assert CORDONED_BY not in nodes.node["metadata"]["annotations"]
    assert said(result) == ["drain h1 first (1 pod)", "write /etc/state", "uncordon h1"]


def test_a_plan_says_so_and_does_nothing(nodes: Nodes) -> None:
    nodes.remedy()
    planned = nodes.run(apply=False)
    assert not [each for each in nodes.api.asked if not each.startswith("GET")]
    assert planned.outcome is Outcome.FAILED
    assert planned.actions[0].diff == "-web/web-1\n"
    assert said(planned)[0] == "drain h1 first (decided in the run: 1 pod now)"
    assert differences(planned.actions, nodes.run().actions) == []


def test_more_than_the_operator_allows_is_not_done(nodes: Nodes) -> None:
    nodes.remedy()
    result = nodes.run(most="restart")
    assert result.outcome is Outcome.FAILED
    assert "--max-disruption=drain would: Write the state." in result.detail
    assert nodes.pods() == ["web-1"]


def test_what_is_no_node_has_nothing_to_drain(nodes: Nodes) -> None:
    (nodes.directory / "h1" / MEMBER[0]).unlink()
    nodes.remedy()
    result = nodes.run(most="restart")
    assert result.outcome is Outcome.FIXED
    assert said(result) == ["write /etc/state"]
    assert nodes.pods() == ["web-1"]


def test_a_host_that_is_no_node_is_rebooted_only_where_that_is_allowed(nodes: Nodes) -> None:
    (nodes.directory / "h1" / MEMBER[0]).unlink()
    nodes.remedy(disruption="reboot")
    assert "--max-disruption=reboot would" in nodes.run(most="drain").detail


def test_a_budget_that_allows_nothing_is_named_and_the_node_is_as_before(nodes: Nodes) -> None:
    nodes.remedy()
    nodes.api.evict = lambda pod: 429
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "h1 could not be drained in 0.5 s: web/web-1 may not be evicted: 429: Cannot evict pod" in result.detail
    assert "The disruption budget web-pdb needs 2 healthy pods" in result.detail
    assert nodes.state() == "bad"
    assert not nodes.cordoned
    assert nodes.seen == []
    assert said(result) == ["drain h1 first (1 pod)", "uncordon h1"]


def test_who_wants_to_stop_now_waits_for_no_pod_and_the_node_is_as_before(nodes: Nodes) -> None:
    def refuse(pod: str) -> int:
        cut.set()
        return 429

    nodes.remedy()
    nodes.api.evict = refuse
    try:
        result = nodes.run()
    finally:
        cut.clear()
    assert "h1 could not be drained before the operator stopped it: web/web-1" in result.detail
    assert (nodes.state(), nodes.seen, nodes.cordoned) == ("bad", [], False)


def test_a_budget_that_allows_it_later_is_waited_for(nodes: Nodes) -> None:
    nodes.remedy()
    answers = itertools.chain([429, 500, 429], itertools.repeat(0))
    nodes.api.evict = lambda pod: next(answers)
    nodes.drain_within(30)
    assert nodes.run().outcome is Outcome.FIXED
    assert any("web-pdb" in line for line in nodes.said)


def test_a_pod_that_does_not_end_is_named(nodes: Nodes) -> None:
    nodes.pod("web-1", REPLICASET | {"deletionTimestamp": "2026-01-01T00:00:00Z"})
    nodes.remedy()
    result = nodes.run()
    assert "web/web-1 does not end" in result.detail
    assert not nodes.cordoned


def test_what_belongs_to_the_node_stays(nodes: Nodes) -> None:
    nodes.pod("net-1", DAEMONSET)
    nodes.pod("etcd-h1", {"annotations": {"kubernetes.io/config.mirror": "x"}})
    nodes.pod("job-1", {})
    nodes.api.objects["/api/v1/namespaces/web/pods/job-1"]["status"] = {"phase": "Succeeded"}
    nodes.pod("elsewhere", {}, nodeName="h2")
    nodes.remedy()
    assert nodes.run().outcome is Outcome.FIXED
    assert nodes.seen == [["net-1", "etcd-h1", "job-1", "elsewhere"]]


@pytest.mark.parametrize(
    ("meta", "spec", "words"),
    [
        ({}, {}, "nothing would make web/precious anew"),
        (REPLICASET, {"volumes": [{"emptyDir": {}}]}, "web/precious would lose the data in an emptyDir"),
    ],
)
def test_what_would_be_lost_is_left_to_the_operator(
    nodes: Nodes, meta: dict[str, Any], spec: dict[str, Any], words: str
) -> None:
    nodes.pod("precious", meta, **spec)
    nodes.remedy()
    refused = nodes.run()
    assert refused.outcome is Outcome.FIX_FAILED
    assert words in refused.detail
    assert "nothing was changed" in refused.detail
    assert refused.actions == []
    assert not [each for each in nodes.api.asked if not each.startswith("GET")]
    assert nodes.run(allow=("destructive",)).outcome is Outcome.FIXED
    assert nodes.seen == [[]]


def test_a_node_that_somebody_cordoned_stays_so(nodes: Nodes) -> None:
    nodes.cordon()
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIXED
    assert nodes.seen == [[]]
    assert nodes.cordoned
    assert said(result) == [
        "drain h1 first (1 pod); it is cordoned already, and stays so",
        "write /etc/state",
    ]


def test_a_remedy_that_refuses_costs_no_pod_its_place(nodes: Nodes) -> None:
    def refuse(change: Change, spec: Any, facts: HostFacts) -> None:
        raise ChangeFailed("not here; nothing was changed")

    nodes.remedy(refuse)
    result = nodes.run()
    assert (result.outcome, result.detail) == (Outcome.FIX_FAILED, "not here; nothing was changed")
    assert not [each for each in nodes.api.asked if not each.startswith("GET")]


def test_what_did_not_help_is_taken_back_and_the_node_takes_pods_again(nodes: Nodes) -> None:
    nodes.remedy(lambda change, spec, facts: change.write("/etc/state", "worse\n"))
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert nodes.state() == "bad"
    assert not nodes.cordoned
    assert said(result)[-1] == "uncordon h1"


def test_what_could_not_be_taken_back_leaves_the_node_cordoned_and_says_how_to_go_on(nodes: Nodes) -> None:
    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        change.run("true", why="do it", undo="exit 7")

    nodes.remedy(fix)
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert nodes.cordoned
    assert "node h1 is left cordoned: it may be half changed" in result.detail
    assert "`kubectl uncordon h1`" in result.detail


def test_a_node_that_does_not_get_ready_is_taken_back_and_left_cordoned(nodes: Nodes) -> None:
    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        change.write("/etc/state", "good\n")
        if change.apply:
            nodes.node["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "no runtime"}]

    nodes.remedy(fix)
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "node h1 did not become Ready in 0.4 s: False: no runtime" in result.detail
    assert nodes.state() == "bad"
    assert nodes.cordoned


def test_a_static_pod_that_does_not_come_up_again_keeps_the_next_node_waiting(nodes: Nodes) -> None:
    mirror = {"annotations": {"kubernetes.io/config.mirror": "x"}}
    for name, status in {"etcd-h1": "True", "broken-h1": "False"}.items():
        nodes.pod(name, mirror)
        pod = nodes.api.objects[f"/api/v1/namespaces/web/pods/{name}"]
        pod["status"] = {"conditions": [{"type": "Ready", "status": status}]}

    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        change.write("/etc/state", "good\n")
        if change.apply:
            nodes.api.objects["/api/v1/namespaces/web/pods/etcd-h1"]["status"]["conditions"][0]["status"] = "False"

    nodes.remedy(fix)
    assert "did not become Ready in 0.4 s: web/etcd-h1 not ready" in nodes.run().detail


def test_ready_counts_only_as_said_since(nodes: Nodes) -> None:
    nodes.api.mood = lambda method, path: 0
    nodes.api.objects[f"{LEASES}/h1"] = {"spec": {"renewTime": "long ago"}}
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "kubelet has not renewed its lease" in result.detail


def test_a_run_that_was_killed_leaves_a_node_that_the_next_one_knows(nodes: Nodes) -> None:
    def killed(change: Change, spec: Any, facts: HostFacts) -> None:
        change.write("/etc/state", "good\n")
        if change.apply:
            raise Killed

    nodes.remedy(killed)
    with pytest.raises(Killed):
        nodes.run()
    assert nodes.cordoned
    assert nodes.node["metadata"]["annotations"] == {CORDONED_BY: "r1", CORDONED_FOR: "own.state"}
    assert nodes.state() == "good"

    planned = nodes.run(apply=False, id="r2")
    assert (planned.outcome, said(planned)) == (Outcome.FAILED, ["uncordon h1"])
    assert nodes.cordoned
    result = nodes.run(id="r2")
    assert result.outcome is Outcome.FIXED
    assert "cordoned by trueup's run r1" in result.text()
    assert not nodes.cordoned
    assert nodes.run(id="r3").actions == []


@pytest.mark.parametrize("left", [True, False])
def test_what_is_judged_afterwards_is_judged_on_the_node_as_it_is_then(nodes: Nodes, left: bool) -> None:
    def schedulable(facts: HostFacts, spec: Any) -> None:
        """The node takes pods."""
        expect(equal([node.cordoned for node in facts[NODES]], [False, False], where="nodes", layer="effective"))

    nodes.catalog.requirement("own.taking", key="host.modules", reads=(NODES,), needs=("own.state",))(schedulable)
    if left:
        nodes.cordon("trueup")
        nodes.node["metadata"]["annotations"] = {CORDONED_BY: "r0", CORDONED_FOR: "own.state"}
        nodes.be("h1", "good")
    nodes.remedy()
    nodes.fleet.cluster.gather([NODES])
    pairs = [("own.state", "h1"), ("own.taking", "h1")]
    made = rollout(nodes.catalog, nodes.fleet, nodes.profile, pairs, run="r1", apply=True, most="drain")
    results = [made.verdict(nodes.catalog.requirements[id], nodes.fleet.hosts["h1"]) for id, _ in pairs]
    assert [result.outcome for result in results] == [Outcome.FIXED, Outcome.PASSED]


def test_what_a_killed_run_left_cordoned_and_red_is_remedied_and_uncordoned(nodes: Nodes) -> None:
    nodes.cordon("trueup")
    nodes.node["metadata"]["annotations"] = {CORDONED_BY: "r0", CORDONED_FOR: "own.state"}
    nodes.remedy()
    assert nodes.run().outcome is Outcome.FIXED
    assert not nodes.cordoned


@pytest.mark.parametrize(("manager", "requirement"), [("kubectl", "own.state"), ("trueup", "own.other")])
def test_a_cordon_that_is_not_ours_or_not_for_this_is_left(nodes: Nodes, manager: str, requirement: str) -> None:
    nodes.cordon(manager)  # by hand, after ours was ended by hand: the annotation is still there
    nodes.node["metadata"]["annotations"] = {CORDONED_BY: "r0", CORDONED_FOR: requirement}
    nodes.be("h1", "good")
    nodes.remedy()
    result = nodes.run()
    assert (result.outcome, result.actions) == (Outcome.PASSED, [])
    assert nodes.cordoned


def test_an_api_that_goes_away_in_the_middle_leaves_a_node_that_is_known_as_ours(nodes: Nodes) -> None:
    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        change.write("/etc/state", "good\n")
        if change.apply:
            nodes.api.mood = lambda method, path: 503

    nodes.remedy(fix)
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "503" in result.detail
    assert "node h1 is left cordoned" in result.detail
    assert nodes.node["metadata"]["annotations"][CORDONED_FOR] == "own.state"


def test_a_node_without_a_way_to_its_api_is_not_disturbed(nodes: Nodes) -> None:
    nodes.api.mood = lambda method, path: 503
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "pods on it are not disturbed undrained" in result.detail
    assert nodes.state() == "bad"


def test_a_node_that_its_api_does_not_know_is_not_disturbed(nodes: Nodes) -> None:
    del nodes.api.objects["/api/v1/nodes/h1"]
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "is no node of the one whose API is asked (h2)" in result.detail
    assert nodes.state() == "bad"


def test_a_refusal_of_the_api_is_not_waited_for(nodes: Nodes) -> None:
    nodes.api.evict = lambda pod: 403
    nodes.remedy()
    result = nodes.run()
    assert "evict web/web-1: 403" in result.detail
    assert not nodes.cordoned


def test_a_node_that_changes_between_read_and_write_is_read_again(nodes: Nodes) -> None:
    steady, conflicts = nodes.api.mood, itertools.chain([409, 409], itertools.repeat(0))
    nodes.api.mood = lambda method, path: next(conflicts) if method == "PATCH" else steady(method, path)
    nodes.remedy()
    assert nodes.run().outcome is Outcome.FIXED
    assert not nodes.cordoned


def test_two_nodes_are_never_drained_at_once(nodes: Nodes) -> None:
    nodes.be("h2", "bad")
    at_once: list[int] = []

    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        if change.apply:
            cordoned = [key for key, each in nodes.api.objects.items() if each["spec"].get("unschedulable")]
            at_once.append(len(cordoned))
        with change.one_at_a_time:  # which a remedy may take within its node's own
            change.write("/etc/state", "good\n")

    nodes.remedy(fix)
    nodes.run()
    assert at_once == [1, 1]


def test_after_a_host_that_did_not_come_back_no_node_is_drained(nodes: Nodes) -> None:
    nodes.fleet.hosts["h2"].give_up("not back after 600 s")
    nodes.remedy()
    result = nodes.run()
    assert result.outcome is Outcome.FIX_FAILED
    assert "h2 did not come back: no node is drained" in result.detail
    assert nodes.pods() == ["web-1"]


def test_a_node_whose_host_does_not_come_back_is_not_waited_for(nodes: Nodes) -> None:
    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        change.run("true", why="reboot")
        if change.apply:
            nodes.fleet.hosts["h1"].give_up("not back after 600 s")
            raise ChangeFailed("not back after 600 s")

    nodes.remedy(fix, disruption="reboot")
    result = nodes.run(most="reboot")
    assert result.outcome is Outcome.FIX_FAILED
    assert "not back after 600 s\nnothing to roll back" in result.detail
    assert "node h1 is left cordoned: its host is gone" in result.detail
    assert nodes.cordoned


def test_a_remedy_that_drains_is_for_one_host(nodes: Nodes) -> None:
    nodes.catalog.requirement("own.all", key="host.modules", reads=(STATE,), across=True)(
        nodes.catalog.requirements["own.state"].check
    )

    def fix(change: Change, spec: Any, facts: HostFacts) -> None:
        """Do it."""

    nodes.catalog.remedy("own.all", disruption="drain")(fix)
    with pytest.raises(UsageError, match="one host at a time"):
        nodes.catalog.validate()
