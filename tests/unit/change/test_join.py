"""kubeadm join on a scratch host, with a kubeadm that fails in the ways that a real one was seen to."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Changes

from trueup.errors import ChangeFailed
from trueup.remediations import kubeadm

EARLY = "error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: Unauthorized"
FIRM = "error execution phase preflight: [ERROR Swap]: running with swap on is not supported"
LATE = "error execution phase kubelet-start: etcdserver: no leader"


def kubeadm_that(tmp_path: Path, says: str, times: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a kubeadm on the PATH that fails so often with these words, and notes each time that it is called."""
    called = tmp_path / "called"
    program = tmp_path / "bin/kubeadm"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >>{called}\n[ "$(wc -l <{called})" -gt {times} ] || {{ echo "{says}" >&2; exit 1; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return called


def test_a_token_that_the_api_does_not_know_yet_is_tried_again(
    changes: Changes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = kubeadm_that(tmp_path, EARLY, 2, monkeypatch)
    kubeadm._run(changes(), "kind: JoinConfiguration\n", control=True, wait=30)
    assert len(called.read_text().splitlines()) == 3


@pytest.mark.parametrize("says", [FIRM, LATE])
def test_what_will_not_be_otherwise_or_has_begun_is_tried_once(
    changes: Changes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    called = kubeadm_that(tmp_path, says, 9, monkeypatch)
    with pytest.raises(ChangeFailed, match="error execution phase"):
        kubeadm._run(changes(), "kind: JoinConfiguration\n", control=True, wait=30)
    assert len(called.read_text().splitlines()) == 1


def test_it_is_tried_no_longer_than_the_profile_waits(
    changes: Changes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = kubeadm_that(tmp_path, EARLY, 99, monkeypatch)
    with pytest.raises(ChangeFailed, match="Unauthorized"):
        kubeadm._run(changes(), "kind: JoinConfiguration\n", control=True, wait=1)
    assert 1 <= len(called.read_text().splitlines()) <= 4
