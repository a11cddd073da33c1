"""Batches: what is changed together, in which order, and what an operator may write for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.engine.batches import Size, canaries, plan, size, sizes, split
from trueup.errors import UsageError

ROLES = ("node", "worker", "control-plane", "registry")
SIZES = st.one_of(
    st.builds(Size, st.integers(1, 50), st.just(False)), st.builds(Size, st.integers(1, 100), st.just(True))
)
FLEETS = st.dictionaries(st.text("abc", min_size=1), st.frozensets(st.sampled_from(ROLES), min_size=1), max_size=40)


@given(st.lists(st.text(min_size=1), unique=True), st.lists(SIZES, max_size=5), st.integers(0, 9))
def test_batches_part_the_hosts_in_order_by_the_sizes(hosts: list[str], wanted: list[Size], more: int) -> None:
    total = len(hosts) + more
    batches = list(split(hosts, wanted, total))
    assert [host for batch in batches for host in batch] == hosts
    assert all(batches)
    if not wanted:
        assert len(batches) == bool(hosts)
        return
    most = [max(1, each.of(total)) for each in wanted]
    for n, batch in enumerate(batches):
        limit = most[min(n, len(most) - 1)]
        assert len(batch) == limit or (n == len(batches) - 1 and len(batch) < limit)


@given(FLEETS, st.integers(0, 4))
def test_canaries_are_the_first_of_each_role_and_no_more_than_it_takes(
    fleet: dict[str, frozenset[str]], number: int
) -> None:
    chosen = canaries(fleet, number)
    assert chosen == [host for host in fleet if host in chosen]
    for role in ROLES:
        having = [host for host in fleet if role in fleet[host]]
        assert set(having[:number]) <= set(chosen) or sum(role in fleet[host] for host in chosen) >= number
    for n, host in enumerate(chosen):  # each was the first to lack of some role
        before = chosen[:n]
        assert any(sum(role in fleet[other] for other in before) < number for role in fleet[host])


@given(FLEETS, st.integers(0, 3), st.lists(SIZES, max_size=3), st.data())
def test_a_plan_has_each_host_that_is_to_be_changed_once(
    fleet: dict[str, frozenset[str]], canary: int, wanted: list[Size], data: st.DataObject
) -> None:
    left = data.draw(st.sets(st.sampled_from(sorted(fleet)))) if fleet else set()
    words = ",".join(f"{each.number}{'%' * each.percent}" for each in wanted)
    batches = plan(fleet, canary=canary, batch=words, left=left)
    flat = [host for batch in batches.hosts for host in batch]
    assert sorted(flat) == sorted(left)
    assert batches.done == fleet.keys() - left
    ranks = [batches.rank(host) for host in flat]
    assert ranks == sorted(ranks)
    assert batches.rank("cluster") == batches.last == max(ranks, default=0)


def test_a_size_is_a_number_or_a_part_and_rounds_down() -> None:
    assert sizes("1, 5,20%", "--batch") == (Size(1), Size(5), Size(20, True))
    assert [Size(20, True).of(9), Size(20, True).of(10), Size(5).of(3)] == [1, 2, 5]
    assert list(split(list("abc"), [Size(1, True)], 3)) == [("a",), ("b",), ("c",)]
    # a part is one of all, canaries among them
    assert plan({f"w{n}": ["node"] for n in range(10)}, canary=1, batch="20%").hosts[1] == ("w1", "w2")


@pytest.mark.parametrize("text", ["x", "", "1,", "-1", "1.5", "101%", "%", "1 0", "٣", "5%%"])
def test_what_is_no_size_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"--batch: '.*' is neither a number of hosts nor a percentage of them"):
        sizes(text, "--batch")


def test_a_batch_of_none_is_refused_and_none_may_fail() -> None:
    with pytest.raises(UsageError, match="a batch needs at least one host"):
        sizes("1,0", "--batch")
    assert size("0", "--max-fail").of(10) == 0


def test_a_host_that_nobody_knows_is_said_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"left\.json: left: 'w21' is not among the hosts; did you mean 'w2'"):
        plan({"w1": ["node"], "w2": ["node"]}, left=["w21"], where="left.json")


def test_the_names_of_batches() -> None:
    fleet = {f"w{n}": ["node"] for n in range(4)}
    with_canary, without = plan(fleet, canary=1, batch="2"), plan(fleet, batch="3")
    assert [with_canary.name(n) for n in range(3)] == ["canary", "batch 1 of 2", "batch 2 of 2"]
    assert [without.name(n) for n in range(2)] == ["batch 1 of 2", "batch 2 of 2"]
