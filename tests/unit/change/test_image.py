"""Images come into kubelet's namespace: from another one of the same containerd, or from a registry."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, install

from trueup.errors import ChangeFailed

HEAD = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
# `state/images/NAMESPACE` holds the table of a namespace
CTR = r"""
ns=default
while :; do case $1 in --timeout) shift 2;; -n) ns=$2; shift 2;; *) break;; esac; done
table=$STATE/images/$ns
case "$1 $2" in
"namespaces ls") ls "$STATE/images"; exit;;
"images ls") case $* in *name==*) grep "^${3#name==}\|^${4#name==} " "$table" || :;; *) cat "$table";; esac; exit;;
"images check") cat "$table"; exit;;
esac
echo "ctr -n $ns $*" | sed 's|/var/tmp/trueup[^ ]*|FILE|' >>"$STATE/log"
for last; do :; done
if [ "$2" != export ] && [ -e "$STATE/torn" ]; then
  rm "$STATE/torn"
  echo 'ctr: failed to prepare extraction snapshot: failed to rename: rename /s/new-1 /s/5: file exists: unknown' >&2
  exit 1
fi
case "$1 $2" in
"images export") [ -w "$3" ] && echo "$4" >"$3";;
"images import") [ "$3" != - ] || { cat >"$STATE/sent"; set -- "$1" "$2" "$STATE/sent"; }
  echo "$(cat "$3") type sha256:aa 1MiB linux/amd64 -" >>"$table";;
"images pull") [ ! -e "$STATE/unreachable" ] || { echo 'ctr: failed to resolve reference' >&2; exit 1; }
  echo "$last type sha256:aa 1MiB linux/amd64 -" >>"$table";;
"images rm") grep -v "^$3 " "$table" >"$table.new"; mv "$table.new" "$table";;
esac"""
Log = Callable[[], list[str]]


@pytest.fixture
def tables(state: Path, tmp_path: Path, transport: object) -> Path:
    install(tmp_path / "tools", {"ctr": CTR})
    (state / "images").mkdir()
    (state / "unit").write_text("0\n")  # which systemctl gives as the process of containerd
    (state / "images/k8s.io").write_text(HEAD)
    return state / "images"


def test_an_image_is_pulled_by_the_hosts_files(changes: Changes, tables: Path, tmp_path: Path, log: Log) -> None:
    changes().image("r.example/pause:3.7", hosts_dir=str(tmp_path))
    assert log() == [f"ctr -n k8s.io images pull --hosts-dir {tmp_path} r.example/pause:3.7"]
    again = changes()
    again.image("r.example/pause:3.7", hosts_dir=str(tmp_path))
    assert again.actions == []


def test_one_that_another_namespace_has_is_copied(changes: Changes, tables: Path, log: Log) -> None:
    (tables / "default").write_text(f"{HEAD}r.example/pause:3.7 type sha256:aa 1MiB linux/amd64 -\n")
    change = changes()
    change.image("r.example/pause:3.7")
    assert log() == ["ctr -n default images export FILE r.example/pause:3.7", "ctr -n k8s.io images import FILE"]
    assert "pause" in (tables / "k8s.io").read_text()
    assert change.actions[0].summary == "copy r.example/pause:3.7 from namespace default"


def test_rollback_removes_it_again(changes: Changes, tables: Path) -> None:
    change = changes()
    change.image("r.example/pause:3.7")
    assert change.rollback() == []
    assert (tables / "k8s.io").read_text() == HEAD


def test_a_plan_pulls_nothing(changes: Changes, tables: Path, log: Log) -> None:
    plan = changes(apply=False)
    plan.image("r.example/pause:3.7")
    assert [action.summary for action in plan.actions] == ["pull r.example/pause:3.7"]
    assert log() == []


def test_why_a_pull_failed_is_passed_on(changes: Changes, tables: Path, state: Path) -> None:
    (state / "unreachable").touch()
    with pytest.raises(ChangeFailed, match="failed to resolve reference"):
        changes().image("r.example/pause:3.7")


def test_what_a_power_cut_left_half_unpacked_is_in_the_way_only_once(
    changes: Changes, tables: Path, state: Path, tmp_path: Path
) -> None:
    (tmp_path / "pause-3.7.tar").write_text("r.example/pause:3.7")
    (tables / "default").write_text(f"{HEAD}r.example/pause:3.9 type sha256:aa 1MiB linux/amd64 -\n")
    for name in ("pulled:1", "pause:3.7", "pause:3.9"):
        (state / "torn").touch()
        changes().image(f"r.example/{name}", archives=str(tmp_path))
        assert not (state / "torn").exists()
        assert f"r.example/{name} " in (tables / "k8s.io").read_text()


def test_an_archive_of_the_controller_is_imported_before_anything_is_pulled(
    changes: Changes, tables: Path, tmp_path: Path, log: Log
) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts/pause-3.7.tar").write_text("r.example/pause:3.7")
    change = changes()
    change.image("r.example/pause:3.7", archives=str(tmp_path / "artifacts"))
    assert log() == ["ctr -n k8s.io images import -"]
    assert "r.example/pause:3.7 " in (tables / "k8s.io").read_text()
    assert change.actions[0].summary == "import r.example/pause:3.7 from pause-3.7.tar"
    assert list((tmp_path / "kept/incoming").iterdir()) == []


def test_an_archive_of_another_image_is_no_success(changes: Changes, tables: Path, tmp_path: Path) -> None:
    (tmp_path / "pause-3.7.tar").write_text("r.example/pause:3.6")
    with pytest.raises(ChangeFailed, match="the archive holds another image"):
        changes().image("r.example/pause:3.7", archives=str(tmp_path))


def test_an_image_that_is_incomplete_is_brought_again(changes: Changes, tables: Path, log: Log) -> None:
    (tables / "k8s.io").write_text(f"{HEAD}r.example/pause:3.7 type sha256:aa incomplete (1/3) 1 KiB/2 MiB false\n")
    changes().image("r.example/pause:3.7")
    assert log() == ["ctr -n k8s.io images pull r.example/pause:3.7"]
