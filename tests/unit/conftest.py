"""What several subjects need."""

import copy
import os
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from trueup.change import verbs
from trueup.engine.plan_guard import differences
from trueup.errors import ChangeFailed
from trueup.hosts import probing
from trueup.journal.record import Record
from trueup.model import profile
from trueup.model.catalog import catalog
from trueup.model.fact import Fact
from trueup.profiles.schema import Spec

# The machine that runs the tests may be busy: slowness is not a failure.
# In CI the same examples each time: a change is judged by what it changes; new ones are looked for at every desk.
settings.register_profile(
    "trueup", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("trueup")


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where hosts keep what is ours: nothing of this machine's own is touched."""
    monkeypatch.setattr(verbs, "STATE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture(scope="session")
def spec() -> Spec:
    """What the shipped base profile asks of any host."""
    return profile.load("base").spec("any")


@pytest.fixture(autouse=True)
def up(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Say for how many seconds hosts have been up; long, unless told, however old this machine is."""

    def be(seconds: float) -> None:
        monkeypatch.setattr(probing, "_UP", Fact("up", f"echo 0 {seconds}", probing.parse_up))

    be(1e9)
    return be


Fix = Callable[[Any, Spec, Any], None]


@pytest.fixture(autouse=True)
def plan_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold of every remedy in every test that it does what it would have said beforehand."""
    catalog.load("trueup.checks", "trueup.remediations")
    for id, remedy in list(catalog.remedies.items()):
        monkeypatch.setitem(catalog.remedies, id, replace(remedy, fix=_planned_first(id, remedy.fix)))


def _planned_first(id: str, fix: Fix) -> Fix:
    @wraps(fix)
    def both(change: Any, spec: Spec, facts: Any) -> None:
        plan = _planning(change)
        try:
            fix(plan, spec, facts)
        except ChangeFailed:  # then it changes nothing in the run either, and says the same
            plan = None
        fix(change, spec, facts)
        assert plan, f"{id} could not be planned, and was done"
        assert differences(plan.actions, change.actions) == []

    return both


def _planning(change: Any) -> Any:
    plan = copy.copy(change)
    plan.apply, plan.record, plan._draft = False, Record(), {}
    plan._given = change._given | {"apply": False, "record": plan.record, "draft": plan._draft}
    return plan
