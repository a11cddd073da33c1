"""A profile says what ought to be: base, what extends it, and what differs on a host."""

import datetime
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import UsageError
from trueup.facts.host.packages import within
from trueup.facts.kube.kubeadm import known_pause, tag
from trueup.model import profile
from trueup.model.catalog import Requirement, catalog
from trueup.model.profile import LoadedProfile

ROOT = Path(__file__).parents[2]
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "own.yaml") -> str:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.mark.parametrize("name", profile.shipped())
def test_a_shipped_profile_loads_and_has_a_name(name: str) -> None:
    loaded = profile.load(name)
    assert loaded.name == name
    assert loaded.spec("any").runtime.containerd.version


@pytest.mark.parametrize("name", [name for name in profile.shipped() if name != "base"])
def test_a_shipped_profile_goes_on_from_base(name: str) -> None:
    spec, base = profile.load(name).spec("any"), profile.load("base").spec("any")
    assert spec.host.modules == base.host.modules
    assert spec.host.preflight.kernel_config == base.host.preflight.kernel_config


@pytest.mark.parametrize("name", profile.shipped())
def test_a_version_in_a_shipped_profile_is_text_for_everyone_who_copies_it(name: str) -> None:
    text = (ROOT / f"profiles/{name}.yaml").read_text()
    written = re.findall(r"""\bversion: *([^ ,}\n]+)""", text)
    assert [value for value in written if value[0] not in '"v'] == []


COMPLETED = ("lab", "kubeadm-ha")  # by the lab, and by who uses it


@pytest.mark.parametrize("name", [name for name in profile.shipped() if name not in COMPLETED])
def test_a_shipped_profile_has_a_value_for_all_that_it_selects(name: str) -> None:
    catalog.load("trueup.checks", "trueup.remediations")
    loaded = profile.load(name)
    spec = loaded.spec("any")
    selected = [found for found in catalog.requirements.values() if loaded.selects(found)]
    assert [f"{found.id}: {found.key}" for found in selected if not spec.holds(found.key)] == []
    catalog.known(loaded.profile.select, loaded.name)


def test_several_control_planes_have_all_values_with_what_the_head_of_their_profile_asks_for(write: Write) -> None:
    catalog.load("trueup.checks", "trueup.remediations")
    own = re.findall("^#   (.*)$", (ROOT / "profiles/kubeadm-ha.yaml").read_text(), re.M)
    write((ROOT / "lab/manifests/calico.yaml").read_text(), "calico.yaml")
    loaded = profile.load(write("\n".join(own)))
    catalog.known(loaded.profile.select, loaded.name)
    for host in ("cp1", "cp2", "cp3", "w1", "lb1", "lb2", "reg1"):
        roles = loaded.roles(host)
        selected = [
            found
            for found in catalog.requirements.values()
            if loaded.selects(found) and (not found.roles or found.roles & roles)
        ]
        assert selected
        assert [found.id for found in selected if not loaded.spec(host).holds(found.key)] == []
    spec, vrrp = loaded.spec("lb1"), [loaded.spec(host).lb.vrrp for host in ("lb1", "lb2")]
    [listen] = spec.lb.listens
    assert listen.bind == spec.kube.cluster.endpoint
    assert listen.bind.partition(":")[0] == spec.lb.vip.address
    hosts = {server.name: server.address.partition(":")[0] for server in listen.servers}
    assert hosts == {name: loaded.spec(name).kube.cluster.advertise_address for name in ("cp1", "cp2", "cp3")}
    assert [each.state for each in vrrp] == ["MASTER", "BACKUP"]
    assert vrrp[0].priority > vrrp[1].priority
    assert spec.kube.version == profile.load("kubeadm-1.35").spec("any").kube.version


def test_several_control_planes_without_their_addresses_are_no_run() -> None:
    catalog.load("trueup.checks", "trueup.remediations")
    loaded = profile.load("kubeadm-ha")
    assert not loaded.spec("cp1").holds(catalog.requirements["kube.init.advertise_address"].key)


@pytest.mark.parametrize("name", profile.shipped())
def test_what_a_shipped_profile_fetches_has_its_checksums(name: str) -> None:
    runtime = profile.load(name).spec("any").runtime
    for part in (runtime.containerd, runtime.runc, runtime.nerdctl, runtime.cni):
        if part.binary:
            assert "{version}" in part.binary.url
            assert set(part.binary.sha256) == {"amd64", "arm64"}
            assert all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in part.binary.sha256.values())


@pytest.mark.parametrize("name", ["kubeadm-1.34", "kubeadm-1.35"])
def test_a_profile_of_a_minor_is_of_one_piece(name: str) -> None:
    spec = profile.load(name).spec("any")
    minor = name.removeprefix("kubeadm-")
    assert spec.kube.version.startswith(f"v{minor}.")
    assert within(f"{spec.kube.version[1:]}-1.1", spec.kube.packages.version)
    assert spec.kube.apt.repository
    assert f"/v{minor}/" in spec.kube.apt.repository.uri
    assert f"/v{minor}/" in spec.kube.apt.repository.key
    assert tag(spec.runtime.containerd.sandbox_image) == known_pause(spec.kube.version)
    assert "LimitNOFILE" not in spec.runtime.containerd.unit


def test_what_extends_a_profile_changes_only_what_it_names(write: Write) -> None:
    write("name: parent\ndescription: d\nhost:\n  modules: [a, b]\n  sysctl: {x.y: '1', x.z: '2'}\n", "parent.yaml")
    loaded = profile.load(write("extends: parent.yaml\nhost:\n  modules: [c]\n  sysctl: {x.z: '3'}\n"))
    spec = loaded.spec("any")
    assert spec.host.modules == ["c"]  # a list is replaced
    assert spec.host.sysctl == {"x.y": "1", "x.z": "3"}  # a mapping is merged
    assert loaded.name == "own"  # its own, not its parent's


def test_extends_is_relative_to_the_file_that_says_so(write: Write) -> None:
    write("host: {modules: [from-sub]}\n", "sub/base.yaml")
    write("extends: ./base.yaml\n", "sub/middle.yaml")
    assert profile.load(write("extends: sub/middle.yaml\n")).spec("any").host.modules == ["from-sub"]


def test_a_value_that_the_schema_assumes_is_not_one_that_the_profile_gives(write: Write) -> None:
    spec = profile.load(write("runtime:\n  containerd: {package: containerd}\nhost: {sysctl: {a.b: '1'}}\n")).spec(
        "any"
    )
    assert spec.holds("runtime.containerd.package")
    assert not spec.holds("runtime.containerd.service")
    assert spec.holds("host.sysctl.a.b")
    assert not spec.holds("host.sysctl.a")
    assert not spec.holds("no.such.key")


HOSTS = """\
host: {sysctl: {a.b: "1", a.c: "1"}}
hosts:
  "node*": {host: {sysctl: {a.b: "2"}}}
  "node2": {host: {sysctl: {a.b: "3"}}}
  "@edge": {host: {sysctl: {a.c: "9"}}}
"""


@pytest.mark.parametrize(
    ("host", "groups", "values"),
    [
        ("other", [], {"a.b": "1", "a.c": "1"}),
        ("node1", [], {"a.b": "2", "a.c": "1"}),
        ("node2", [], {"a.b": "3", "a.c": "1"}),
        ("node1", ["edge"], {"a.b": "2", "a.c": "9"}),
        ("edge", [], {"a.b": "1", "a.c": "1"}),
    ],
)
def test_overrides_are_laid_over_in_order_for_the_hosts_that_match(
    write: Write, host: str, groups: list[str], values: dict[str, str]
) -> None:
    assert profile.load(write(HOSTS)).spec(host, groups).host.sysctl == values


def test_a_host_has_the_roles_whose_patterns_match_its_name_or_group(write: Write) -> None:
    loaded = profile.load(write("roles: {cp: ['cp*', '@masters'], worker: ['w[0-9]'], none: []}\n"))
    assert loaded.roles("cp1") == {"cp", "node"}
    assert loaded.roles("w3", ["masters"]) == {"cp", "worker", "node"}
    assert loaded.roles("worker") == {"node"}
    assert loaded.roles("masters") == {"node"}


def test_only_a_machine_beside_the_cluster_is_no_node(write: Write) -> None:
    loaded = profile.load(write("roles: {load-balancer: ['lb*', all], registry: ['reg*'], worker: [all]}\n"))
    assert loaded.roles("lb1") == {"load-balancer"}
    assert loaded.roles("reg1") == {"registry"}
    assert loaded.roles("all") == {"load-balancer", "worker", "node"}


def waived(write: Write, expires: datetime.date) -> LoadedProfile:
    return profile.load(
        write(f"""\
waivers:
  - requirement: host.sysctl.*
    hosts: ["node*"]
    reason: being replaced
    approver: jo
    expires: {expires}
""")
    )


TODAY = datetime.datetime.now(datetime.UTC).date()


@pytest.mark.parametrize(("days", "counts"), [(-1, False), (0, True), (30, True)])
def test_a_waiver_counts_to_the_end_of_its_last_day(write: Write, days: int, counts: bool) -> None:
    loaded = waived(write, TODAY + datetime.timedelta(days=days))
    assert bool(loaded.waiver("host.sysctl.ip_forward", "node1")) is counts


def test_a_waiver_covers_only_the_requirements_and_hosts_that_it_names(write: Write) -> None:
    loaded = waived(write, TODAY)
    assert loaded.waiver("host.sysctl.ip_forward", "other") is None
    assert loaded.waiver("host.swap", "node1") is None
    assert loaded.waiver("host.sysctl.ip_forward", "node1").approver == "jo"


def test_an_expired_waiver_does_not_hide_one_that_still_counts(write: Write) -> None:
    entry = "- {{requirement: a.b, reason: r, approver: {}, expires: {}}}\n"
    text = "waivers:\n" + entry.format("old", TODAY - datetime.timedelta(1)) + entry.format("new", TODAY)
    assert profile.load(write(text)).waiver("a.b", "h").approver == "new"


def test_the_json_schema_knows_the_keys_and_refuses_others() -> None:
    schema = json.loads(profile.schema())
    assert {"extends", "select", "waivers", "runtime"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_the_schema_file_is_up_to_date() -> None:
    assert (ROOT / "profiles/profile.schema.json").read_text() == profile.schema(), "run `make schema`"


TREES = st.recursive(
    st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=6
)


@given(st.dictionaries(st.sampled_from("abc"), TREES), st.dictionaries(st.sampled_from("abc"), TREES))
def test_merging_keeps_everything_that_is_not_named_and_changes_neither_side(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    before = json.dumps([base, over])
    merged = profile.merge(base, over)
    assert json.dumps([base, over]) == before
    assert set(merged) == set(base) | set(over)
    assert all(merged[key] == base[key] for key in set(base) - set(over))
    assert profile.merge(merged, over) == merged


def requirement(id: str, since: str = "2026.12", *, shipped: bool = True) -> Requirement:
    catalog.load("trueup.checks")
    return replace(catalog.requirements["host.swap"], id=id, since=since, shipped=shipped)


@pytest.mark.parametrize(
    ("text", "selected", "off"),
    [
        ("", "old own", "new newest"),
        ("catalogue: '2027.01'\n", "old own new", "newest"),
        ("catalogue: '2027.11'\n", "old own new newest", ""),
        ("select: [+host.newest]\n", "old own newest", "new"),
        ("select: [+host.newest, '!host.new*']\n", "old own", ""),
        ("select: [+host.new*]\n", "old own", "new newest"),
        ("select: ['!@own']\n", "old", "new newest"),
        ("select: ['@own']\n", "own", ""),
    ],
)
def test_what_came_with_trueup_after_the_catalogue_of_a_profile_is_off_until_the_profile_says_so(
    write: Write, text: str, selected: str, off: str
) -> None:
    write("select: ['host.*']\n", "parent.yaml")
    loaded = profile.load(write(f"extends: parent.yaml\n{text}"))
    all_ = [
        requirement("host.old"), requirement("host.new", "2027.01"), requirement("host.newest", "2027.10"),
        requirement("host.own", "2027.10", shipped=False),
    ]  # fmt: skip
    assert {each.id for each in all_ if loaded.selects(each)} == {f"host.{name}" for name in selected.split()}
    assert {each.id for each in loaded.newer(all_)} == {f"host.{name}" for name in off.split()}


@pytest.mark.parametrize("name", [name for name in profile.shipped() if name != "lab"])
def test_no_shipped_profile_selects_all_that_will_ever_be(name: str) -> None:
    loaded = profile.load(name)
    assert loaded.profile.catalogue == "2026.12"
    assert not {"*", "+*"} & set(loaded.profile.select)
    assert not loaded.selects(requirement("host.new", "2027.01"))
    assert [each.id for each in loaded.newer([requirement("host.new", "2027.01")])] == ["host.new"]


def test_a_catalogue_is_a_date_in_quotes(write: Write) -> None:
    with pytest.raises(UsageError, match=r"own\.yaml:1: catalogue: .*2026\.12"):
        profile.load(write("catalogue: 2026.12\n"))
    with pytest.raises(UsageError, match=r"own\.yaml:1: catalogue: "):
        profile.load(write("catalogue: 'next'\n"))
