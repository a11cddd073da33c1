"""The names under which systemd and containerd know what a unit file or a configuration file says."""

import pytest

from trueup.facts.host.kernel import proc_path
from trueup.facts.host.systemd import Unit, seconds
from trueup.facts.runtime.config_keys import dotted, readable, version_of


@pytest.mark.parametrize(
    ("span", "plain"),
    [("5s", "5"), ("5", "5"), ("1min 30s", "90"), ("100ms", "0.1"), ("2h", "7200"), ("infinity", "infinity"), ("", "")],
)
def test_a_time_span_reads_as_seconds(span: str, plain: str) -> None:
    assert seconds(span) == plain


@pytest.mark.parametrize("loaded", ["infinity", "18446744073709551615"])
def test_infinity_is_infinity_in_every_release_of_systemd(loaded: str) -> None:
    assert Unit({"TasksMax": loaded}).satisfies("TasksMax", "infinity")


def test_a_unit_may_come_after_more_than_what_is_asked_for_but_not_after_less() -> None:
    unit = Unit({"After": "basic.target network.target local-fs.target"})
    assert unit.satisfies("After", "network.target local-fs.target")
    assert not unit.satisfies("After", "network.target dbus.service")


@pytest.mark.parametrize(
    ("key", "file"),
    [
        ("net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "/proc/sys/net/ipv4/ip_forward"),
        ("net.ipv4.conf.enp3s0/200.forwarding", "/proc/sys/net/ipv4/conf/enp3s0.200/forwarding"),
        ("net/ipv4/conf/enp3s0.200/forwarding", "/proc/sys/net/ipv4/conf/enp3s0.200/forwarding"),
    ],
)
def test_the_first_separator_of_a_kernel_parameter_says_which_one_separates(key: str, file: str) -> None:
    assert proc_path(key) == file


@pytest.mark.parametrize(
    ("release", "oldest", "newest"),
    [
        ("1.2.13", 1, 1),
        ("1.3.3", 1, 2),
        ("1.6.20~ds1", 1, 2),
        ("2.0.0", 2, 3),
        ("2.2.1", 2, 3),
        ("2.3.0", 2, 4),
        ("", 1, 1),
    ],
)
def test_a_containerd_release_uses_configurations_from_one_version_to_another(
    release: str, oldest: int, newest: int
) -> None:
    assert readable(release) == (oldest, newest)


@pytest.mark.parametrize(
    ("given", "version"), [({}, 1), ({"version": 2}, 2), ({"version": 9}, 0), ({"version": "2"}, 0)]
)
def test_a_configuration_without_a_version_is_the_first(given: dict[str, object], version: int) -> None:
    assert version_of(given) == version


def test_a_path_with_dots_in_a_part_is_quoted_as_toml_does() -> None:
    assert dotted(("plugins", "io.containerd.grpc.v1.cri", "sandbox_image")) == (
        'plugins."io.containerd.grpc.v1.cri".sandbox_image'
    )
