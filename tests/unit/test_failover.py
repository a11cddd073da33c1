"""What a failover has cost, from connections; when it is not tried; and that the host helps itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup.drills import failover
from trueup.drills.failover import Attempt, Holding
from trueup.errors import CouldNotLook
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")


def steady(*lost: tuple[int, int], of: int = 100, patience: float = 1.0) -> list[Attempt]:
    """Twenty connections a second, of which those in the ranges are lost."""
    gone = {n for first, last in lost for n in range(first, last)}
    return [
        Attempt(n / 20, n / 20 + (patience if n in gone else 0.01), "timeout" if n in gone else "open")
        for n in range(of)
    ]


def seconds(attempts: list[Attempt]) -> list[float]:
    return [round(each, 2) for each in failover.outages(attempts)]


def test_an_outage_lasts_from_the_first_that_is_lost_to_the_first_that_is_answered() -> None:
    assert seconds(steady((40, 60))) == [1.01]


def test_outages_are_told_apart() -> None:
    assert seconds(steady((20, 22), (60, 80))) == [0.11, 1.01]


def test_nothing_lost_is_no_outage() -> None:
    assert seconds(steady()) == []


def test_an_outage_that_does_not_end_lasts_to_the_last_connection() -> None:
    assert seconds(steady((40, 100))) == [3.95]


def test_one_that_is_answered_late_ends_the_outage_when_it_is() -> None:
    attempts = steady((40, 60))
    attempts[45] = Attempt(45 / 20, 45 / 20 + 0.9, "open")  # its packet waited for the address
    assert max(seconds(attempts)) == 1.01
    attempts[45] = Attempt(45 / 20, 45 / 20 + 0.1, "open")
    assert seconds(attempts) == [0.35, 0.71]


def data(attempts: list[Attempt], **more: Any) -> dict[str, Any]:
    rows = [[attempt.began, attempt.ended, attempt.said] for attempt in attempts]
    known = {"holder": "lb1", "taker": "lb2", "client": "w1", "target": "10.0.0.9:6443", "after": ["lb1"]}
    return known | {"attempts": rows} | more


def test_what_a_drill_says_is_read_whole() -> None:
    found = failover.parse(data(steady((40, 52))))
    assert (found.tried, found.lost, round(found.seconds, 2)) == (100, 12, 0.61)
    assert str(found) == "lb2 took the address of lb1: 0.61 s without an answer, 12 of 100 connections lost"
    assert "nobody took that of lb1" in str(failover.parse(data(steady(), taker="")))


@pytest.mark.parametrize("attempts", [[], steady(of=5), steady((0, 100))])
def test_too_little_is_no_measure(attempts: list[Attempt]) -> None:
    with pytest.raises(ValueError, match="connections, of which"):
        failover.parse(data(attempts))


def judge(spec: Spec, said: dict[str, Any]) -> dict[str, str]:
    raws = {failover.FAILOVER.name: Raw(0, json.dumps(said))}
    facts = FleetFacts({}, {}, HostFacts(Snapshot("cluster", raws=raws)))
    try:
        catalog.requirements["lb.vip.failover"].check(facts, spec)
    except Unmet as unmet:
        return {deviation.expected: deviation.found for deviation in unmet.deviations}
    return {}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (data(steady((40, 52))), {}),
        (data(steady((40, 85))), {}),  # 45 connections in 2.3 s
        (data(steady((40, 52)), after=["lb2"]), {}),  # nopreempt
        (
            data(steady((40, 160), of=200)),
            {"5 s at most": "6.0 s without an answer", "50 at most": "120 of 200 connections lost"},
        ),
        (data(steady(), taker=""), {"another balancer takes the address": "none took it"}),
        (data(steady(), after=[]), {"one load balancer holds it": "none"}),
        (data(steady(), after=["lb1", "lb2"]), {"one load balancer holds it": "lb1 and lb2"}),
    ],
)
def test_a_failover_is_judged_by_the_profile(spec: Spec, said: dict[str, Any], found: dict[str, str]) -> None:
    assert judge(spec, said) == found


WELL = {"lb1": Holding("active", True), "lb2": Holding("active", False)}


def test_the_one_that_has_the_address_is_the_holder() -> None:
    assert failover._holder(WELL, "10.0.0.9") == "lb1"


@pytest.mark.parametrize(
    ("found", "why"),
    [
        ({"lb1": Holding("active", True)}, "no other load balancer among the hosts"),
        (WELL | {"lb2": Holding("failed", False)}, "keepalived is failed on lb2"),
        (WELL | {"lb2": Holding("active", True)}, "10.0.0.9 is held by lb1 and lb2"),
        (WELL | {"lb1": Holding("active", False)}, "10.0.0.9 is held by nobody"),
    ],
)
def test_what_is_not_well_is_not_stopped(found: dict[str, Holding], why: str) -> None:
    with pytest.raises(CouldNotLook, match=f"not tried: .*{why}"):
        failover._holder(found, "10.0.0.9")


SYSTEMCTL = """
case "$1" in
list-units) cat "$HOME/armed" 2>/dev/null; exit 0;;
is-active) case "$*" in *timer) grep -q . "$HOME/armed" 2>/dev/null;; *) grep -q start "$HOME/did";; esac; exit;;
esac
echo "$*" >>"$HOME/did"
"""


@pytest.fixture
def host(tmp_path: Path) -> Callable[[str], tuple[int, list[str]]]:
    """Runs text on a host that notes what is done to it."""
    (tmp_path / "bin").mkdir()
    arm = '[ ! -e "$HOME/refuses" ] || exit 1\necho "timer $*" >>"$HOME/did"; echo trueup-drill-x.timer >"$HOME/armed"'
    for name, body in {"systemctl": SYSTEMCTL, "systemd-run": arm, "journalctl": ""}.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def run(text: str) -> tuple[int, list[str]]:
        env = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(["sh", "-euc", text], env=env, capture_output=True, text=True, check=False)
        did = tmp_path / "did"
        return done.returncode, did.read_text().splitlines() if did.exists() else []

    return run


def test_the_host_undertakes_to_start_it_again_before_it_stops_it(host: Callable[[str], Any]) -> None:
    code, did = host(failover.stop("trueup-drill-x", 30))
    assert code == 0
    assert did[0].startswith("timer ")
    assert "--on-active=30s" in did[0]
    assert did[0].endswith("systemctl start keepalived.service")
    assert did[1:] == ["stop keepalived.service"]


def test_a_host_that_cannot_help_itself_is_left_alone(host: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "refuses").touch()
    code, did = host(failover.stop("trueup-drill-x", 30))
    assert (code, did) == (1, [])


def test_two_drills_do_not_meet(host: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "armed").write_text("trueup-drill-y.timer\n")
    code, did = host(failover.stop("trueup-drill-x", 30))
    assert (code, did) == (75, [])


def test_it_is_started_before_the_timer_is_called_off(host: Callable[[str], Any]) -> None:
    host(failover.stop("trueup-drill-x", 30))
    code, did = host(failover.start("trueup-drill-x"))
    assert (code, did[-2:]) == (0, ["start keepalived.service", "stop trueup-drill-x.timer"])


def test_what_was_not_stopped_is_not_started(host: Callable[[str], Any]) -> None:
    """Another drill's timer, or none: the undo of a stop that was refused is no change."""
    assert host(failover.start("trueup-drill-x")) == (0, [])


def test_the_load_ends_when_its_file_is_gone_and_leaves_none(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    text = failover.load("127.0.0.1", "1", str(flag)).probe(None)
    with subprocess.Popen(["sh", "-c", text], stdout=subprocess.PIPE, text=True) as running:
        for _ in range(5):
            assert running.stdout
            running.stdout.readline()
        flag.unlink()
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    found = failover.parse_load(out)
    assert {attempt.said for attempt in found} <= {"refused"}


def test_a_clock_without_fractions_is_no_clock(tmp_path: Path) -> None:
    (tmp_path / "date").write_text("#!/bin/sh\necho N\n")
    (tmp_path / "date").chmod(0o755)
    text = failover.load("127.0.0.1", "1", str(tmp_path / "flag")).probe(None)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", text], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "date knows no nanoseconds here" in done.stderr
