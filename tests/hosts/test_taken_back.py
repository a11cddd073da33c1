"""A whole run is taken back: what was on the host before it is there again, byte by byte."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab import Lab

pytestmark = pytest.mark.lab
HOST = "w21"
Run = Callable[..., Any]
DIRECTORIES = ("boot", "etc", "home", "opt", "root", "srv", "usr", "var/lib")
EXCEPTIONS = {
    "etc/ld.so.cache": "ldconfig writes it anew whenever a package with a library comes or goes",
    "var/lib/apt/lists/*": "apt's indexes were fetched anew",
    "var/lib/dpkg/status*": "dpkg remembers packages whose configuration files stay",
    "var/lib/systemd/*": "the machine's own state: timers, the clock, the random seed",
}


class Found(NamedTuple):
    """What is at a path, but for its times."""

    mode: int
    uid: int
    gid: int
    content: str


def files(root: Path) -> dict[str, Found]:
    """Return path to what is there, of files and links."""
    found = {}
    for top in DIRECTORIES:
        for directory, inner, names in os.walk(root / top):
            for name in (*names, *(name for name in inner if Path(directory, name).is_symlink())):
                path = Path(directory, name)
                about = path.lstat()
                if path.is_symlink():
                    content = f"-> {path.readlink()}"
                elif path.is_file():
                    content = hashlib.sha256(path.read_bytes()).hexdigest()
                else:
                    continue
                found[str(path.relative_to(root))] = Found(about.st_mode, about.st_uid, about.st_gid, content)
    return found


def differing(before: dict[str, Found], now: dict[str, Found]) -> list[str]:
    return sorted(path for path, was in before.items() if now.get(path) != was)


def excused(path: str) -> str:
    return next((why for pattern, why in EXCEPTIONS.items() if fnmatch(path, pattern)), "")


@pytest.fixture(scope="module")
def run(lab: Lab, trueup: Run) -> Run:
    lab.reset([HOST])
    return lambda *args: trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", *args)


def began(done: Any) -> str:
    """The id of a run."""
    return str(done.report["run"])


@pytest.mark.long
def test_a_node_that_was_made_of_a_bare_host_is_taken_back(lab: Lab, run: Run) -> None:
    before = files(lab.root(HOST))
    fix = run("--fix")
    assert fix.code == 0, fix.text
    fixed = files(lab.root(HOST))
    assert len(differing(before, fixed)) > 1
    assert "usr/bin/kubelet" in fixed

    plan = run(f"--rollback={began(fix)}", "--fix=plan")
    assert plan.code == 0, plan.text
    assert "can-undo" in plan.text
    assert differing(fixed, files(lab.root(HOST))) == []  # a plan undoes nothing

    done = run(f"--rollback={began(fix)}")
    assert done.code == 0, done.text
    assert set(done.outcomes.values()) == {"undone"}
    after = files(lab.root(HOST))
    changed = differing(before, after)
    print(*(f"exception: {path}: {excused(path)}" for path in changed), sep="\n")
    new = sorted(path for path in after.keys() - before.keys() if not path.startswith("var/lib/trueup/"))
    print(f"{len(before)} files and links before, {len(changed)} of them differ; {len(new)} are new:", *new, sep="\n  ")
    assert [path for path in changed if not excused(path)] == []
    for program in ("kubelet", "kubeadm", "containerd", "runc"):
        assert f"usr/bin/{program}" not in after
    assert lab.sh(HOST, "find / -xdev -name '.trueup.*'").stdout == ""

    again = run(f"--rollback={began(fix)}")
    assert again.code == 0, again.text
    assert again.changes == []
    assert "was undone before" in again.text
    assert differing(after, files(lab.root(HOST))) == []


def test_one_requirement_alone_and_a_file_that_somebody_changed_since(lab: Lab, run: Run) -> None:
    lab.sh(HOST, "sysctl -qw net.ipv4.ip_forward=0")
    fix = run("--fix", "-k", "host.sysctl or host.kernel or host.swap")
    assert fix.code == 0, fix.text
    root = lab.root(HOST)
    setting = root / "etc/sysctl.d/zz-trueup.conf"
    setting.write_text(mine := f"{setting.read_text()}# mine\n")
    done = run(f"--rollback={began(fix)}", "-k", "host.sysctl")
    assert done.code == 1, done.text
    assert setting.read_text() == mine
    assert re.search(r"write /etc/sysctl.d/zz-trueup.conf: /etc/sysctl.d/zz-trueup.conf has changed since", done.text)
    assert lab.sh(HOST, "sysctl -n net.ipv4.ip_forward").stdout.strip() == "0"  # which nobody changed since
    assert (root / "etc/modules-load.d/trueup-overlay.conf").exists()  # of a requirement that was not selected
    setting.write_text(mine.removesuffix("# mine\n"))
    done = run(f"--rollback={began(fix)}", "-k", "host.sysctl")
    assert done.code == 0, done.text
    assert not setting.exists()


def test_on_a_full_disk_nothing_is_changed(lab: Lab, run: Run) -> None:
    lab.sh(
        HOST,
        """sysctl -qw net.ipv4.ip_forward=0
mkdir -p /var/lib/trueup; mount -t tmpfs -o size=64k,mode=700 small /var/lib/trueup
cat /dev/zero >/var/lib/trueup/full 2>/dev/null || :""",
    )
    try:
        done = run("--fix", "-k", "ip_forward")
        assert done.code == 1, done.text
        assert "No space left on device" in done.result("host.sysctl.ip_forward", HOST)["detail"]
        assert not (lab.root(HOST) / "etc/sysctl.d/zz-trueup.conf").exists()
        assert lab.sh(HOST, "sysctl -n net.ipv4.ip_forward; ls /var/lib/trueup/runs 2>/dev/null || :").stdout == "0\n"
    finally:
        lab.sh(HOST, "umount /var/lib/trueup")


def test_a_run_that_is_not_known_is_answered_with_those_that_are(run: Run) -> None:
    listed = run("--rollback")
    assert listed.code == 0, listed.text
    (first, *_) = re.findall(r"\d{8}T\d{6}Z-\w{4}", listed.text)
    done = run(f"--rollback={first}x")
    assert done.code == 4
    assert f"did you mean {first!r}?" in done.text
