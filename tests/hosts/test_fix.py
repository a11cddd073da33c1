"""Fixes of real hosts that go wrong: a controller that dies, a service that does not come back, secrets on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

pytestmark = pytest.mark.lab
HOST = "w26"
ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]

BREAK = r"""
rm -f /etc/sysctl.d/zz-trueup.conf /etc/modules-load.d/trueup-*.conf
sysctl -q -w net.ipv4.ip_forward=0
[ ! -d /etc/containerd ] || echo 'version = = 2' >/etc/containerd/config.toml
mkdir -p /etc/systemd/system/containerd.service.d
rm -f /etc/systemd/system/containerd.service.d/zz-trueup.conf
printf '[Service]\nKillMode=mixed\n' >/etc/systemd/system/containerd.service.d/50-local.conf
systemctl daemon-reload
"""
REFUSE = r"""set -e
mkdir -p /etc/systemd/system/containerd.service.d
sed -i 's|sandbox_image = .*|sandbox_image = "registry.example/pause:0.8" # ours|' /etc/containerd/config.toml
cat >/etc/systemd/system/containerd.service.d/10-test.conf <<'X'
[Service]
ExecStartPre=/bin/sh -c 'if grep -q ers.pause:3.2 /etc/containerd/config.toml; then echo refusing; exit 1; fi'
X
systemctl daemon-reload
systemctl restart containerd
"""
OURS = (
    "find /etc /run -xdev '(' -name '.trueup.*' -o -name 'trueup.*' ')' -print; "
    "for f in /etc/sysctl.d/zz-trueup.conf /etc/modules-load.d/trueup-*.conf"
    ' /etc/systemd/system/containerd.service.d/zz-trueup.conf; do [ ! -e $f ] || sed "s|^|$f:|" $f; done'
)
LINES = (
    "# written by trueup", "net.ipv4.ip_forward = 1", "net.bridge.bridge-nf-call-iptables = 1",
    "net.bridge.bridge-nf-call-ip6tables = 1", "br_netfilter", "overlay", "[Service]", "KillMode=process",
)  # fmt: skip


@pytest.fixture
def run(lab: Lab, trueup: Run) -> Run:
    return lambda *args: trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", *args)


@pytest.fixture(scope="module")
def good(lab: Lab, trueup: Run) -> None:
    lab.reset([HOST])
    done = trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--fix")
    assert done.code == 0, done.text


def _whole(lab: Lab) -> None:
    """No file of ours is half written, and nothing lies about, once the last script on the host has ended.

    A script may begin after its controller's end, because what ssh was given arrives: one look has to find none.
    """
    until = time.monotonic() + 60
    while "trueup." in (found := lab.sh(HOST, OURS).stdout.replace("zz-trueup.", "")) and time.monotonic() < until:
        time.sleep(0.2)
    for line in found.splitlines():
        assert line.partition(":")[2] in LINES, line
    config = lab.root(HOST) / "etc/containerd/config.toml"
    if config.exists() and config.read_text() != "version = = 2\n":
        assert tomllib.loads(config.read_text())["version"] == 2


@pytest.mark.parametrize(
    ("start", "kills"),
    [
        pytest.param("bare", range(0, 8, 2), id="bare", marks=pytest.mark.long),
        pytest.param("broken", range(1, 8, 2), id="broken"),
        pytest.param("bare", range(1, 8, 2), id="bare-between", marks=pytest.mark.long),
        pytest.param("broken", range(0, 8, 2), id="broken-between", marks=pytest.mark.long),
    ],
)
def test_a_killed_controller_leaves_nothing_half_done(lab: Lab, run: Run, start: str, kills: range) -> None:
    command = [sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--fix"]
    command += [f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}"]
    lab.reset([HOST])
    if start == "broken":
        assert run("--fix").code == 0
    for kill in kills:
        if start == "broken":
            lab.sh(HOST, BREAK)
        fix = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1.1 + 0.35 * kill)
        fix.send_signal(signal.SIGKILL)
        fix.wait()
        _whole(lab)
    done = run("--fix")
    assert done.code == 0, done.text
    assert lab.sh(HOST, "dpkg --audit").stdout == ""
    again = run("--fix")
    assert (again.code, again.changes) == (0, [])


@pytest.mark.usefixtures("good")
def test_a_service_that_does_not_come_back_gets_its_old_file_again(lab: Lab, run: Run) -> None:
    config = lab.root(HOST) / "etc/containerd/config.toml"
    lab.sh(HOST, REFUSE)
    before = config.read_bytes(), config.stat().st_mode, config.stat().st_uid
    done = run("--fix", "-k", "sandbox_image")
    assert done.code == 1, done.text
    result = done.result("runtime.containerd.sandbox_image", HOST)
    assert result["outcome"] == "fix-failed"
    assert "rolled back" in result["detail"]
    assert "refusing" in result["detail"]  # from the unit's journal
    assert (config.read_bytes(), config.stat().st_mode, config.stat().st_uid) == before
    assert lab.sh(HOST, "systemctl is-active containerd").stdout.strip() == "active"
    lab.sh(HOST, "rm /etc/systemd/system/containerd.service.d/10-test.conf; systemctl daemon-reload")
    done = run("--fix")
    assert done.code == 0, done.text
    assert "# ours" in config.read_text()  # comments survive an edit


@pytest.mark.usefixtures("good")
def test_the_plan_is_what_the_fix_does(lab: Lab, run: Run) -> None:
    lab.sh(HOST, BREAK)
    plan = run("--fix=plan")
    fix = run("--fix")
    assert fix.code == 0, fix.text
    planned = {(r["requirement"], a["summary"], a["diff"]) for r in plan.report["results"] for a in r["actions"]}
    done = {(r["requirement"], a["summary"], a["diff"]) for r in fix.report["results"] for a in r["actions"]}
    assert planned
    assert planned <= done  # what was blocked in the plan is in the fix only


@pytest.mark.usefixtures("good")
def test_no_secret_of_a_host_gets_out(lab: Lab, run: Run, tmp_path: Path) -> None:
    secrets = ["hunter2-password", "c2VjcmV0LWF1dGg=", "abcdef.0123456789abcdef", "s3cr3t-identity"]
    lab.sh(HOST, f"""cat >>/etc/containerd/config.toml <<'X'
# join with token {secrets[2]}
[plugins."io.containerd.grpc.v1.cri".registry.configs."r.example".auth]
  username = "robot"
  password = "{secrets[0]}"
  auth = "{secrets[1]}"
  identitytoken = "{secrets[3]}"
X
sed -i 's|sandbox_image = .*|sandbox_image = "registry.example/pause:0.8"|' /etc/containerd/config.toml
systemctl restart containerd""")  # fmt: skip
    text = ""
    for n, mode in enumerate(([], ["--fix=plan"], ["--fix", "-v"])):
        markdown = tmp_path / f"{n}.md"
        done = run(*mode, f"--alluredir={tmp_path}/allure{n}", f"--report={markdown}")
        text += done.text + str(done.report)
    text += "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    assert done.code == 0, done.text
    assert "pause:0.8" in text
    assert "username" in text  # the configuration was shown, and so could have leaked
    assert [secret for secret in secrets if secret in text] == []
    config = (lab.root(HOST) / "etc/containerd/config.toml").read_text()
    assert all(secret in config for secret in secrets)  # hidden in what is shown, not on the host


def test_fix_says_that_n_is_not_used(lab: Lab, run: Run) -> None:
    done = run("--fix", "-n", "2")
    assert "-n is not used with --fix" in done.text
    assert done.code in (0, 1)
    assert os.environ.get("PYTEST_XDIST_WORKER") is None
