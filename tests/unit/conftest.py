"""What several subjects need."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from trueup import profile
from trueup.change import hand
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
    monkeypatch.setattr(hand, "STATE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture(scope="session")
def spec() -> Spec:
    """What the shipped base profile asks of any host."""
    return profile.load("base").spec("any")
