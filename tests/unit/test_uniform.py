"""Hosts that differ from their role: in versions of programs, kernel parameters, containerd's configuration."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from trueup.checks.claims.uniform import odd
from trueup.facts.across import fingerprint
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks")
WORKERS = {"worker": ["w1", "w2", "w3"]}
SYSTEM = "system\tdebian 12, kernel 6.1.0-26-amd64\n"
CRI = 'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nmax_concurrent_downloads = {}\n'


def test_hosts_are_compared_once_all_that_changes_what_is_compared_is_done() -> None:
    order = catalog.order()
    before = ("runtime.cni.plugins", "kube.init", "kube.join", "runtime.containerd.registry_mirrors")
    assert max(map(order.index, before)) < order.index("cluster.config.uniform")


def said(deviations: list[Deviation]) -> list[tuple[str, str, str]]:
    return [(d.where, d.expected, d.found) for d in deviations]


def test_hosts_that_are_alike_are_not_odd() -> None:
    assert odd(WORKERS, {host: {"a": "1"} for host in ("w1", "w2", "w3")}) == []


def test_the_odd_one_is_named_against_the_most() -> None:
    found = {"w1": {"a": "1"}, "w2": {"a": "2"}, "w3": {"a": "1"}}
    assert said(odd(WORKERS, found)) == [("a on w2", "1, as on w1, w3", "2")]


def test_where_there_is_no_most_all_are_named() -> None:
    found = {"w1": {"a": "1"}, "w2": {"a": "2"}}
    assert said(odd(WORKERS, found)) == [("a", "the same on all hosts of worker", "1 on w1; 2 on w2")]
    found["w3"] = {"a": "3"}
    assert said(odd(WORKERS, found)) == [("a", "the same on all hosts of worker", "1 on w1; 2 on w2; 3 on w3")]


def test_roles_are_not_compared_with_each_other() -> None:
    found = {"cp1": {"a": "1"}, "w1": {"a": "2"}}
    assert odd({"control-plane": ["cp1"], "worker": ["w1"]}, found) == []


def test_two_that_have_two_roles_are_named_once() -> None:
    found = {"cp1": {"a": "1"}, "cp2": {"a": "2"}, "cp3": {"a": "1"}}
    groups = {"control-plane": list(found), "worker": list(found)}
    assert len(odd(groups, found)) == 1


def test_what_a_host_does_not_have_is_odd_only_where_that_has_a_name() -> None:
    found = {"w1": {"a": "1"}, "w2": {}, "w3": {"a": "1"}}
    assert odd(WORKERS, found) == []
    assert said(odd(WORKERS, found, absent="not set")) == [("a on w2", "1, as on w1, w3", "not set")]


def test_many_hosts_are_counted() -> None:
    found = {f"w{n}": {"a": "2" if n == 7 else "1"} for n in range(100)}
    [(_, expected, _)] = said(odd({"worker": list(found)}, found))
    assert expected == "1, as on w0, w1, w2, w3 and 95 more"


def judge(id: str, spec: Spec, hosts: Mapping[str, Mapping[str, str]], role: str = "worker") -> list[Deviation]:
    views = {
        host: HostFacts(Snapshot(host, raws={name: Raw(0, text) for name, text in answers.items()}))
        for host, answers in hosts.items()
    }
    facts = FleetFacts(views, {}, None, dict.fromkeys(views, frozenset({role, "node"})))
    try:
        catalog.requirements[id].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    assert facts.silent == {}
    return []


def test_one_older_containerd_is_named_with_what_puts_it_right_and_its_other_system(spec: Spec) -> None:
    new = f"{SYSTEM}containerd\t1.6.20~ds1-1 of package containerd\n"
    old = "system\tdebian 11, kernel 5.10.0-32-amd64\ncontainerd\t1.4.13~ds1-1 of package containerd\n"
    [deviation] = judge("cluster.versions.uniform", spec, {h: {"uniform.versions": t} for h, t in
                        {"w1": new, "w2": old, "w3": new}.items()})  # fmt: skip
    assert said([deviation]) == [
        (
            "containerd on w2",
            "1.6.20~ds1-1 of package containerd, as on w1, w3",
            "1.4.13~ds1-1 of package containerd",
        )
    ]
    assert deviation.hint == (
        "they run on debian 11, kernel 5.10.0-32-amd64; "
        "runtime.containerd.version fixes it where the profile names one version"
    )


def test_another_kernel_alone_is_not_odd(spec: Spec) -> None:
    """It is so in every rolling reboot."""
    texts = {"w1": SYSTEM, "w2": SYSTEM.replace("6.1.0-26", "6.1.0-27")}
    assert judge("cluster.versions.uniform", spec, {h: {"uniform.versions": t} for h, t in texts.items()}) == []


def answers(containerd: str = "1.6.20", downloads: int | None = 3, somaxconn: str = "4096") -> dict[str, str]:
    return {
        "uniform.versions": f"{SYSTEM}containerd\t{containerd}\n" if downloads is not None else SYSTEM,
        "uniform.sysctl": f"net.core.somaxconn={somaxconn}\n",
        "containerd.dump": CRI.format(downloads) if downloads is not None else "absent\n",
    }


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (answers(), []),
        (answers(somaxconn="128"), [("net.core.somaxconn on w3", "4096, as on w1, w2", "128")]),
        (
            answers(downloads=9),
            [
                (
                    "containerd's plugins.io.containerd.grpc.v1.cri.max_concurrent_downloads on w3",
                    "3, as on w1, w2",
                    "9",
                )
            ],
        ),
        (answers(containerd="2.1.4", downloads=9), []),  # which has other defaults, as cluster.versions.uniform says
        (answers(downloads=None), []),
    ],
)
def test_what_is_set_otherwise_on_one_host_is_named(
    spec: Spec, other: dict[str, str], found: list[tuple[str, str, str]]
) -> None:
    hosts = {"w1": answers(), "w2": answers(), "w3": other}
    assert said(judge("cluster.config.uniform", spec, hosts)) == found


def test_settings_that_may_differ_are_left_out() -> None:
    config = {"root": "/data", "plugins": {"a.b": {"on": True, "list": [1, 2]}}}
    assert fingerprint.settings(config, ["root", "*.list"]) == {"containerd's plugins.a.b.on": "true"}


def test_a_hint_names_requirements_that_are_there() -> None:
    from trueup.checks.test_cluster import _FIXED_BY

    catalog.load("trueup.remediations")
    assert set(_FIXED_BY.values()) <= set(catalog.remedies)
