"""A file of the controller on the stdin of a script on the host, by whichever transport."""

import hashlib
import os
from pathlib import Path

import pytest

from trueup.transport import OpenSSH, Process, Testinfra

SUM = "sha256sum | cut -d' ' -f1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(200_001))
    return path


@pytest.mark.parametrize("transport", [Process(["sh"], "h"), Testinfra("local://", {})], ids=["process", "testinfra"])
def test_a_file_arrives_whole(transport: Process | Testinfra, file: Path) -> None:
    done = transport.send(file, f"{SUM}; exit 3", 30)
    assert done.rc == 3
    assert done.out.decode().strip() == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_empty_file_arrives_too(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert Testinfra("local://", {}).send(tmp_path / "empty", "wc -c", 30).out.strip() == b"0"


def test_ssh_is_given_the_script_in_one_word() -> None:
    transport = OpenSSH(["sudo", "-n", "sh"], "h", target=["--", "h"])
    assert transport.command("-c", "cat >'a b'")[-1] == """exec sudo -n sh -c 'cat >'"'"'a b'"'"''"""
