"""Audits of real hosts: what they cost, and what is said of hosts that cannot be looked at."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from trueup.facts.host.systemd import RUNS

pytestmark = pytest.mark.lab
HOSTS = ["cp4", "w25"]
Audit = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def hosts(lab: Lab) -> None:
    lab.reset(HOSTS)


@pytest.fixture
def audit(lab: Lab, trueup: Audit) -> Audit:
    return lambda *args, hosts="cp4,w25": trueup(
        f"--hosts={hosts}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", *args
    )


@pytest.fixture
def config(lab: Lab, tmp_path: Path) -> Callable[[str], str]:
    """An ssh_config with lines that come before the lab's own, and so win."""

    def write(lines: str) -> str:
        path = tmp_path / "ssh_config"
        path.write_text(f"{lines}\n{lab.ssh_config.read_text()}")
        return f"--ssh-config={path}"

    return write


STATE = r"""
find /etc /usr /opt /root /home /srv /var -path /var/log -prune -o -path /var/lib/systemd -prune -o \
  -type f -printf '%p %s %T@ %m %U\n' | sort
ls -A /tmp /run | grep -i trueup
sysctl -a 2>/dev/null | grep -E '^net.(ipv4.ip_forward|bridge)'
dpkg-query -W
systemctl list-unit-files --no-legend containerd.service
true
"""


def _state(lab: Lab, host: str) -> str:
    """Everything that an audit could have touched, but for the logs."""
    return lab.sh(host, STATE).stdout


BANNER = r"""
printf 'echo "*** welcome ***"; echo "net.ipv4.ip_forward=1"; echo oops >&2\n' >/root/.bashrc
cp /root/.bashrc /etc/profile.d/banner.sh
echo 'AUTHORISED USE ONLY' >/etc/issue.net
echo 'Banner /etc/issue.net' >/etc/ssh/sshd_config.d/banner.conf
systemctl reload ssh
"""
CHROOT = "containerd.version or runc.version or br_netfilter"
QUIET = "rm /etc/profile.d/banner.sh /root/.bashrc /etc/ssh/sshd_config.d/banner.conf; systemctl reload ssh"


def _sessions(lab: Lab, host: str) -> int:
    return int(lab.sh(host, "journalctl -u ssh -o cat --no-pager | grep -c '^Starting session' || :").stdout)


def test_one_ssh_session_for_a_whole_audit(lab: Lab, audit: Audit) -> None:
    before = {host: _sessions(lab, host) for host in HOSTS}
    done = audit()
    assert done.code == 1, done.text
    assert len(done.report["results"]) > 20
    assert {host: _sessions(lab, host) - before[host] for host in HOSTS} == dict.fromkeys(HOSTS, 1)


def test_one_ssh_session_with_xdist_too(lab: Lab, audit: Audit) -> None:
    before = {host: _sessions(lab, host) for host in HOSTS}
    plain, spread = audit(), audit("-n", "2")
    assert spread.outcomes == plain.outcomes
    assert {host: _sessions(lab, host) - before[host] for host in HOSTS} == dict.fromkeys(HOSTS, 2)


@pytest.mark.parametrize("mode", [[], ["--fix=plan"]], ids=["audit", "plan"])
def test_changes_nothing(lab: Lab, audit: Audit, mode: list[str]) -> None:
    before = _state(lab, "w25")
    assert audit(*mode).code == 1
    assert _state(lab, "w25") == before


@pytest.mark.parametrize(
    ("lines", "hosts", "says"),
    [
        ("Host w25\n  HostKeyAlias cp4", "w25", "the host key is not the known one"),
        ("Host w25\n  User nobody-here", "w25", "login refused: check the user and the key"),
        ("Host w25\n  HostName 10.77.0.200", "w25", "ssh: "),
        ("Host w25\n  Port 4", "w25", "ssh: "),
    ],
    ids=["host key mismatch", "wrong user", "dead host", "wrong port"],
)
def test_unreachable(lab: Lab, trueup: Audit, config: Any, lines: str, hosts: str, says: str) -> None:
    before = _state(lab, "w25")
    for mode in ([], ["--fix"]):
        done = trueup(f"--hosts={hosts}", config(lines), f"--profile={lab.profile}", *mode)
        assert done.code == 3, done.text
        assert says in done.text
        alone = [outcome for (_, host), outcome in done.outcomes.items() if host == "w25"]
        assert set(alone) == {"unreachable"}
        assert done.text.count(f"UNREACHABLE  {len(alone)} requirements  on w25") == 1
        across = {outcome for (_, host), outcome in done.outcomes.items() if host == "cluster"}
        assert across <= {"could-not-look", "blocked"}
        assert "Traceback" not in done.text
    assert _state(lab, "w25") == before


def test_a_dead_host_does_not_hide_a_live_one(lab: Lab, config: Any, trueup: Audit) -> None:
    done = trueup("--hosts=cp4,w25", config("Host w25\n  HostName 10.77.0.200"), f"--profile={lab.profile}")
    assert done.code == 1
    assert {host for (_, host), outcome in done.outcomes.items() if outcome == "unreachable"} == {"w25"}
    assert {o for (_, host), o in done.outcomes.items() if host == "cp4"} == {"passed", "failed", "blocked"}


def test_a_host_that_hangs_is_given_up(lab: Lab, audit: Audit) -> None:
    lab.freeze("w25", True)
    try:
        done = audit("--host-timeout=4", "--ssh-extra-args=-o ServerAliveInterval=0")
    finally:
        lab.freeze("w25", False)
    assert {outcome for (_, host), outcome in done.outcomes.items() if host == "w25"} == {"unreachable"}, done.text
    assert "no answer" in done.text or "timed out" in done.text


def test_a_cut_cable_is_unreachable(lab: Lab, audit: Audit) -> None:
    lab.link("w25", False)
    try:
        done = audit("--host-timeout=8")
    finally:
        lab.link("w25", True)
    assert {outcome for (_, host), outcome in done.outcomes.items() if host == "w25"} == {"unreachable"}, done.text


@pytest.mark.parametrize("mode", [[], ["--fix"]], ids=["audit", "fix"])
def test_without_sudo(lab: Lab, trueup: Audit, config: Any, mode: list[str]) -> None:
    before = _state(lab, "w25")
    done = trueup(
        "--hosts=ssh://nosudo@w25", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--sudo", *mode
    )
    assert done.code == 3, done.text
    assert {outcome for (_, host), outcome in done.outcomes.items() if host == "w25"} == {"could-not-look"}
    assert "sudo refused" in done.text
    assert _state(lab, "w25") == before


def test_fix_without_root_changes_nothing(lab: Lab, trueup: Audit) -> None:
    before = _state(lab, "w25")
    done = trueup("--hosts=ssh://nosudo@w25", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--fix")
    assert done.code == 1, done.text
    assert "not root there: use --sudo; nothing was changed" in done.text
    assert _state(lab, "w25") == before


def test_sudo_sees_what_root_sees(lab: Lab, trueup: Audit, audit: Audit) -> None:
    as_root = audit(hosts="w25")
    done = trueup("--hosts=ssh://op@w25", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--sudo")
    assert done.outcomes == as_root.outcomes, done.text


def test_a_shell_that_prints_a_banner(lab: Lab, audit: Audit) -> None:
    quiet = audit(hosts="w25")
    lab.sh("w25", BANNER)
    try:
        assert audit(hosts="w25").outcomes == quiet.outcomes
    finally:
        lab.sh("w25", QUIET)


def test_an_ssh_config_that_ssh_refuses(lab: Lab, trueup: Audit, config: Any, tmp_path: Path) -> None:
    for option, says in (
        (f"--ssh-config={tmp_path}/none", "no such file"),
        (config("Host w25\n  NoSuchOption yes"), "ssh does not accept it"),
    ):
        done = trueup("--hosts=w25", option, f"--profile={lab.profile}")
        assert done.code == 4, done.text
        assert says in done.text
        assert "Traceback" not in done.text


def test_testinfra_backend_through_the_same_door(lab: Lab, trueup: Audit, tmp_path: Path) -> None:
    """chroot:// is the one other backend that this machine has all it needs for."""
    null = lab.root("w25") / "dev/null"
    if not null.exists():  # seen from outside, the host's own /dev is not there
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (tmp_path / "w25root").symlink_to(lab.root("w25"))  # testinfra takes one path component
    done = trueup("--hosts=chroot://w25root", f"--profile={lab.profile}", "-k", CHROOT, cwd=tmp_path)
    assert done.code == 1, done.text
    assert done.outcomes["host.kernel.module.br_netfilter", "w25root"] == "failed"
    assert "br_netfilter in modules-load.d\n      expected  named\n      found     not named" in done.text
    # only systemd says which containerd runs, and there is none in a chroot
    assert done.outcomes["runtime.runc.version", "w25root"] == "blocked"
    causes = done.result("runtime.runc.version", "w25root")["cause"]
    assert [cause["name"] for cause in causes] == [RUNS.name]


def test_a_users_own_test_beside_ours(lab: Lab, tmp_path: Path) -> None:
    own = tmp_path / "test_own.py"
    own.write_text("def test_release(host):\n    assert host.file('/etc/debian_version').exists\n")
    command = f"{shlex.quote(sys.executable)} -m pytest -p trueup.plugin -p no:cacheprovider checks {own} -v"
    options = f"--hosts=w25 --ssh-config={lab.ssh_config} --profile={lab.profile}"
    done = subprocess.run(f"{command} {options}", shell=True, capture_output=True, text=True, check=False)
    assert "test_release[ssh://w25] PASSED" in done.stdout, done.stdout
    assert "host.sysctl.ip_forward[w25] FAILED" in done.stdout
    assert done.returncode == 1


@pytest.fixture(scope="module", autouse=True)
def tidy(lab: Lab) -> Iterator[None]:
    yield
    for host in HOSTS:
        lab.freeze(host, False)
        lab.link(host, True)
