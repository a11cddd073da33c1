"""A reboot is over when the host answers on another boot; one that does not come back is left alone."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.change import Change
from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH
from trueup.connection.transport import Completed
from trueup.errors import ChangeFailed, NotBack, Unreachable
from trueup.facts.host.boot import Pending
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, Target
from trueup.model import profile
from trueup.waiting import cut

BEFORE, AFTER = str(uuid.uuid4()), str(uuid.uuid4())
OWN = "/proc/sys/kernel/random/boot_id"


@dataclass
class Machine(Process):
    """A host that goes away when it is told to reboot, and comes back after so many tries; some never do."""

    home: Path = field(default_factory=Path)
    away: int = 3
    renewed: int = 0
    refuses: bool = False
    down: bool = False

    def run(self, script: str, timeout: float) -> Completed:
        if self.down:
            self.away -= 1
            if self.away >= 0:
                raise Unreachable("ssh: connection refused")
            self.down = False
            (self.home / "boot_id").write_text(f"{AFTER}\n")
        going = "systemd-run --on-active" in script
        done = super().run(script.replace(OWN, str(self.home / "boot_id")), timeout)
        self.down = going and not self.refuses
        return done

    def renew(self) -> None:
        self.renewed += 1


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr("trueup.waiting.FIRST", 0.01)
    (tmp_path / "boot_id").write_text(f"{BEFORE}\n")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, body in {
        "systemctl": "case $1 in is-system-running) echo degraded;; *) echo 'a.service loaded';; esac",
        "systemd-run": f"[ ! -e {tmp_path}/refuses ]",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return Machine(["sh"], "h1", home=tmp_path)


def verbs(machine: Machine, fleet: Fleet | None = None, *, apply: bool = True) -> Change:
    cluster = fleet.cluster if fleet else None
    return Change(machine, host="h1", cluster=cluster, run="run", apply=apply, allowed="reboot")


def test_it_is_over_when_another_boot_answers_over_a_new_connection(machine: Machine) -> None:
    change = verbs(machine)
    change.reboot("a new kernel", within=20)
    assert (machine.home / "boot_id").read_text().strip() == AFTER
    assert machine.renewed == 4
    assert [action.summary for action in change.actions] == ["reboot: a new kernel"]
    assert change.actions[0].undo == ""
    assert change.record.notes == ["back after 0 s; systemd is degraded: a.service failed"]


def test_a_plan_reboots_nothing(machine: Machine) -> None:
    change = verbs(machine, apply=False)
    change.reboot("a new kernel", within=20)
    assert len(change.actions) == 1
    assert not machine.down


def test_less_than_a_reboot_may_not_reboot(machine: Machine) -> None:
    change = Change(machine, run="run", apply=True, allowed="drain")
    with pytest.raises(TypeError, match="more than the remedy declares"):
        change.reboot("a new kernel", within=20)
    assert not machine.down


def test_what_does_not_go_down_is_no_reboot(machine: Machine) -> None:
    machine.refuses = True
    (machine.home / "refuses").touch()
    with pytest.raises(ChangeFailed, match="exit code"):
        verbs(machine).reboot("a new kernel", within=20)


def test_the_machine_that_we_run_on_is_not_rebooted(machine: Machine) -> None:
    (machine.home / "boot_id").write_text(Path(OWN).read_text())
    change = verbs(machine)
    with pytest.raises(ChangeFailed, match="trueup runs on this machine"):
        change.reboot("a new kernel", within=20)
    assert change.actions == []
    assert not machine.down


def test_one_that_does_not_come_back_is_given_up_and_no_other_is_rebooted(machine: Machine) -> None:
    targets = [Target(name, name, "local", "") for name in ("h1", "h2")]
    fleet = Fleet(targets, profile.load("base"), Connection())
    machine.away = 10_000
    with pytest.raises(NotBack, match=r"not back in 0.2 s: ssh: connection refused"):
        verbs(machine, fleet).reboot("a new kernel", within=0.2)
    host = fleet.hosts["h1"]
    host.forget()
    assert host.facts.snapshot.unreachable
    assert "not back" in host.facts.snapshot.problem
    other = Machine(["sh"], "h2", home=machine.home)
    with pytest.raises(ChangeFailed, match="h1 did not come back: no other is rebooted"):
        Change(other, host="h2", cluster=fleet.cluster, run="run", apply=True, allowed="reboot").reboot("x", within=1)
    assert not other.down


def test_who_wants_to_stop_now_waits_for_no_host(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.away = 10_000
    monkeypatch.setattr(machine, "renew", cut.set)
    try:
        with pytest.raises(NotBack, match="not back before the operator stopped it: ssh: connection refused"):
            verbs(machine).reboot("a new kernel", within=600)
    finally:
        cut.clear()


def test_a_shared_connection_is_dropped_though_its_master_does_not_hear(tmp_path: Path) -> None:
    transport = OpenSSH(["sh"], "h", target=["nobody.invalid"], directory=str(tmp_path / "d"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d/s").touch()
    transport.renew()
    assert not (tmp_path / "d/s").exists()
    assert (tmp_path / "d").exists()  # for the next one


RELEASES = st.tuples(st.integers(4, 7), st.integers(0, 20), st.integers(0, 300)).map(
    lambda v: f"{v[0]}.{v[1]}.0-{v[2]}"
)


@given(st.lists(RELEASES, min_size=1, unique=True), st.sampled_from(["-amd64", "-generic", ".el9.x86_64", "+rt"]))
def test_a_reboot_into_the_newest_kernel_leaves_none_pending(releases: list[str], line: str) -> None:
    kernels = tuple(f"{release}{line}" for release in releases)
    newest = max(releases, key=lambda r: tuple(int(part) for part in r.replace("-", ".").split("."))) + line
    others = tuple(f"{release}-cloud-amd64" for release in releases)
    for running in kernels:
        found = Pending(running, (*kernels, *others), False, (), ())
        assert found.newer == ("" if running == newest else newest)


def test_a_kernel_that_is_not_among_the_installed_asks_for_nothing_by_itself() -> None:
    assert Pending("6.18.44-fc-v669", (), False, (), ()).why == ""
    assert Pending("6.18.44-fc-v669", ("6.1.0-18-amd64", "7.0.0-1-amd64"), False, (), ()).why == ""


def test_what_asks_for_a_reboot_is_said() -> None:
    found = Pending("6.1.0-18-amd64", ("6.1.0-21-amd64",), True, ("libc6",), ("kernel",))
    assert found.why == (
        "libc6 asked for it; kernel 6.1.0-21-amd64 is installed, 6.1.0-18-amd64 runs; updated since the boot: kernel"
    )
