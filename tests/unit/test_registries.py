"""Mirrors: what is no URL, and the hosts.toml that is written of those that are."""

import tomllib

import pytest

from trueup.facts.registries import mistake, render, server
from trueup.profiles.schema import Registry


def wanted(registry: str, *mirrors: str, **ca: str) -> Registry:
    return Registry(config_path="/etc/containerd/certs.d", mirrors={registry: list(mirrors)}, **ca)


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
        ("https://mir ror", "it names no host"),
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
