"""Every outcome of a requirement on a host: checks and remedies of the tests own, hosts that are directories."""

import datetime
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from trueup.change import Change
from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.engine import recheck
from trueup.engine.audit import Audit
from trueup.engine.rollout import rollout
from trueup.errors import CouldNotLook, Unreachable
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, Target
from trueup.model import profile as profiles
from trueup.model.catalog import Catalog, Disruption
from trueup.model.claims import equal, expect, unmet
from trueup.model.fact import CLOCK, Condition, Fact
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec
from trueup.results.result import Cause, Outcome, Result
from trueup.waiting import Patience

HOSTS = ("h1", "h2", "h3")
STATE: Fact[str] = Fact("state", 'echo look >>"$HOME/looks"; cat "$HOME/state"', str.strip)
WHERE: Fact[str] = Fact("where", 'echo "$HOME"', str.strip)


@dataclass
class Directory(Process):
    """A host whose home is a directory of its own."""

    home: Path = field(default_factory=Path)
    gone: bool = False
    tried: int = 0
    prologue: str = ""
    limits: list[float] = field(default_factory=list)

    def run(self, script: str, timeout: float) -> Completed:
        self.tried += 1
        self.limits.append(timeout)
        if self.gone:
            raise Unreachable("ssh: no route to host")
        return super().run(f"HOME={self.home}; export HOME\n{self.prologue}\n{script}", timeout)


@dataclass
class Lab:
    """A catalog, hosts and what happened in which order."""

    directory: Path
    catalog: Catalog = field(default_factory=Catalog)
    events: list[str] = field(default_factory=list)
    profile: profiles.LoadedProfile = field(default_factory=lambda: profiles.load("base"))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        targets = [Target(name, name, "local", "") for name in HOSTS]
        self.fleet = Fleet(targets, self.profile, Connection(), forks=3)
        for name, host in self.fleet.hosts.items():
            (self.directory / name).mkdir()
            vars(host)["transport"] = Directory(["sh"], name, home=self.directory / name)
            self.be(name, "bad")

    def be(self, host: str, state: str) -> None:
        (self.directory / host / "state").write_text(f"{state}\n")

    def state(self, host: str) -> str:
        return (self.directory / host / "state").read_text().strip()

    def note(self, event: str) -> None:
        with self.lock:
            self.events.append(event)

    def require(
        self,
        id: str = "own.state",
        *needs: str,
        after: tuple[str, ...] = (),
        check: Callable[..., None] | None = None,
        roles: tuple[str, ...] = ("node",),
    ) -> None:
        def default(facts: HostFacts, spec: Spec) -> None:
            """The state is good."""
            self.note(f"check {id} {facts.snapshot.host}")
            expect(equal(facts[STATE], "good", where="state", layer="effective"))

        check = check or default
        check.__doc__ = check.__doc__ or "The state is good."
        register = self.catalog.requirement(
            id, key="host.modules", reads=(STATE, WHERE), needs=needs, after=after, roles=roles
        )
        register(check)

    def remedy(
        self, fix: Callable[..., None] | None = None, id: str = "own.state", disruption: Disruption = "none"
    ) -> None:
        def default(change: Change, spec: Spec, facts: HostFacts) -> None:
            """Write the state."""
            self.note(f"fix {id} {facts.snapshot.host}")
            change.write(f"{facts[WHERE]}/state", "good\n")

        fix = fix or default
        fix.__doc__ = fix.__doc__ or "Write the state."
        self.catalog.remedy(id, disruption=disruption)(fix)

    def pairs(self) -> list[tuple[str, str]]:
        return [(id, host) for id in self.catalog.requirements for host in HOSTS]

    def run(self, *, apply: bool | None = True, pairs: Any = None) -> dict[tuple[str, str], Result]:
        """Settle all pairs in the order of a run; ``apply=None`` audits."""
        pairs = self.pairs() if pairs is None else pairs
        self.fleet.gather({host: [STATE, WHERE] for host in HOSTS})
        audit = (
            Audit(self.catalog, self.fleet, self.profile, pairs)
            if apply is None
            else rollout(self.catalog, self.fleet, self.profile, pairs, run="run", apply=apply)
        )
        ordered = sorted(pairs, key=lambda pair: (self.catalog.order().index(pair[0]), pair[1]))
        return {pair: audit.verdict(self.catalog.requirements[pair[0]], self.fleet.hosts[pair[1]]) for pair in ordered}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def outcomes(results: dict[tuple[str, str], Result]) -> set[Outcome]:
    return {result.outcome for result in results.values()}


@pytest.mark.parametrize("apply", [None, False, True])
def test_a_requirement_that_holds_is_passed_and_nothing_is_touched(lab: Lab, apply: bool | None) -> None:
    for host in HOSTS:
        lab.be(host, "good")
    lab.require()
    lab.remedy()
    results = lab.run(apply=apply)
    assert outcomes(results) == {Outcome.PASSED}
    assert not any("fix" in event for event in lab.events)
    assert all(result.actions == [] and result.deviations == [] for result in results.values())


def test_an_audit_says_what_is_wrong_and_changes_nothing(lab: Lab) -> None:
    lab.require()
    lab.remedy()
    result = lab.run(apply=None)["own.state", "h1"]
    assert result.outcome is Outcome.FAILED
    assert result.text() == "effective, state\n  expected  good\n  found     bad"
    assert result.evidence["state"].out == "bad\n"
    assert lab.state("h1") == "bad"


def test_a_failed_requirement_is_remedied_and_checked_again_on_fresh_facts(lab: Lab) -> None:
    lab.be("h2", "good")
    lab.require()
    lab.remedy()
    results = lab.run()
    assert results["own.state", "h1"].outcome is Outcome.FIXED
    assert results["own.state", "h2"].outcome is Outcome.PASSED
    assert [lab.state(host) for host in HOSTS] == ["good"] * 3
    assert [action.verb for action in results["own.state", "h1"].actions] == ["write"]
    assert results["own.state", "h1"].evidence["state"].out == "good\n"


def test_a_plan_changes_nothing_and_records_what_a_fix_would(lab: Lab) -> None:
    lab.require()
    lab.remedy()
    planned = lab.run(apply=False)["own.state", "h1"]
    assert planned.outcome is Outcome.FAILED
    assert lab.state("h1") == "bad"
    for host in lab.fleet.hosts.values():
        host.forget()
    fixed = lab.run()["own.state", "h1"]
    assert [(a.summary, a.diff) for a in planned.actions] == [(a.summary, a.diff) for a in fixed.actions]


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    lab.require()
    lab.remedy()
    lab.run()
    for host in lab.fleet.hosts.values():
        host.forget()
    assert outcomes(lab.run()) == {Outcome.PASSED}


def test_a_remedy_that_does_not_turn_its_check_green_is_rolled_back(lab: Lab) -> None:
    lab.require()
    lab.remedy(lambda change, spec, facts: change.write(f"{facts[WHERE]}/state", "worse\n"))
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FIX_FAILED
    assert "applied, and the requirement still fails" in result.detail
    assert "rolled back" in result.detail
    assert "found     worse" in result.text()
    assert lab.state("h1") == "bad"


def test_a_remedy_that_finds_nothing_to_change_says_so(lab: Lab) -> None:
    lab.require()
    lab.remedy(lambda change, spec, facts: None)
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FIX_FAILED
    assert result.detail == "the remedy found nothing to change"


@pytest.mark.parametrize("problem", ["change", "bug", "look"])
def test_a_remedy_that_fails_half_way_is_rolled_back(lab: Lab, problem: str) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.write(f"{facts[WHERE]}/state", "half\n")
        if problem == "change":
            change.run("sh", "-c", "echo no luck; exit 3", why="go on")
        if problem == "look":
            raise CouldNotLook("no apt-cache there")
        raise ValueError("a mistake")

    lab.require()
    lab.remedy(fix)
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FIX_FAILED
    assert {"change": "exit code 3: no luck", "bug": "the remedy broke:", "look": "no apt-cache"}[
        problem
    ] in result.detail
    assert "rolled back" in result.detail
    assert lab.state("h1") == "bad"


@pytest.mark.parametrize("when", ["bad", "good"])
def test_what_a_broken_remedy_says_has_no_secret(lab: Lab, when: str) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        if facts[STATE] == when:
            raise ValueError("cannot parse: password = 'hunter2hunter2'")
        change.write(f"{facts[WHERE]}/state", "good\n")

    lab.require()
    lab.remedy(fix)
    detail = lab.run()["own.state", "h1"].detail
    assert "cannot parse" in detail
    assert "hunter2" not in detail


def test_a_remedy_may_not_disturb_more_than_it_declares(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.run("touch", f"{facts[WHERE]}/restarted", why="restart", disruption="restart")

    lab.require()
    lab.remedy(fix, disruption="reload")
    assert lab.run()["own.state", "h1"].outcome is Outcome.FIX_FAILED
    assert not (lab.directory / "h1/restarted").exists()


def test_a_remedy_that_would_change_something_again_is_not_idempotent(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.write(f"{facts[WHERE]}/state", "good\n")
        change.run("true", why="do it again")

    lab.require()
    lab.remedy(fix)
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.NOT_IDEMPOTENT
    assert result.detail == "a second application would: do it again"
    assert lab.state("h1") == "good"


def test_a_remedy_that_fails_the_second_time_is_not_idempotent(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        if facts[STATE] == "good":
            raise ValueError("once only")
        change.write(f"{facts[WHERE]}/state", "good\n")

    lab.require()
    lab.remedy(fix)
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.NOT_IDEMPOTENT
    assert "once only" in result.detail


def test_without_a_remedy_the_failure_stays_and_says_so(lab: Lab) -> None:
    lab.require()
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FAILED
    assert result.detail == "no automatic remedy"


def test_what_needs_a_failed_requirement_is_blocked_on_that_host_only_and_names_the_cause(lab: Lab) -> None:
    for host in ("h2", "h3"):
        lab.be(host, "good")
    lab.require("own.first")
    lab.require("own.second", "own.first")
    lab.require("own.third", "own.second")
    results = lab.run()
    assert results["own.second", "h1"].outcome is Outcome.BLOCKED
    assert results["own.second", "h1"].detail == "needs own.first (failed)"
    assert results["own.third", "h1"].outcome is Outcome.BLOCKED
    assert "own.first (failed)" in results["own.third", "h1"].detail
    assert results["own.third", "h2"].outcome is Outcome.PASSED
    assert "check own.second h1" not in lab.events


def test_a_need_that_the_profile_leaves_out_does_not_block(lab: Lab) -> None:
    lab.require("own.first")
    lab.be("h1", "good")
    lab.require("own.second", "own.first")
    assert lab.run(pairs=[("own.second", "h1")])["own.second", "h1"].outcome is Outcome.PASSED


def test_a_need_that_was_fixed_in_this_run_does_not_block(lab: Lab) -> None:
    lab.require("own.first")
    lab.remedy(id="own.first")
    lab.require("own.second", "own.first")
    results = lab.run()
    assert results["own.first", "h1"].outcome is Outcome.FIXED
    assert results["own.second", "h1"].outcome is Outcome.PASSED


@pytest.mark.parametrize(("state", "outcome"), [("good", Outcome.PASSED), ("bad", Outcome.BLOCKED)])
def test_a_need_that_is_for_other_hosts_has_to_hold_on_all_of_those(lab: Lab, state: str, outcome: Outcome) -> None:
    lab.require("own.served", roles=("registry",))
    lab.require("own.trusted", "own.served")
    for name in HOSTS[1:]:
        lab.fleet.hosts[name].roles = frozenset({"registry"})
    lab.be("h1", "good")
    lab.be("h2", "good")
    lab.be("h3", state)
    pairs = [("own.served", "h2"), ("own.served", "h3"), ("own.trusted", "h1")]
    for apply in (None, True):
        result = lab.run(apply=apply, pairs=pairs)["own.trusted", "h1"]
        assert result.outcome is outcome
        assert result.detail == ("" if state == "good" else "needs own.served on h3 (failed)")


def test_a_condition_of_the_host_blocks_all_that_need_it_with_one_cause(lab: Lab) -> None:
    runs = Condition("own.systemd", 'cat "$HOME/state"', lambda text: "systemd does not run" if "bad" in text else "")
    lab.catalog.requirement("own.unit", key="host.modules", reads=(WHERE,), needs=(runs,))(passes)
    lab.require("own.service", "own.unit")
    lab.be("h1", "good")
    lab.fleet.gather({host: [runs, STATE, WHERE] for host in HOSTS})
    results = lab.run(apply=None)
    assert results["own.service", "h1"].outcome is Outcome.PASSED
    causes = [Cause("own.systemd", "h2", Outcome.FAILED, "systemd does not run")]
    for id in ("own.unit", "own.service"):
        blocked = results[id, "h2"]
        assert (blocked.outcome, blocked.detail, blocked.cause) == (Outcome.BLOCKED, "systemd does not run", causes)


def test_a_condition_that_cannot_be_looked_at_blocks_too(lab: Lab) -> None:
    runs = Condition("own.systemd", "exit 1", str)
    lab.catalog.requirement("own.unit", key="host.modules", reads=(WHERE,), needs=(runs,))(passes)
    lab.fleet.gather({host: [runs, WHERE] for host in HOSTS})
    [result] = lab.run(apply=None, pairs=[("own.unit", "h1")]).values()
    assert result.cause == [Cause("own.systemd", "h1", Outcome.COULD_NOT_LOOK, "own.systemd: exit code 1")]


def passes(facts: HostFacts, spec: Spec) -> None:
    """It holds."""


def test_a_need_that_was_not_selected_is_judged_and_never_remedied(lab: Lab) -> None:
    lab.require("own.first")
    lab.remedy(id="own.first")
    lab.require("own.second", "own.first")
    lab.fleet.gather({host: [STATE, WHERE] for host in HOSTS})
    needed = [("own.first", host) for host in HOSTS]
    made = rollout(lab.catalog, lab.fleet, lab.profile, [("own.second", "h1")], run="run", apply=True, judged=needed)
    result = made.verdict(lab.catalog.requirements["own.second"], lab.fleet.hosts["h1"])
    assert (result.outcome, result.detail) == (Outcome.BLOCKED, "needs own.first (failed)")
    assert lab.state("h1") == "bad"


def test_what_a_need_goes_by_counts_for_a_result(lab: Lab) -> None:
    lab.require("own.first", roles=("registry",))
    lab.require("own.second", "own.first", roles=("registry",))
    lab.require("own.third", "own.second", "own.first")
    lab.fleet.hosts["h3"].roles = frozenset({"registry"})
    audit = Audit(lab.catalog, lab.fleet, lab.profile, lab.pairs())
    assert audit.needs.relied(lab.catalog.requirements["own.third"], lab.fleet.hosts["h1"]) == {"h1", "h3"}
    assert audit.needs.relied(lab.catalog.requirements["own.second"], lab.fleet.hosts["h3"]) == {"h3"}


def test_a_remedy_waits_for_what_must_hold_before_it_is_safe(lab: Lab) -> None:
    lab.require("own.first")
    lab.require("own.second", after=("own.first",))
    lab.remedy(id="own.second")
    result = lab.run()["own.second", "h1"]
    assert result.outcome is Outcome.BLOCKED
    assert result.detail == "not remedied yet: needs own.first (failed)"
    assert "found     bad" in result.text()
    assert lab.state("h1") == "bad"


def test_what_must_hold_before_a_remedy_does_not_keep_an_audit_from_judging(lab: Lab) -> None:
    lab.require("own.first")
    lab.require("own.second", after=("own.first",))
    assert lab.run(apply=None)["own.second", "h1"].outcome is Outcome.FAILED


def test_one_requirement_is_settled_on_all_hosts_before_the_next_begins(lab: Lab) -> None:
    lab.require("own.first")
    lab.remedy(id="own.first")
    lab.require("own.second", "own.first")
    lab.run()
    names = [event.split()[1] for event in lab.events]
    assert names == sorted(names)
    fixes = [n for n, event in enumerate(lab.events) if event.startswith("fix own.first")]
    assert len(fixes) >= 3
    assert max(fixes) < lab.events.index("check own.second h1")


def test_after_a_fix_the_hosts_that_are_compared_are_looked_at_at_the_same_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    other: Fact[str] = Fact("other", "echo same", str)
    together = threading.Barrier(len(HOSTS), timeout=60)
    run = Directory.run

    def meet(self: Directory, script: str, timeout: float) -> Completed:
        if " other " in script:
            together.wait()
        return run(self, script, timeout)

    def same(facts: FleetFacts, spec: Spec) -> None:
        """All say the same."""
        assert set(facts.each(other).values()) == {"same\n"}

    monkeypatch.setattr(Directory, "run", meet)
    lab.catalog.requirement("own.same", key="host.modules", reads=(other,), across=True)(same)
    pairs = [("own.same", "cluster")]
    made = rollout(lab.catalog, lab.fleet, lab.profile, pairs, run="run", apply=True)
    result = made.verdict(lab.catalog.requirements["own.same"], lab.fleet.cluster)
    assert (result.outcome, result.detail) == (Outcome.PASSED, "")


def test_hosts_are_remedied_at_the_same_time(lab: Lab) -> None:
    together = threading.Barrier(len(HOSTS), timeout=60)

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        if change.apply:
            together.wait()
        change.write(f"{facts[WHERE]}/state", "good\n")

    lab.require()
    lab.remedy(fix)
    assert outcomes(lab.run()) == {Outcome.FIXED}


def waive(lab: Lab, days: int) -> None:
    expires = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=days)
    path = lab.directory / "waived.yaml"
    path.write_text(
        f"waivers: [{{requirement: own.*, hosts: [h1], reason: old kernel, approver: jo, expires: {expires}}}]\n"
    )
    lab.profile = profiles.load(str(path))


def test_a_waived_failure_is_shown_with_reason_and_approver_and_not_remedied(lab: Lab) -> None:
    waive(lab, 1)
    lab.require()
    lab.remedy()
    results = lab.run()
    result = results["own.state", "h1"]
    assert result.outcome is Outcome.WAIVED
    assert "found     bad" in result.text()
    assert "by jo: old kernel" in result.text()
    assert lab.state("h1") == "bad"
    assert results["own.state", "h2"].outcome is Outcome.FIXED


def test_an_expired_waiver_waives_nothing(lab: Lab) -> None:
    waive(lab, -1)
    lab.require()
    assert lab.run(apply=None)["own.state", "h1"].outcome is Outcome.FAILED


def test_a_waiver_does_not_hide_that_nobody_could_look(lab: Lab) -> None:
    waive(lab, 1)
    (lab.directory / "h1/state").unlink()
    lab.require()
    assert lab.run(apply=None)["own.state", "h1"].outcome is Outcome.COULD_NOT_LOOK


def test_what_needs_a_waived_requirement_is_judged(lab: Lab) -> None:
    waive(lab, 1)
    lab.require("own.first")
    lab.require("own.second", "own.first")
    assert lab.run(apply=None)["own.second", "h1"].outcome is Outcome.WAIVED


def raises(error: Exception) -> Callable[..., None]:
    def check(facts: HostFacts, spec: Spec) -> None:
        raise error

    return check


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CouldNotLook("no permission"), "no permission"),
        (KeyError("typo"), "the check broke:"),
        (TypeError("undeclared"), "the check broke:"),
        (RuntimeError("helper gave up"), "the check broke:"),
    ],
)
def test_a_check_that_raises_anything_but_its_own_assertion_is_never_remedied(
    lab: Lab, error: Exception, said: str
) -> None:
    lab.require(check=raises(error))
    lab.remedy()
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.COULD_NOT_LOOK
    assert said in result.detail
    assert lab.state("h1") == "bad"
    assert lab.events == []


def test_a_plain_assert_is_an_unmet_requirement_too(lab: Lab) -> None:
    lab.require(check=raises(AssertionError("it is not so")))
    result = lab.run(apply=None)["own.state", "h1"]
    assert (result.outcome, result.text()) == (Outcome.FAILED, "it is not so")


def test_a_check_that_says_nothing_more_can_be_said_fails(lab: Lab) -> None:
    lab.require(check=lambda facts, spec: unmet(equal(1, 2, where="w", layer="declared")))
    assert "declared, w" in lab.run(apply=None)["own.state", "h1"].text()


def test_a_probe_that_failed_is_could_not_look_and_never_remedied(lab: Lab) -> None:
    (lab.directory / "h1/state").unlink()
    lab.require()
    lab.remedy()
    results = lab.run()
    assert results["own.state", "h1"].outcome is Outcome.COULD_NOT_LOOK
    assert "No such file" in results["own.state", "h1"].detail
    assert not (lab.directory / "h1/state").exists()
    assert results["own.state", "h2"].outcome is Outcome.FIXED


@pytest.mark.parametrize("apply", [None, True])
def test_an_unreachable_host_has_that_outcome_for_everything_and_is_asked_once(lab: Lab, apply: bool | None) -> None:
    lab.fleet.hosts["h1"].transport.gone = True
    lab.require("own.first")
    lab.require("own.second", "own.first")
    lab.remedy(id="own.first")
    results = lab.run(apply=apply)
    assert {results[id, "h1"].outcome for id in ("own.first", "own.second")} == {Outcome.UNREACHABLE}
    assert results["own.first", "h1"].detail == "ssh: no route to host"
    assert lab.fleet.hosts["h1"].transport.tried == 1
    assert results["own.first", "h2"].outcome is (Outcome.FIXED if apply else Outcome.FAILED)


def test_a_connection_that_is_lost_in_the_middle_of_a_remedy_is_told(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        if facts.snapshot.host == "h1":
            lab.fleet.hosts["h1"].transport.gone = True
        change.write(f"{facts[WHERE]}/state", "good\n")

    lab.require()
    lab.remedy(fix)
    results = lab.run()
    assert results["own.state", "h1"].outcome is Outcome.FIX_FAILED
    assert "connection lost while applying: ssh: no route to host" in results["own.state", "h1"].detail
    assert results["own.state", "h2"].outcome is Outcome.FIXED


def test_what_cannot_be_seen_after_a_remedy_is_not_taken_for_red(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.write(f"{facts[WHERE]}/state", "good\n")
        lab.fleet.hosts["h1"].transport.gone = True

    lab.require()
    lab.remedy(fix)
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FIX_FAILED
    assert (
        "applied, but the host no longer answers: ssh: no route to host; run --fix again, or --rollback="
        in result.detail
    )
    assert "rolled back" not in result.detail


def test_a_connection_that_is_lost_before_the_rollback_hurts_no_other_host(lab: Lab) -> None:
    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        change.write(f"{facts[WHERE]}/state", "half\n" if facts.snapshot.host == "h1" else "good\n")
        if facts.snapshot.host == "h1":
            lab.fleet.hosts["h1"].transport.gone = True
            raise ValueError("a mistake")

    lab.require()
    lab.remedy(fix)
    results = lab.run()
    assert results["own.state", "h1"].outcome is Outcome.FIX_FAILED
    assert "rolled back in part; could not undo: ssh: no route to host" in results["own.state", "h1"].detail
    assert results["own.state", "h2"].outcome is Outcome.FIXED


def test_a_user_who_is_not_root_changes_nothing(lab: Lab) -> None:
    lab.require()
    lab.remedy()
    lab.fleet.gather({host: [STATE, WHERE] for host in HOSTS})
    for host in lab.fleet.hosts.values():
        host.facts.snapshot.root = False
    result = lab.run()["own.state", "h1"]
    assert result.outcome is Outcome.FIX_FAILED
    assert "use --sudo" in result.detail
    assert lab.state("h1") == "bad"


def test_an_audit_looks_at_each_host_once(lab: Lab) -> None:
    for id in ("own.a", "own.b", "own.c"):
        lab.require(id)
    lab.run(apply=None)
    assert (lab.directory / "h1/looks").read_text().splitlines() == ["look"]


def test_what_a_host_said_before_its_time_was_up_counts(lab: Lab) -> None:
    stuck: Fact[str] = Fact("stuck", "echo half; sleep 90", str)
    behind: Fact[str] = Fact("behind", "echo here", str)
    host = lab.fleet.hosts["h1"]
    host.timeout = 2
    began = time.monotonic()
    host.gather([STATE, stuck, behind, CLOCK])
    assert time.monotonic() - began < 60  # nor is the probe waited for
    assert host.facts[STATE] == "bad"
    assert not host.facts.snapshot.problem
    for fact in (stuck, behind, CLOCK):
        with pytest.raises(CouldNotLook, match=rf"{fact.name}: the answer was cut off \(no answer in 2 s, gave up\)"):
            host.facts[fact]
    looks = host.transport.tried
    host.gather([STATE, stuck])
    assert host.transport.tried == looks


@pytest.mark.parametrize("said", ["", "echo welcome"])
def test_a_host_that_answers_nothing_in_time_is_unreachable(lab: Lab, said: str) -> None:
    host = lab.fleet.hosts["h1"]
    host.timeout = 1
    host.transport.prologue = f"{said}\nsleep 25"
    host.gather([STATE])
    assert host.facts.snapshot.unreachable
    assert host.facts.snapshot.problem == "no answer in 1 s, gave up"


def test_a_slow_fact_is_asked_for_last_and_has_its_time_on_top(lab: Lab) -> None:
    pull: Fact[str] = Fact("pull", "echo pulled", str, timeout=120)
    host = lab.fleet.hosts["h1"]
    host.gather([pull, STATE])
    assert host.transport.limits == [60 + 120]
    assert list(host.facts.snapshot.raws) == ["state", "pull"]
    host.gather([STATE, WHERE])
    assert host.transport.limits[1:] == [60]


def test_a_result_survives_the_way_through_json(lab: Lab) -> None:
    lab.require()
    lab.remedy()
    result = lab.run()["own.state", "h1"]
    again = Result.from_dict(result.to_dict())
    assert again.evidence == {}
    assert again.to_dict() == result.to_dict()
    assert again.outcome is Outcome.FIXED


@pytest.mark.parametrize("eventually", [True, False])
def test_what_hangs_on_another_host_is_looked_at_anew_once_that_was_changed(lab: Lab, eventually: bool) -> None:
    def break_another(change: Change, spec: Spec, facts: HostFacts) -> None:
        """Write the state, which is the end of the other host's."""
        change.write(f"{facts[WHERE]}/state", "good\n")
        lab.be("h2", "bad")

    def state(facts: HostFacts, spec: Spec) -> None:
        """The state is good."""
        expect(equal(facts[STATE], "good", where="state", layer="effective"))

    lab.be("h2", "good")
    lab.require()
    lab.remedy(break_another)
    lab.catalog.requirement("own.later", key="host.modules", reads=(STATE,), eventually=eventually)(state)
    for host in lab.fleet.hosts.values():
        host.spec = host.spec.model_copy(update={"wait": 0.1})
    results = lab.run(pairs=[("own.state", "h1"), ("own.later", "h2")])
    # what is not said to hang on others is not asked again: a round trip for each would be dear
    assert results["own.later", "h2"].outcome is (Outcome.FAILED if eventually else Outcome.PASSED)


def test_what_an_earlier_run_has_begun_is_waited_for(lab: Lab) -> None:
    def state(facts: HostFacts, spec: Spec) -> None:
        """The state is good."""
        expect(equal(facts[STATE], "good", where="state", layer="effective"))

    def fix(change: Change, spec: Spec, facts: HostFacts) -> None:
        """Find all as it ought to be, but for its effect."""
        threading.Timer(0.3, lab.be, (facts.snapshot.host, "good")).start()

    lab.catalog.requirement("own.state", key="host.modules", reads=(STATE,), eventually=True)(state)
    lab.remedy(fix)
    result = lab.run()["own.state", "h1"]
    assert (result.outcome, result.actions) == (Outcome.PASSED, [])


@pytest.mark.parametrize(
    ("age", "left", "seconds"),
    [(20, None, 280), (20_000, None, 0), (20_000, 100, 200), (20, 100, 280), (20_000, 400, 0)],
)
def test_what_a_start_or_another_run_has_begun_is_waited_for_until_that_is_so_long_ago(
    lab: Lab,
    up: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
    age: float,
    left: float | None,
    seconds: float,
) -> None:
    def state(facts: HostFacts, spec: Spec) -> None:
        """The state is good."""
        lab.note("judged")
        if lab.events == ["judged"]:  # it comes up after the first look
            lab.be("h1", "good")
        expect(equal(facts[STATE], "good", where="state", layer="effective"))

    limits: list[float] = []
    monkeypatch.setattr(recheck, "Patience", lambda limit: [limits.append(limit), Patience(limit)][1])
    lab.catalog.requirement("own.state", key="host.modules", reads=(STATE,), eventually=True)(state)
    up(age)
    lab.fleet.hosts["h1"].interrupted = left and time.monotonic() - left
    result = lab.run(pairs=[("own.state", "h1")])["own.state", "h1"]
    assert limits == [pytest.approx(seconds, abs=5)]
    assert result.outcome is (Outcome.PASSED if seconds else Outcome.FAILED)


def test_a_host_gets_older_and_its_age_is_no_fact_that_a_change_drops(lab: Lab, up: Callable[[float], None]) -> None:
    host = lab.fleet.hosts["h1"]
    assert host.age == math.inf
    up(20)
    host.gather([STATE])
    first = host.age
    host.forget()
    assert first == pytest.approx(20, abs=5)
    assert first < host.age < first + 5
