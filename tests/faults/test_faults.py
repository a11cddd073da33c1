"""Faults at random moments of fixes of hosts that are broken in random ways: nothing is lost, the next fix converges.

``TRUEUP_FAULTS`` is how many of them; a run of 500 is written up in docs/faults.md.
"""

from __future__ import annotations

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence import Evidence
from faults import FAULTS, DpkgLocked, Fault
from scenario import Scenario, groups
from trial import MOMENTS, Bench, Troubled

from lab import Lab
from trueup.catalog import catalog
from trueup.transport import Transport

pytestmark = pytest.mark.lab
catalog.load("trueup.checks", "trueup.remediations")
COUNT = int(os.environ.get("TRUEUP_FAULTS", len(FAULTS) * 2))
SEED = int(os.environ.get("TRUEUP_SEED", "6"))
HOST = f"w{5 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
PACKAGES = ("version", "packages", "FileExisting", "absent", "conntrack", "source")  # of ids whose remedy runs apt
SCENARIOS = [
    scenario
    for group in groups(Path(__file__).parents[1] / "scenarios")
    for scenario in group.scenarios
    if not scenario.flag("advice") and not scenario.flag("peers") and not scenario.head("options")
    if not catalog.requirements[scenario.requirement].across
]


def chances(kind: type[Fault], rng: random.Random) -> Iterator[Scenario]:
    """Yield scenarios at random, each once before any comes again, among those that the fault can befall."""
    able = [each for each in SCENARIOS if kind is not DpkgLocked or any(word in str(each) for word in PACKAGES)]
    while True:
        yield from rng.sample(able, len(able))


@pytest.fixture(scope="module")
def bench(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A host that is brought to good whenever it is made anew."""
    return Bench(lab, HOST, tmp_path_factory.mktemp("bench"))


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_fault_loses_nothing_and_the_next_fix_converges(
    kind: type[Fault], bench: Bench, tmp_path: Path, record_property: pytest.FixtureRequest
) -> None:
    rng = random.Random(f"{SEED} {kind.__name__}")
    share = COUNT // len(FAULTS) + (FAULTS.index(kind) < COUNT % len(FAULTS))
    figures: Counter[str] = Counter()
    problems: list[str] = []
    scenarios = chances(kind, rng)
    for number in itertools.count():
        if figures["faults"] == share or number > 4 * share:
            break
        scenario, moment = next(scenarios), rng.choice(MOMENTS)
        which, delay = rng.randint(1, 3), rng.uniform(0, 0.3)
        name = f"{kind.__name__} {moment} change {which} of {scenario}"
        began = time.monotonic()
        bench.good(scenario)
        told = tmp_path / "told"
        told.unlink(missing_ok=True)
        fault = kind(bench.lab, bench.host)
        before = Evidence.of(bench)
        bench.breaks(scenario)
        broken = Evidence.of(bench)

        def trouble(way: Transport) -> Transport:
            return Troubled(way, fault, which, moment, delay, told)  # noqa: B023 - it is used before the next round

        ran = bench.converge(scenario, trouble=trouble)
        if not told.exists():
            figures["without a fault"] += 1
            continue
        figures["faults"] += 1
        found = [f"the run did not end: {ran.bad}"] if ran.code is None else []
        fault.lift()
        after = Evidence.of(bench)
        again = bench.converge(scenario)
        found += after.problems(before, broken, Evidence.of(bench))
        found += [f"the next fix: {words}" for words in again.bad] or ["no next fix"] * (again.code != 0)
        figures["next fix changed something"] += bool(again.changes)
        for text in scenario.head("after"):
            bench.lab.sh(bench.host, text)
        figures["seconds"] += round(time.monotonic() - began)
        if found:
            problems.append(f"{name}:\n  " + "\n  ".join(found))
            bench.spoilt()
    last = bench.converge(SCENARIOS[0], everything=True)
    problems += [f"all faults together left: {words}" for words in last.bad]
    print(f"{kind.__name__}: {dict(figures)}")
    assert not problems, "\n".join(problems)
    assert figures["faults"] == share, figures
