"""A profile that is wrong is refused with file, line, key, what is wrong and the nearest fix."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trueup.errors import UsageError
from trueup.model import profile


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal(text: str, directory: Path) -> str:
    (directory / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        profile.load("own.yaml")
    return str(caught.value).replace(f"{directory}/", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host:\n  modules: []\n  sysctls: {}\n", "own.yaml:3: host.sysctls: unknown key; did you mean 'sysctl'?"),
        ("runtimes: {}\n", "own.yaml:1: runtimes: unknown key; did you mean 'runtime'?"),
        (
            "runtime:\n  runc: {versoin: '1'}\n",
            "own.yaml:2: runtime.runc.versoin: unknown key; did you mean 'version'?",
        ),
        ("zzzzzz: 1\n", "own.yaml:1: zzzzzz: unknown key"),
        (
            "runtime:\n  runc:\n    package: runc\n    version: 1.30\n",
            "own.yaml:4: runtime.runc.version: 1.30 is a number in YAML, where 1.30 is the same as 1.3: "
            'write it in quotes, "1.30"',
        ),
        (
            "runtime: {runc: {version: 2}}\n",
            "own.yaml:1: runtime.runc.version: 2 is a number in YAML, where 1.30 is the same as 1.3: "
            'write it in quotes, "2"',
        ),
        (
            "host:\n  sysctl:\n    net.ipv4.ip_forward: 1\n",
            "own.yaml:3: host.sysctl.net.ipv4.ip_forward: 1 is a number in YAML, where 1.30 is the same as 1.3: "
            'write it in quotes, "1"',
        ),
        (
            "runtime: {containerd: {systemd_cgroup: 'yes'}}\n",
            "own.yaml:1: runtime.containerd.systemd_cgroup: input should be a valid boolean, found 'yes'",
        ),
        (
            "runtime:\n  containerd:\n    version: true\n",
            "own.yaml:3: runtime.containerd.version: input should be a valid string, found True",
        ),
        ("host:\n  modules:\n  - a\n  - {b: c}\n", "own.yaml:4: host.modules.1: input should be a valid string"),
        ("host:\n  modules: overlay\n", "own.yaml:2: host.modules: input should be a valid list, found 'overlay'"),
        (
            "hosts:\n  node1:\n    host:\n      modules: overlay\n",
            "own.yaml:4: hosts.node1.host.modules: input should be a valid list, found 'overlay'",
        ),
        ("hosts:\n  node1:\n    hots: {}\n", "own.yaml:3: hosts.node1.hots: unknown key; did you mean 'host'?"),
        ("hosts:\n  node1: 5\n", "own.yaml:2: hosts.node1: input should be a valid dictionary, found 5"),
        (
            "waivers:\n- {requirement: a.b, reason: r, approver: a}\n",
            "own.yaml:2: waivers.0.expires: this key is required",
        ),
        (
            "waivers:\n- requirement: a.b\n  reason: ''\n  approver: a\n  expires: 2030-01-01\n",
            "own.yaml:3: waivers.0.reason: string should have at least 1 character, found ''",
        ),
        (
            "waivers:\n- requirement: a.b\n  reason: r\n  approver: a\n  expires: soon\n",
            "own.yaml:5: waivers.0.expires: input should be a valid date, found 'soon'",
        ),
        ("extends: bse\n", "own.yaml:1: extends: no profile 'bse'; did you mean 'base'?"),
        ("name: x\nextends: ./gone.yaml\n", "own.yaml:2: extends: no profile 'gone.yaml'"),
        ("extends: own.yaml\n", "own.yaml: extends itself by way of own.yaml"),
        ("- a\n- b\n", "own.yaml: a profile is a mapping of keys, this is a list"),
        ("just words\n", "own.yaml: a profile is a mapping of keys, this is a single value"),
        ("host: {modules: [\n", "own.yaml: not readable as YAML: "),
        ("host: {}\nhost: {}\n", "own.yaml: not readable as YAML: "),
        ("\x00", "own.yaml: not readable as YAML: "),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_its_place_and_fix(text: str, said: str, directory: Path) -> None:
    assert refusal(text, directory).startswith(said)


def test_an_error_in_what_is_extended_names_that_file(directory: Path) -> None:
    (directory / "parent.yaml").write_text("host:\n  modules: 7\n")
    assert refusal("extends: parent.yaml\nruntime: {}\n", directory).startswith("parent.yaml:2: host.modules:")


def test_a_longer_circle_of_extends_is_refused(directory: Path) -> None:
    (directory / "a.yaml").write_text("extends: b.yaml\n")
    (directory / "b.yaml").write_text("extends: own.yaml\n")
    assert "extends itself by way of" in refusal("extends: a.yaml\n", directory)


def test_every_mistake_is_told_at_once(directory: Path) -> None:
    lines = refusal("hots: {}\nhost:\n  modules: 7\n", directory).splitlines()
    assert [line.split(": ")[0] for line in lines] == ["own.yaml:3", "own.yaml:1"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "aliyun-kubeadm-1.25",
            "--profile=aliyun-kubeadm-1.25: no profile 'aliyun-kubeadm-1.25'; did you mean 'aliyun-",
        ),
        ("zzz", "--profile=zzz: no profile 'zzz'; profiles that come with trueup: aliyun-kubeadm-1.24, "),
        ("./gone.yaml", "--profile=./gone.yaml: no profile "),
        ("../base", "--profile=../base: no profile "),
        ("/", "--profile=/: no profile "),
    ],
)
def test_a_profile_that_is_not_there_is_named_with_those_that_are(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(said)}"):
        profile.load(name)


def test_a_file_that_is_not_utf8_is_refused(directory: Path) -> None:
    (directory / "own.yaml").write_bytes(b"name: \xff\xfe\n")
    with pytest.raises(UsageError, match=r"own\.yaml: not readable as YAML"):
        profile.load("own.yaml")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.datetimes()
KEYS = st.sampled_from(
    ["host", "modules", "sysctl", "runtime", "runc", "version", "extends", "hosts", "waivers", "requirement", "roles"]
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.text(max_size=3) | st.integers() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.text(max_size=30) | TREES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
def test_any_file_is_read_or_refused_in_words(directory: Path, content: object) -> None:
    path = directory / "own.yaml"
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8") as file:
            YAML().dump(content, file)
    with suppress(UsageError):
        profile.load("own.yaml").spec("any")


@pytest.mark.parametrize(
    "value", ["31337731", "31337731.5", "'s3cr3t-and-too-long'", "[s3cr3t31337731]", "{a: s3cr3t31337731}"]
)
@pytest.mark.parametrize(
    "form", ["lb: {{vrrp: {{auth_pass: {}}}}}", "hosts: {{lb1: {{lb: {{vrrp: {{auth_pass: {}}}}}}}}}"]
)
def test_a_secret_that_is_wrong_is_not_shown(directory: Path, form: str, value: str) -> None:
    said = refusal(form.format(value), directory)
    assert "auth_pass: " in said and "«redacted»" in said
    assert "31337731" not in said and "s3cr3t" not in said


def test_a_secret_does_not_show_in_what_is_around_it(directory: Path) -> None:
    said = refusal("lb: {vrrp: [{auth_pass: s3cr3t31}]}", directory)
    assert "lb.vrrp: " in said and "s3cr3t31" not in said
