"""Batch by batch: what stops the rest, what is asked for early, and what an interrupt leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_converge import HOSTS, STATE, WHERE, Lab

from trueup.change import Change, ClusterChange, verbs
from trueup.connection.transport import Completed
from trueup.engine.batches import Batches, plan
from trueup.engine.interrupts import Interrupts
from trueup.engine.rollout import rollout
from trueup.model.claims import equal, expect
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec
from trueup.results.result import Outcome, Result

ROLES = dict.fromkeys(HOSTS, ("node",))
SINGLE = plan(ROLES, batch="1")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr(verbs, "STATE", str(tmp_path / "kept"))
    return Lab(tmp_path)


class Rolled:
    """A rollout that is over."""

    def __init__(
        self, lab: Lab, batches: Batches, *, apply: bool = True, pairs: Any = None, interrupts: Interrupts | None = None
    ) -> None:
        pairs = lab.pairs() if pairs is None else pairs
        self.said: list[str] = []
        lab.fleet.gather({host: [STATE, WHERE] for host in HOSTS})
        self.rollout = rollout(
            lab.catalog, lab.fleet, lab.profile, pairs, run="run", apply=apply, say=self.said.append,
            batches=batches, interrupts=interrupts,
        )  # fmt: skip
        rank = {id: n for n, id in enumerate(lab.catalog.order())}
        subjects = {**lab.fleet.hosts, lab.fleet.cluster.id: lab.fleet.cluster}
        self.results: dict[tuple[str, str], Result] = {
            (id, on): self.rollout.verdict(lab.catalog.requirements[id], subjects[on])
            for id, on in sorted(pairs, key=lambda pair: (batches.rank(pair[1]), rank[pair[0]], pair[1]))
        }

    def outcomes(self, id: str = "own.state") -> list[str]:
        return [str(self.results[id, host].outcome) for host in HOSTS if (id, host) in self.results]


def spoil(lab: Lab, *hosts: str) -> None:
    """Let the remedy make it no better on some hosts."""

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        lab.note(f"fix own.state {facts.snapshot.host}")
        change.write(f"{facts[WHERE]}/state", "worse\n" if facts.snapshot.host in hosts else "good\n")

    lab.require()
    lab.remedy(fix)


def test_a_batch_goes_through_all_requirements_before_the_next_begins(lab: Lab) -> None:
    lab.require("own.first")
    lab.remedy(id="own.first")
    lab.require("own.second", "own.first")
    done = Rolled(lab, plan(ROLES, batch="2,1"))
    assert done.outcomes("own.second") == ["passed"] * 3
    third = [n for n, event in enumerate(lab.events) if event == "fix own.first h3"]
    assert max(n for n, e in enumerate(lab.events) if e in ("check own.second h1", "check own.second h2")) < third[0]
    assert done.said == ["batch 1 of 2: h1, h2", "batch 2 of 2: h3"]
    assert done.rollout.left() == []


def test_one_batch_is_as_ever_and_says_nothing(lab: Lab) -> None:
    spoil(lab, "h1")
    done = Rolled(lab, plan(ROLES))
    assert done.outcomes() == ["fix-failed", "fixed", "fixed"]
    assert done.said == []
    assert done.rollout.left() == ["h1"]


def test_where_a_host_fails_no_other_batch_begins(lab: Lab) -> None:
    spoil(lab, "h1")
    done = Rolled(lab, SINGLE)
    assert done.outcomes() == ["fix-failed", "not-attempted", "not-attempted"]
    assert [lab.state(host) for host in HOSTS] == ["bad"] * 3
    why = "stopped after batch 1 of 3: 1 failed: h1: own.state is fix-failed"
    assert done.results["own.state", "h3"].detail == why
    assert done.said[-1] == why
    assert done.rollout.left() == ["h1", "h2", "h3"]
    assert not any(event.startswith("fix") and "h1" not in event for event in lab.events)


def test_as_many_may_fail_as_are_tolerated(lab: Lab) -> None:
    spoil(lab, "h1", "h2")
    done = Rolled(lab, plan(ROLES, batch="1", max_fail="1"))
    assert done.outcomes() == ["fix-failed", "fix-failed", "not-attempted"]
    assert done.rollout.stopped.startswith("stopped after batch 2 of 3: 2 failed, 1 may: h1: own.state is fix-failed;")


def test_a_canary_may_not_fail_at_all(lab: Lab) -> None:
    spoil(lab, "h1")
    done = Rolled(lab, plan(ROLES, canary=1, batch="1", max_fail="100%"))
    assert done.outcomes() == ["fix-failed", "not-attempted", "not-attempted"]
    assert done.rollout.stopped.startswith("stopped after canary: 1 failed: h1")


def test_what_was_wrong_before_and_has_no_remedy_stops_nothing(lab: Lab) -> None:
    lab.require("own.hopeless")
    spoil(lab)
    done = Rolled(lab, SINGLE)
    assert (done.outcomes("own.hopeless"), done.outcomes()) == (["failed"] * 3, ["fixed"] * 3)
    assert done.rollout.failed() == {}


def test_what_the_run_itself_broke_stops_it(lab: Lab) -> None:
    def broken(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.write(f"{facts[WHERE]}/state", "good\n")
        change.run("touch", f"{facts[WHERE]}/spoilt", why="spoil it")

    def intact(facts: HostFacts, spec: Spec) -> None:
        """Nothing is spoilt."""
        expect(equal((Path(facts[WHERE]) / "spoilt").exists(), False, where="it", layer="effective"))

    lab.require()
    lab.catalog.requirement("own.intact", key="host.modules", reads=(WHERE,))(intact)
    broken.__doc__ = "Spoil it."
    lab.catalog.remedy("own.state", disruption="none")(broken)
    done = Rolled(lab, SINGLE)
    assert done.outcomes("own.intact") == ["failed", "not-attempted", "not-attempted"]
    # spoiling is not idempotent, and comes first
    assert done.rollout.failed().keys() == {"h1"}


def test_a_host_that_was_gone_from_the_beginning_stops_nothing_and_is_left_to_do(lab: Lab) -> None:
    lab.fleet.hosts["h1"].transport.gone = True
    spoil(lab)
    done = Rolled(lab, SINGLE)
    assert done.outcomes() == ["unreachable", "fixed", "fixed"]
    assert done.rollout.left() == ["h1"]


def test_a_host_that_does_not_come_back_stops_the_run(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        """Write it, and lose the way."""
        change.write(f"{facts[WHERE]}/state", "good\n")
        lab.fleet.hosts["h1"].transport.gone = True

    lab.require("own.before")
    lab.catalog.remedy("own.before", disruption="none")(fix)
    done = Rolled(lab, SINGLE, pairs=[("own.before", host) for host in HOSTS])
    assert done.outcomes("own.before") == ["fix-failed", "not-attempted", "not-attempted"]
    assert "h1: own.before is fix-failed" in done.rollout.stopped


def test_a_host_is_looked_at_anew_when_its_batch_begins(lab: Lab) -> None:
    def check(facts: HostFacts, spec: Spec) -> None:
        """The state is good."""
        if not lab.events:
            lab.be("h3", "bad")  # somebody else did that, after the run had looked
        expect(equal(facts[STATE], "good", where="state", layer="effective"))

    for host in HOSTS:
        lab.be(host, "good")
    lab.catalog.requirement("own.state", key="host.modules", reads=(STATE, WHERE))(check)
    lab.remedy()
    assert Rolled(lab, SINGLE).outcomes() == ["passed", "passed", "fixed"]


def test_hosts_that_are_not_left_are_judged_and_not_changed(lab: Lab) -> None:
    lab.require("own.other")
    lab.remedy(id="own.other")
    done = Rolled(lab, plan(ROLES, batch="1", left=["h2", "h3"]))
    assert done.outcomes("own.other") == ["failed", "fixed", "fixed"]
    assert done.results["own.other", "h1"].detail == "not remedied: h1 is not in the resume file"
    assert lab.state("h1") == "bad"
    assert done.rollout.left() == []


def test_a_need_of_a_host_that_comes_later_is_judged_and_nothing_is_changed_there(lab: Lab) -> None:
    lab.require("own.served", roles=("registry",))
    lab.remedy(id="own.served")
    lab.require("own.trusted", "own.served")
    lab.fleet.hosts["h3"].roles = frozenset({"registry"})
    lab.be("h1", "good")
    lab.be("h2", "good")
    pairs = [("own.served", "h3"), ("own.trusted", "h1"), ("own.trusted", "h2")]
    done = Rolled(lab, SINGLE, pairs=pairs)
    early = done.results["own.trusted", "h1"]
    assert (early.outcome, early.detail) == (Outcome.BLOCKED, "needs own.served on h3 (not-attempted)")
    assert done.results["own.served", "h3"].outcome is Outcome.FIXED
    assert lab.events.count("fix own.served h3") == 2  # and once to see that it finds nothing more to do
    assert done.rollout.left() == ["h1", "h2"]  # which another run brings to their end
    assert done.rollout.failed() == {}


def across(lab: Lab, fix: Callable[[ClusterChange, Spec, FleetFacts], None] | None) -> None:
    """Require that all hosts are good, once for all, and that of each of them after that."""

    def together(facts: FleetFacts, spec: Spec) -> None:
        """All states are good."""
        lab.note("check own.together")
        expect(*(equal(s, "good", where=h, layer="effective") for h, s in sorted(facts.each(STATE).items())))

    lab.catalog.requirement("own.together", key="host.modules", reads=(STATE, WHERE), across=True)(together)
    if fix:
        fix.__doc__ = "Make all of them good."
        lab.catalog.remedy("own.together", disruption="none")(fix)
    lab.require("own.after", "own.together", check=lambda facts, spec: None)


ACROSS = [("own.together", "cluster"), *(("own.after", host) for host in HOSTS)]


def test_a_remedy_of_the_cluster_changes_no_host_whose_batch_has_not_begun(lab: Lab) -> None:
    def fix(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
        for host in HOSTS:
            if lab.state(host) == "bad":
                change.on(host).write(f"{lab.directory}/{host}/state", "good\n")
            lab.note(f"{host}: {' '.join(lab.state(each) for each in HOSTS)}")

    across(lab, fix)
    done = Rolled(lab, SINGLE, pairs=ACROSS)
    result = done.results["own.together", "cluster"]
    assert result.outcome is Outcome.FIXED, result.text()
    assert done.outcomes("own.after") == ["blocked", "blocked", "passed"]
    assert done.results["own.after", "h1"].detail == "needs own.together (not-attempted)"
    assert "h1: good bad bad" in lab.events  # it began, and was taken back
    assert (
        "not-attempted before its turn: h2 is in a later batch; nothing was changed there\nrolled back" in result.text()
    )
    assert next(event for event in lab.events if event.startswith("h3")) == "h3: good good good"
    assert done.rollout.failed() == {}
    assert done.rollout.left() == ["h1", "h2"]


def test_what_was_done_early_is_reported_with_what_was_done_and_judged_again_in_its_turn(lab: Lab) -> None:
    def fix(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
        change.on("h1").write(f"{lab.directory}/h1/state", "good\n")

    lab.be("h2", "good")
    lab.be("h3", "good")
    across(lab, fix)
    done = Rolled(lab, SINGLE, pairs=ACROSS)
    result = done.results["own.together", "cluster"]
    assert result.outcome is Outcome.FIXED
    assert [action.summary for action in result.actions] == [f"write {lab.directory}/h1/state"]
    assert done.outcomes("own.after") == ["passed"] * 3
    assert lab.events.count("check own.together") == 4  # before and after the remedy, and in each further batch


def test_a_remedy_of_the_cluster_that_failed_early_stops_the_run_and_is_reported(lab: Lab) -> None:
    def fix(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
        change.on("h1").write(f"{lab.directory}/h1/state", "worse\n")

    across(lab, fix)
    done = Rolled(lab, SINGLE, pairs=ACROSS)
    result = done.results["own.together", "cluster"]
    assert result.outcome is Outcome.FIX_FAILED
    assert result.actions
    assert "cluster: own.together is fix-failed" in done.rollout.stopped
    assert done.outcomes("own.after") == ["blocked", "not-attempted", "not-attempted"]
    assert lab.state("h1") == "bad"


def test_a_plan_goes_through_all_batches_and_stops_nowhere(lab: Lab) -> None:
    spoil(lab, "h1")
    done = Rolled(lab, plan(ROLES, canary=1, batch="1"), apply=False)
    assert done.outcomes() == ["failed"] * 3
    assert all(done.results["own.state", host].actions for host in HOSTS)
    assert done.said == ["canary: h1", "batch 1 of 2: h2", "batch 2 of 2: h3"]
    assert [lab.state(host) for host in HOSTS] == ["bad"] * 3


def test_a_plan_across_hosts_is_shown_once(lab: Lab) -> None:
    def fix(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
        change.on("h1").write(f"{lab.directory}/h1/state", "good\n")

    across(lab, fix)
    done = Rolled(lab, SINGLE, pairs=ACROSS, apply=False)
    assert len(done.results["own.together", "cluster"].actions) == 1


def test_an_interrupt_lets_the_step_end_where_it_began_and_begins_nothing(lab: Lab) -> None:
    said: list[str] = []
    interrupts = Interrupts(said.append)

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        interrupts.asked = True  # as the signal does
        change.write(f"{facts[WHERE]}/state", "good\n")

    lab.require("own.first")
    lab.remedy(fix, id="own.first")
    lab.require("own.second")
    lab.remedy(id="own.second")
    lab.fleet.forks = 1
    done = Rolled(lab, plan(ROLES), interrupts=interrupts)
    assert done.outcomes("own.first") == ["fixed", "not-attempted", "not-attempted"]
    assert done.outcomes("own.second") == ["not-attempted"] * 3
    assert done.results["own.second", "h1"].detail == "interrupted"
    assert [lab.state(host) for host in HOSTS] == ["good", "bad", "bad"]
    assert done.rollout.left() == list(HOSTS)


def test_nothing_of_a_later_batch_is_sent_a_script(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(lab, "h1")
    lab.fleet.gather({host: [STATE, WHERE] for host in HOSTS})
    ran: list[str] = []
    transport = lab.fleet.hosts["h3"].transport
    inner = transport.run

    def run(script: str, timeout: float) -> Completed:
        ran.append(script)
        return inner(script, timeout)

    monkeypatch.setattr(transport, "run", run)
    Rolled(lab, SINGLE)
    assert ran == []
