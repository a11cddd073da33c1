"""The registry's certificate on disk, read by the real probe, against what the profile has issued."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from made_certificates import authority, key, openssl, server

from trueup.facts.edge.certificate_files import FILES, parse_files
from trueup.facts.edge.handshakes import Handshake, distrusted
from trueup.facts.runtime.docker import foreign
from trueup.facts.runtime.mirrors import Directory, Hosts
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.pki import reading
from trueup.profiles.keys.registry import Issued, PrivateKey, Registry, ServerCertificate, Tls
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")
EC = PrivateKey(kind="EC", bits=256)
SEED = load("aliyun-kubeadm-1.24").spec("any")


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pki")
    authority(made)
    authority(made, "other")
    return made


def spec(pki: Path, **tls: Any) -> Spec:
    settings = SEED.registry.tls.server
    ours = ServerCertificate(
        certificate=f"{pki}/server.crt", private_key=f"{pki}/server.key", subject=["O=example", "CN=harbor.example"],
        key=EC, dns=["harbor.example", "*.pull.example"], ip=["10.0.0.5"],
        key_usage=settings.key_usage, extended_key_usage=settings.extended_key_usage,
    )  # fmt: skip
    ca = Issued(
        certificate=f"{pki}/ca.crt", private_key=f"{pki}/ca.key", key=EC, subject=["O=example", "CN=example CA"]
    )
    made = Registry(names=["harbor.example", "10.0.0.5"], tls=Tls(**{"ca": ca, "server": ours} | tls))
    return Spec(registry=made)


def probe(wanted: Spec) -> str:
    done = subprocess.run(
        ["sh", "-c", FILES.probe(wanted)],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


def found(requirement: str, wanted: Spec, answer: str = "") -> list[Deviation]:
    facts = HostFacts(Snapshot("h", raws={"registry.files": Raw(0, answer or probe(wanted))}))
    try:
        catalog.requirements[f"registry.tls.{requirement}"].check(facts, wanted)
    except Unmet as unmet:
        return list(unmet.deviations)
    return []


OF_FILES = [
    "ca", "server.certificate", "server.subject", "server.key", "server.validity", "server.signature", "server.san",
    "server.basic_constraints", "server.key_usage", "server.extended_key_usage", "server.authority_key_id",
    "server.common_name", "chain",
]  # fmt: skip


def test_what_is_issued_as_the_profile_says_is_right_in_everything(pki: Path) -> None:
    server(pki)
    wanted = spec(pki)
    answer = probe(wanted)
    assert {requirement: found(requirement, wanted, answer) for requirement in OF_FILES} == {id: [] for id in OF_FILES}


# requirement -> what is odd, and in which words that is said
ODD: list[tuple[str, dict[str, Any], str]] = [
    ("server.validity", {"days": -1}, "expired on"),
    ("server.validity", {"days": 5}, " days, until"),
    ("server.signature", {"digest": "sha256"}, "sha256"),
    ("server.san", {"subjectAltName": ""}, "none"),
    ("server.san", {"subjectAltName": "DNS:harbor.example,DNS:*.pull.example,DNS:10.0.0.5"},
     "without IP:10.0.0.5 and with DNS:10.0.0.5"),
    ("server.basic_constraints", {"basicConstraints": "CA:TRUE"}, "CA:TRUE"),
    ("server.basic_constraints", {"basicConstraints": ""}, "not set"),
    ("server.key_usage", {"keyUsage": "digitalSignature"}, "digitalSignature"),
    ("server.extended_key_usage", {"extendedKeyUsage": "serverAuth,clientAuth"}, "clientAuth, serverAuth"),
    ("server.authority_key_id", {"ca": "other"}, ""),
    ("chain", {"ca": "other"}, "its signature is not by the key of example CA"),
]  # fmt: skip


@pytest.mark.parametrize(("requirement", "odd", "says"), ODD, ids=[f"{id}-{odd}" for id, odd, _ in ODD])
def test_what_is_odd_is_said_where_it_belongs(pki: Path, requirement: str, odd: dict[str, Any], says: str) -> None:
    server(pki, **odd)
    seen = found(requirement, spec(pki))
    assert seen
    assert says in seen[0].found


def test_an_address_in_a_dns_name_is_named_as_such(pki: Path) -> None:
    server(pki, subjectAltName="DNS:harbor.example,DNS:10.0.0.5")
    (deviation,) = found("server.san", spec(pki))
    assert deviation.hint == "10.0.0.5 is an IP address in a DNS name: clients do not look for it there"


def test_of_a_key_only_the_public_half_is_told(pki: Path) -> None:
    server(pki)
    answer = probe(spec(pki))
    secret = (pki / "server.key").read_text().splitlines()[1]
    assert "PUBLIC KEY" in answer
    assert "PRIVATE" not in answer
    assert secret not in answer


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("rm server.key", ["no such file"]),
        ("cp other.key server.key", ["the key of another certificate"]),
        ("echo x >server.key", ["no key that openssl reads"]),
        ("openssl pkey -in other.key -aes128 -passout pass:x -out server.key", ["no key that openssl reads"]),
        ("chmod 644 server.key", ["644"]),
        ("chmod 640 server.key; chmod 400 server.key", []),
        ("cp server.crt server.key", ["no key that openssl reads"]),
    ],
)
def test_a_key_that_does_not_fit_or_is_not_its_owners_alone(pki: Path, change: str, says: list[str]) -> None:
    server(pki)
    subprocess.run(["sh", "-ec", change + "; [ ! -e server.key ] || [ -w server.key ]"], cwd=pki, check=True)
    if not says or says != ["644"]:
        (pki / "server.key").exists() and (pki / "server.key").chmod(0o600)
    assert [deviation.found for deviation in found("server.key", spec(pki))] == says
    (pki / "server.key").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "no certificate in it"), ("x" * 300_000, "no certificate in it"), ("cut", "no certificate in it")],
)
def test_a_certificate_that_is_none_is_red_and_not_unreadable(pki: Path, text: str, says: str) -> None:
    server(pki)
    file = pki / "server.crt"
    file.write_text(file.read_text()[:400] if text == "cut" else text)
    (deviation,) = found("server.certificate", spec(pki))
    assert deviation.found == says
    assert [d.found for d in found("server.san", spec(pki))] == [says]


def test_an_authority_that_differs_is_said_to_in_each_way(pki: Path) -> None:
    server(pki)
    wanted = Issued(certificate=f"{pki}/ca.crt", private_key=f"{pki}/other.key", subject=["CN=x"], days=10)
    seen = {d.where.removesuffix(f" of {pki}/ca.crt"): d.found for d in found("ca", spec(pki, ca=wanted))}
    assert seen == {
        "subject": "O=example, CN=example CA",
        "key": "EC of 256 bits",
        "days from the first to the last": "3650",
        f"{pki}/other.key": "the key of another certificate",
    }
    gone = Issued(
        certificate=f"{pki}/ca.crt", private_key=f"{pki}/none.key", key=EC, subject=["O=example", "CN=example CA"]
    )
    assert [d.found for d in found("ca", spec(pki, ca=gone))] == ["no such file"]
    assert found("ca", spec(pki, ca=gone, signing="controller")) == []


def test_the_guides_common_name_is_not_among_its_names(pki: Path) -> None:
    wanted = SEED.registry.tls.server
    names = ",".join(f"DNS:{name}" for name in wanted.dns)
    key(pki, "seed")
    openssl(pki, "req", "-x509", "-subj", "/C=CN/ST=Beijing/L=Beijing/O=example/OU=Personal/CN=magedu.net",
            "-key", "seed.key", "-out", "seed.crt", "-addext", f"subjectAltName={names}")  # fmt: skip
    ours = wanted.model_copy(update={"certificate": f"{pki}/seed.crt", "private_key": f"{pki}/seed.key"})
    assert [] == found("server.subject", spec(pki, server=ours)) == found("server.san", spec(pki, server=ours))
    (deviation,) = found("server.common_name", spec(pki, server=ours))
    assert deviation.expected == "with magedu.net, its common name"
    assert "correct the profile" in deviation.hint


@pytest.mark.parametrize(
    ("uri", "suite", "says"),
    [
        ("https://mirrors.aliyun.com/docker-ce/linux/ubuntu", "focal", ""),
        ("https://mirrors.tuna.tsinghua.edu.cn/docker-ce/linux/debian", "focal", "for debian: https://mirrors.tuna"),
        ("https://download.docker.com/linux/ubuntu/", "jammy", "for jammy: https://download"),
        ("http://10.0.0.1/docker", "./", ""),
    ],
)
def test_the_guides_first_repository_is_another_distributions(uri: str, suite: str, says: str) -> None:
    assert foreign(uri, [suite], "ubuntu", "focal").startswith(says)
    assert bool(foreign(uri, [suite], "ubuntu", "focal")) is bool(says)


def met(pki: Path, problem: str = "", system: str = "unable to verify the first certificate") -> Handshake:
    chain = () if problem else reading.read((pki / "server.crt").read_text())
    return Handshake(chain, problem, system)


HOSTS = 'server = "https://harbor.example:6443"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "which is none of the authorities"),
        (HOSTS, "which is none of the authorities"),
        (f'{HOSTS}ca = "/d/harbor.example:6443/ca.crt"\n', ""),
        (f'{HOSTS}ca = "ca.crt"\n', ""),
        (f'{HOSTS}ca = "other.crt"\n', "its signature is not by the key of example CA"),
        (f'{HOSTS}ca = "gone.crt"\n', "no such file: /d/harbor.example:6443/gone.crt"),
        (f'{HOSTS}ca = "garbage.crt"\n', "no certificate in it"),
        (f"{HOSTS}skip_verify = true\n", "not verified"),
        (f'{HOSTS}[host."https://harbor.example:6443"]\nca = ["other.crt", "ca.crt"]\n', ""),
        (f'{HOSTS}ca = "ca.crt"\n[host."https://harbor.example:6443"]\nskip_verify = true\n', "not verified"),
        ("not TOML", "which is none of the authorities"),
    ],
)
def test_what_containerd_trusts_is_what_its_hosts_toml_has(pki: Path, text: str | None, says: str) -> None:
    server(pki)
    base = "/d/harbor.example:6443"
    files = {f"{base}/{name}.crt": (pki / f"{name}.crt").read_text() for name in ("ca", "other")}
    hosts = {"harbor.example:6443": Hosts(f"{base}/hosts.toml", text)} if text is not None else {}
    directory = Directory(hosts, files | {f"{base}/garbage.crt": "x"} if hosts else {})
    now = parse_files(probe(spec(pki))).now
    seen = distrusted("harbor.example:6443", met(pki), directory, now)
    assert bool(seen) is bool(says)
    assert says in (seen.found if seen else "")


def test_dockers_way_and_the_systems_own_authorities_count_too(pki: Path) -> None:
    server(pki)
    ca, now = (pki / "ca.crt").read_text(), parse_files(probe(spec(pki))).now
    for where in ("harbor.example:6443", "harbor.example_6443_"):
        assert distrusted("harbor.example:6443", met(pki), Directory({}, {f"/d/{where}/x.crt": ca}), now) is None
    nothing = Directory({}, {})
    assert distrusted("harbor.example:6443", met(pki, system="ok"), nothing, now) is None
    # openssl falls back to the common name, containerd does not
    assert distrusted("other.example:6443", met(pki, system="ok"), nothing, now)
    refused = distrusted("harbor.example:6443", met(pki, "Connection refused"), nothing, now)
    assert refused
    assert refused.found == "Connection refused"


HEALTHY = '{"status":"healthy","components":[{"name":"core","status":"healthy"}]}'
SICK = HEALTHY.replace('"healthy",', '"unhealthy",').replace(
    "]", ',{"name":"redis","status":"unhealthy","error":"no"}]'
)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (f"{HEALTHY}\n200\n", []),
        (f"{SICK}\n200\n", [("redis of Harbor", "unhealthy: no")]),
        ('{"status":"unhealthy"}\n200\n', [("https://", "unhealthy")]),
        ('{"status":"healthy"}\n200\n', [("https://", "healthy, without components")]),
        ("<html>\n502\n", [("https://", "HTTP 502")]),
        ("curl: (60) SSL certificate problem\n\n000\n", [("https://", "curl: (60) SSL certificate problem")]),
        ("[]\n200\n", [("https://", "not an answer of Harbor's API: []")]),
        ("[" * 9000 + "\n200\n", [("https://", "not an answer of Harbor's API")]),
        ("", [("https://", "HTTP ")]),
    ],
)
def test_what_is_sick_of_harbor_is_named(answer: str, says: list[tuple[str, str]]) -> None:
    facts = HostFacts(Snapshot("h", raws={"registry.health": Raw(0, answer)}))
    try:
        catalog.requirements["registry.harbor.health"].check(facts, SEED)
        seen = []
    except Unmet as unmet:
        seen = list(unmet.deviations)
    assert len(seen) == len(says)
    assert all(
        d.where.startswith(where) and d.found.startswith(words) for d, (where, words) in zip(seen, says, strict=True)
    )
