"""An Ansible inventory is asked of Ansible itself; the hosts are then reached by our own ssh."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH
from trueup.errors import UsageError
from trueup.hosts.inventory import Connection, Target, read

LISTING = {
    "_meta": {
        "hostvars": {
            "cp1": {"ansible_host": "10.0.4.8", "ansible_user": "admin", "ansible_port": 2222, "ansible_become": True},
            "w1": {"ansible_ssh_private_key_file": "/keys/w1"},
            "here": {"ansible_connection": "local"},
        }
    },
    "all": {"children": ["ungrouped", "kube"]},
    "kube": {"children": ["masters", "workers"]},
    "masters": {"hosts": ["cp1"]},
    "workers": {"hosts": ["w1", "w2"]},
    "ungrouped": {"hosts": ["here"]},
}
Listing = Callable[..., Path]


@pytest.fixture
def ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listing:
    """An ``ansible-inventory`` first on PATH that prints what it is given, and notes how it was called."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def answer(text: str, *, rc: int = 0, err: str = "") -> Path:
        (tmp_path / "answer").write_text(text)
        tool = tmp_path / "ansible-inventory"
        tool.write_text(
            f"#!/bin/sh\necho \"$@\" >{tmp_path}/called\ncat {tmp_path}/answer\necho '{err}' >&2\nexit {rc}\n"
        )
        tool.chmod(0o755)
        return tmp_path / "called"

    return answer


def by_id(hosts: str | None, **options: Any) -> dict[str, Target]:
    return {target.id: target for target in read(hosts, Connection(**options))}


def test_every_host_keeps_its_name_in_the_inventory_and_knows_all_its_groups(ansible: Listing) -> None:
    ansible(json.dumps(LISTING))
    found = by_id("ansible://all")
    assert list(found) == ["cp1", "here", "w1", "w2"]
    assert set(found["cp1"].groups) == {"all", "kube", "masters"}


def test_the_variables_of_a_host_say_how_it_is_reached(ansible: Listing) -> None:
    ansible(json.dumps(LISTING))
    found = by_id("ansible://all")
    transport = found["cp1"].connect(Connection(), shared=False)
    assert isinstance(transport, OpenSSH)
    command = transport.command("-s")
    assert command[-3:] == ["--", "10.0.4.8", "exec sudo -n sh -s"]
    assert " -p 2222 -l admin " in " ".join(command)
    assert "/keys/w1" in found["w1"].connect(Connection(), shared=False).command("-s")
    assert not isinstance(found["here"].connect(Connection(), shared=False), OpenSSH)
    assert isinstance(found["here"].connect(Connection(), shared=False), Process)


@pytest.mark.parametrize(
    ("spec", "ids"),
    [
        ("ansible://kube", {"cp1", "w1", "w2"}),
        ("ansible://w2", {"w2"}),
        ("ansible://", {"cp1", "here", "w1", "w2"}),
    ],
)
def test_a_group_or_a_host_of_the_inventory_can_be_named(ansible: Listing, spec: str, ids: set[str]) -> None:
    ansible(json.dumps(LISTING))
    assert set(by_id(spec)) == ids


def test_an_inventory_without_hosts_means_all_of_it(ansible: Listing) -> None:
    called = ansible(json.dumps(LISTING))
    assert len(by_id(None, ansible_inventory="inv.ini")) == 4
    assert called.read_text() == "--list -i inv.ini\n"


def test_the_inventory_of_a_spec_comes_before_that_of_the_run(ansible: Listing) -> None:
    called = ansible(json.dumps(LISTING))
    by_id("ansible://kube?ansible_inventory=own.ini", ansible_inventory="inv.ini")
    assert called.read_text() == "--list -i own.ini\n"


def refusal(hosts: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(hosts, Connection())
    return str(caught.value)


def test_a_group_that_is_not_there_is_refused_and_the_nearest_suggested(ansible: Listing) -> None:
    ansible(json.dumps(LISTING))
    assert refusal("ansible://worker") == (
        "--hosts=ansible://worker: the inventory has no host or group 'worker'; did you mean 'workers'?"
    )


def test_what_ansible_says_against_its_inventory_is_passed_on(ansible: Listing) -> None:
    ansible("", rc=1, err="ERROR! inv.ini:3: Expected key=value")
    assert refusal("ansible://all") == "--hosts=ansible://all: ERROR! inv.ini:3: Expected key=value"


def test_an_answer_that_is_not_json_is_refused(ansible: Listing) -> None:
    ansible("[WARNING]: surprise")
    assert refusal("ansible://all").startswith("--hosts=ansible://all: ansible-inventory gave no usable answer")


def test_without_ansible_the_refusal_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal("ansible://all") == (
        "--hosts=ansible://all: ansible-inventory is not installed: pip install ansible-core"
    )
