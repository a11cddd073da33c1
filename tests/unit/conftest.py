"""What several subjects need: a spec, and hosts that are a fake ``ssh`` first on PATH."""

import pytest

from trueup import profile
from trueup.profiles.schema import Spec


@pytest.fixture(scope="session")
def spec() -> Spec:
    """What the shipped base profile asks of any host."""
    return profile.load("base").spec("any")
