"""Programs as their project releases them: verified before anything is touched, renamed in, and put back."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from scratch import Changes, Rooted, install

from trueup.errors import ChangeFailed
from trueup.profiles.keys.section import Artifact

PROGRAMS = {"bin/containerd": "new containerd", "bin/ctr": "new ctr"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The controller's directory of artifacts."""
    directory = tmp_path / "artifacts"
    directory.mkdir()
    with tarfile.open(directory / "containerd-1.6.10-linux-amd64.tar.gz", "w:gz") as archive:
        for name, text in {**PROGRAMS, "LICENSE": "not a program"}.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), 0o755 if name in PROGRAMS else 0o644
            archive.addfile(info, io.BytesIO(text.encode()))
    (directory / "runc.amd64").write_text("new runc")
    return directory


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """Where the host has its programs."""
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "containerd").write_text("old containerd")
    (directory / "containerd").chmod(0o700)
    return directory


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, transport: Rooted) -> None:
    install(tmp_path / "tools", {"uname": "echo x86_64"})


def artifact(source: Path, bin: Path, name: str = "containerd-1.6.10-linux-amd64.tar.gz", **other: object) -> Artifact:
    checksum = hashlib.sha256((source / name).read_bytes()).hexdigest()
    url = f"https://releases.example/{name.replace('1.6.10', '{version}').replace('amd64', '{arch}')}"
    return Artifact(**{"version": "1.6.10", "url": url, "sha256": {"amd64": checksum}, "directory": str(bin)} | other)


def programs(bin: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in bin.iterdir()}


def test_the_programs_of_an_archive_take_the_place_of_the_old_ones(changes: Changes, source: Path, bin: Path) -> None:
    change = changes()
    change.artifact("containerd", artifact(source, bin), source=str(source), now="1.5.9 in /usr/bin/containerd")
    assert programs(bin) == {"containerd": "new containerd", "ctr": "new ctr"}
    assert (bin / "containerd").stat().st_mode & 0o777 == 0o755
    assert change.actions[0].diff == f"-containerd 1.5.9 in /usr/bin/containerd\n+containerd 1.6.10 in {bin}\n"


def test_a_bare_file_gets_its_name_and_is_executable(changes: Changes, source: Path, bin: Path) -> None:
    changes().artifact("runc", artifact(source, bin, "runc.amd64"), source=str(source))
    assert (bin / "runc").read_text() == "new runc"
    assert (bin / "runc").stat().st_mode & 0o777 == 0o755


def test_rollback_brings_the_old_programs_back_and_removes_new_ones(changes: Changes, source: Path, bin: Path) -> None:
    change = changes()
    change.artifact("containerd", artifact(source, bin), source=str(source))
    assert change.rollback() == []
    assert programs(bin) == {"containerd": "old containerd"}
    assert (bin / "containerd").stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("full")
def test_a_program_that_could_not_be_kept_whole_stays(changes: Changes, source: Path, bin: Path) -> None:
    change = changes()
    with pytest.raises(ChangeFailed, match="No space left on device"):
        change.artifact("containerd", artifact(source, bin), source=str(source))
    assert change.rollback() == []
    assert programs(bin) == {"containerd": "old containerd"}


@pytest.mark.parametrize("way", ["sent", "fetched"])
def test_a_wrong_checksum_changes_nothing(changes: Changes, source: Path, bin: Path, tmp_path: Path, way: str) -> None:
    install(tmp_path / "tools", {"curl": f'shift 6; cp {source}/runc.amd64 "$1"'})
    wrong = artifact(source, bin, sha256={"amd64": "0" * 64})
    with pytest.raises(ChangeFailed, match="checksum"):
        changes().artifact("containerd", wrong, source=str(source) if way == "sent" else "")
    assert programs(bin) == {"containerd": "old containerd"}
    kept = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert not [path for path in kept if path.parent.name != "journal"]


def test_a_host_fetches_it_where_the_controller_has_none(
    changes: Changes, source: Path, bin: Path, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    script = f'#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho "$3" >{asked}\ncp {source}/"${{3##*/}}" "$2"\n'
    (tmp_path / "tools/curl").write_text(script)
    (tmp_path / "tools/curl").chmod(0o755)
    changes().artifact("containerd", artifact(source, bin))
    assert asked.read_text() == "https://releases.example/containerd-1.6.10-linux-amd64.tar.gz\n"
    assert programs(bin)["ctr"] == "new ctr"


def test_a_plan_sends_and_changes_nothing(changes: Changes, source: Path, bin: Path, tmp_path: Path) -> None:
    plan = changes(apply=False)
    plan.artifact("containerd", artifact(source, bin), source=str(source))
    assert [action.summary for action in plan.actions] == ["install containerd 1.6.10"]
    assert programs(bin) == {"containerd": "old containerd"}
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"sha256": {"arm64": "0" * 64}}, "the profile has no checksum of containerd 1.6.10 for amd64"),
        ({"url": "https://releases.example/missing.tgz"}, "missing.tgz: no such file on this machine"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_done(
    changes: Changes, source: Path, bin: Path, other: dict[str, object], said: str
) -> None:
    change = changes()
    with pytest.raises(ChangeFailed, match=said):
        change.artifact("containerd", artifact(source, bin, **other), source=str(source))
    assert change.actions == []


def test_an_archive_without_a_program_is_refused(changes: Changes, source: Path, bin: Path) -> None:
    with tarfile.open(source / "empty.tgz", "w:gz"):
        pass
    with pytest.raises(ChangeFailed, match="no program in it"):
        changes().artifact("containerd", artifact(source, bin, "empty.tgz"), source=str(source))
    assert programs(bin) == {"containerd": "old containerd"}


def test_what_a_killed_run_left_is_cleared_away(changes: Changes, source: Path, bin: Path) -> None:
    (bin / ".trueup.a1B2c3").mkdir()
    (bin / ".trueup.a1B2c3/half").touch()
    changes().artifact("containerd", artifact(source, bin), source=str(source))
    assert programs(bin).keys() == {"containerd", "ctr"}
