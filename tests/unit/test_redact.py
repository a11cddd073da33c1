"""Redaction removes every secret, and the rest of the document still parses."""

import json
import tomllib

import pytest
import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trueup.redact import HIDDEN, digest, redact

ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
PLAIN = st.text(ALPHABET, min_size=12, max_size=24).map(lambda tail: f"S3cr{tail}")
ODD = st.text(ALPHABET + " ,;:}]{[#%&!*+/=.@-_\"'\\", max_size=8).map(lambda tail: f"S3cr3tS3cr3t{tail}S3cr3tS3cr3t")
KEYS = st.sampled_from(
    ["password", "registry_password", "passwd", "client-secret", "secretKey", "token", "identitytoken", "auth",
     "Authorization", "X-Auth-Token", "client-key-data", "certificate-key", "api_key", "AWS_SECRET_ACCESS_KEY"]
)  # fmt: skip
AROUND = st.text(max_size=40)


def hidden(secret: str, text: str) -> None:
    shown = redact(text)
    assert secret not in shown
    assert not any(part in shown for part in secret.split() if len(part) > 9), shown
    assert HIDDEN in shown


@given(AROUND, st.sampled_from(["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "]), AROUND, st.booleans())
def test_a_private_key_is_hidden_whatever_surrounds_it(before: str, kind: str, after: str, cut_off: bool) -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQC7"
    end = "" if cut_off else f"\n-----END {kind}PRIVATE KEY-----{after}"
    shown = redact(f"{before}-----BEGIN {kind}PRIVATE KEY-----\n{body}{end}")
    assert not any(line in shown for line in body.splitlines())


def test_a_certificate_is_no_secret() -> None:
    text = "-----BEGIN CERTIFICATE-----\nMIIDdzCC\n-----END CERTIFICATE-----\n"
    assert redact(text) == text


@given(
    st.from_regex(r"[a-z0-9]{6}\.[a-z0-9]{16}", fullmatch=True),
    st.sampled_from(["", "--token ", "kubeadm join 10.0.4.8:6443 --token ", "\n", '"', "<", "("]),
    st.sampled_from(["", " --discovery-token-ca-cert-hash sha256:0", "\n", '"', ",", ">"]),
)
def test_a_bootstrap_token_is_hidden_wherever_it_stands(token: str, before: str, after: str) -> None:
    hidden(token, f"{before}{token}{after}")


@given(KEYS, ODD, st.sampled_from(["basic", "literal", "inline"]), AROUND)
def test_a_secret_in_toml_is_hidden_and_the_document_still_parses(key: str, secret: str, form: str, note: str) -> None:
    document = tomlkit.document()
    document["note"] = note
    if form == "inline":
        table = tomlkit.inline_table()
        table.update({key: secret, "user": "admin"})
        document["registry"] = table
    else:
        literal = form == "literal" and "'" not in secret
        document[key] = tomlkit.string(secret, literal=literal)
        document["user"] = "admin"
    text = tomlkit.dumps(document)
    assert "S3cr3tS3cr3t" not in redact(text)
    kept = tomllib.loads(redact(text))
    assert kept.get("registry", kept)["user"] == "admin"


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=12) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
))  # fmt: skip
@example({"auth": {"token": ["a", "b"], "x": "token=", "y": "password: 'q'"}})
@example({"password": [{":": False, ";": False}, []]})
@example({"token": 5, "args": ["--password=x", "--other"]})
def test_any_redacted_toml_still_parses(value: object) -> None:
    def without_null(node: object) -> object:
        if isinstance(node, dict):
            return {k: without_null(v) for k, v in node.items() if v is not None}
        return [without_null(v) for v in node if v is not None] if isinstance(node, list) else node

    tree = without_null(value)
    text = tomlkit.dumps(tree if isinstance(tree, dict) else {"value": "" if tree is None else tree})
    tomllib.loads(text)
    tomllib.loads(redact(text))


@given(KEYS, ODD)
@settings(max_examples=60)
def test_a_secret_in_json_is_hidden_and_the_document_still_parses(key: str, secret: str) -> None:
    for indent in (None, 2):
        shown = redact(json.dumps({"auths": {"harbor.magedu.net": {key: secret, "user": "admin"}}}, indent=indent))
        assert "S3cr3tS3cr3t" not in shown
        assert json.loads(shown)["auths"]["harbor.magedu.net"]["user"] == "admin"


@given(KEYS, PLAIN, st.sampled_from(["{}", '"{}"', "'{}'", "|\n    {}", ">-\n    {}", "with spaces, and {}"]))
@settings(max_examples=60)
def test_a_secret_in_yaml_is_hidden_and_the_document_still_parses(key: str, secret: str, form: str) -> None:
    text = f"users:\n- name: admin\n  {key}: {form.format(secret)}\n  groups: [a, b]\n"
    hidden(secret, text)
    assert YAML(typ="safe").load(redact(text))["users"][0]["groups"] == ["a", "b"]


@given(KEYS, PLAIN)
@settings(max_examples=60)
def test_a_secret_in_a_yaml_flow_mapping_is_hidden_and_the_document_still_parses(key: str, secret: str) -> None:
    text = f"registry: {{{key}: {secret}, user: admin}}\n"
    hidden(secret, text)
    assert YAML(typ="safe").load(redact(text))["registry"]["user"] == "admin"


@pytest.mark.parametrize(
    "text",
    [
        "auth_type PASS\n        auth_pass S3cr3tS3\n    }",
        'auth_pass "S3cr3tS3"',
        "Authorization: Bearer S3cr3tS3.abc-def_x",
        "authorization: basic S3cr3tS3==",
        "curl -H 'Authorization: Bearer S3cr3tS3' https://x",
        "GET /v2/ HTTP/1.1 with bearer S3cr3tS3xyz failed",
        '[host."https://r".header]\n  authorization = ["Basic S3cr3tS3"]',
        '[host."https://r".header]\n  x-auth-token = [\n    "S3cr3tS3",\n  ]',
        "kubeadm join --certificate-key=S3cr3tS3 --v=5",
        'Environment="TOKEN=S3cr3tS3" "OTHER=x"',
        "endpoint = ['https://robot:S3cr3tS3@mirror.example/v2/']",
        "password=pre,S3cr3tS3}x",
        'password: "S3cr3tS3',
    ],
)
def test_a_secret_in_another_notation_is_hidden(text: str) -> None:
    assert "S3cr3tS3" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "host.sysctl.ip_forward\n",
        "--authorization-mode=Node,RBAC --anonymous-auth=false",
        "authorization:\n  mode: Webhook\n",
        'sandbox_image = "registry.k8s.io/pause:3.10"\n',
        "After=local-fs.target network.target basic.target\n",
        "net.ipv4.ip_forward=1\nkernel.core_pattern=core\n",
        "auth_type PASS",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(AROUND)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("    auth_pass S3cr3t", f"    auth_pass {HIDDEN}"),
        ('+\tauth_pass\t"S3 cr3t" # S3', f"+\tauth_pass\t{HIDDEN}"),
        ("authentication { auth_type PASS", "authentication { auth_type PASS"),
        ("auth_pass S3cr3t } }", f"auth_pass {HIDDEN} }} }}"),
        ('|auth_pass "S3cr3t', f"|auth_pass {HIDDEN}"),
        ("auth_pass: 'S3cr3t'", f"auth_pass: '{HIDDEN}'"),
        ("auth_pass «another»", "auth_pass «another»"),  # how it compares, which is no secret
    ],
)
def test_a_password_of_keepalived_is_hidden_and_the_braces_around_it_stay(line: str, shown: str) -> None:
    assert redact(f"a\n{line}\nb") == f"a\n{shown}\nb"


def test_a_digest_tells_nothing_of_a_short_secret() -> None:
    one, two = (f"vrrp_instance VI {{\n  auth_pass {word}\n  priority {100}\n}}\n" for word in ("1234", "9876"))
    assert digest(one) == digest(two)
    assert digest(one) != digest(one.replace("100", "90"))
