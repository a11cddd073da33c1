"""The machine of the lab: its tools, its lock, and the cgroups that contain all started processes."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TOOLS = (
    "mmdebstrap:mmdebstrap systemd-nspawn:systemd-container socat:socat ip:iproute2 ssh:openssh-client dpkg-deb:dpkg "
    "ssh-keygen:openssh-client apt-ftparchive:apt-utils gpg:gpg gpg-agent:gpg-agent nsenter:util-linux mount:mount "
    "openssl:openssl"
)
JOIN = 'for group in $0; do echo 0 > "$group/cgroup.procs" || exit 1; done; exec "$@"'
MOUNTS = Path("/proc/self/mountinfo")
# All hosts together would have the share of one process: on a busy machine they would not answer in time.
WEIGHT = {"cpu.shares": "16384", "cpu.weight": "1600"}  # of cgroup v1 and v2: sixteen times the usual


class LabUnavailable(Exception):
    """The lab cannot run here; has the reason, and the package to install if that helps."""

    def __init__(self, reason: str, package: str | None = None) -> None:
        super().__init__(f"{reason}: install {package}, or run python3 -m lab setup" if package else reason)
        self.reason, self.package = reason, package


def run(*argv: str | Path, stdin: str = "", **env: str) -> str:
    """Return the output of a command; raise `LabUnavailable` with its last line if it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **env}
    done = subprocess.run(argv, input=stdin, env=environment, capture_output=True, text=True)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-3:]
        raise LabUnavailable(f"{' '.join(map(str, argv))[:200]}: exit {done.returncode}: {' | '.join(words)}")
    return done.stdout


def check(install: bool = False) -> None:
    """Raise `LabUnavailable` unless this machine can run the lab; can install missing tools first."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise LabUnavailable("the lab needs root on Linux: it makes network namespaces, mounts and cgroups")
    missing = {tool: package for tool, package in (t.split(":") for t in TOOLS.split()) if not shutil.which(tool)}
    if missing and install:
        apt = ["env", "apt-get", "-o", "DPkg::Lock::Timeout=60"]  # env, for a clear message if modprobe is missing
        run(*apt, "update")
        run(*apt, "install", "-y", "--no-install-recommends", *missing.values())
    for tool, package in ({} if install else missing).items():
        raise LabUnavailable(f"{tool} is missing", package)
    run("unshare", "--net", "--mount", "sh", "-c", "modprobe -aq overlay br_netfilter veth || :")
    if "\toverlay\n" not in Path("/proc/filesystems").read_text() or not Path("/proc/sys/net/bridge").exists():
        raise LabUnavailable("the kernel offers no overlayfs, or no br_netfilter")


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the lock of this machine's lab, whose namespaces and cgroups exist only once."""
    check()
    with Path("/run/trueup-lab.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for line in MOUNTS.read_text().splitlines():
            if " - overlay lab-" in line and not line.split()[4].startswith(f"{state}/"):
                raise LabUnavailable(f"another lab is up, with {line.split()[4]}; take it down first (TRUEUP_LAB)")
        yield


def cgroups(name: str) -> list[Path]:
    """Return the cgroups of a host or service, the unified one first; with an empty name, the lab's own."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(mount[1], "lab", name) for kind in ("cgroup2", "cgroup") for mount in mounts if mount[2] == kind]


def wrap(name: str, *argv: str | Path) -> list[str]:
    """Return the command that joins the cgroups of `name`, then runs `argv`."""
    for top, group in zip(cgroups(""), cgroups(name), strict=True):
        top.mkdir(exist_ok=True)
        for file, weight in WEIGHT.items():
            if (top / file).exists():
                (top / file).write_text(weight)
        for file in ("cpuset.cpus", "cpuset.mems") if (top / "cpuset.mems").exists() else ():
            (top / file).write_text((top.parent / file).read_text())  # an empty cpuset accepts no process
            (top / "cgroup.clone_children").write_text("1")
        group.mkdir(exist_ok=True)
    return ["sh", "-c", JOIN, " ".join(map(str, cgroups(name))), *map(str, argv)]


def pids(name: str) -> list[int]:
    """Return the live processes of `name`."""
    found: list[int] = []
    for inner, _, _ in os.walk(cgroups(name)[0]):
        with suppress(OSError):  # gone meanwhile
            found += map(int, Path(inner, "cgroup.procs").read_text().split())
    return found


def cpu(name: str) -> float:
    """Return the CPU seconds that all processes of `name` have used."""
    for usage in (group / "cpuacct.usage" for group in cgroups(name)):
        if usage.exists():
            return int(usage.read_text()) / 1e9
    rows = dict(row.split() for row in (cgroups(name)[0] / "cpu.stat").read_text().splitlines())
    return int(rows["usage_usec"]) / 1e6


def end(name: str) -> None:
    """Kill every process of `name`, and remove its cgroups."""
    until = time.monotonic() + 15
    while groups := [group for group in cgroups(name) if group.is_dir()]:
        if time.monotonic() > until:
            raise LabUnavailable(f"processes of {name or 'the lab'} do not end: {pids(name)}")
        kill = groups[0] / "cgroup.kill"
        with suppress(OSError):  # ended meanwhile
            for pid in [] if kill.exists() else pids(name):
                os.kill(pid, signal.SIGKILL)
            kill.write_text("1")
        for inner in [inner for group in groups for inner, _, _ in os.walk(group, topdown=False)]:
            with suppress(OSError):  # not empty yet
                Path(inner).rmdir()
        time.sleep(0.01)
