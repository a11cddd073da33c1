"""Allure results: labels, the host as a parameter, words instead of a traceback, evidence and diffs attached."""

import json
from typing import Any

import pytest
from fakes import Fakes

HOSTS = [f"n{n}" for n in range(1, 11)]


@pytest.fixture(scope="module")
def results(fakes: Fakes) -> list[dict[str, Any]]:
    for host in HOSTS:
        fakes.host(host, "bad" if host == "n3" else "good")
    fakes.run(f"--hosts={','.join(HOSTS)},gone", "--alluredir=allure", "--fix=plan")
    return [json.loads(path.read_text()) for path in (fakes.directory / "allure").glob("*-result.json")]


def of(results: list[dict[str, Any]], requirement: str, host: str) -> dict[str, Any]:
    (found,) = (r for r in results if r["name"] == f"{requirement} [{host}]")
    return found


def labels(result: dict[str, Any], name: str) -> set[str]:
    return {label["value"] for label in result["labels"] if label["name"] == name}


def test_ten_hosts_are_ten_results_and_no_retries(results: list[dict[str, Any]]) -> None:
    ours = [r for r in results if labels(r, "story") == {"own.state"}]
    assert len(ours) == len({r["historyId"] for r in ours}) == 11
    assert {p["value"] for r in ours for p in r["parameters"] if p["name"] == "host"} == {*HOSTS, "gone"}


def test_labels_say_profile_subject_requirement_and_severity(results: list[dict[str, Any]]) -> None:
    result = of(results, "own.state", "n3")
    found = {name: labels(result, name) for name in ("epic", "feature", "story", "severity", "layer", "host")}
    assert found == {
        "epic": {"base"}, "feature": {"own"}, "story": {"own.state"}, "severity": {"critical"},
        "layer": {"effective"}, "host": {"n3"},
    }  # fmt: skip
    assert {"critical", "failed"} <= labels(result, "tag")


@pytest.mark.parametrize(
    ("requirement", "host", "status", "says"),
    [
        ("own.state", "n1", "passed", ""),
        ("own.state", "n3", "failed", "effective, the state\n  expected  good\n  found     bad"),
        ("own.uses_state", "n3", "skipped", "blocked: needs own.state (failed)"),
        ("own.state", "gone", "broken", "unreachable: ssh: Could not resolve hostname gone"),
    ],
)
def test_the_message_is_what_is_wrong(
    results: list[dict[str, Any]], requirement: str, host: str, status: str, says: str
) -> None:
    result = of(results, requirement, host)
    details = result.get("statusDetails") or {}
    assert result["status"] == status
    assert details.get("message", "").startswith(says)
    assert "Traceback" not in json.dumps(result)
    assert not details.get("trace")


def test_evidence_and_diffs_are_attached(fakes: Fakes, results: list[dict[str, Any]]) -> None:
    attached = {a["name"]: a["source"] for a in of(results, "own.state", "n3")["attachments"]}
    evidence = (fakes.directory / "allure" / attached["evidence: own.state"]).read_text()
    (diff,) = (source for name, source in attached.items() if name.startswith("would write "))
    assert evidence.strip() == "bad"
    assert "-bad\n+good" in (fakes.directory / "allure" / diff).read_text()


def test_the_run_is_described(fakes: Fakes, results: list[dict[str, Any]]) -> None:
    environment = (fakes.directory / "allure/environment.properties").read_text()
    assert "profile=base" in environment
    assert "mode=plan" in environment
    assert json.loads((fakes.directory / "allure/categories.json").read_text())
