"""Thirty hosts, of which one does not come back: behind the canary the rest is left alone, and a file ends the job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.long]
HOSTS = [*(f"cp{n}" for n in range(6, 21)), *(f"w{n}" for n in (7, 8, *range(13, 21), *range(36, 41)))]
CANARY, VICTIM = sorted(HOSTS)[:2]  # a run goes by the names
PROFILE = """
extends: {extends}
select: ["!*", "runtime.containerd.sandbox_image", "runtime.containerd.service"]
roles: {{control-plane: [], worker: ["*"]}}  # whatever their names say
"""
INSTALL = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -y -q --no-install-recommends containerd
systemctl enable --now containerd
"""
# As a driver or a firewall that comes with a service may have it: with the restart the host is off the network.
TRAP = """set -e
cd /etc/systemd/system && mkdir -p containerd.service.d
printf '[Service]\\nExecStartPre=+/sbin/ip link set eth0 down\\n' >containerd.service.d/50-driver.conf
systemctl daemon-reload
"""
REPAIR = """set -e
rm /etc/systemd/system/containerd.service.d/50-driver.conf
systemctl daemon-reload
ip link set eth0 up
"""
STATE = """ls -d /var/lib/trueup 2>/dev/null
find /etc -type f -exec sha256sum {} + | sort | sha256sum
systemctl show -P ActiveEnterTimestampMonotonic -P MainPID containerd
"""


@pytest.fixture
def thirty(lab: Lab) -> Iterator[Callable[[str], dict[str, str]]]:
    """All of them with a containerd that runs; returned is what runs a script on each."""
    lab.up(HOSTS, anew=True)

    def each(script: str) -> dict[str, str]:
        with ThreadPoolExecutor(4) as pool:
            return dict(zip(HOSTS, pool.map(lambda h: lab.sh(h, script, timeout=300).stdout, HOSTS), strict=True))

    each(INSTALL)
    yield each
    lab.down(HOSTS)


def test_one_that_does_not_come_back_saves_the_others(
    thirty: Callable[[str], dict[str, str]], lab: Lab, trueup: Callable[..., Any], tmp_path: Path
) -> None:
    profile = tmp_path / "p.yaml"
    profile.write_text(PROFILE.format(extends=lab.profile))
    lab.sh(VICTIM, TRAP)
    before = thirty(STATE)
    common = (f"--hosts={','.join(HOSTS)}", f"--ssh-config={lab.ssh_config}", f"--profile={profile}")
    stopped = trueup(*common, "--fix", "--canary=1", "--batch=1,20%", f"--rootdir={tmp_path}", timeout=600)
    assert stopped.code == 1, stopped.text

    rest = [host for host in sorted(HOSTS) if host not in (CANARY, VICTIM)]
    assert len(rest) == 28
    outcomes = {host: stopped.outcomes["runtime.containerd.sandbox_image", host] for host in HOSTS}
    assert outcomes == {CANARY: "fixed", VICTIM: "fix-failed"} | dict.fromkeys(rest, "not-attempted")
    assert (
        f"stopped after batch 1 of 6: 1 failed: {VICTIM}: runtime.containerd.sandbox_image is fix-failed"
        in stopped.text
    )
    (path,) = tmp_path.glob(".trueup/runs/*/resume.json")
    assert json.loads(path.read_text())["left"] == [VICTIM, *rest]
    after = thirty(STATE)
    assert {host: after[host] for host in rest} == {host: before[host] for host in rest}
    assert not any("/var/lib/trueup" in after[host] for host in rest)

    lab.sh(VICTIM, REPAIR)
    again = trueup(f"--ssh-config={lab.ssh_config}", "--fix", f"--resume={path}", "--batch=1,50%", timeout=600)
    assert again.code == 0, again.text
    assert f"nothing is left to do of {path}" in again.text
    assert {again.outcomes["runtime.containerd.sandbox_image", host] for host in rest} == {"fixed"}
    assert again.outcomes["runtime.containerd.sandbox_image", CANARY] == "passed"
    assert thirty("systemctl is-active containerd; ls /var/lib/trueup/lock 2>/dev/null || :") == dict.fromkeys(
        HOSTS, "active\n"
    )
    audit = trueup(*common)
    assert audit.code == 0, audit.text
