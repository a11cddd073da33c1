"""A secret on a host is in nothing that a run prints or writes."""

import json
from pathlib import Path

import pytest
from fakes import Fakes, Finished

SECRETS = ("hunter2hunter2", "robotS3cr3tToken", "abcdef.0123456789abcdef", "MIIEvSecretKeyBody", "urlS3cr3tPass")
CONFIG = """\
version = 9
disabled_plugins = ["cri"]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "old"
  # join: kubeadm join --token abcdef.0123456789abcdef
[plugins."io.containerd.grpc.v1.cri".registry.configs."harbor.example".auth]
  username = "robot"
  password = "hunter2hunter2"
  identitytoken = "robotS3cr3tToken"
[plugins."io.containerd.grpc.v1.cri".registry.mirrors."docker.io"]
  endpoint = ["https://robot:urlS3cr3tPass@mirror.example"]
[plugins.x]
  key = '''
-----BEGIN RSA PRIVATE KEY-----
MIIEvSecretKeyBody
-----END RSA PRIVATE KEY-----
'''
"""
PROFILE = """\
extends: base
select: [runtime.containerd.config, runtime.containerd.sandbox_image, runtime.containerd.systemd_cgroup]
runtime: {{containerd: {{config: "{home}/config.toml"}}}}
"""


@pytest.fixture(scope="module")
def fleet(fakes: Fakes) -> Fakes:
    said = "echo 'level=fatal msg=\"bad\" password=hunter2hunter2' >&2; exit 1"
    show = 'case "$*" in *MainPID*) echo 0;; *) exit 1;; esac'
    home = fakes.host("n1", systemctl=show, containerd='case "$*" in *dump*) cat "$HOME/config.toml";; esac')
    (home / "config.toml").write_text(CONFIG)
    fakes.host("n2", systemctl=show, containerd=said)
    fakes.test("own.yaml", PROFILE.format(home=home))
    # The fake hosts have a systemctl of their own; whether systemd runs on this machine is of no account.
    runs = "\nimport trueup.facts.host.systemd\n\ntrueup.facts.host.systemd.RUNS._probe = ':'\n"
    fakes.test("conftest.py", (fakes.directory / "conftest.py").read_text() + runs)
    return fakes


CHECKS = ("--pyargs", "trueup.checks", "--profile=own.yaml", "--hosts=n1,n2")


@pytest.fixture(scope="module", params=[[], ["-vv"], ["--fix=plan", "-vv"], ["-n", "2"]], ids=" ".join)
def done(fleet: Fakes, request: pytest.FixtureRequest) -> Finished:
    reports = (
        "--report=run.json",
        "--report=run.md",
        "--alluredir=allure",
        "--clean-alluredir",
        "--junitxml=junit.xml",
    )
    return fleet.run(*CHECKS, *reports, *request.param)


def written(fleet: Fakes) -> dict[Path, bytes]:
    hosts = fleet.directory / "hosts"
    return {p: p.read_bytes() for p in fleet.directory.rglob("*") if p.is_file() and not p.is_relative_to(hosts)}


def test_the_run_did_read_the_secrets_and_wrote_what_surrounds_them(done: Finished, fleet: Fakes) -> None:
    assert done.code == 1, done.text
    assert "UNKNOWN" not in done.out
    evidence = b"".join(body for path, body in written(fleet).items() if "attachment" in path.name)
    assert b"harbor.example" in evidence
    assert "«redacted»".encode() in evidence


def test_no_secret_is_printed(done: Finished) -> None:
    assert [secret for secret in SECRETS if secret in done.text] == []


def test_no_secret_is_written(done: Finished, fleet: Fakes) -> None:
    files = written(fleet)
    assert any(path.suffix == ".json" and path.parent.name == "allure" for path in files)
    assert {"run.json", "run.md", "junit.xml"} <= {path.name for path in files}
    leaks = [(path.name, secret) for path, body in files.items() for secret in SECRETS if secret.encode() in body]
    assert leaks == []


def test_what_is_hidden_is_judged_as_if_it_were_not(done: Finished, fleet: Fakes) -> None:
    deviations = [d for r in fleet.json()["results"] if r["host"] == "n1" for d in r["deviations"]]
    assert not any("TOML" in json.dumps(deviation) for deviation in deviations)
    assert any("disabled_plugins" in deviation["where"] for deviation in deviations)
