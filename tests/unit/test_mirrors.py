"""Mirrors: malformed URLs, and the hosts.toml for valid ones."""

import tomllib

import pytest

from trueup.facts.runtime.mirrors import certificate, mistake, parse, render, server
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.keys.runtime import Registry

catalog.load("trueup.checks")
SPEC = load("base").spec("any")


def wanted(registry: str, *mirrors: str, ca: dict[str, str] | None = None) -> Registry:
    return Registry(config_path="/etc/containerd/certs.d", mirrors={registry: list(mirrors)}, ca=ca or {})


@pytest.mark.parametrize(
    "endpoint",
    ["https://mirror.example", "http://10.0.0.5:5000", "https://mirror.example/v2/proxy", "https://[2001:db8::1]:5000"],
)
def test_a_url_is_right(endpoint: str) -> None:
    assert mistake(endpoint) == ""


@pytest.mark.parametrize(
    ("endpoint", "wrong"),
    [
        ("https://https://2h85dbbg.mirror.aliyuncs.com", "it has a scheme twice"),
        ("http:///https://mirror.example", "it has a scheme twice"),
        ("mirror.example", "it does not begin with http:// or https://"),
        ("https://", "it names no host"),
        ("https://mir ror", "it contains white space, quotes or control characters"),
        ('https://h/a"b', "it contains white space, quotes or control characters"),
        ("https://h/a\nb", "it contains white space, quotes or control characters"),
        ("https://mirror.example:port", "Port could not be cast to integer value as 'port'"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(endpoint: str, wrong: str) -> None:
    assert mistake(endpoint) == wrong


def test_mirrors_come_in_order_and_the_registry_last() -> None:
    written = tomllib.loads(render("docker.io", wanted("docker.io", "https://b.example", "https://a.example")))
    assert list(written["host"]) == ["https://b.example", "https://a.example"]
    assert written["server"] == "https://registry-1.docker.io"
    assert written["host"]["https://a.example"]["capabilities"] == ["pull", "resolve"]


def test_a_registry_is_its_own_server() -> None:
    assert server("harbor.example:8443") == "https://harbor.example:8443"


ENDPOINT = "https://mirror.example:5443"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n"
CRT = "/etc/containerd/certs.d/docker.io/mirror.example_5443.crt"


def test_a_mirror_that_needs_a_ca_names_its_file() -> None:
    written = tomllib.loads(render("docker.io", wanted("docker.io", ENDPOINT, ca={ENDPOINT: PEM})))
    assert written["host"][ENDPOINT]["ca"] == CRT


def laid(*files: tuple[str, str]) -> str:
    """The probe's output for a directory with these files."""
    return "".join(f"@{path}\n" + "".join(f"|{row}\n" for row in text.splitlines()) + "\n" for path, text in files)


def found(*files: tuple[str, str], ca: str = PEM) -> list[str]:
    """The check's result for the directory, if the profile's mirror has a CA."""
    registry = wanted("docker.io", ENDPOINT, ca={ENDPOINT: ca})
    containerd = SPEC.runtime.containerd.model_copy(update={"registry": registry})
    spec = SPEC.model_copy(update={"runtime": SPEC.runtime.model_copy(update={"containerd": containerd})})
    dump = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n'
    raws = {"containerd.hosts": Raw(0, laid(*files)), "containerd.dump": Raw(0, dump)}
    try:
        catalog.requirements["runtime.containerd.registry_mirrors"].check(HostFacts(Snapshot("h", raws=raws)), spec)
    except Unmet as unmet:
        return [deviation.found for deviation in unmet.deviations]
    return []


HOSTS_TOML = "/etc/containerd/certs.d/docker.io/hosts.toml"
GOOD = f'[host."{ENDPOINT}"]\n  ca = "{CRT}"\n'


@pytest.mark.parametrize(
    ("hosts", "certificate", "said"),
    [
        (GOOD, PEM, []),
        (GOOD, f"# our own\n{PEM}\n", []),
        (GOOD.replace(f'"{CRT}"', '["mirror.example_5443.crt"]'), PEM, []),
        (f'[host."{ENDPOINT}"]\n', PEM, ["not set"]),
        (GOOD, "", [f"no such file: {CRT}"]),
        (GOOD, PEM.replace("AAAA", "BBBB"), [f"another certificate in {CRT}"]),
        (f"{GOOD}oops", PEM, ["Expected '=' after a key in a key/value pair (at line 3, column 5)"]),
        (f"{GOOD}  capabilities = ['resolve']\n", PEM, ["not both"]),
        (f"{GOOD}  skip_verify = true\n", PEM, ["not verified"]),
        (f'[host]\n"{ENDPOINT}" = 3\n', PEM, ["no host"]),
    ],
)
def test_what_is_wrong_with_a_ca_is_said_apart(hosts: str, certificate: str, said: list[str]) -> None:
    files = [(HOSTS_TOML, hosts), *([(CRT, certificate)] if certificate else [])]
    assert found(*files) == said


def test_a_directory_is_read_by_registry_and_its_certificates_by_path() -> None:
    directory = parse(laid((HOSTS_TOML, GOOD), (CRT, PEM)))
    assert directory.hosts["docker.io"].authorities(ENDPOINT) == [CRT]
    assert certificate(directory.certificates[CRT]) == ["MIIBAAAA"]


def test_a_registry_with_a_port_has_a_directory_that_comes_first() -> None:
    plain, first = (f"/certs.d/{name}/hosts.toml" for name in ("r.example:5000", "r.example_5000_"))
    directory = parse(laid((plain, GOOD), (first, "")))
    assert directory.of("r.example:5000") == directory.hosts["r.example_5000_"]
    assert parse(laid((plain, GOOD))).of("r.example:5000") is not None
    assert directory.of("other.example") is None


def test_what_a_profile_has_no_words_for_is_named() -> None:
    file = parse(laid((HOSTS_TOML, f"{GOOD}  override_path = true\n  client = 'a.pem'\n"))).hosts["docker.io"]
    assert file.more_than([ENDPOINT]) == [f"client of {ENDPOINT}", f"override_path of {ENDPOINT}"]
    assert file.more_than([]) == []
