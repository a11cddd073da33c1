"""The fixtures of a host to change."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import FULL, TOOLS, Changes, Rooted, install

from trueup.change import Change
from trueup.journal.record import Draft
from trueup.model.catalog import Disruption


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for directory in (
        "etc/sysctl.d",
        "etc/modules-load.d",
        "etc/systemd/system",
        "proc/sys/net/ipv4",
        "usr/lib/sysctl.d",
    ):
        (root / directory).mkdir(parents=True)
    return root


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """What the fake tools know, and ``log``: what they were asked to change."""
    state = tmp_path / "state"
    state.mkdir()
    for name in ("log", "dpkg", "rpm", "offered", "auto", "cache", "plugin"):
        (state / name).touch()
    return state


@pytest.fixture
def log(state: Path) -> Callable[[], list[str]]:
    return lambda: (state / "log").read_text().splitlines()


@pytest.fixture
def transport(tmp_path: Path, root: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Rooted:
    tools = tmp_path / "tools"
    tools.mkdir()
    install(tools, TOOLS)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("STATE", str(state))
    monkeypatch.setenv("ROOT", str(root))
    return Rooted(["sh"], "h", root=str(root))


@pytest.fixture
def full(tmp_path: Path, transport: Rooted) -> None:
    """No room is left where trueup keeps what was there."""
    install(tmp_path / "tools", FULL)


@pytest.fixture
def changes(transport: Rooted) -> Changes:
    """Makes a :class:`Change` of this host; ``apply=False`` plans."""

    def make(*, apply: bool = True, allowed: Disruption = "restart", draft: Draft | None = None) -> Change:
        return Change(transport, run="run", apply=apply, allowed=allowed, draft=draft)

    return make


@pytest.fixture
def owner() -> str:
    """The owner of a new file, so that the tests need not be root."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else ""
