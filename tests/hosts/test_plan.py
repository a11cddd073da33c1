"""A plan executes nothing, and what is carried out is what was planned; where something has moved, nothing is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from trueup.engine.plan_guard import differences
from trueup.results.action import Action

pytestmark = pytest.mark.lab
HOSTS = os.environ.get("TRUEUP_PLAN_HOSTS", "w33,w34").split(",")
STILL, MOVED = HOSTS
CONFIG = "/etc/containerd/config.toml"

# Content, mode, owner and time of every file and link below these, packages, units and what starts at boot.
STATE = r"""
find /etc /usr /var/lib /opt -xdev \( -type f -o -type l -o -type d \) -printf '%p %y %m %u:%g %T@ %l\n' | sort
find /etc /usr /var/lib /opt -xdev -type f -print0 | sort -z | xargs -0 sha256sum
dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n'; apt-mark showhold; apt-mark showauto
systemctl list-unit-files --no-legend --no-pager
systemctl list-units --all --plain --no-legend --no-pager | awk '{ print $1, $2, $3, $4 }'
sysctl -a 2>/dev/null | grep -E '^(net|vm|kernel.panic)'; cut -d' ' -f1 /proc/modules | sort; cat /proc/swaps
"""
# What changes of itself, or because somebody logs in at all.
RESTLESS = {
    "session-": "each login is a unit of its own",
}


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any]) -> Callable[..., Any]:
    given = (f"--hosts={','.join(HOSTS)}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}")
    return lambda *args: trueup(*given, *args)


def state(lab: Lab, host: str) -> set[str]:
    rows = lab.sh(host, STATE).stdout.splitlines()
    assert len(rows) > 1000
    return {row for row in rows if not any(row.startswith(word) for word in RESTLESS)}


def actions(report: dict[str, Any]) -> dict[tuple[str, str], list[Action]]:
    """Return (requirement, host) to what was planned or done."""
    return {
        (r["requirement"], r["host"]): [Action(**a) for a in r["actions"]] for r in report["results"] if r["actions"]
    }


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan") / "plan.json"


def test_a_plan_executes_nothing(lab: Lab, run: Callable[..., Any], plan: Path) -> None:
    lab.reset(HOSTS)
    run()  # the first login of all leaves its own traces
    before = {host: state(lab, host) for host in HOSTS}
    done = run("--fix=plan", f"--plan-out={plan}")
    assert done.code == 1, done.text
    saved = json.loads(plan.read_text())
    assert {step["host"] for step in saved["steps"]} == set(HOSTS)
    assert {action["verb"] for step in saved["steps"] for action in step["actions"]} >= {"write", "package", "sysctl"}
    assert plan.stat().st_mode & 0o777 == 0o600
    for host in HOSTS:
        assert state(lab, host) ^ before[host] == set()


def test_what_is_carried_out_is_what_was_planned(run: Callable[..., Any], plan: Path) -> None:
    saved = json.loads(plan.read_text())
    steps = {(step["requirement"], step["host"]): step["actions"] for step in saved["steps"]}
    done = run(f"--fix={plan}")
    made = actions(done.report)
    assert made.keys() <= steps.keys()
    for pair, planned in steps.items():
        before = [Action(a["verb"], a["target"], a["summary"], a["diff"], before=a["precondition"]) for a in planned]
        if pair in made:
            assert differences(before, made[pair]) == []
        else:  # an earlier step brought it along
            assert done.outcomes[pair] == "passed", done.text
    others = {pair: outcome for pair, outcome in done.outcomes.items() if pair not in steps}
    assert "fixed" not in others.values()
    assert "not in the plan" in done.text


def test_a_host_that_has_moved_is_left_alone_and_says_how(lab: Lab, run: Callable[..., Any], plan: Path) -> None:
    only = ("-k", "runtime.containerd")  # three of which edit one file, each what the one before has left
    planned = run("--fix=plan", f"--plan-out={plan}", *only)
    assert [a.target for each in actions(planned.report).values() for a in each].count(CONFIG) == 3 * len(HOSTS)
    assert {pair[1] for pair in actions(planned.report)} == set(HOSTS)
    lab.sh(MOVED, f"echo '# by hand' >>{CONFIG}")
    before = state(lab, MOVED)
    done = run(f"--fix={plan}", *only)
    lock = "/var/lib/trueup d "  # the directory in which it came and went
    assert {row for row in state(lab, MOVED) ^ before if not row.startswith(lock)} == set()
    made = actions(done.report)
    assert {host for _, host in made} == {STILL}
    assert {pair for pair in actions(planned.report) if pair[1] == STILL} == made.keys()
    refused = done.result("runtime.containerd.sandbox_image", MOVED)
    assert refused["outcome"] == "fix-failed"
    assert f"{CONFIG} is not as it was when the plan was made" in refused["detail"]
    rest = {done.outcomes[pair] for pair in actions(planned.report) if pair[1] == MOVED}
    assert rest == {"fix-failed"}, done.text
    assert f"nothing is changed on {MOVED}" in done.text
