"""Polling: pauses, deadline and cancellation."""

from collections.abc import Iterator

import pytest

from trueup.waiting import FIRST, LONGEST, Patience, cut


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that advances only by waiting."""
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("trueup.waiting.time.monotonic", lambda: sum(pauses))
    monkeypatch.setattr(cut, "wait", wait)
    yield pauses
    cut.clear()


def test_the_pauses_grow_and_end_with_the_time(waited: list[float]) -> None:
    patience = Patience(20)
    while not patience.ended:
        assert patience.rest() == waited[-1]
    assert sum(waited) == pytest.approx(20)
    assert waited[0] == FIRST
    assert waited[:-1] == sorted(waited[:-1])
    assert max(waited) == LONGEST
    assert patience.ended == "in 20 s"


def test_who_stops_waits_no_longer(waited: list[float]) -> None:
    patience = Patience(20)
    cut.set()
    assert patience.ended == "before the operator stopped it"
    assert waited == []
