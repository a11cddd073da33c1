"""The remedy of Kubernetes' package repository, on a scratch host with apt."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes

from trueup.change import Change
from trueup.errors import ChangeFailed
from trueup.model.catalog import catalog
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.keys.kube import Kube, KubeApt
from trueup.profiles.keys.section import SignedSource
from trueup.profiles.schema import Spec
from trueup.remediations import kube

catalog.load("trueup.remediations")
Log = Callable[[], list[str]]
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
KEYRING = "/etc/apt/keyrings/kubernetes.asc"
OLD = "deb https://apt.kubernetes.io/ kubernetes-xenial main\n"


def spec(key: str = ARMOURED, signed_by: str = KEYRING, artifacts: str = "") -> Spec:
    wanted = SignedSource(uri="https://pkgs.k8s.io/deb/", suites=["/"], signed_by=signed_by, key=key)
    return Spec(kube=Kube(apt=KubeApt(repository=wanted)), artifacts=artifacts)


def fix(change: Change, spec: Spec, *indexes: str) -> list[str]:
    raws = {"kube.repository": Raw(0, "\n".join(["present", *indexes, ""]))}
    catalog.remedies["kube.apt.repository"].fix(change, spec, HostFacts(Snapshot("h", raws=raws)))
    return [action.summary for action in change.actions]


@pytest.fixture(autouse=True)
def sources(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text("VERSION_CODENAME=jammy\n")
    (root / "etc/apt/sources.list.d/old.list").write_text(OLD)
    own = root / "etc/apt/sources.list.d/trueup-kubernetes.sources"
    monkeypatch.setattr(kube, "_SOURCES", str(own))
    return own


def test_only_its_own_index_must_be_had_whatever_else_is_listed(changes: Changes, sources: Path, log: Log) -> None:
    fix(changes(), spec())
    assert "Signed-By: /etc/apt/keyrings/kubernetes.asc" in sources.read_text()
    (update,) = log()
    options = [f"Dir::Etc::sourcelist={sources}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0"]
    assert update.endswith(" ".join(f"-o {option}" for option in ["APT::Update::Error-Mode=any", *options]))
    assert fix(changes(), spec(), "/var/lib/apt/lists/x_Packages") == []


def test_where_another_file_lists_it_well_that_one_is_fetched(changes: Changes, sources: Path, log: Log) -> None:
    fix(changes(), spec())
    other = sources.rename(sources.with_name("k8s.sources"))
    assert len(fix(changes(), spec())) == 1
    assert f"Dir::Etc::sourcelist={other} " in log()[-1]


curl = pytest.mark.skipif(not shutil.which("curl"), reason="no other tool fetches from a file")
BINARY = b"\x99\x01\x0d\x04\xff\xfe\n\n"
URL = "https://pkgs.k8s.io/deb/Release.key"


@pytest.mark.parametrize("artifacts", [True, pytest.param(False, marks=curl)])
@pytest.mark.parametrize(
    ("key", "ending", "written"), [(BINARY, "gpg", BINARY), (b"\n" + ARMOURED.encode(), "asc", ARMOURED.encode())]
)
def test_a_key_is_written_as_it_is_whichever_way_it_comes(
    changes: Changes, root: Path, tmp_path: Path, artifacts: bool, key: bytes, ending: str, written: bytes
) -> None:
    (tmp_path / "Release.key").write_bytes(key)
    url, directory = (URL, str(tmp_path)) if artifacts else (f"file://{tmp_path}/Release.key", "")
    signed_by = f"/etc/apt/keyrings/k.{ending}"
    fix(changes(), spec(url, signed_by, directory))
    assert (root / signed_by[1:]).read_bytes() == written
    assert fix(changes(), spec(url, signed_by, directory), "/var/lib/apt/lists/x_Packages") == []


@curl
@pytest.mark.parametrize(
    ("key", "ending", "says"),
    [
        (b"<html>404</html>", "asc", "neither an ASCII-armoured nor a binary key, it begins with b'<html>404"),
        (BINARY, "asc", r"is binary: for apt signed_by, /etc/apt/keyrings/k\.asc, must end in \.gpg"),
        (
            ARMOURED.encode(),
            "gpg",
            r"is in ASCII armour: for apt signed_by, /etc/apt/keyrings/k\.gpg, must end in \.asc",
        ),
    ],
)
def test_a_key_that_apt_would_not_use_is_refused_before_anything_changes(
    changes: Changes, tmp_path: Path, key: bytes, ending: str, says: str
) -> None:
    (tmp_path / "Release.key").write_bytes(key)
    change = changes()
    with pytest.raises(ChangeFailed, match=says):
        fix(change, spec(f"file://{tmp_path}/Release.key", f"/etc/apt/keyrings/k.{ending}"))
    assert change.actions == []
