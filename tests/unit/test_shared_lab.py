"""Suites that run at the same time keep off each other's hosts."""

import pytest
from shared_lab import SharedLab

from lab import Lab, LabUnavailable


def test_a_host_that_another_suite_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    up: list[list[str]] = []
    monkeypatch.setattr(Lab, "up", lambda _, names, anew=False: up.append(list(names)))
    one, other = SharedLab(), SharedLab()
    one.up(["test-1", "test-2"])
    one.reset(["test-2"])
    with pytest.raises(LabUnavailable, match="test-2 is a host of another suite"):
        other.reset(["test-3", "test-2"])
    assert up == [["test-1", "test-2"], ["test-2"]]
