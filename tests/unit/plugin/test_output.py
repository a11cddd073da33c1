"""What a person reads."""

import pytest
from fakes import Fakes, Finished


@pytest.fixture(scope="module")
def fleet(fakes: Fakes) -> Fakes:
    for name in ("n1", "n2", "n3"):
        fakes.host(name, "bad")
    fakes.host("n4", "worse")
    fakes.host("n5")
    for n in range(6, 17):
        fakes.host(f"n{n}", behave="echo 'ssh: connect to host x port 22: Connection timed out' >&2; exit 255")
    return fakes


@pytest.fixture(scope="module")
def done(fleet: Fakes) -> Finished:
    return fleet.run(f"--hosts={','.join(f'n{n}' for n in range(1, 17))}")


def test_the_same_failure_on_several_hosts_is_one_block(done: Finished) -> None:
    block = done.block("FAILED  own.state  on n1, n2, n3\n")
    assert block == (
        "FAILED  own.state  on n1, n2, n3\n"
        "  The state is good.  (critical)\n"
        "    effective, the state\n"
        "      expected  good\n"
        "      found     bad\n"
        "    --fix would: Write the state. (disruption: reload)\n"
    )


def test_another_failure_of_the_requirement_is_a_block_of_its_own(done: Finished) -> None:
    assert "found     worse" in done.block("FAILED  own.state  on n4\n")
    assert done.out.count("FAILED  own.state") == 2


def test_what_is_blocked_names_its_cause_and_no_remedy(done: Finished) -> None:
    assert done.block("BLOCKED  own.uses_state  on n1, n2, n3, n4").rstrip("\n") + "\n" == (
        "BLOCKED  own.uses_state  on n1, n2, n3, n4\n    needs own.state (failed)\n"
    )


def test_unreachable_hosts_are_one_block_however_many_requirements_there_are(done: Finished) -> None:
    assert done.out.count("UNREACHABLE  ") == 1
    assert "UNREACHABLE  2 requirements  on n10, n11, n12, n13, n14, n15, n16, n6 and 3 more\n" in done.out


def test_a_table_shows_every_requirement_on_every_host(done: Finished) -> None:
    rows = [line.split() for line in done.out.splitlines()]
    heads = next(row for row in rows if row[:2] == ["n1", "n10"])
    cells = next(row for row in rows if row and row[0] == "own.state" and len(row) == 17)
    table = dict(zip(heads, cells[1:], strict=True))
    assert (table["n1"], table["n5"], table["n6"]) == ("failed", "passed", "unreachable")


def test_the_head_says_what_is_about_to_happen(done: Finished) -> None:
    assert ": audit, profile base, 16 hosts\n" in done.out


def test_the_last_words_count_every_result(done: Finished) -> None:
    assert "not compliant: 4 blocked, 4 failed, 2 passed, 22 unreachable on 16 hosts\n" in done.out


def test_nothing_is_coloured_where_nobody_looks(done: Finished) -> None:
    assert "\x1b" not in done.text
    assert "\r" not in done.text


def test_no_traceback_and_no_line_of_the_engine_is_shown_for_an_unmet_requirement(done: Finished) -> None:
    for word in ("Traceback", "item.py", "AssertionError", "Error:", "short test summary"):
        assert word not in done.text


def test_colour_is_there_for_who_asks(fleet: Fakes) -> None:
    assert "\x1b[31m" in fleet.run("--hosts=n1", "--color=yes").out


def test_a_quiet_run_leaves_out_the_tables(fleet: Fakes) -> None:
    quiet = fleet.run("--hosts=n1", "-q")
    assert "by requirement" not in quiet.out
    assert "FAILED  own.state  on n1" in quiet.out


def test_a_check_that_broke_says_where(fresh: Fakes) -> None:
    fresh.host("n1")
    fresh.test(
        "test_broken.py",
        "from trueup import requirement\n"
        "@requirement('own.broken', key='host.modules', reads=())\n"
        "def test_broken(facts, spec):\n    '''It works.'''\n    facts.no_such_thing()\n",
    )
    done = fresh.run("test_broken.py", "--hosts=n1")
    assert done.code == 3
    assert "test_broken.py" in done.block("COULD-NOT-LOOK  own.broken  on n1")
    assert "no_such_thing" in done.block("COULD-NOT-LOOK  own.broken  on n1")
