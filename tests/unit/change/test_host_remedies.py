"""The remedies of swap, package sources and the clock, on a scratch host."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, Rooted

from trueup.change import Change
from trueup.errors import ChangeFailed
from trueup.facts.host import apt
from trueup.model.catalog import catalog
from trueup.model.profile import load
from trueup.model.snapshot import Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.keys.host import Apt, Host, Time
from trueup.profiles.keys.section import AptSource
from trueup.profiles.schema import Spec

catalog.load("trueup.remediations")
Log = Callable[[], list[str]]
Tool = Callable[[str, str], None]
NOTHING = HostFacts(Snapshot("h"))  # a remedy looks for itself
HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
UNITS = r"""
echo "systemctl $*" >>"$STATE/log.all"
case $1 in
list-unit-files) echo 'ssh.service enabled enabled'; cat "$STATE/files";;
show) cat "$STATE/units";;
mask|disable) echo "systemctl $*" >>"$STATE/log"; : >"$STATE/files"; : >"$STATE/units";;
*) echo "systemctl $*" >>"$STATE/log";;
esac"""


@pytest.fixture
def tool(transport: object, tmp_path: Path) -> Tool:
    """Puts another executable in the place of one of the scratch host's."""

    def put(name: str, body: str) -> None:
        (tmp_path / "tools" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "tools" / name).chmod(0o755)

    return put


def fix(id: str, change: Change, spec: Spec) -> list[str]:
    catalog.remedies[id].fix(change, spec, NOTHING)
    return [action.summary for action in change.actions]


@pytest.fixture
def swap(root: Path, state: Path, tool: Tool) -> Path:
    """A host with swap in every place; returns its fstab."""
    (root / "proc/swaps").write_text(f"{HEAD}/dev/zram0 partition 1 0 100\n/var/swap\\040file file 1 0 -2\n")
    fstab = root / "etc/fstab"
    fstab.write_text("/dev/sda1 / ext4 defaults 0 1\n/swap.img none swap sw 0 0\n")
    (state / "files").write_text("dev-zram0.swap generated -\n")
    (state / "units").write_text("Id=dev-zram0.swap\nLoadState=loaded\nUnitFileState=generated\n")
    tool("systemctl", UNITS)
    tool("swapoff", 'echo "swapoff $*" >>"$STATE/log"; grep -v "^${1%% *}" "$ROOT/proc/swaps" >"$STATE/s"; '
         'cat "$STATE/s" >"$ROOT/proc/swaps"')  # fmt: skip
    tool("swapon", 'echo "swapon $*" >>"$STATE/log"')
    return fstab


def test_swap_is_turned_off_in_every_place_once(changes: Changes, spec: Spec, swap: Path, log: Log) -> None:
    planned = fix("host.swap", changes(apply=False), spec)
    assert (log(), swap.read_text().count("#")) == ([], 0)
    assert fix("host.swap", changes(allowed="none"), spec) == planned
    assert swap.read_text() == "/dev/sda1 / ext4 defaults 0 1\n# trueup: /swap.img none swap sw 0 0\n"
    assert log() == ["systemctl daemon-reload", "systemctl mask dev-zram0.swap", "swapoff /dev/zram0",
                     "swapoff /var/swap file"]  # fmt: skip
    assert fix("host.swap", changes(), spec) == []


def test_swap_comes_back_when_the_rest_fails(changes: Changes, spec: Spec, swap: Path, log: Log, tool: Tool) -> None:
    before = swap.read_text()
    tool("swapoff", "echo 'swapoff failed: Cannot allocate memory'; exit 1")
    change = changes()
    with pytest.raises(ChangeFailed, match="Cannot allocate memory"):
        fix("host.swap", change, spec)
    assert change.rollback() == []
    assert swap.read_text() == before
    assert log()[-3:] == ["swapon /dev/zram0", "systemctl unmask dev-zram0.swap", "systemctl daemon-reload"]


WANTED = AptSource(uri="http://m/ubuntu", suites=["jammy", "jammy-updates"], components=["main"], signed_by="/k.gpg")
LISTS = Spec(host=Host(apt=Apt(sources=[WANTED])))


@pytest.fixture
def sources(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a host with jammy and a list that is good, one of another release, and one that is malformed."""
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text("VERSION_CODENAME=jammy\n")
    (root / "etc/apt/sources.list").write_text(
        "deb http://m/ubuntu jammy main\n# theirs\ndeb http://m/ubuntu focal main\ndeb http://m/ubuntu\n"
    )
    (root / "etc/apt/sources.list.d/a.sources").write_text("# why\nTypes: deb\n# c\nURIs: http://x\n\nTypes: rpm\n")
    monkeypatch.setattr(apt, "OWN", f"{root}/etc/apt/sources.list.d/trueup.sources")
    return root / "etc/apt"


def test_bad_entries_are_commented_out_and_what_is_missing_is_listed(changes: Changes, sources: Path, log: Log) -> None:
    planned = fix("host.apt.sources", changes(apply=False), LISTS)
    assert log() == []
    assert fix("host.apt.sources", changes(allowed="none"), LISTS) == planned
    assert (sources / "sources.list").read_text() == (
        "deb http://m/ubuntu jammy main\n# theirs\n"
        "# trueup: deb http://m/ubuntu focal main\n# trueup: deb http://m/ubuntu\n"
    )
    assert (sources / "sources.list.d/a.sources").read_text() == (
        "# why\n# trueup: Types: deb\n# c\n# trueup: URIs: http://x\n\n# trueup: Types: rpm\n"
    )
    assert (sources / "sources.list.d/trueup.sources").read_text() == (
        "# written by trueup\n\nTypes: deb\nURIs: http://m/ubuntu\nSuites: jammy-updates\nComponents: main\n"
        "Signed-By: /k.gpg\n"
    )
    [update] = log()
    assert "update -o APT::Update::Error-Mode=any" in update
    assert f"Dir::Etc::sourcelist={apt.OWN} -o Dir::Etc::sourceparts=- " in update  # others may be out of reach
    assert fix("host.apt.sources", changes(), LISTS) == []


def test_a_list_that_apt_cannot_fetch_is_taken_back(changes: Changes, sources: Path, state: Path) -> None:
    before = {path: path.read_text() for path in sources.rglob("*") if path.is_file()}
    (state / "apt-fails").touch()
    change = changes()
    with pytest.raises(ChangeFailed, match="the mirror is gone"):
        fix("host.apt.sources", change, LISTS)
    assert change.rollback() == []
    assert {path: path.read_text() for path in sources.rglob("*") if path.is_file()} == before


def test_what_trueup_wrote_before_is_kept_in_step_with_what_the_others_list(changes: Changes, sources: Path) -> None:
    own = sources / "sources.list.d/trueup.sources"
    own.write_text("Types: deb\nURIs: http://m/ubuntu\nSuites: focal\n")
    fix("host.apt.sources", changes(), LISTS)
    assert "trueup: " not in own.read_text()
    assert "Suites: jammy-updates\n" in own.read_text()
    assert "Suites: jammy\n" not in own.read_text()


def test_a_profile_for_another_release_changes_nothing(changes: Changes, sources: Path) -> None:
    change = changes()
    with pytest.raises(ChangeFailed, match=r"lists focal, focal-updates, .*, but this host runs jammy"):
        fix("host.apt.sources", change, load("aliyun-kubeadm-1.24").spec("any"))
    assert change.actions == []


TIME = Spec(host=Host(time=Time(service="chrony")))
WAIT = "wait until the clock is synchronised"
SERVICES = r"""
case $1 in
show) case $2 in -p) cat "$STATE/services";; *) sed -n "/^Id=$2$/,/^$/p" "$STATE/services";; esac; exit;;
is-active|reset-failed) exit;;
esac
echo "systemctl $*" >>"$STATE/log"
case $1 in
enable) sed -i '/^Id='"$2"'$/,/^$/s/^UnitFileState=.*/UnitFileState=enabled/' "$STATE/services";;
start) sed -i '/^Id='"$2"'$/,/^$/s/^ActiveState=.*/ActiveState=active/' "$STATE/services"; touch "$STATE/right";;
esac"""


@pytest.fixture
def services(state: Path, tool: Tool) -> Callable[..., None]:
    def be(**units: str) -> None:
        shapes = [(f"{n.replace('_', '-')}.service", *words.split()) for n, words in units.items()]
        (state / "services").write_text(
            "\n".join(f"Id={n}\nLoadState={load}\nActiveState={active}\nUnitFileState={enabled}\n"
                      for n, load, active, enabled in shapes)
        )  # fmt: skip

    tool("systemctl", SERVICES)
    tool("timedatectl", '[ -e "$STATE/right" ] && echo NTPSynchronized=yes || echo NTPSynchronized=no')
    tool("chronyc", "exit 1")
    tool("sleep", ":")
    return be


def test_a_time_service_that_is_there_is_started_and_enabled_whatever_the_profile_would_install(
    changes: Changes, services: Callable[..., None], log: Log
) -> None:
    services(chrony="not-found inactive x", systemd_timesyncd="loaded inactive disabled")
    fix("host.time.synchronised", changes(), TIME)
    name = "systemd-timesyncd.service"
    assert log() == [f"systemctl unmask {name}", f"systemctl enable {name}", f"systemctl start {name}"]
    assert fix("host.time.synchronised", changes(), TIME) == []


def test_the_service_of_the_profile_is_installed_where_there_is_none_and_not_held(
    changes: Changes, services: Callable[..., None], state: Path, log: Log
) -> None:
    services(chrony="not-found inactive disabled")
    (state / "offered").write_text("chrony | 4.3-2 | http://m/debian bookworm/main amd64 Packages\n")
    done = fix("host.time.synchronised", changes(), TIME)
    maybe = "(decided in the run: the package may do so)"  # the stand-in's package brings no unit
    assert done == [
        "install chrony (>= 0)", f"enable chrony.service {maybe}", f"start chrony.service {maybe}", WAIT
    ]  # fmt: skip
    assert any("install chrony=4.3-2" in line for line in log())
    assert not any(line.startswith("apt-mark hold") for line in log())


def test_what_the_package_brings_is_started_whatever_its_name(
    changes: Changes, services: Callable[..., None], transport: Rooted, state: Path, tool: Tool
) -> None:
    transport.rpm = True
    services(chrony="not-found inactive x", chronyd="not-found inactive x")
    (state / "offered").write_text("chrony | 0:4.5-1.el9 | \n")
    units = 'sed -i "/^Id=chronyd/,/^$/s/not-found/loaded/" "$STATE/services"'
    tool("dnf", f'case "$*" in *repoquery*) cat "$STATE/offered";; *install*) {units};; esac')
    done = fix("host.time.synchronised", changes(), TIME)
    assert done[1:] == ["enable chronyd.service", "start chronyd.service", WAIT]


def test_a_clock_that_does_not_get_right_is_said_to_be_so(
    changes: Changes, services: Callable[..., None], log: Log
) -> None:
    services(chrony="loaded active enabled")
    with pytest.raises(ChangeFailed, match="are there time servers that answer"):
        fix("host.time.synchronised", changes(), TIME)
    assert log() == []
