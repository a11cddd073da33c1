"""The remedy of Kubernetes' package repository, on a scratch host with apt."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes

from trueup.catalog import catalog
from trueup.change import Change
from trueup.fact import HostFacts, Raw, Snapshot
from trueup.profiles.schema import Kube, KubeApt, KubeRepository, Spec
from trueup.remediations import kube

catalog.load("trueup.remediations")
Log = Callable[[], list[str]]
ARMOURED = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQENBF\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"
KEYRING = "/etc/apt/keyrings/kubernetes.asc"
OLD = "deb https://apt.kubernetes.io/ kubernetes-xenial main\n"


def spec(key: str = ARMOURED, signed_by: str = KEYRING, artifacts: str = "") -> Spec:
    wanted = KubeRepository(uri="https://pkgs.k8s.io/deb/", suites=["/"], signed_by=signed_by, key=key)
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
