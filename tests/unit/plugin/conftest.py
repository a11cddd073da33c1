"""The fixture of a directory with fake hosts."""

from pathlib import Path

import pytest
from fakes import Fakes


@pytest.fixture(scope="module")
def fakes(tmp_path_factory: pytest.TempPathFactory) -> Fakes:
    """One directory for all tests of a file, because each run of pytest costs a second."""
    return Fakes(tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fresh(tmp_path: Path) -> Fakes:
    """A directory that one test may spoil."""
    return Fakes(tmp_path)
