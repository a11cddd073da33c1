"""Users whose sudo wants a password: it arrives, and is seen nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from traces import JOURNAL, Sampler, traces

from lab import Lab
from trueup.connection import sudo
from trueup.hosts.inventory import Connection, parse

pytestmark = pytest.mark.lab
ASKS, FREE = os.environ.get("TRUEUP_SUDO_HOSTS", "w31,w32").split(",")
WORD = "c0rrect-'horse'\\n$(battery)"
ROOT = Path(__file__).parents[2]
USERS = r"""set -e
for user in asks free; do
  useradd -m -s /bin/sh $user
  install -d -o $user -m 700 /home/$user/.ssh
done
IFS= read -r word; printf 'asks:%s\n' "$word" | chpasswd
echo 'asks ALL=(ALL) ALL' >/etc/sudoers.d/asks
echo 'free ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/free
"""
BREAK = "rm -f /etc/sysctl.d/zz-trueup.conf; sysctl -q -w net.ipv4.ip_forward=0"
HOLDS = "cat /proc/sys/net/ipv4/ip_forward"


@pytest.fixture(scope="module", autouse=True)
def hosts(lab: Lab) -> None:
    lab.reset([ASKS, FREE])
    for host in (ASKS, FREE):
        lab.sh(host, USERS, input=f"{WORD}\n")


@pytest.fixture
def sampler() -> Iterator[Sampler]:
    with Sampler(WORD) as sampler:
        yield sampler
    assert sampler.samples > 3
    assert sampler.seen == set()


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A file and a program that have the password, for their owner alone."""
    (tmp_path / "word").touch(mode=0o600)
    (tmp_path / "word").write_text(f"{WORD}\n")
    (tmp_path / "program").write_text(f"#!/bin/sh\ncat {tmp_path}/word\n")
    (tmp_path / "program").chmod(0o700)
    return tmp_path


@pytest.fixture
def run(lab: Lab, trueup: Callable[..., Any]) -> Callable[..., Any]:
    def run(hosts: str, *args: str, fd: Path | None = None) -> Any:
        within = ["sh", "-c", 'file=$1; shift; exec "$@" 5<"$file"', "sh", str(fd)] if fd else []
        given = ["--become-password=fd:5"] if fd else []
        options = [f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "-k", "ip_forward", "--sudo"]
        return trueup(f"--hosts={hosts}", *options, *given, *args, within=within)

    return run


def test_the_sampler_sees_what_a_process_shows() -> None:
    with Sampler(WORD) as sampler:
        subprocess.run(["sh", "-c", "sleep 1; :", WORD], check=True)
        subprocess.run(["sleep", "1"], env={"SEEN": WORD}, check=True)
    assert {line.partition(":")[0] for line in sampler.seen} == {"cmdline", "environ"}


@pytest.mark.parametrize("way", ["fd", "askpass"])
def test_a_fix_becomes_root_by_a_password_that_is_seen_nowhere(
    lab: Lab, run: Callable[..., Any], given: Path, tmp_path: Path, sampler: Sampler, way: str
) -> None:
    lab.sh(ASKS, BREAK)
    out = tmp_path / "out"
    out.mkdir()
    by: Any = {"fd": given / "word"} if way == "fd" else {}
    options = [] if by else [f"--become-password=askpass:{given}/program"]
    audit = run(f"ssh://asks@{ASKS}", *options, **by)
    assert audit.outcomes["host.sysctl.ip_forward", ASKS] == "failed", audit.text
    fixed = run(
        f"ssh://asks@{ASKS}", "--fix", "-v", f"--alluredir={out}/allure", f"--report={out}/run.md", *options, **by
    )
    assert fixed.code == 0, fixed.text
    assert lab.sh(ASKS, HOLDS).stdout == "1\n"
    shown = audit.text + fixed.text + str(audit.report) + str(fixed.report)
    shown += "".join(path.read_text(errors="replace") for path in out.rglob("*") if path.is_file())
    assert "zz-trueup.conf" in shown
    assert WORD not in shown
    assert traces(lab, WORD, ASKS) == ""


def test_it_is_asked_for_once_at_a_terminal(lab: Lab, sampler: Sampler) -> None:
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", "--wait", sys.executable, "-m", "pytest", "checks", "-p", "no:cacheprovider"]
    command += [f"--hosts=ssh://asks@{ASKS}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}"]
    command += ["-p", "no:hypothesispytest", "-k", "ip_forward", "--sudo", "--become-password=ask"]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        while b"sudo's password: " not in said:
            said += os.read(ours, 4096)
        os.write(ours, f"{WORD}\n".encode())
        while True:
            try:
                said += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    text = said.decode(errors="replace")
    assert process.returncode == 0, text
    assert text.count("sudo's password: ") == 1
    assert WORD not in text


def test_a_wrong_password_is_tried_once_in_a_run_and_nothing_is_changed(
    lab: Lab, run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "wrong").write_text("Tr0ub4dor\n")
    for host in (ASKS, FREE):
        lab.sh(host, BREAK)
    since = lab.sh(ASKS, "sleep 1; date '+%F %T'").stdout.strip()
    done = run(f"ssh://asks@{ASKS},ssh://asks@{FREE}", "--fix", fd=tmp_path / "wrong")
    assert done.code == 3, done.text
    assert re.search(f"the password of --become-password is wrong: it was tried once, on ({ASKS}|{FREE})", done.text)
    assert "Tr0ub4dor" not in done.text + str(done.report)
    journals = [lab.sh(host, f"{JOURNAL} --since '{since}'").stdout for host in (ASKS, FREE)]
    assert sum(journal.count("sudo:auth): authentication failure") for journal in journals) == 1
    assert [lab.sh(host, HOLDS).stdout for host in (ASKS, FREE)] == ["0\n", "0\n"]


def test_where_none_is_needed_the_password_is_not_run_as_a_command(
    lab: Lab, run: Callable[..., Any], given: Path, sampler: Sampler
) -> None:
    done = run(f"ssh://free@{FREE},ssh://asks@{ASKS}", "--fix", fd=given / "word")
    assert done.code == 0, done.text
    assert "not found" not in done.text
    assert traces(lab, WORD, ASKS, FREE) == ""


def test_without_a_password_the_ways_to_give_one_are_named(run: Callable[..., Any]) -> None:
    done = run(f"ssh://asks@{ASKS}")
    assert done.code == 3
    assert "give its password with --become-password=ask, fd:N or askpass:PROGRAM" in done.text


def test_sudoers_that_want_a_terminal_are_named_and_how_to_do_without(
    lab: Lab, run: Callable[..., Any], given: Path
) -> None:
    lab.sh(FREE, "echo 'Defaults:free requiretty' >/etc/sudoers.d/tty")
    try:
        done = run(f"ssh://free@{FREE}", fd=given / "word")
    finally:
        lab.sh(FREE, "rm /etc/sudoers.d/tty")
    assert done.code == 3
    assert "its sudoers has requiretty: set `Defaults:USER !requiretty` there" in done.text


def test_a_file_is_sent_behind_the_password(lab: Lab, tmp_path: Path, sampler: Sampler) -> None:
    (tmp_path / "file").write_bytes(content := os.urandom(2_000_000))
    options = Connection(ssh_config=str(lab.ssh_config), sudo=True, password=sudo.Password(WORD))
    transport = parse(f"ssh://asks@{ASKS}", "here").connect(options, shared=False)
    done = transport.send(tmp_path / "file", "id -u; cat", 30)
    assert done.out == b"0\n" + content
    began = time.monotonic()
    assert transport.send(tmp_path / "file", "exit 7", 30).rc == 7
    assert time.monotonic() - began < 10
