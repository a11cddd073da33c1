"""The failover drill on real load balancers: it measures, and restores them even if the runner is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from standing import Standing

from trueup.model.profile import load

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
BACK = 90.0  # seconds: the holder's wait before it restarts keepalived itself, and the election
STATE = """
systemctl is-active keepalived || :
ip -o addr show up to {address} | grep -c . || :
systemctl list-units --plain --no-legend 'trueup-drill-*' | grep -c . || :
find /run -maxdepth 1 -name 'trueup-drill-*' | grep -c . || :
"""


def states(edge: Standing) -> dict[str, list[str]]:
    """Return load balancer to: keepalived's state, addresses held, units of a drill, files of a drill."""
    address = load(str(edge.profile)).spec("").lb.vip.address
    return {host: edge.sh(STATE.format(address=address), host).split() for host in edge.hosts if host.startswith("lb")}


def restored(edge: Standing) -> bool:
    """Return whether keepalived runs everywhere, exactly one host has the address, and the drill left nothing."""
    found = states(edge).values()
    return sorted(found) == [["active", "0", "0", "0"]] * (len(found) - 1) + [["active", "1", "0", "0"]]


def end(edge: Standing, words: str, after: float, by: signal.Signals, log: Path) -> int:
    """Start a drill, signal the runner some seconds after it printed ``words``, return its exit code."""
    command = [
        "env", "--default-signal=INT",  # background jobs of a shell ignore SIGINT
        sys.executable, "-m", "pytest", str(ROOT / "checks"), "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
        f"--hosts={','.join(edge.hosts)}", f"--ssh-config={edge.lab.ssh_config}", f"--profile={edge.profile}",
        "--drill", "-k", "lb.vip.failover",
    ]  # fmt: skip
    env = os.environ | {"PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out, subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
    ) as runner:  # fmt: skip
        until = time.monotonic() + 60
        while words not in log.read_text() and time.monotonic() < until and runner.poll() is None:
            time.sleep(0.05)
        time.sleep(after)
        assert runner.poll() is None, log.read_text()
        runner.send_signal(by)
        code = runner.wait(60)
    assert words in log.read_text(), log.read_text()
    return code


def test_a_drill_measures_a_failover_and_leaves_all_as_it_was(well: Standing) -> None:
    before = states(well)
    done = well.run("--drill", "-k", "lb.vip.failover")
    result = done.result("lb.vip.failover", "cluster")
    assert (done.code, result["outcome"]) == (0, "passed"), done.text
    assert "connections lost" in result["detail"]
    assert [action["summary"].partition(" ")[0] for action in result["actions"]] == ["connect", "stop", "start"]
    assert restored(well)
    assert states(well) == before


def test_an_interrupt_puts_back_before_the_runner_ends(well: Standing, tmp_path: Path) -> None:
    code = end(well, "stop keepalived on", 1.0, signal.SIGINT, tmp_path / "log")
    found = states(well)
    assert code == 2
    assert [(state, units) for state, _, units, _ in found.values()] == [("active", "0")] * len(found)
    assert eventually(well)


@pytest.mark.parametrize(
    ("words", "after"),
    [("stop keepalived on", 1.0), pytest.param("start keepalived on", 0.0, marks=pytest.mark.long)],
)
def test_a_runner_that_is_killed_leaves_it_to_the_holder(
    well: Standing, words: str, after: float, tmp_path: Path
) -> None:
    assert end(well, words, after, signal.SIGKILL, tmp_path / "log") == -signal.SIGKILL
    assert eventually(well), states(well)


def eventually(edge: Standing) -> bool:
    """Return whether the hosts restore themselves within the time that they have for it."""
    until = time.monotonic() + BACK
    while (back := restored(edge)) is False and time.monotonic() < until:
        time.sleep(1)
    return back
