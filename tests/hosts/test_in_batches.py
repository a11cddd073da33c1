"""Two that change the same hosts, one that is killed, one that is interrupted: on real hosts, by real ssh."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

pytestmark = pytest.mark.lab
ROOT = Path(__file__).parents[2]
HOSTS = ("w23", "w24")
PROFILE = """
extends: {extends}
select: ["!*", "host.sysctl.*"]
"""
# A step of which the test says when it ends; it begins anew with each host.
SLOW = r"""set -e
rm -rf /run/gate /etc/sysctl.d/zz-trueup.conf /var/lib/trueup; mkdir /run/gate
for key in ip_forward conf.all.forwarding; do echo 0 >/proc/sys/net/ipv4/$(echo $key | tr . /); done
cat >/usr/local/sbin/sysctl <<'X'
#!/bin/sh
if [ "$1" = -w ] && [ -e /run/gate/shut ]; then
  touch /run/gate/begun
  for i in $(seq 1200); do [ -e /run/gate/shut ] || break; sleep 0.1; done
fi
exec /usr/sbin/sysctl "$@"
X
chmod 755 /usr/local/sbin/sysctl
"""


@dataclass
class Two:
    """Two hosts, and how trueup is run on them."""

    lab: Lab
    directory: Path
    trueup: Callable[..., Any]

    @property
    def arguments(self) -> tuple[str, ...]:
        return (f"--ssh-config={self.lab.ssh_config}", f"--profile={self.directory}/p.yaml", "--host-timeout=25")

    def run(self, *arguments: str, hosts: tuple[str, ...] = HOSTS) -> Any:
        return self.trueup(f"--hosts={','.join(hosts)}", *self.arguments, *arguments, timeout=120)

    def start(self, name: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Begin a fix in a process of its own."""
        log = self.directory / f"{name}.log"
        command = ["env", "--default-signal=INT", sys.executable, "-m", "pytest", f"{ROOT}/checks",
                   "-p", "no:cacheprovider", f"--rootdir={self.directory}", f"--report={self.directory}/{name}.json",
                   f"--hosts={','.join(HOSTS)}", *self.arguments, "--fix"]  # fmt: skip
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, cwd=self.directory, env=os.environ | {"PYTHONPATH": f"{ROOT}/src:{ROOT}"},
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        return process, log

    def sh(self, script: str, *hosts: str) -> list[str]:
        return [self.lab.sh(host, script).stdout for host in hosts or HOSTS]

    def shut(self, *hosts: str) -> None:
        """Let the first step of a fix wait on these hosts."""
        self.sh("touch /run/gate/shut", *hosts)

    def go(self) -> None:
        self.sh("rm -f /run/gate/shut")

    def begun(self, *hosts: str) -> None:
        for host in hosts:
            self.lab.sh(host, "for i in $(seq 600); do [ ! -e /run/gate/begun ] || exit 0; sleep 0.1; done; exit 1")

    def said(self, log: Path, words: str) -> None:
        until = time.monotonic() + 60
        while words not in log.read_text():
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)

    def interrupt(self, name: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Begin a fix, and interrupt it once while its first step waits on both hosts."""
        self.shut(*HOSTS)
        process, log = self.start(name)
        self.begun(*HOSTS)
        process.send_signal(signal.SIGINT)
        self.said(log, "interrupted: nothing new is begun")
        return process, log

    def resume(self) -> Any:
        """Go on by the resume file that the interrupted fix has left."""
        (path,) = self.directory.glob(".trueup/runs/*/resume.json")
        done = self.trueup(f"--ssh-config={self.lab.ssh_config}", "--fix", f"--resume={path}", timeout=120)
        assert done.code == 0, done.text
        return done

    def well(self) -> None:
        """Nothing is half done, nobody has a lock, and all holds."""
        left = "find /etc /run /var/lib/trueup -xdev '(' -name '.trueup.*' -o -name 'trueup.*' -o -name 'lock*' ')'"
        assert self.sh(f"{left} -path '*trueup*'") == ["", ""]
        audit = self.run()
        assert audit.code == 0, audit.text


@pytest.fixture(scope="module")
def made(lab: Lab) -> Iterator[None]:
    lab.up(HOSTS)
    yield
    lab.down(HOSTS)


@pytest.fixture
def two(made: None, lab: Lab, trueup: Callable[..., Any], tmp_path: Path) -> Two:
    (tmp_path / "p.yaml").write_text(PROFILE.format(extends=lab.profile))
    two = Two(lab, tmp_path, trueup)
    two.sh(SLOW)
    return two


def test_of_two_that_begin_at_once_one_works_and_the_other_is_told_by_whom_and_since_when(two: Two) -> None:
    two.shut(*HOSTS)
    runs = [two.start(name) for name in ("one", "other")]
    until = time.monotonic() + 60
    while all(process.poll() is None for process, _ in runs):
        assert time.monotonic() < until
        time.sleep(0.1)
    two.go()
    codes = [process.wait(90) for process, _ in runs]
    assert sorted(codes) == [0, 4], [log.read_text() for _, log in runs]
    refused = " ".join(runs[codes.index(4)][1].read_text().split())
    worked = runs[codes.index(0)][1].with_suffix(".json").read_text()
    (run,) = re.findall(r'"run": "([^"]*)"', worked)
    assert re.search(rf"locked: w2[34](, w24)? by run {run} of \S+@\S+, since 20\S+Z \(\d+ s\)", refused), refused
    assert "nothing was changed: wait for its end" in refused or "wait for that script's end" in refused
    two.well()


def test_a_killed_controller_leaves_a_lock_that_is_known_to_be_stale(two: Two) -> None:
    two.shut(*HOSTS)
    process, _ = two.start("killed")
    two.begun(*HOSTS)
    process.kill()
    process.wait(10)
    early = two.run("--fix", "--break-lock")
    assert early.code == 4, early.text
    assert "a script of it is at work there at this moment" in " ".join(early.text.split())
    two.go()
    two.sh("flock -w 20 -x /var/lib/trueup true")
    done = two.run("--fix")
    assert done.code == 0, done.text
    assert len(re.findall(r"w2[34]: taking over the lock of run \S+ of .*: its process is gone", done.text)) == 2
    two.well()


def test_a_run_whose_lock_is_broken_changes_that_host_no_more(two: Two) -> None:
    two.shut("w23")
    process, log = two.start("first")
    two.begun("w23")
    two.sh("until [ -e /etc/sysctl.d/zz-trueup.conf ]; do sleep 0.1; done", "w24")
    time.sleep(1)
    refused = two.run("--fix", hosts=("w24",))
    assert refused.code == 4, refused.text
    broken = two.run("--fix", "--break-lock", hosts=("w24",))
    assert broken.code == 0, broken.text
    assert "w24: taking over the lock of run" in broken.text
    two.sh("rm /etc/sysctl.d/zz-trueup.conf", "w24")  # so that the first has something to do there
    two.go()
    assert process.wait(90) == 1, log.read_text()
    text = log.read_text()
    assert "FIX-FAILED  host.sysctl.bridge_nf_call_iptables  on w24" in text
    assert "this run's lock of the host was taken over and given back" in text
    assert two.sh("ls /etc/sysctl.d/zz-trueup.conf 2>/dev/null || echo none", "w24") == ["none\n"]
    assert two.run("--fix").code == 0
    two.well()


def test_ctrl_c_twice_stops_now_and_the_scripts_on_the_hosts_end_by_themselves(two: Two) -> None:
    process, log = two.interrupt("stopped")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 2, log.read_text()
    text = log.read_text()
    assert re.search(r"stopped: host\.sysctl\.ip_forward on w2[34], host\.sysctl\.ip_forward on w2[34] was", text), text
    assert "w23: its lock stays, which the next run takes over: a script is still at work there" in text
    assert two.sh("cat /proc/sys/net/ipv4/ip_forward") == ["0\n", "0\n"]
    two.go()
    two.sh("flock -w 20 -x /var/lib/trueup true")
    assert two.sh("cat /proc/sys/net/ipv4/ip_forward") == ["1\n", "1\n"]
    two.resume()
    two.well()


def test_ctrl_c_ends_between_two_steps_and_the_resume_file_brings_it_to_its_end(two: Two) -> None:
    process, log = two.interrupt("interrupted")
    two.go()
    assert process.wait(90) == 2, log.read_text()
    assert "FIXED  host.sysctl.ip_forward  on w23, w24" in log.read_text()
    assert "NOT-ATTEMPTED" in log.read_text()
    assert two.sh("cat /proc/sys/net/ipv4/ip_forward; ls /var/lib/trueup/lock 2>/dev/null || :") == ["1\n", "1\n"]
    assert "nothing is left to do of" in two.resume().text
    two.well()
