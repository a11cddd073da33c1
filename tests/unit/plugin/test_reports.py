"""Reports say what the run found: JSON for programs, Markdown for people."""

import pytest
from fakes import Fakes, Finished


@pytest.fixture(scope="module")
def fleet(fakes: Fakes) -> Fakes:
    fakes.host("n1", "bad")
    fakes.host("n2")
    fakes.host("n3", "`````")
    return fakes


@pytest.fixture(scope="module", autouse=True)
def done(fleet: Fakes) -> Finished:
    return fleet.run("--hosts=n1,n2,n3,gone", "--report=run.json", "--report=run.md")


def test_json_holds_every_result_once(fleet: Fakes) -> None:
    run = fleet.json()
    assert (run["schema"], run["profile"], run["mode"]) == (1, "base", "audit")
    assert run["hosts"] == ["gone", "n1", "n2", "n3"]
    assert run["counts"] == {"blocked": 2, "failed": 2, "passed": 2, "unreachable": 2}
    pairs = [(result["requirement"], result["host"]) for result in run["results"]]
    assert len(pairs) == len(set(pairs)) == 8


def test_json_holds_what_was_expected_and_found(fleet: Fakes) -> None:
    (result,) = (r for r in fleet.json()["results"] if (r["requirement"], r["host"]) == ("own.state", "n1"))
    assert result["outcome"] == "failed"
    assert result["deviations"] == [
        {"expected": "good", "found": "bad", "where": "the state", "layer": "effective", "hint": ""}
    ]
    assert result["seconds"] > 0
    assert "evidence" not in result


def test_markdown_has_a_row_for_each_requirement_and_a_column_for_each_host(fleet: Fakes) -> None:
    lines = (fleet.directory / "run.md").read_text().splitlines()
    assert lines[0] == "# trueup: base, audit"
    assert "2 blocked, 2 failed, 2 passed, 2 unreachable." in lines
    assert "| requirement | gone | n1 | n2 | n3 |" in lines
    assert "| own.state | unreachable | failed | passed | failed |" in lines
    assert "| own.uses_state | unreachable | blocked | passed | blocked |" in lines


def test_markdown_says_what_is_wrong_and_no_answer_of_a_host_breaks_out_of_its_block(fleet: Fakes) -> None:
    text = (fleet.directory / "run.md").read_text()
    assert "## own.state on n1: failed\n\n```\neffective, the state\n  expected  good\n  found     bad\n```" in text
    assert "## own.state on n3: failed\n\n````````\neffective" in text


def test_a_report_is_written_when_nothing_is_wrong_too(fleet: Fakes) -> None:
    done = fleet.run("--hosts=n2", "--report=fine.md")
    assert done.code == 0
    assert "2 passed." in (fleet.directory / "fine.md").read_text()
