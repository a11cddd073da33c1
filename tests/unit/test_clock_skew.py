"""How far two clocks are apart, as far as that can be known by asking them over a network."""

import pytest

from trueup.hosts.probing import between, script, unframe
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.fact import CLOCK
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")


def asked(first: float, sent: float, last: float, received: float) -> HostFacts:
    answers = {"clock.first": Raw(0, f"{first}\n"), "clock.last": Raw(0, f"{last}\n")}
    return HostFacts(Snapshot("h", raws={CLOCK.name: between(answers, sent, received)}))


def judge(spec: Spec, **hosts: HostFacts) -> None:
    catalog.requirements["cluster.time.skew"].check(FleetFacts(hosts, {}), spec)


def test_the_bounds_hold_whatever_the_way_took() -> None:
    least, most = asked(first=100.5, sent=100.0, last=102.5, received=103.0)[CLOCK]
    assert (least, most) == (-0.5, 0.5)


def test_clocks_that_may_be_the_same_pass(spec: Spec) -> None:
    judge(spec, a=asked(100.5, 100.0, 102.5, 103.0), b=asked(100.9, 100.0, 102.9, 103.0))


def test_a_clock_that_is_beyond_doubt_ahead_fails_and_is_named(spec: Spec) -> None:
    with pytest.raises(Unmet, match=r"at least 29\.0 s: b is ahead of a"):
        judge(spec, a=asked(100.5, 100.0, 102.5, 103.0), b=asked(130.5, 100.0, 132.5, 103.0))


def test_a_clock_that_is_known_too_badly_is_no_pass(spec: Spec) -> None:
    slow, quick = asked(108.5, 100.0, 110.0, 110.5), asked(100.4, 100.0, 102.0, 102.5)
    facts = FleetFacts({"slow": slow, "quick": quick}, {})
    catalog.requirements["cluster.time.skew"].check(facts, spec)
    assert facts.silent == {"slow": "its clock is known only to ±4.5 s, because the login was slow; run again"}
    judge(spec, slow=slow)
    with pytest.raises(Unmet, match="b is ahead of slow"):
        judge(spec, slow=slow, b=asked(130.5, 100.0, 132.5, 103.0))


def test_a_login_of_some_seconds_is_good_enough_for_the_shipped_limit(spec: Spec) -> None:
    facts = FleetFacts({"a": asked(103.0, 100.0, 105.0, 105.5), "b": asked(100.4, 100.0, 102.0, 102.1)}, {})
    catalog.requirements["cluster.time.skew"].check(facts, spec)
    assert facts.silent == {}


def test_a_host_that_gave_no_time_is_silent(spec: Spec) -> None:
    lost = HostFacts(Snapshot("c", raws={CLOCK.name: between({}, 1.0, 2.0)}))
    facts = FleetFacts({"c": lost, "a": asked(1, 1, 2, 2)}, {})
    catalog.requirements["cluster.time.skew"].check(facts, spec)
    assert facts.silent == {"c": "clock.offset: the answer was cut off"}


def test_the_clock_is_asked_first_and_last_and_only_where_it_is_wanted() -> None:
    text, _ = script([CLOCK], None)
    names = [line.split()[2] for line in text.splitlines() if line.startswith("probe trueup-")]
    assert names == ["clock.first", "whoami", "up", "clock.last"]
    assert unframe("n", b"", b"") == {}
    text, _ = script([], None)
    assert "clock." not in text
