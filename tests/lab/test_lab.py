"""The lab itself: real hosts on this machine, as few boots as possible."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Lab, LabUnavailable
from lab.machine import cgroups

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts of a lab of this module's own: it starts from nothing, and leaves nothing."""
    lab = Lab()
    lab.down()
    lab.up(["cp1", "w1"])
    yield lab
    lab.down()


def ssh(lab: Lab, host: str, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ssh", "-F", lab.ssh_config, host, command], capture_output=True, text=True, timeout=60)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "lab", *words]


def start_of_boot(lab: Lab, host: str) -> str:
    return lab.sh(host, "cat /proc/1/stat").stdout.split()[21]


def test_hosts_answer_ssh_under_their_names(lab: Lab) -> None:
    assert lab.hosts() == ["cp1", "w1"]
    assert lab.hosts_file.read_text() == "cp1\nw1\n"
    for host in lab.hosts():
        done = ssh(lab, host, "hostname; id -un; systemctl is-system-running; getent hosts cp1 w1")
        assert done.stdout.split() == [host, "root", "running", "10.77.0.11", "cp1", "10.77.0.31", "w1"], done.stderr
    assert (
        lab.sh("cp1", "ping -c1 -W2 w1 >/dev/null; cat /etc/machine-id").stdout
        != lab.sh("w1", "cat /etc/machine-id").stdout
    )


def test_the_hosts_weigh_more_than_one_process(lab: Lab) -> None:
    weights = [group / file for group in cgroups("") for file in ("cpu.shares", "cpu.weight")]
    assert [path.read_text() for path in weights if path.exists()] in (["16384\n"], ["1600\n"])


def test_sudo_is_for_op_alone(lab: Lab) -> None:
    assert ssh(lab, "op@w1", "sudo -n id -u").stdout == "0\n"
    assert ssh(lab, "nosudo@w1", "sudo -n id -u").returncode == 1


def test_sh_leaves_sshd_alone_and_is_bounded(lab: Lab) -> None:
    count = "journalctl -u ssh -t sshd | grep -c 'Starting session' || :"
    before = lab.sh("w1", count).stdout
    assert lab.sh("w1", "cat; tty; hostname", input="given\n", check=False).stdout == "given\nnot a tty\nw1\n"
    assert lab.sh("w1", count).stdout == before
    ssh(lab, "w1", "true")
    assert int(lab.sh("w1", count).stdout) == int(before) + 1
    with pytest.raises(subprocess.CalledProcessError):
        lab.sh("w1", "exit 3")
    with pytest.raises(subprocess.TimeoutExpired):
        lab.sh("w1", "exec -a overdue sleep 300", timeout=0.5)
    assert lab.sh("w1", "pgrep -f '^overdue' || echo ended").stdout == "ended\n"


def test_nothing_leaves(lab: Lab) -> None:
    for host in lab.hosts():
        routes = lab.sh(host, "ip route show default; ip -6 route show default").stdout
        assert routes == "default via 10.77.0.254 dev eth0 \n", "which ends there"
        assert "Net Unreachable" in lab.sh(host, "ping -c1 -W1 192.0.2.1", check=False).stdout
        assert lab.sh(host, "ping -c1 -W1 169.254.169.254", check=False).returncode == 2
    assert "10.77.0." not in subprocess.run(["ip", "address"], capture_output=True, text=True).stdout
    assert "10.77.0." not in subprocess.run(["ip", "route"], capture_output=True, text=True).stdout


def test_signed_repository_offers_versions_and_containerd_runs(lab: Lab) -> None:
    assert lab.sh("w1", "command -v containerd runc", check=False).stdout == ""
    lab.sh("w1", "apt-get update")
    for package in ("containerd", "runc"):
        versions = re.findall(r"\| (\S+) \|", lab.sh("w1", f"apt-cache madison {package}").stdout)
        assert len(versions) == 2, versions
        assert versions[1].endswith("-0lab1")
    older = versions[1]
    lab.sh("w1", f"DEBIAN_FRONTEND=noninteractive apt-get install -y runc={older} containerd")
    assert lab.sh("w1", "dpkg-query -W -f '${Version}' runc").stdout == older
    lab.sh("w1", "DEBIAN_FRONTEND=noninteractive apt-get upgrade -y")
    assert lab.sh("w1", "dpkg-query -W -f '${Version}' runc").stdout == versions[0]
    assert "Server:" in lab.sh("w1", "systemctl start containerd; ctr version").stdout
    lab.sh("cp1", "rm /etc/apt/keyrings/lab.gpg; : > /etc/apt/keyrings/lab.gpg")
    assert lab.sh("cp1", "apt-get update -o APT::Update::Error-Mode=any", check=False).returncode == 100


def test_cable_and_hang(lab: Lab) -> None:
    lab.link("w1", False)
    assert ssh(lab, "w1", "true").returncode == 255
    lab.link("w1", True)
    lab.freeze("w1", True)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            subprocess.run(["ssh", "-F", lab.ssh_config, "w1", "true"], capture_output=True, timeout=3)
    finally:
        lab.freeze("w1", False)
    lab.wait(["w1"])
    assert ssh(lab, "w1", "true").returncode == 0


def test_reboot_keeps_the_file_system(lab: Lab) -> None:
    before = start_of_boot(lab, "w1")
    lab.sh("w1", "touch /root/kept")
    lab.reboot("w1")
    assert start_of_boot(lab, "w1") != before
    assert ssh(lab, "w1", "ls /root; journalctl -q --list-boots | grep -c ^[[:space:]-]*[01]").stdout == "kept\n2\n"


def test_a_host_has_what_kubelet_wants_at_every_boot(lab: Lab) -> None:
    stale = "mkdir -p /sys/fs/cgroup/pids/kubepods.slice/stale /sys/fs/cgroup/memory/kubepods/stale"
    lab.sh("w1", f"{stale}; echo 7 >/proc/sys/kernel/panic")
    lab.reboot("w1")
    kept = Path("/proc/sys/kernel/panic").read_text()
    assert lab.sh("w1", "ls -d /sys/fs/cgroup/*/kubepods*", check=False).stdout == ""
    assert lab.sh("w1", "cat /proc/sys/kernel/panic").stdout == kept, "the copy is that of one boot"
    lab.sh("w1", "echo 10 >/proc/sys/kernel/panic; echo 1 >/proc/sys/vm/overcommit_memory; test -c /dev/kmsg")
    assert lab.sh("w1", "cat /proc/sys/kernel/panic").stdout == "10\n"
    assert Path("/proc/sys/kernel/panic").read_text() == kept, "the machine's own stays"


def test_reset_gives_a_bare_host_with_the_same_key(lab: Lab) -> None:
    lab.sh("w1", "touch /root/stray /var/lib/containerd/stray")
    identity, other = lab.sh("w1", "cat /etc/machine-id").stdout, start_of_boot(lab, "cp1")
    lab.reset(["w1"])
    assert ssh(lab, "w1", "ls /root /var/lib/containerd; command -v containerd").stdout.split() == [
        "/root:",
        "/var/lib/containerd:",
    ]
    assert lab.sh("w1", "cat /etc/machine-id").stdout != identity
    assert start_of_boot(lab, "cp1") == other


@pytest.mark.parametrize("seconds", [0.15, 0.4, 0.8])
def test_a_killed_up_is_healed_by_the_next(lab: Lab, seconds: float) -> None:
    kept = start_of_boot(lab, "cp1")
    lab.down(["w1"])
    up = subprocess.Popen(command("up", "w1", "lb1"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    up.send_signal(signal.SIGKILL)
    up.wait()
    assert lab.up(["w1", "lb1"]) == ["w1", "lb1"]
    assert [ssh(lab, host, "hostname").stdout for host in lab.hosts()] == ["cp1\n", "w1\n", "lb1\n"]
    assert start_of_boot(lab, "cp1") == kept, "a whole host is kept"
    lab.down(["lb1"])
    assert not list(Path("/run/netns").glob("lab-lb1")) and not list(Path("/sys/fs/cgroup").glob("*/lab/lb1"))


def test_half_a_host_is_made_anew(lab: Lab) -> None:
    (lab.state / "nodes/lb2/upper/etc").mkdir(parents=True)
    subprocess.run(["ip", "netns", "add", "lab-lb2"], check=True)
    assert "lb2" not in lab.hosts()
    lab.up(["cp1"])
    assert not (lab.state / "nodes/lb2").exists() and not Path("/run/netns/lab-lb2").exists()


def test_a_second_state_directory_is_refused(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabUnavailable, match=str(lab.state)):
        Lab(state=tmp_path / "other").up(["w9"])
    with pytest.raises(LabUnavailable, match="another lab"):
        Lab(state=tmp_path / "other").down()
    assert lab.hosts() == ["cp1", "w1"]


def test_extra_packages_are_offered(lab: Lab) -> None:
    tree = lab.state / "stand-in/DEBIAN"
    tree.mkdir(parents=True)
    extra = lab.cache / "extra/trueup-stand-in.deb"
    (tree / "control").write_text(
        "Package: trueup-stand-in\nVersion: 1.2\nArchitecture: all\nMaintainer: lab\nDescription: x\n"
    )
    subprocess.run(["dpkg-deb", "-b", "--root-owner-group", tree.parent, extra], check=True, capture_output=True)
    try:
        lab.up(["w1"])
        lab.sh("w1", "apt-get update && apt-get install -y trueup-stand-in=1.2")
    finally:
        extra.unlink()


def test_down_leaves_nothing(lab: Lab) -> None:
    lab.down()
    assert not list(Path("/run/netns").glob("lab-*")) and not lab.state.exists()
    assert not [*Path("/sys/fs/cgroup").glob("*/lab"), *Path("/sys/fs/cgroup").glob("lab")]
    assert str(lab.state) not in Path("/proc/self/mountinfo").read_text()
    running = [file.read_text() for file in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [words for words in running if "docker-registry" in words or "http.server" in words]
    lab.down()


@pytest.mark.parametrize("words", [["up", "1"], ["down"], ["setup"], ["doctor"]], ids=" ".join)
def test_without_root_the_reason_is_named(words: list[str]) -> None:
    # loaded as root, since the interpreter itself may be in root's home
    script = "import os, sys, lab.__main__ as m; os.geteuid() or os.setuid(65534); sys.exit(m.main())"
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1), done.stderr
    assert "needs root" in done.stderr


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    which = shutil.which
    monkeypatch.setattr("shutil.which", lambda tool: None if tool == "systemd-nspawn" else which(tool))
    with pytest.raises(LabUnavailable, match="systemd-nspawn is missing: install systemd-container") as caught:
        Lab().check()
    assert caught.value.package == "systemd-container"


def test_impossible_names_are_refused() -> None:
    for name in ("h1", "w41", "../w1", "cp0", ""):
        with pytest.raises(LabUnavailable, match="no host can have the name"):
            Lab().up([name])


def test_down_spares_a_directory_that_is_not_the_labs(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    Lab(state=tmp_path).down()
    with pytest.raises(LabUnavailable, match="neither empty nor the lab's"):
        Lab(state=tmp_path).up(["cp1"])
    assert (tmp_path / "precious").exists()
