"""The way to the API through a host: closed by a lost connection, it is opened again."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_api import serving
from kubernetes.client import ApiClient, Configuration

from trueup.api import Api
from trueup.errors import Unreachable
from trueup.transport import OpenSSH, _free_port

SSH = """#!/bin/sh
echo "$*" >>{log}
case "$*" in *-O*) exit $(cat {code});; esac
"""


def client(port: int) -> ApiClient:
    """A client of a server at a port of this machine."""
    settings = Configuration()
    settings.host, settings.retries = f"http://127.0.0.1:{port}", False
    return ApiClient(settings)


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
