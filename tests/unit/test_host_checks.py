"""The checks of swap, package sources and the clock, on answers of a host."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from trueup.errors import CouldNotLook
from trueup.model.catalog import catalog
from trueup.model.claims import Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

CAPTURED = Path(__file__).parent / "facts/captured"
catalog.load("trueup.checks")
SEED = load("aliyun-kubeadm-1.24").spec("any")


def check(id: str, facts: HostFacts, spec: Spec) -> None:
    catalog.requirements[id].check(facts, spec)


def host(answers: Mapping[str, str]) -> HostFacts:
    """Facts whose answers are captured ones."""
    texts = {fact: (CAPTURED / fact / f"{name}.txt").read_text(encoding="utf-8") for fact, name in answers.items()}
    return HostFacts(Snapshot("h", raws={fact: Raw(0, text) for fact, text in texts.items()}))


NO_SWAP = {"swap.active": "debian12", "swap.fstab": "debian12-commented-out", "swap.units": "debian12-none"}


def test_a_host_without_swap_is_good(spec: Spec) -> None:
    check("host.swap", host(NO_SWAP), spec)


@pytest.mark.parametrize(
    ("fact", "name", "layer", "found"),
    [
        ("swap.active", "zram-file-and-partition", "effective", ["/dev/zram0", "/var/swap file", "/dev/dm-1"]),
        ("swap.fstab", "ubuntu2004", "persistent", ["UUID=22222222-0d3c-4f0e-9f3e-1f0a6f3f7c11", "/swap file"]),
        ("swap.units", "debian12-all-kinds", "persistent", ["enabled", "enabled", "generated"]),
    ],
)
def test_swap_is_named_by_layer_and_place(spec: Spec, fact: str, name: str, layer: str, found: list[str]) -> None:
    with pytest.raises(Unmet) as caught:
        check("host.swap", host(NO_SWAP | {fact: name}), spec)
    assert {d.layer for d in caught.value.deviations} == {layer}
    assert [d.found for d in caught.value.deviations] == found


def test_zram_is_named_as_such(spec: Spec) -> None:
    with pytest.raises(Unmet) as caught:
        check("host.swap", host(NO_SWAP | {"swap.units": "debian12-all-kinds"}), spec)
    hints = {d.where: d.hint for d in caught.value.deviations}
    assert hints == {
        "zramswap.service": "swap in compressed memory, made by zram-tools",
        "dev-disk-by\\x2dlabel-swap.swap": "",
        "dev-zram0.swap": "swap in compressed memory, made by a zram generator or zram-tools",
    }


def test_a_profile_that_ignores_swap_asks_nothing_of_the_host() -> None:
    check("host.swap", HostFacts(Snapshot("h", raws={"swap.active": Raw(1, "")})), SEED)


def test_swap_that_cannot_be_looked_at_is_not_absent(spec: Spec) -> None:
    facts = host(NO_SWAP)
    facts.snapshot.raws["swap.units"] = Raw(127, "", "sh: systemctl: not found")
    with pytest.raises(CouldNotLook, match="tool missing"):
        check("host.swap", facts, spec)


def test_a_list_of_another_release_is_said_of_the_host_and_of_the_profile() -> None:
    with pytest.raises(Unmet) as caught:
        check("host.apt.sources", host({"apt.sources": "ubuntu2204-list-of-focal"}), SEED)
    said = [(d.expected, d.found, d.where) for d in caught.value.deviations]
    jammy = "suites of jammy, which this host runs"
    assert said == [
        (jammy, "focal", "/etc/apt/sources.list:2"),
        (jammy, "focal-updates", "/etc/apt/sources.list:4"),
        (jammy, "focal-backports", "/etc/apt/sources.list:5"),
        (jammy, "focal-security", "/etc/apt/sources.list:6"),
        (jammy, "focal focal-updates focal-backports focal-security", "the profile"),
    ]


def test_the_list_of_the_guide_is_right_on_the_release_that_it_is_for() -> None:
    facts = host({"apt.sources": "ubuntu2204-list-of-focal"})
    raw = facts.snapshot.raws["apt.sources"]
    facts.snapshot.raws["apt.sources"] = Raw(0, raw.out.replace("jammy", "focal", 1))
    check("host.apt.sources", facts, SEED)


def test_what_is_malformed_and_what_is_missing_is_told_apart() -> None:
    with pytest.raises(Unmet) as caught:
        check("host.apt.sources", host({"apt.sources": "malformed"}), load("lab").spec("w1"))
    expected = [d.expected for d in caught.value.deviations]
    assert expected == ["a well-formed entry"] * 12 + ["./"]
    assert (caught.value.deviations[-1].found, caught.value.deviations[-1].layer) == ("not listed", "declared")


@pytest.mark.parametrize(
    ("synchronised", "services", "layers"),
    [
        ("timesyncd", "ubuntu2204-chrony", []),
        ("chrony-without-rtcsync", "ubuntu2204-chrony", []),
        ("debian12", "ubuntu2204-chrony", ["effective"]),
        ("timesyncd", "debian12-none", ["effective", "persistent"]),
        ("debian12", "debian12-none", ["effective", "effective", "persistent"]),
    ],
)
def test_the_clock_is_right_and_somebody_sees_to_it(
    spec: Spec, synchronised: str, services: str, layers: list[str]
) -> None:
    facts = host({"clock.synchronised": synchronised, "clock.services": services})
    if not layers:
        check("host.time.synchronised", facts, spec)
        return
    with pytest.raises(Unmet) as caught:
        check("host.time.synchronised", facts, spec)
    assert [d.layer for d in caught.value.deviations] == layers


def test_a_time_service_that_does_not_start_at_boot_is_not_enough(spec: Spec) -> None:
    facts = host({"clock.synchronised": "timesyncd", "clock.services": "ubuntu2204-chrony"})
    raw = facts.snapshot.raws["clock.services"]
    facts.snapshot.raws["clock.services"] = Raw(0, raw.out.replace("UnitFileState=enabled", "UnitFileState=disabled"))
    with pytest.raises(Unmet) as caught:
        check("host.time.synchronised", facts, spec)
    [deviation] = caught.value.deviations
    assert (deviation.layer, deviation.found) == ("persistent", "chrony.service active and disabled")


@pytest.mark.parametrize("id", [id for id in catalog.requirements if id.startswith("host.sysctl.")])
def test_a_kernel_parameter_has_the_profiles_value_now_and_after_a_reboot(id: str, spec: Spec) -> None:
    key = catalog.requirements[id].key.removeprefix("host.sysctl.")
    wanted = spec.host.sysctl[key]

    def facts(now: str, boot: str) -> HostFacts:
        answers = {
            "kernel.sysctl": f"{key}={now}",
            "kernel.sysctl_files": f"@/etc/sysctl.d/9.conf\t/9.conf\n|{key}={boot}",
        }
        return HostFacts(Snapshot("h", raws={fact: Raw(0, text) for fact, text in answers.items()}))

    check(id, facts(wanted, wanted), spec)
    for now, boot, layers in (("9", wanted, {"effective"}), (wanted, "9", {"persistent"})):
        with pytest.raises(Unmet) as unmet:
            check(id, facts(now, boot), spec)
        assert {each.layer for each in unmet.value.deviations} == layers
        assert [(each.expected, each.found) for each in unmet.value.deviations] == [(wanted, "9")]
