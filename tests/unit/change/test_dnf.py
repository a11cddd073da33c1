"""The same on a host with rpm and dnf, whose holds are locks of a plugin."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, Rooted

from trueup.errors import ChangeFailed, CouldNotLook

Log = Callable[[], list[str]]
KUBE = ["kubelet", "kubeadm"]


@pytest.fixture(autouse=True)
def locks(transport: Rooted, root: Path) -> Path:
    transport.rpm = True
    (root / "etc/dnf/plugins").mkdir(parents=True)
    path = root / "etc/dnf/plugins/versionlock.list"
    path.touch()
    return path


def offer(state: Path, **versions: str) -> None:
    rows = (f"{name} | {version} | \n\n" for name, all in versions.items() for version in all.split())
    (state / "offered").write_text("".join(rows))


def rpm(state: Path) -> set[str]:
    return set((state / "rpm").read_text().splitlines())


def test_the_newest_common_version_is_installed_and_locked(
    changes: Changes, state: Path, log: Log, locks: Path
) -> None:
    offer(state, kubelet="0:1.34.9-1 0:1.34.10-1", kubeadm="0:1.34.9-1 0:1.34.10-1 0:1.35.0-1")
    change = changes()
    change.packages(KUBE, ">= 1.34, < 1.35")
    assert rpm(state) == {"kubelet\t0:1.34.10-1", "kubeadm\t0:1.34.10-1"}
    assert locks.read_text() == "kubelet-0:1.34.10-1.*\nkubeadm-0:1.34.10-1.*\n"
    [install] = [line for line in log() if " install " in line]
    assert install.endswith("install kubelet-0:1.34.10-1 kubeadm-0:1.34.10-1")
    assert "--allowerasing" not in install
    again = changes()
    again.packages(KUBE, ">= 1.34, < 1.35")
    assert again.actions == []


@pytest.mark.parametrize("held", [True, False])
def test_a_rollback_brings_back_the_older_version_and_whether_it_was_locked(
    changes: Changes, state: Path, locks: Path, held: bool
) -> None:
    (state / "rpm").write_text("runc\t4:1.1.12-3.el9\n")
    locks.write_text("runc-4:1.1.12-3.el9.*\n" if held else "")
    before = locks.read_text()
    offer(state, runc="4:1.2.4-1.el9 4:1.1.12-3.el9")
    change = changes()
    change.package("runc", ">= 4:1.2")
    assert rpm(state) == {"runc\t4:1.2.4-1.el9"}
    assert locks.read_text() == "runc-4:1.2.4-1.el9.*\n"
    assert change.rollback() == []
    assert (rpm(state), locks.read_text()) == ({"runc\t4:1.1.12-3.el9"}, before)


def test_what_was_not_installed_goes_again(changes: Changes, state: Path, locks: Path) -> None:
    (state / "rpm").write_text("kubelet\t0:1.33.0-1\n")
    offer(state, kubelet="0:1.34.0-1", kubeadm="0:1.34.0-1")
    change = changes()
    change.packages(KUBE, ">= 1.34")
    assert change.rollback() == []
    assert (rpm(state), locks.read_text()) == ({"kubelet\t0:1.33.0-1"}, "")


def test_a_package_in_range_is_only_locked(changes: Changes, state: Path, log: Log, locks: Path) -> None:
    (state / "rpm").write_text("runc\t4:1.1.12-3.el9\n")
    change = changes()
    change.package("runc", ">= 4:1.1.12")
    assert [action.summary for action in change.actions] == ["hold runc"]
    assert locks.read_text() == "runc-4:1.1.12-3.el9.*\n"
    assert change.rollback() == []
    assert locks.read_text() == ""


def test_without_the_plugin_nothing_is_installed_that_should_be_held(changes: Changes, state: Path, log: Log) -> None:
    (state / "plugin").unlink()
    offer(state, runc="4:1.2.4-1.el9")
    with pytest.raises(ChangeFailed, match=r"run dnf install 'dnf-command\(versionlock\)'"):
        changes().package("runc", ">= 0:1")
    assert log() == []
    changes().package("runc", ">= 0:1", hold=False)
    assert rpm(state) == {"runc\t4:1.2.4-1.el9"}


def test_an_index_that_was_never_fetched_is_fetched_but_not_by_a_plan(changes: Changes, state: Path, log: Log) -> None:
    (state / "cache").unlink()
    offer(state, runc="4:1.2.4-1.el9")
    plan = changes(apply=False)
    plan.package("runc", ">= 0:1")
    assert (plan.actions[0].diff, log()) == (
        "-runc (not installed)\n+runc (decided in the run: newest of >= 0:1)\n",
        [],
    )
    changes().package("runc", ">= 0:1")
    assert log()[0] == "dnf -q makecache"
    assert rpm(state) == {"runc\t4:1.2.4-1.el9"}


def test_a_database_that_does_not_answer_is_no_host_without_packages(changes: Changes, state: Path) -> None:
    (state / "rpm-fails").touch()
    with pytest.raises(CouldNotLook, match="the database of rpm does not answer"):
        changes().package("runc", ">= 0:1")


def test_a_package_that_another_one_needs_is_not_removed(changes: Changes, state: Path, log: Log) -> None:
    (state / "rpm").write_text("docker-ce\t3:27.3.1-1.el9\n")
    needs = (
        "error: Failed dependencies:\n\tdocker-ce is needed by (installed) docker-compose-plugin-2.29.7-1.el9.x86_64\n"
    )
    (state / "needed").write_text(needs)
    with pytest.raises(ChangeFailed, match=r"docker-compose-plugin-2\.29\.7-1\.el9\.x86_64 would go with docker-ce"):
        changes().remove_packages(["docker-ce"])
    assert log() == []


def test_packages_are_removed_the_runtime_stays_and_all_comes_back(
    changes: Changes, state: Path, locks: Path, log: Log
) -> None:
    (state / "rpm").write_text("docker-ce\t3:27.3.1-1.el9\ncontainerd.io\t0:1.7.27-3.1.el9\n")
    (state / "auto").write_text("containerd.io\n")
    locks.write_text("docker-ce-3:27.3.1-1.el9.*\n")
    before = rpm(state)
    change = changes()
    change.remove_packages(["docker-ce", "docker"])
    assert rpm(state) == {"containerd.io\t0:1.7.27-3.1.el9"}
    assert "--setopt=clean_requirements_on_remove=False" in log()[-1]
    assert [action.summary for action in change.actions] == ["keep containerd.io", "remove docker-ce"]
    assert change.rollback() == []
    assert (rpm(state), locks.read_text()) == (before, "docker-ce-3:27.3.1-1.el9.*\n")


def test_every_repository_must_answer_after_its_file_changed(changes: Changes, log: Log) -> None:
    change = changes()
    change.refresh_packages()
    assert log() == ["dnf -q makecache --setopt=*.skip_if_unavailable=False"]
