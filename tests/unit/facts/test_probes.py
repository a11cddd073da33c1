"""Every probe is valid POSIX sh, runs, and changes nothing."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from every_fact import MODULES

from trueup.facts.host import apt, clock, identity, kernel, packages, swap
from trueup.facts.kube import kubelet, preflight
from trueup.facts.runtime import containerd, containers
from trueup.model.fact import Fact
from trueup.model.profile import load
from trueup.profiles.schema import Spec

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
FACTS: dict[str, Fact[Any]] = {
    f"{module.__name__.rpartition('.')[2]}-{name}": fact
    for module in MODULES
    for name, fact in vars(module).items()
    if isinstance(fact, Fact)
}


def sh(text: str, *, shell: str = "sh", path: str | None = None) -> subprocess.CompletedProcess[str]:
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    env = {"LC_ALL": "C", "PATH": path or os.environ["PATH"]}
    return subprocess.run(
        [*argv, "-c", text], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=env, check=False, timeout=30
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A scratch file system in which ``/lib`` is a link, as on current distributions."""
    for directory in ("etc/sysctl.d", "run/sysctl.d", "usr/lib/sysctl.d", "usr/local/lib/sysctl.d"):
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    return tmp_path


@pytest.fixture
def sysctl_files(root: Path, spec: Spec) -> Callable[[], kernel.Persistent]:
    """Runs the probe with a scratch root instead of ``/``."""

    def look() -> kernel.Persistent:
        text = re.sub(r"(?<= )/(?=(etc|run|usr|lib)/)", f"{root}/", kernel.SYSCTL_FILES.probe(spec))
        done = sh(text)
        assert done.returncode == 0, done.stderr
        return kernel.SYSCTL_FILES.parse(done.stdout)

    return look


@pytest.fixture
def tools(tmp_path: Path) -> Callable[..., str]:
    """Makes executables and returns a PATH that begins with them."""
    directory = tmp_path / "tools"
    directory.mkdir()

    def make(**bodies: str) -> str:
        for name, body in bodies.items():
            tool = directory / name.replace("_", "-")
            tool.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
            tool.chmod(0o755)
        return f"{directory}:{os.environ['PATH']}"

    return make


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
def test_a_probe_is_shell_that_parses(fact: Fact[Any], shell: str, spec: Spec) -> None:
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run([*argv, "-n"], input=fact.probe(spec), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "name",
    ["kernel-MODULES", "kernel-SYSCTL", "kernel-SYSCTL_FILES", "containerd-BINARIES"]
    + [f"preflight-{name}" for name in ("USER", "MACHINE", "FILES", "PORTS", "TOOLS", "HOSTNAME", "CRI", "PROXY")],
)
def test_a_probe_answers_in_every_shell_what_its_parser_reads(
    name: str, shell: str, spec: Spec, tools: Callable[..., str]
) -> None:
    done = sh(FACTS[name].probe(spec), shell=shell, path=tools(systemctl="echo 0"))
    assert (done.returncode, done.stderr) == (0, "")
    FACTS[name].parse(done.stdout)


@pytest.mark.parametrize("name", ["BINARIES", "CONFIG", "DUMP", "RUNNING", "STARTED"])
def test_where_systemd_does_not_say_what_runs_nothing_is_guessed(
    name: str, spec: Spec, tools: Callable[..., str]
) -> None:
    path = tools(systemctl="echo 'Failed to connect to bus' >&2; exit 1", containerd="echo containerd v1.7.0")
    done = sh(FACTS[f"containerd-{name}"].probe(spec), path=path)
    assert done.returncode == 1
    assert "Failed to connect to bus" in done.stderr


def test_a_name_from_the_profile_is_quoted() -> None:
    done = sh(kernel.modules("x; echo injected").probe(None) + kernel.sysctl("a.$(echo injected)").probe(None))
    assert "injected\n" not in done.stdout.replace("x; echo injected absent", "")


def test_the_running_value_of_a_parameter_is_read(spec: Spec) -> None:
    fact = kernel.sysctl("kernel.ostype", "kernel.no_such_parameter", "net.ipv4.ip_local_port_range")
    found = fact.parse(sh(fact.probe(None)).stdout)
    assert found["kernel.ostype"] == "Linux"
    assert len(found["net.ipv4.ip_local_port_range"].split(" ")) == 2
    assert "kernel.no_such_parameter" not in found


def test_a_parameter_that_may_not_be_read_is_not_an_absent_one(spec: Spec, tools: Callable[..., str]) -> None:
    path = tools(cat="echo 'cat: Permission denied' >&2; exit 1")
    assert sh(kernel.sysctl("kernel.ostype").probe(None), path=path).returncode != 0


def test_the_last_name_wins_whatever_its_directory(root: Path, sysctl_files: Callable[[], kernel.Persistent]) -> None:
    (root / "etc/sysctl.d/10-kube.conf").write_text("net.ipv4.ip_forward = 1\n")
    (root / "usr/lib/sysctl.d/90-hardening.conf").write_text("# CIS\nnet.ipv4.ip_forward=0\n")
    winner = sysctl_files().winner("net.ipv4.ip_forward")
    assert winner
    assert (winner.value, winner.where) == ("0", f"{root}/usr/lib/sysctl.d/90-hardening.conf:2")


def test_the_first_directory_wins_a_name(root: Path, sysctl_files: Callable[[], kernel.Persistent]) -> None:
    (root / "run/sysctl.d/50-a.conf").write_text("net.ipv4.ip_forward=1\n")
    (root / "usr/lib/sysctl.d/50-a.conf").write_text("net.ipv4.ip_forward=0\nvm.swappiness=1\n")
    found = sysctl_files()
    assert found.winner("net.ipv4.ip_forward").value == "1"
    assert found.winner("vm.swappiness") is None


def test_a_link_to_dev_null_masks_a_file(root: Path, sysctl_files: Callable[[], kernel.Persistent]) -> None:
    (root / "usr/lib/sysctl.d/90-hardening.conf").write_text("net.ipv4.ip_forward=0\n")
    assert sysctl_files().winner("net.ipv4.ip_forward")
    (root / "etc/sysctl.d/90-hardening.conf").symlink_to("/dev/null")
    assert sysctl_files().winner("net.ipv4.ip_forward") is None


def test_the_old_single_file_counts_at_boot_only_where_a_drop_in_links_to_it(
    root: Path, sysctl_files: Callable[[], kernel.Persistent]
) -> None:
    (root / "etc/sysctl.conf").write_text("net.ipv4.ip_forward=0\n")
    assert sysctl_files().winner("net.ipv4.ip_forward") is None
    assert sysctl_files().legacy("net.ipv4.ip_forward").where == f"{root}/etc/sysctl.conf:1"
    (root / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    assert sysctl_files().winner("net.ipv4.ip_forward").where == f"{root}/etc/sysctl.conf:1"
    assert sysctl_files().legacy("net.ipv4.ip_forward") is None


def test_a_file_without_a_newline_at_its_end_does_not_swallow_the_next(
    root: Path, sysctl_files: Callable[[], kernel.Persistent]
) -> None:
    (root / "etc/sysctl.d/10-a.conf").write_text("net.ipv4.ip_forward=0")
    (root / "etc/sysctl.d/20-b.conf").write_text("net.ipv4.ip_forward=1")
    winner = sysctl_files().winner("net.ipv4.ip_forward")
    assert (winner.value, winner.where) == ("1", f"{root}/etc/sysctl.d/20-b.conf:1")


def config_at(path: Path, spec: Spec) -> Spec:
    own = spec.runtime.containerd.model_copy(update={"config": str(path)})
    return spec.model_copy(update={"runtime": spec.runtime.model_copy(update={"containerd": own})})


def test_the_configuration_that_is_read_is_the_one_of_the_profile_where_nothing_runs(
    tmp_path: Path, spec: Spec, tools: Callable[..., str]
) -> None:
    path = tmp_path / "it's here.toml"
    fact, quiet = containerd.CONFIG, tools(systemctl="echo 0")
    assert not fact.parse(sh(fact.probe(config_at(path, spec)), path=quiet).stdout).exists
    path.write_text("version = 2\n")
    found = fact.parse(sh(fact.probe(config_at(path, spec)), path=quiet).stdout)
    assert (found.path, found.exists, found.document) == (str(path), True, {"version": 2})
    assert found.changed == pytest.approx(path.stat().st_ctime, abs=0.01)


@pytest.mark.parametrize("flag", ["--config={}", "--config\n{}", "-c\n{}"])
def test_the_configuration_of_the_running_process_counts(
    tmp_path: Path, spec: Spec, tools: Callable[..., str], flag: str
) -> None:
    path = tmp_path / "other.toml"
    path.write_text("version = 3\n")
    program = tmp_path / "containerd"
    program.write_text("#!/bin/sh\nread never\n")
    program.chmod(0o755)
    process = subprocess.Popen([program, *flag.format(path).split("\n")], stdin=subprocess.PIPE)
    try:
        time.sleep(0.1)
        answer = sh(containerd.CONFIG.probe(spec), path=tools(systemctl=f"echo {process.pid}")).stdout
        assert containerd.CONFIG.parse(answer).path == str(path)
    finally:
        process.communicate(b"\n")


def test_an_import_that_changed_later_counts_as_a_change(tmp_path: Path, spec: Spec, tools: Callable[..., str]) -> None:
    (tmp_path / "config.toml").write_text(f'imports = ["{tmp_path}/more.toml"]\n')
    time.sleep(0.05)
    (tmp_path / "more.toml").write_text("")
    answer = sh(containerd.CONFIG.probe(config_at(tmp_path / "config.toml", spec)), path=tools(systemctl="echo 0"))
    found = containerd.CONFIG.parse(answer.stdout)
    assert found.changed == pytest.approx((tmp_path / "more.toml").stat().st_ctime, abs=0.01)
    assert found.changed > (tmp_path / "config.toml").stat().st_ctime


def test_the_start_of_a_process_is_told_to_a_fraction_of_a_second(spec: Spec, tools: Callable[..., str]) -> None:
    began = time.time()
    process = subprocess.Popen(["sleep", "30"])
    begun = time.time()
    try:
        answer = sh(containerd.STARTED.probe(spec), path=tools(systemctl=f"echo {process.pid}"))
        assert began - 0.2 < containerd.STARTED.parse(answer.stdout) < begun + 0.2
    finally:
        process.kill()
        process.wait()


def test_a_containerd_that_does_not_run_has_no_start(spec: Spec, tools: Callable[..., str]) -> None:
    answer = sh(containerd.STARTED.probe(spec), path=tools(systemctl="echo 0"))
    assert containerd.STARTED.parse(answer.stdout) is None


def test_the_effective_configuration_is_asked_of_containerd_itself(
    tmp_path: Path, spec: Spec, tools: Callable[..., str]
) -> None:
    path = tools(systemctl="echo 0", containerd='echo "asked = \\"$*\\""')
    probe = containerd.DUMP.probe(config_at(tmp_path / "c.toml", spec))
    assert containerd.DUMP.parse(sh(probe, path=path).stdout) == {"asked": "config default"}
    (tmp_path / "c.toml").write_text("")
    assert containerd.DUMP.parse(sh(probe, path=path).stdout) == {"asked": f"--config {tmp_path}/c.toml config dump"}


def test_a_containerd_that_cannot_read_its_configuration_is_no_answer(spec: Spec, tools: Callable[..., str]) -> None:
    path = tools(systemctl="echo 0", containerd="echo 'containerd: invalid' >&2; exit 1")
    assert sh(containerd.DUMP.probe(spec), path=path).returncode == 1


def test_packages_that_are_not_installed_are_an_answer_and_a_broken_tool_is_not(
    spec: Spec, tools: Callable[..., str]
) -> None:
    fact = packages.PACKAGES
    absent = sh(fact.probe(spec), path=tools(dpkg_query="echo 'no packages found' >&2; exit 1"))
    assert (absent.returncode, fact.parse(absent.stdout).installed) == (0, {})
    assert sh(fact.probe(spec), path=tools(dpkg_query="echo 'database is locked' >&2; exit 2")).returncode != 0


def test_packages_of_a_host_without_dpkg_are_asked_of_rpm(
    tmp_path: Path, spec: Spec, tools: Callable[..., str]
) -> None:
    absent = "echo 'package containerd is not installed'; exit 1"
    asked = f"[ \"$2\" != rpm ] || exit 0; printf 'ii \\trunc\\t0:1.2-1\\n'; {absent}"
    tools(rpm=asked)
    for tool in ("grep", "sh"):
        (tmp_path / "tools" / tool).symlink_to(shutil.which(tool))
    done = sh(packages.PACKAGES.probe(spec), path=str(tmp_path / "tools"))
    assert packages.PACKAGES.parse(done.stdout) == packages.Packages(
        "rpm", {"runc": packages.Installed("0:1.2-1", False)}
    )
    tools(rpm="echo 'error: rpmdb open failed' >&2; exit 1")
    assert sh(packages.PACKAGES.probe(spec), path=str(tmp_path / "tools")).returncode == 1


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("rpm", "owner"),
    [("printf runc:", "runc"), ("echo 'file /usr/local/sbin/runc is not owned by any package'; exit 1", "")],
)
def test_a_file_has_no_owner_where_rpm_says_so(rpm: str, owner: str, shell: str, tools: Callable[..., str]) -> None:
    path = tools(dpkg="exit 1", rpm=rpm)
    assert sh(f"{packages.OWNER}owner /usr/local/sbin/runc", shell=shell, path=path).stdout.strip() == owner


def repository(root: Path, tools: Callable[..., str], helper: str = "cat", shell: str = "sh") -> Any:
    """Ask for a repository whose files are under a scratch root."""
    spec = load("kubeadm-1.34").spec("any")
    probe = kubelet.REPOSITORY.probe(spec).replace("/usr/lib/apt/apt-helper cat-file", helper)
    moved = probe.replace("/etc/apt/", f"{root}/").replace("/var/lib/apt/lists/", f"{root}/")
    return sh(moved, path=tools(apt_get=":"), shell=shell)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("key", "state"),
    [
        (None, "absent"),
        (b"", "empty"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "present"),
        (b"\x99\x01\x0d\x04", "present"),
        (b"\xc6\x33\x04", "present"),
        (b"<html><h1>404 Not Found</h1></html>\n", "malformed"),
    ],
)
def test_a_keyring_is_told_from_what_was_saved_in_its_place(
    key: bytes | None, state: str, shell: str, tmp_path: Path, tools: Callable[..., str]
) -> None:
    (tmp_path / "keyrings").mkdir()
    if key is not None:
        (tmp_path / "keyrings/kubernetes-v1.34.asc").write_bytes(key)
    done = repository(tmp_path, tools, shell=shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{state}\n", "")


def test_an_index_that_cannot_be_read_is_not_one_without_the_package(tmp_path: Path, tools: Callable[..., str]) -> None:
    index = tmp_path / "pkgs.k8s.io_core:_stable:_v1.34_deb_Packages.lz4"
    index.write_text("Package: cri-tools\nPackage: kubeadm\n")
    assert repository(tmp_path, tools).stdout == f"absent\n{index}\n"
    index.write_text("Package: cri-tools\n")
    assert repository(tmp_path, tools).stdout == "absent\n"
    failed = repository(tmp_path, tools, "echo 'E: Read error' >&2; false")
    assert (failed.returncode, failed.stderr) == (1, "E: Read error\n")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_who_listens_on_a_port_is_found(address: str, spec: Spec) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        listener.listen()
        port = str(listener.getsockname()[1])
        own = spec.host.preflight.model_copy(update={"ports": {port: "kubelet"}})
        host = spec.host.model_copy(update={"preflight": own})
        done = sh(preflight.PORTS.probe(spec.model_copy(update={"host": host})))
    assert (done.returncode, done.stderr) == (0, "")
    assert preflight.PORTS.parse(done.stdout)[int(port)].pid == str(os.getpid())


@pytest.mark.parametrize(
    ("fact", "tools"),
    [
        (preflight.USER, ""), (preflight.MACHINE, "awk"), (preflight.PORTS, ""), (preflight.KERNEL, "uname awk grep"),
        (preflight.HOSTNAME, "cat"),
    ],
    ids=lambda value: getattr(value, "name", None),
)  # fmt: skip
def test_a_host_without_a_tool_is_no_host_without_a_failure(
    tmp_path: Path, fact: Fact[Any], tools: str, spec: Spec
) -> None:
    for tool in tools.split():
        (tmp_path / tool).symlink_to(shutil.which(tool))
    assert sh(fact.probe(spec), path=str(tmp_path), shell="/bin/sh").returncode == 127


def test_a_host_without_any_package_manager_is_no_host_without_packages(tmp_path: Path, spec: Spec) -> None:
    done = sh(packages.PACKAGES.probe(spec), path=str(tmp_path), shell="/bin/sh")
    assert done.returncode == 127
    assert "neither dpkg nor rpm" in done.stderr


def test_units_that_make_swap_are_picked_out_of_all_units_with_their_backslashes(
    spec: Spec, tools: Callable[..., str]
) -> None:
    listed = r"""
case $1 in
list-unit-files) printf '%s\n' 'a.service enabled' 'dev-a\x2db.swap generated -' 'zramswap.service enabled -';;
show) shift 4; for name; do printf 'Id=%s\nLoadState=loaded\nUnitFileState=enabled\n\n' "$name"; done;;
esac"""
    done = sh(swap.UNITS.probe(spec), path=tools(systemctl=listed))
    assert list(swap.UNITS.parse(done.stdout)) == [r"dev-a\x2db.swap", "zramswap.service"]


@pytest.mark.parametrize("says", ["exit 1", "exit 0"])
def test_a_systemd_that_lists_no_units_is_not_one_without_swap(
    spec: Spec, tools: Callable[..., str], says: str
) -> None:
    assert sh(swap.UNITS.probe(spec), path=tools(systemctl=says)).returncode != 0


def test_a_host_without_apt_is_not_one_without_sources(tmp_path: Path, spec: Spec) -> None:
    done = sh(apt.SOURCES.probe(spec), path=str(tmp_path), shell="/bin/sh")
    assert done.returncode == 127
    assert "no apt-get" in done.stderr


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("ID=ubuntu\nVERSION_CODENAME=jammy\nUBUNTU_CODENAME=jammy\n", "jammy"),
        ('ID=linuxmint\nVERSION_CODENAME="virginia"\nUBUNTU_CODENAME="jammy"\n', "jammy"),
        ("ID=linuxmint\nDEBIAN_CODENAME=bookworm\nVERSION_CODENAME=faye\n", "bookworm"),
        ("ID=debian\nVERSION_CODENAME=bookworm\n", "bookworm"),
    ],
)
def test_a_derivative_runs_the_release_whose_packages_it_uses(
    tmp_path: Path, spec: Spec, tools: Callable[..., str], release: str, name: str
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(release)
    done = sh(re.sub("(?<= )/etc/", f"{tmp_path}/etc/", apt.SOURCES.probe(spec)), path=tools(apt_get="exit 0"))
    assert apt.SOURCES.parse(done.stdout).release == name


def test_a_host_without_a_named_release_is_not_judged(tmp_path: Path, spec: Spec, tools: Callable[..., str]) -> None:
    done = sh(re.sub("(?<= )/etc/", f"{tmp_path}/etc/", apt.SOURCES.probe(spec)), path=tools(apt_get="exit 0"))
    with pytest.raises(ValueError, match="no VERSION_CODENAME"):
        apt.SOURCES.parse(done.stdout)


def test_sources_are_read_from_all_files_in_order(tmp_path: Path, spec: Spec, tools: Callable[..., str]) -> None:
    (tmp_path / "etc/apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text("NAME=x\nVERSION_CODENAME=jammy\n")
    (tmp_path / "etc/apt/sources.list").write_text("deb http://a/ubuntu jammy main")  # without a newline
    (tmp_path / "etc/apt/sources.list.d/b.list").write_text("# @\n@ deb\n")
    (tmp_path / "etc/apt/sources.list.d/c.sources").write_text("Types: deb\nURIs: http://c\nSuites: ./\n")
    (tmp_path / "etc/apt/sources.list.d/d.save").write_text("no source\n")
    done = sh(re.sub("(?<= )/etc/", f"{tmp_path}/etc/", apt.SOURCES.probe(spec)), path=tools(apt_get="exit 0"))
    assert (done.returncode, done.stderr) == (0, "")
    found = apt.SOURCES.parse(done.stdout)
    assert found.release == "jammy"
    assert [entry.where.removeprefix(f"{tmp_path}/etc/apt/") for entry in found.entries] == [
        "sources.list:1", "sources.list.d/b.list:2", "sources.list.d/c.sources:1"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("timedatectl", "chronyc", "synchronised"),
    [
        ("echo NTPSynchronized=yes", "echo '506 Cannot talk to daemon'; exit 1", True),
        ("echo NTPSynchronized=no", "exit 127", False),
        ("echo NTPSynchronized=no", "echo 'Leap status     : Normal'", True),
        ("echo 'Failed to connect to bus' >&2; exit 1", "echo 'Leap status     : Not synchronised'", False),
    ],
)
def test_the_kernel_or_chrony_says_that_the_clock_is_synchronised(
    spec: Spec, tools: Callable[..., str], timedatectl: str, chronyc: str, synchronised: bool
) -> None:
    done = sh(clock.SYNCHRONISED.probe(spec), path=tools(timedatectl=timedatectl, chronyc=chronyc))
    assert (done.returncode, clock.SYNCHRONISED.parse(done.stdout)) == (0, synchronised)


def test_a_clock_that_nobody_can_be_asked_about_is_not_a_wrong_clock(spec: Spec, tools: Callable[..., str]) -> None:
    path = tools(timedatectl="echo 'Failed to connect to bus' >&2; exit 1", chronyc="exit 1")
    done = sh(clock.SYNCHRONISED.probe(spec), path=path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Failed to connect to bus" in done.stderr
    assert sh(clock.SYNCHRONISED.probe(spec), path="/nonexistent", shell="/bin/sh").returncode == 127


def test_the_wait_for_the_clock_ends_when_it_is_right_and_says_so_when_it_is_not(tools: Callable[..., str]) -> None:
    assert sh(clock.WAIT, path=tools(timedatectl="echo NTPSynchronized=yes", chronyc="exit 1")).returncode == 0
    done = sh(clock.WAIT, path=tools(timedatectl="echo NTPSynchronized=no", chronyc="exit 1", sleep=":"))
    assert done.returncode == 1
    assert "are there time servers that answer?" in done.stdout


@pytest.mark.parametrize("lines", [1, 4, 5, 9])
def test_a_pull_that_failed_says_why_however_much_ctr_has_to_say(
    spec: Spec, tools: Callable[..., str], lines: int
) -> None:
    said = "; ".join(f"echo line {line}" for line in range(1, lines + 1))
    path = tools(systemctl="exit 0", ctr=f"case $* in *pull*) {{ {said}; }} >&2; exit 1;; esac")
    done = sh(containers.PULL.probe(spec), path=path)
    assert (done.returncode, containers.PULL.parse(done.stdout)) == (0, f"line {lines}")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_pull_whose_time_is_up_leaves_nothing_behind(
    spec: Spec, tools: Callable[..., str], shell: str, tmp_path: Path
) -> None:
    path = tools(systemctl="exit 0", ctr=f'echo "$*" >>{tmp_path}/log; case $* in *pull*) exec sleep 20;; esac')
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    done = subprocess.run(
        ["timeout", "-k", "10", "1", *argv, "-c", containers.PULL.probe(spec)],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env={"PATH": path}, check=False, timeout=30,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (124, "")
    assert (tmp_path / "log").read_text().splitlines()[1:] == [
        "-n trueup-check tasks kill -s 9 trueup-check",
        "-n trueup-check containers rm trueup-check",
        f"-n trueup-check images rm --sync {spec.runtime.ctr.image}",
        "namespaces rm trueup-check",
    ]


def identity_probe(spec: Spec, root: Path, *kinds: str) -> str:
    """The probe for these kinds, with a scratch root instead of ``/etc`` and ``/sys``."""
    host = spec.host.model_copy(update={"identity": list(kinds)})
    text = identity.IDENTITY.probe(spec.model_copy(update={"host": host}))
    return re.sub(r"/(?=(etc/machine-id|sys/class)\b)", f"{root}/", text)


KINDS = ("hostname", "machine-id", "product_uuid", "MAC")


@pytest.fixture
def machine(root: Path) -> Path:
    """A scratch root with a machine's identity: a network card, and the files of bonding."""
    for directory in ("sys/class/dmi/id", "sys/class/net/eth0"):
        (root / directory).mkdir(parents=True)
    (root / "etc/machine-id").write_text("1\n")
    (root / "sys/class/dmi/id/product_uuid").write_text("u\n")
    (root / "sys/class/net/eth0/address").write_text("02:00:00:00:00:01\n")
    (root / "sys/class/net/bonding_masters").write_text("\n")
    return root


@pytest.mark.parametrize("shell", SHELLS)
def test_an_identity_is_of_the_kinds_that_the_profile_compares(spec: Spec, machine: Path, shell: str) -> None:
    done = sh(identity_probe(spec, machine, *KINDS), shell=shell)
    assert (done.returncode, done.stderr) == (0, "")
    found = identity.IDENTITY.parse(done.stdout)
    assert {kind: set(values) for kind, values in found.items() if kind != "hostname"} == {
        "machine-id": {"1"}, "product_uuid": {"u"}, "MAC": {"02:00:00:00:00:01"},
    }  # fmt: skip
    assert identity.IDENTITY.parse(sh(identity_probe(spec, machine, "hostname")).stdout).keys() == {"hostname"}


def test_a_machine_id_that_is_not_there_or_empty_is_an_answer(spec: Spec, machine: Path) -> None:
    for spoil in (lambda path: path.write_text(""), Path.unlink):
        spoil(machine / "etc/machine-id")
        done = sh(identity_probe(spec, machine, *KINDS))
        assert (done.returncode, done.stderr) == (0, "")
        assert "machine-id" not in identity.IDENTITY.parse(done.stdout)


def test_a_product_uuid_that_may_not_be_read_is_no_answer_where_it_is_wanted(
    spec: Spec, machine: Path, tools: Callable[..., str]
) -> None:
    path = tools(cat='case $1 in *uuid) echo "cat: $1: Permission denied" >&2; exit 1;; esac; exec /bin/cat "$@"')
    done = sh(identity_probe(spec, machine, *KINDS), path=path)
    assert done.returncode == 1
    assert "product_uuid: Permission denied" in done.stderr
    assert sh(identity_probe(spec, machine, "hostname", "MAC"), path=path).returncode == 0


def test_without_hardware_and_without_ip_nobody_knows_which_device_leads_out(
    spec: Spec, machine: Path, tools: Callable[..., str], tmp_path: Path
) -> None:
    shutil.rmtree(machine / "sys/class/net/eth0")
    few = tmp_path / "few"
    few.mkdir()
    for tool in ("sh", "cat", "readlink", "sed", "head", "awk"):
        (few / tool).symlink_to(str(shutil.which(tool)))
    done = sh(identity_probe(spec, machine, *KINDS), path=str(few), shell="/bin/sh")
    assert done.returncode == 127
    assert "ip: not found" in done.stderr
    assert sh(identity_probe(spec, machine, "hostname"), path=str(few), shell="/bin/sh").returncode == 0
