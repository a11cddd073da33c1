"""Several packages change in one transaction, and go back in one; what must stay is never taken along."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes

from trueup.errors import ChangeFailed

Log = Callable[[], list[str]]
KUBE = ["kubelet", "kubeadm", "kubectl"]


def offer(state: Path, **versions: str) -> None:
    rows = (f"{name} | {version} | http://m ./ Packages\n" for name, all in versions.items() for version in all.split())
    (state / "offered").write_text("".join(rows))


def dpkg(state: Path) -> set[str]:
    return set((state / "dpkg").read_text().splitlines())


def test_all_are_installed_at_once_in_one_version_and_held(changes: Changes, state: Path, log: Log) -> None:
    offer(state, kubelet="1.34.0-1.1 1.34.1-1.1 1.34.2-1.1", kubeadm="1.34.0-1.1 1.34.1-1.1", kubectl="1.34.1-1.1")
    change = changes()
    change.packages(KUBE, ">= 1.34, << 1.35")
    assert dpkg(state) == {f"hi \t{name}\t1.34.1-1.1" for name in KUBE}
    assert [line.rpartition("install ")[2] for line in log() if " install " in line] == [
        "kubelet=1.34.1-1.1 kubeadm=1.34.1-1.1 kubectl=1.34.1-1.1"
    ]
    assert [action.summary for action in change.actions] == ["install kubelet, kubeadm, kubectl (>= 1.34, << 1.35)"]
    again = changes()
    again.packages(KUBE, ">= 1.34, << 1.35")
    assert again.actions == []


def test_packages_with_versions_of_their_own_come_in_the_newest_of_each(changes: Changes, state: Path) -> None:
    offer(state, chrony="4.3-2", conntrack="1:1.4.7-1 1:1.4.6-2")
    changes().packages(["chrony", "conntrack"], ">= 0", hold=False)
    assert dpkg(state) == {"ii \tchrony\t4.3-2", "ii \tconntrack\t1:1.4.7-1"}


def test_only_those_out_of_range_change_and_those_that_are_not_held_are(changes: Changes, state: Path) -> None:
    (state / "dpkg").write_text("ii \tkubelet\t1.34.0-1.1\nhi \tkubeadm\t1.33.1-1.1\nhi \tkubectl\t1.34.0-1.1\n")
    offer(state, kubelet="1.34.0-1.1 1.34.1-1.1", kubeadm="1.34.0-1.1")
    change = changes()
    change.packages(KUBE, ">= 1.34")
    assert dpkg(state) == {f"hi \t{name}\t1.34.0-1.1" for name in KUBE}
    assert [(action.verb, action.target) for action in change.actions] == [("package", "kubeadm"), ("hold", "kubelet")]
    assert change.actions[0].diff == "-kubeadm 1.33.1-1.1\n+kubeadm 1.34.0-1.1\n"


def test_a_rollback_restores_versions_and_holds_and_removes_what_is_new_in_one_transaction(
    changes: Changes, state: Path, log: Log
) -> None:
    (state / "dpkg").write_text("hi \tkubelet\t1.33.0-1.1\nii \tkubectl\t1.33.0-1.1\n")
    before = dpkg(state)
    offer(state, **dict.fromkeys(KUBE, "1.34.0-1.1"))
    change = changes()
    change.packages(KUBE, ">= 1.34")
    assert change.rollback() == []
    assert dpkg(state) == before
    back = [line for line in log() if " install " in line][-1]
    assert back.endswith("install kubelet=1.33.0-1.1 kubectl=1.33.0-1.1 kubeadm-")
    assert "--no-remove" not in back


def test_the_package_of_which_there_is_no_version_is_named(changes: Changes, state: Path) -> None:
    offer(state, kubelet="1.34.0-1.1", kubectl="1.34.0-1.1", kubeadm="1.33.0-1.1")
    change = changes()
    with pytest.raises(ChangeFailed, match=r"no kubeadm >= 1\.34 to install; offered: 1\.33\.0-1\.1"):
        change.packages(KUBE, ">= 1.34")
    assert (change.actions, dpkg(state)) == ([], set())


def test_packages_are_removed_and_come_back_with_their_versions_and_holds(
    changes: Changes, state: Path, log: Log
) -> None:
    (state / "dpkg").write_text("hi \tdocker.io\t20.10.24-1\nii \tcontainerd\t1.6.20-1\n")
    before = dpkg(state)
    plan, change = changes(apply=False), changes()
    plan.remove_packages(["docker.io", "docker-engine"])
    assert log() == []
    change.remove_packages(["docker.io", "docker-engine"])
    assert dpkg(state) == {"ii \tcontainerd\t1.6.20-1"}
    assert [action.summary for action in change.actions] == ["remove docker.io"]
    assert [action.diff for action in plan.actions] == ["-docker.io 20.10.24-1\n"]
    again = changes()
    again.remove_packages(["docker.io", "docker-engine"])
    assert again.actions == []
    assert change.rollback() == []
    assert dpkg(state) == before


def test_a_removal_that_would_take_the_runtime_along_is_refused(changes: Changes, state: Path, log: Log) -> None:
    (state / "dpkg").write_text("ii \tdocker.io\t20.10.24-1\nii \tcontainerd\t1.6.20-1\n")
    (state / "takes").write_text("containerd\nrunc\n")
    change = changes()
    with pytest.raises(ChangeFailed, match=r"containerd, runc would go with docker\.io: nothing is removed"):
        change.remove_packages(["docker.io"])
    assert (change.actions, log()) == ([], [])


def test_a_runtime_that_was_installed_for_what_is_removed_stays_for_good(changes: Changes, state: Path) -> None:
    (state / "dpkg").write_text("ii \tdocker.io\t20.10.24-1\nii \tcontainerd\t1.6.20-1\nii \trunc\t1.1.5-1\n")
    (state / "auto").write_text("runc\ntini\n")
    change = changes()
    change.remove_packages(["docker.io"])
    assert (state / "auto").read_text() == "tini\n"
    assert [action.summary for action in change.actions] == ["keep runc", "remove docker.io"]
    assert change.rollback() == []
    assert (state / "auto").read_text() == "tini\nrunc\n"


def test_a_removal_disturbs_more_than_a_remedy_without_disruption_may(changes: Changes, state: Path, log: Log) -> None:
    (state / "dpkg").write_text("ii \tdocker.io\t20.10.24-1\n")
    with pytest.raises(TypeError, match="disruption 'restart' is more than the remedy declares"):
        changes(allowed="reload").remove_packages(["docker.io"])
    assert log() == []
