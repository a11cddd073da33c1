"""The remedies of Harbor and of who trusts it, on a scratch host with a TLS server of openssl's."""

import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from made_certificates import authority, server
from scratch import Changes

from trueup.change import Change
from trueup.errors import ChangeFailed, CouldNotLook
from trueup.facts.edge import certificate_files, handshakes
from trueup.facts.edge.harbor import CONFIG
from trueup.facts.runtime import docker
from trueup.facts.runtime.containerd import DUMP
from trueup.facts.runtime.mirrors import HOSTS
from trueup.hosts.cluster import Cluster
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.pki import reading
from trueup.profiles.schema import Spec
from trueup.remediations import registry

catalog.load("trueup.checks", "trueup.remediations")
TEMPLATE = """# Configuration file of Harbor
hostname: reg.mydomain.com
https:
  port: 443  # as browsers have it
  certificate: /your/certificate/path
  private_key: /your/private/key/path
harbor_admin_password: Harbor12345
"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pki")
    authority(made)
    authority(made, "other")
    server(made)
    return made


@pytest.fixture
def port(pki: Path) -> Iterator[int]:
    """A port on which the certificate is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    argv = [
        "openssl",
        "s_server",
        "-accept",
        f"127.0.0.1:{number}",
        "-cert",
        "server.crt",
        "-key",
        "server.key",
        "-quiet",
    ]
    serving = subprocess.Popen(
        argv, cwd=pki, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as tried:
            if not tried.connect_ex(("127.0.0.1", number)):
                break
        time.sleep(0.05)
    yield number
    serving.kill()
    serving.wait()


@pytest.fixture
def harbor(tmp_path: Path) -> Path:
    directory = tmp_path / "harbor of ours"
    directory.mkdir()
    (directory / "harbor.yml.tmpl").write_text(TEMPLATE)
    (directory / "install.sh").write_text("#!/bin/sh\ngrep hostname harbor.yml >>applied\n")
    (directory / "install.sh").chmod(0o755)
    return directory


def spec(pki: Path, harbor: Path, port: int = 443) -> Spec:
    base = load("base").spec("any").model_dump()
    base["registry"] |= {
        "names": ["harbor.example"],
        "harbor": {"directory": str(harbor), "port": port, "apply": ["./install.sh"], "hostname": ""},
    }
    base["registry"]["tls"]["server"] |= {
        "certificate": f"{pki}/server.crt", "private_key": f"{pki}/server.key", "dns": ["harbor.example"],
    }  # fmt: skip
    return Spec.model_validate(base)


def config(change: Change, wanted: Spec) -> list[str]:
    answer = subprocess.run(["sh", "-c", CONFIG.probe(wanted)], capture_output=True, text=True, check=True)
    facts = HostFacts(Snapshot("h", raws={"registry.harbor_config": Raw(0, answer.stdout)}))
    catalog.remedies["registry.harbor.config"].fix(change, wanted, facts)
    return [action.verb for action in change.actions]


def test_harbors_template_becomes_its_configuration_and_is_taken_up(
    changes: Changes, pki: Path, harbor: Path, port: int
) -> None:
    wanted, change = spec(pki, harbor, port), changes()
    assert config(change, wanted) == ["write", "apply"]
    assert (harbor / "applied").read_text() == "hostname: harbor.example\n"
    written = (harbor / "harbor.yml").read_text()
    assert f"  port: {port}  # as browsers have it\n  certificate: {pki}/server.crt\n" in written
    assert "harbor_admin_password: Harbor12345" in written
    assert "Harbor12345" not in "".join(action.diff for action in change.actions)
    assert config(changes(), wanted) == []


def test_what_does_not_serve_afterwards_is_taken_back(
    changes: Changes, pki: Path, harbor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_SERVES", 1)
    (harbor / "harbor.yml").write_text(TEMPLATE.replace("reg.mydomain.com", "old.example"))
    change = changes()
    with pytest.raises(ChangeFailed, match=r"Harbor does not serve .*/server\.crt"):
        config(change, spec(pki, harbor, 9))
    assert change.rollback() == []
    assert "hostname: old.example" in (harbor / "harbor.yml").read_text()
    assert (harbor / "applied").read_text() == "hostname: harbor.example\nhostname: old.example\n"


def test_without_harbors_installer_nothing_is_written(changes: Changes, pki: Path, harbor: Path) -> None:
    (harbor / "install.sh").unlink()
    with pytest.raises(ChangeFailed, match=r"unpack Harbor's installer there first; nothing was changed"):
        config(changes(), spec(pki, harbor))
    assert not (harbor / "harbor.yml").exists()


@pytest.fixture
def trusting(tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of a node's hosts.toml files; the registry's host has the authority."""
    monkeypatch.setattr(registry, "_authority", lambda change, spec: reading.read((pki / "ca.crt").read_text())[0])
    return tmp_path / "certs.d"


ENDPOINT = "harbor.example:6443"


def trust(change: Change, pki: Path, directory: Path, shown: str = "server", **mirrors: Any) -> list[str]:
    base = load("base").spec("any").model_dump()
    base["runtime"]["containerd"]["registry"] |= {"config_path": str(directory), "mirrors": mirrors}
    base["registry"]["endpoints"] = [ENDPOINT]
    wanted = Spec.model_validate(base)
    rows = "".join(f"|{row}\n" for row in (pki / f"{shown}.crt").read_text().splitlines())
    seen = f"now\t{int(datetime.now(UTC).timestamp()) + 2}\n@{ENDPOINT}\t\tunable to verify\n{rows}"
    hosts = subprocess.run(["sh", "-c", HOSTS.probe(wanted)], capture_output=True, text=True, check=True)
    raws = {"registry.seen": Raw(0, seen), "containerd.hosts": Raw(0, hosts.stdout)}
    catalog.remedies["registry.tls.trusted"].fix(change, wanted, HostFacts(Snapshot("h", raws=raws)))
    return [action.target.removeprefix(f"{directory}/") for action in change.actions]


def test_a_node_gets_the_authority_and_a_file_that_names_it(changes: Changes, pki: Path, trusting: Path) -> None:
    assert trust(changes(), pki, trusting) == [f"{ENDPOINT}/harbor.example_6443.crt", f"{ENDPOINT}/hosts.toml"]
    assert trust(changes(), pki, trusting) == []


def test_what_else_is_in_a_hosts_toml_stays(changes: Changes, pki: Path, trusting: Path) -> None:
    file = trusting / ENDPOINT / "hosts.toml"
    file.parent.mkdir(parents=True)
    file.write_text('# ours\n[host."https://cache.example"]\n  override_path = true\n'
                    f'[host."https://{ENDPOINT}"]\n  skip_verify = true\n')  # fmt: skip
    assert len(trust(changes(), pki, trusting)) == 2
    text = file.read_text()
    assert text.startswith('# ours\n[host."https://cache.example"]\n  override_path = true\n')
    assert "skip_verify" not in text
    assert trust(changes(), pki, trusting) == []


def test_a_file_of_the_mirrors_is_theirs(changes: Changes, pki: Path, trusting: Path) -> None:
    with pytest.raises(
        ChangeFailed, match=r"runtime\.containerd\.registry_mirrors writes the hosts\.toml of harbor\.example:6443"
    ):
        trust(changes(), pki, trusting, **{ENDPOINT: ["https://cache.example"]})


def test_an_authority_that_has_not_signed_what_is_shown_is_not_spread(
    changes: Changes, pki: Path, trusting: Path
) -> None:
    server(pki, "foreign", ca="other")
    with pytest.raises(ChangeFailed, match="the registry's CA does not verify the certificate of"):
        trust(changes(), pki, trusting, "foreign")
    assert not trusting.exists()


def test_a_repository_of_another_distribution_in_the_profile_is_refused(changes: Changes) -> None:
    wanted, raws = load("aliyun-kubeadm-1.24").spec("any"), {"apt.sources": Raw(0, "bookworm\n")}
    raws[docker.DISTRIBUTION.name] = Raw(0, "debian\n")
    change = changes()
    with pytest.raises(ChangeFailed, match=r"the profile's repository is for ubuntu: .* but the host runs debian"):
        catalog.remedies["registry.docker.apt_repository"].fix(change, wanted, HostFacts(Snapshot("h", raws=raws)))
    assert change.actions == []


def test_the_machine_that_runs_trueup_meets_the_registry_itself(pki: Path, harbor: Path, port: int) -> None:
    wanted = spec(pki, harbor, port)
    endpoints = [f"127.0.0.1:{port}", "127.0.0.1:1"]
    here = wanted.model_copy(update={"registry": wanted.registry.model_copy(update={"from_runner": endpoints})})
    seen = Cluster({}, here)
    seen.gather([handshakes.FROM_RUNNER])
    met = seen.facts[handshakes.FROM_RUNNER].met
    [leaf] = reading.read((pki / "server.crt").read_text())
    assert handshakes.unserved(endpoints[0], met[endpoints[0]], leaf) is None
    refused = handshakes.unserved(endpoints[1], met[endpoints[1]], leaf)
    assert refused and "refused" in refused.found.lower()


def test_a_registry_that_shows_this_machine_another_certificate_is_red(pki: Path, harbor: Path, port: int) -> None:
    wanted = spec(pki, harbor, port)
    answers = {}
    for fact, shown in ((handshakes.SERVED, "server"), (handshakes.FROM_RUNNER, "ca")):
        pem = "".join(f"|{row}\n" for row in (pki / f"{shown}.crt").read_text().splitlines())
        answers[fact.name] = Raw(0, f"now\t1790000000\n@127.0.0.1:{port}\t\tok\n{pem}")
    file = "".join(f"|{row}\n" for row in (pki / "server.crt").read_text().splitlines())
    answers[certificate_files.FILES.name] = Raw(0, f"now\t1790000000\n@server\t644 root:root\t/c\n{file}")
    facts = HostFacts(Snapshot("reg1", raws=answers))
    wanted.registry.from_runner.append(f"127.0.0.1:{port}")
    with pytest.raises(Unmet) as unmet:
        catalog.requirements["registry.tls.served"].check(facts, wanted)
    assert [each.where for each in unmet.value.deviations] == [f"certificate at 127.0.0.1:{port}, from the controller"]


@pytest.mark.parametrize("id", ["registry.tls.served", "registry.tls.trusted"])
def test_a_handshake_that_was_not_made_is_neither_right_nor_wrong(pki: Path, harbor: Path, id: str) -> None:
    wanted = spec(pki, harbor)
    wanted.registry.endpoints.append("harbor.example:6443")
    file = "".join(f"|{row}\n" for row in (pki / "server.crt").read_text().splitlines())
    nothing = Raw(0, "now\t1790000000\n")
    answers = dict.fromkeys((handshakes.SERVED.name, handshakes.SEEN.name, handshakes.FROM_RUNNER.name), nothing)
    answers |= {certificate_files.FILES.name: Raw(0, f"now\t1790000000\n@server\t644 root:root\t/c\n{file}")}
    answers |= {DUMP.name: Raw(0, ""), HOSTS.name: Raw(0, "")}
    with pytest.raises(CouldNotLook, match="no handshake was made"):
        catalog.requirements[id].check(HostFacts(Snapshot("h", raws=answers)), wanted)
