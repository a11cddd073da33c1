"""Faults at random moments of fixes of hosts that are broken in random ways: nothing is lost, the next fix converges.

``TRUEUP_FAULTS`` is how many of them, one of each kind unless told; ``TRUEUP_SITE`` is which hosts they befall:
``host`` (which is one), ``edge``, ``signed`` (an edge whose authority is on the controller) or ``cluster``;
``TRUEUP_ONLY`` is a pattern of the scenarios that are played, of which hosts that are bare are one by the name of
``bare``. Each leaves a row in .trueup/faults.jsonl; see docs/faults.md.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kinds import FAULTS, DpkgLocked, Fault
from scenario import PRELUDE, Scenario, groups
from standing import Cluster, Edge, Signed, Standing
from trial import MOMENTS, Bench, Trouble

from lab import Lab
from trueup.model.catalog import catalog

pytestmark = pytest.mark.lab
catalog.load("trueup.checks", "trueup.remediations")
ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("TRUEUP_FAULTS") or len(FAULTS))
SEED = os.environ.get("TRUEUP_SEED", "6")
SITE = os.environ.get("TRUEUP_SITE", "host")
ONLY = os.environ.get("TRUEUP_ONLY", "")
HOST = f"w{5 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}"
PLACES = {"host": "scenarios", "edge": "edge/scenarios", "signed": "edge/scenarios", "cluster": "cluster/scenarios"}
SITES: dict[str, type[Standing]] = {"edge": Edge, "signed": Signed, "cluster": Cluster}
PACKAGES = ("version", "packages", "FileExisting", "absent", "conntrack", "source")  # of ids whose remedy runs apt
BARE = {
    "host": 1 / 24,
    "edge": 1 / 12,
    "signed": 0,
    "cluster": 1 / 6,
}  # how often the hosts are bare, and not broken in one way
CHANGES = {"host": 30, "edge": 60, "signed": 60, "cluster": 100}  # that it takes then
SCENARIOS = [
    scenario
    for group in groups(ROOT / "tests" / PLACES[SITE])
    for scenario in group.scenarios
    if not scenario.flag("advice") and not scenario.flag("peers") and re.search(ONLY, str(scenario))
]


def chances(kind: type[Fault], rng: random.Random) -> Iterator[tuple[Scenario | None, int]]:
    """Yield scenarios at random, each once before any comes again, among those that the fault can befall, and at which
    change it does; ``None`` is bare hosts."""
    able = [each for each in SCENARIOS if kind is not DpkgLocked or any(word in str(each) for word in PACKAGES)]
    while True:
        for scenario in rng.sample(able, len(able)):
            if re.search(ONLY, "bare") and rng.random() < BARE[SITE]:
                yield None, rng.randint(1, CHANGES[SITE])
            yield scenario, rng.choice((1, 1, 1, 2, 2, 3))
        if not able:
            yield None, rng.randint(1, CHANGES[SITE])


@pytest.fixture(scope="module")
def bench(lab: Lab, trueup: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Hosts that are brought to good whenever they are made anew."""
    directory = tmp_path_factory.mktemp("bench")
    if SITE != "host":
        return Bench(SITES[SITE](lab, trueup), directory, patience=900)
    profile = directory / "host.yaml"
    rows = [f"extends: {lab.profile}", 'roles: {control-plane: ["*"], worker: ["*"]}', "host: {reboot: {seconds: 30}}"]
    profile.write_text("\n".join(rows) + "\n")
    return Bench(Standing(lab, trueup, (HOST,), profile, PRELUDE), directory)


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.__name__)
def test_a_fault_loses_nothing_and_the_next_fix_converges(kind: type[Fault], bench: Bench, tmp_path: Path) -> None:
    rng = random.Random(f"{SEED} {SITE} {kind.__name__}")
    share = COUNT // len(FAULTS) + (FAULTS.index(kind) < COUNT % len(FAULTS))
    figures: Counter[str] = Counter()
    problems: list[str] = []
    scenarios = chances(kind, rng)
    for number in itertools.count():
        if figures["faults"] == share or number > 4 * share:
            break
        scenario, which = next(scenarios)
        trouble = Trouble(kind, bench.lab, which, rng.choice(MOMENTS), rng.uniform(0, 0.3), tmp_path / "told")
        row = trial(bench, scenario, trouble)
        if not row:
            figures["without a fault"] += 1
            continue
        figures["faults"] += 1
        figures["next fix changed something"] += bool(row["changes"])
        figures["seconds"] += round(row["seconds"])
        note(row)
        if row["problems"]:
            problems.append(f"{json.dumps(row)}:\n  " + "\n  ".join(row["problems"]))
            bench.spoilt()
    last = bench.standing.run("--fix")
    if last.code and not (not last.changes and bench.standing.settled()):
        problems.append(f"all faults together left: {last.text}")
        bench.spoilt()
    print(f"{kind.__name__}: {dict(figures)}")
    assert not problems, "\n".join(problems)
    assert figures["faults"] == share, figures


def trial(bench: Bench, scenario: Scenario | None, trouble: Trouble) -> dict[str, Any]:
    """Break, fix with a fault, fix: return what was seen, or nothing where it did not come to the fault."""
    bench.good()
    trouble.told.unlink(missing_ok=True)
    good, began = bench.evidence(), time.monotonic()
    try:
        bench.breaks(scenario)
    except subprocess.CalledProcessError:  # what a fix has made is not always what the script begins with
        return {}
    broken = bench.evidence()
    ran = bench.converge(scenario, trouble)
    if not trouble.told.exists():
        bench.takes_back(scenario)
        return {}
    told = json.loads(trouble.told.read_text())
    fault = trouble.kind(bench.lab, told["host"])
    fault.lift()
    after = bench.evidence()
    again = bench.converge(scenario)
    fault.over()
    later = bench.evidence()
    bench.takes_back(scenario)
    found = [f"the run did not end: {ran.bad}"] if ran.code is None else []
    for host, evidence in after.items():
        found += [f"{host}: {words}" for words in evidence.problems(good[host], broken[host], later[host])]
    found += [*bench.journals(), *(f"the next fix: {words}" for words in again.bad)]
    found += ["the next fix judged nothing"] * (not again.results)
    found += ["the next fix did not end" if again.code is None else "the next fix broke"] * (again.code != 0)
    return {
        "site": SITE, "kind": trouble.kind.__name__, "moment": trouble.moment, "delay": round(trouble.delay, 2),
        "change": trouble.number, "scenario": str(scenario or "bare"), **told,
        "requirement": told["requirement"] or (scenario.requirement if scenario else ""),
        "first": ran.bad, "changes": again.changes, "seconds": time.monotonic() - began, "problems": found,
    }  # fmt: skip


def note(row: dict[str, Any]) -> None:
    """Keep what was seen of a fault."""
    path = ROOT / ".trueup/faults.jsonl"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
