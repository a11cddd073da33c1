"""The way to the API through a host: closed by a lost connection, it is opened again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_api import serving
from kubernetes.client import ApiClient, Configuration

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH, _free_port
from trueup.errors import Unreachable
from trueup.hosts import cluster
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, Target
from trueup.kubeapi.client import Api
from trueup.kubeapi.http import ClientHttp
from trueup.model import profile
from trueup.model.fact import Fact

SSH = """#!/bin/sh
echo "$*" >>{log}
case "$*" in *-O*) exit $(cat {code});; esac
"""


def client(port: int) -> ClientHttp:
    """A client of a server at a port of this machine."""
    settings = Configuration()
    settings.host, settings.retries = f"http://127.0.0.1:{port}", False
    return ClientHttp(ApiClient(settings))


def test_a_way_that_was_closed_is_opened_again_and_the_server_asked() -> None:
    port = _free_port()
    opened = []
    with ExitStack() as stack:

        def reopen() -> bool:
            if not opened:
                opened.append(stack.enter_context(serving(port)))
            return True

        api = Api(client(port), 30, reopen)
        assert api.get("/version") == {"gitVersion": "v1.33.4"}
    assert len(opened) == 1
    assert not api.lost


def test_a_way_that_cannot_be_opened_again_is_lost_at_once() -> None:
    tried = []
    api = Api(client(_free_port()), 600, lambda: tried.append("") is not None)
    assert "refused" in api.unready()
    assert tried == [""]
    assert api.lost


def test_a_server_that_hangs_up_is_no_closed_way() -> None:
    tried: list[str] = []
    with serving() as served:
        answers = iter([-1, -1])
        served.mood = lambda method, path: next(answers, 0)
        assert Api(client(served.port), 30, lambda: tried.append("") is not None).unready() == ""
    assert tried == []


@dataclass
class Seat(Process):
    """A control-plane host; each time that the way through it is opened is told."""

    opens: Callable[[int, int], None] = field(kw_only=True)
    times: int = 0

    def forward(self, host: str, port: int) -> str:
        self.times += 1
        self.opens(port, self.times)
        return super().forward(host, port)


@pytest.mark.parametrize("back", [True, False])
def test_the_way_through_a_control_plane_is_opened_again_where_the_host_is_there(
    back: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:

        def opens(port: int, times: int) -> None:
            if times == 2 and not back:
                raise Unreachable("ssh: no route to host")
            if times == 2:
                stack.enter_context(serving(port))

        with serving() as served:
            conf = served.kubeconfig(tmp_path)
        monkeypatch.setattr(cluster, "ADMIN_CONF", Fact("cluster.admin_conf", f"cat {conf}", str))
        (tmp_path / "own.yaml").write_text('extends: base\nroles: {control-plane: ["*"]}\n')
        loaded = profile.load(str(tmp_path / "own.yaml"))
        fleet = Fleet([Target("cp1", "cp1", "local", "")], loaded, Connection(), timeout=30)
        seat = Seat(["sh"], "cp1", opens=opens)
        vars(fleet.hosts["cp1"])["transport"] = seat
        try:
            why = fleet.cluster.api().unready()
        finally:
            fleet.close()
    assert ("refused" in why) is not back
    assert seat.times == 2


def test_asked_again_a_host_forwards_the_same_port_unless_it_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, code = tmp_path / "log", tmp_path / "code"
    (tmp_path / "ssh").write_text(SSH.format(log=log, code=code))
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    code.write_text("0")
    transport = OpenSSH(["sh"], "h", target=["h"])
    try:
        first = transport.forward("10.0.0.1", 6443)
        assert transport.forward("10.0.0.1", 6443) == first
        assert transport.forward("10.0.0.2", 6443) != first
        code.write_text("255")
        with pytest.raises(Unreachable):
            transport.forward("10.0.0.1", 6443)
        code.write_text("0")
        assert transport.forward("10.0.0.1", 6443) != first
    finally:
        transport.close()
    assert f"-L {first}:[10.0.0.1]:6443" in log.read_text()


_AT_ONCE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from trueup.kubeapi.connection import ApiConnection
connection = ApiConnection(sys.argv[1], lambda: None, 5)
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(lambda _: connection.api(), range(8)))
assert all(api is found[0] for api in found), found
connection.close()
"""


def test_threads_that_connect_at_once_share_one_connection(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {}}],"
        " contexts: [{name: c, context: {cluster: c, user: u}}],"
        " clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]}"
    )
    done = subprocess.run([sys.executable, "-c", _AT_ONCE, str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
