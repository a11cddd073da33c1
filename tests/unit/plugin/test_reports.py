"""Reports say what the run found: JSON for programs, Markdown for people."""

import json
import re
from pathlib import Path

import pytest
from fakes import Fakes, Finished

from trueup.results.run import schema


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
    assert (run["schema"], run["profile"], run["mode"]) == (2, "base", "audit")
    assert run["hosts"] == {host: ["node"] for host in ("gone", "n1", "n2", "n3")}
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


def test_json_holds_the_root_of_what_is_blocked(fleet: Fakes) -> None:
    (result,) = (r for r in fleet.json()["results"] if (r["requirement"], r["host"]) == ("own.uses_state", "n1"))
    assert (result["outcome"], result["detail"]) == ("blocked", "needs own.state (failed)")
    assert result["cause"] == [{"name": "own.state", "host": "n1", "outcome": "failed", "words": ""}]


def test_json_holds_the_run_its_requirements_and_when_hosts_answered(fleet: Fakes) -> None:
    run = fleet.json()
    assert run["options"] == {"hosts": "n1,n2,n3,gone"}
    assert run["started"] <= run["ended"]
    assert (run["exit_code"], len(run["digest"])) == (1, 64)
    assert run["requirements"]["own.state"] == {
        "sentence": "The state is good.", "why": "", "subject": "own", "key": "host.modules", "severity": "critical",
        "layers": ["effective"], "controls": [], "source": run["requirements"]["own.state"]["source"],
        "remedy": {"sentence": "Write the state.", "disruption": "reload", "destructive": False, "can_undo": True},
    }  # fmt: skip
    assert re.fullmatch(r"[^/]*/test_own.py:[0-9]+", run["requirements"]["own.state"]["source"])
    for result in run["results"]:
        if result["outcome"] in ("passed", "failed"):
            assert 0 < result["asked"] <= result["answered"]
            assert 0 <= result["age"] < 60


def test_json_is_what_its_published_schema_says(fleet: Fakes) -> None:
    published = (Path(__file__).parents[3] / "docs/result.schema.json").read_text()
    assert published == schema()  # else: make schema
    names, run = json.loads(published), fleet.json()
    assert list(run) == list(names["properties"]) == names["required"]
    for result in run["results"]:
        assert result.keys() == names["$defs"]["Result"]["properties"].keys()


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
