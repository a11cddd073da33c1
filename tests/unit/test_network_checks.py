"""The checks of how pods, Services and hosts reach each other, on answers of hosts and of the API."""

import copy
import ipaddress
import json
import re
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_cluster import MadeApi, example, facts_for, found, running, said
from test_workload_checks import container

from trueup.change import ClusterChange
from trueup.errors import ChangeFailed, CouldNotLook, UsageError
from trueup.facts.kube import calico, network
from trueup.kubeapi import manifests
from trueup.model.catalog import catalog
from trueup.model.profile import load
from trueup.profiles.schema import Spec
from trueup.remediations import network as remedies

catalog.load("trueup.checks", "trueup.remediations")
SEED = load("aliyun-kubeadm-1.24").spec("any")


def spec(**values: Any) -> Spec:
    """The seed's profile with other values for Calico."""
    given = SEED.network.calico.model_copy(update=values)
    return SEED.model_copy(update={"network": SEED.network.model_copy(update={"calico": given})})


def node(name: str, address: str) -> dict[str, Any]:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"kind": "Node", "metadata": {"name": name}, "spec": {}, "status": status}


NODES = [node("n1", "10.0.4.8"), node("n2", "10.0.4.9")]
ETH0 = "2: eth0    inet 10.0.4.8/24 brd 10.0.4.255 scope global eth0\\       valid_lft forever preferred_lft forever\n"
LO = "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n"
VIP = "2: eth0    inet 10.0.4.100/32 scope global eth0:1\\       valid_lft forever preferred_lft forever\n"
PODS = "5: cali0    inet 10.100.1.1/24 scope global cali0\\       valid_lft forever preferred_lft forever\n"
SELF = "n1\n10.0.4.8\n"


def config_map(text: str) -> dict[str, Any]:
    meta = {"name": "kube-proxy", "namespace": "kube-system"}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"config.conf": text}}


def answer(mode: str) -> str:
    return f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{mode}"


@pytest.mark.parametrize(
    ("config", "proxy", "expected"),
    [
        ("mode: iptables\n", answer("iptables"), []),
        ('mode: ""\n', answer("iptables"), []),
        ("kind: x\n", answer("iptables"), []),
        ("mode: ipvs\n", answer("iptables"), ["ipvs"]),
        ("mode: iptables\n", answer("ipvs"), ["ipvs"]),
        ("mode: iptables\n", "refused\n", ["no answer"]),
    ],
)
def test_kube_proxy_is_told_its_mode_and_works_in_it(config: str, proxy: str, expected: list[str]) -> None:
    hosts = {"h1": {"network.proxy_mode": proxy, "network.ipvs": ""}}
    seen = found("kube.proxy.mode", MadeApi(config_map(config)), SEED, hosts)
    assert [each.found for each in seen] == expected


def daemons(*, updated: int = 3, ready: int = 3) -> dict[str, Any]:
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "kube-proxy", "namespace": "kube-system", "generation": 2},
        "spec": {"template": {"spec": {"containers": []}}},
        "status": {
            "observedGeneration": 2,
            "desiredNumberScheduled": 3,
            "currentNumberScheduled": 3,
            "updatedNumberScheduled": updated,
            "numberReady": ready,
        },
    }


def test_pods_of_kube_proxy_that_are_being_replaced_are_waited_for() -> None:
    hosts = {"h1": {"network.proxy_mode": answer("iptables"), "network.ipvs": ""}}
    for updated, expected in ((3, []), (1, ["3 of 3 pods ready, 1 updated"])):
        api = MadeApi(config_map("mode: iptables"), daemons(updated=updated))
        seen = found("kube.proxy.mode", api, SEED, hosts)
        assert [each.found for each in seen] == expected


@pytest.mark.parametrize(
    ("status", "proxy", "restarted"),
    [
        ({}, answer("ipvs"), True),
        ({"ready": 2}, "refused\n", True),
        ({"updated": 2, "ready": 2}, "refused\n", False),  # that is under way
        ({}, answer("iptables"), False),
    ],
)
def test_pods_of_kube_proxy_are_restarted_unless_they_are_being_replaced(
    status: dict[str, int], proxy: str, restarted: bool
) -> None:
    hosts = {"h1": {"network.proxy_mode": proxy, "network.ipvs": ""}}
    facts = facts_for("kube.proxy.mode", MadeApi(config_map("mode: iptables"), daemons(**status)), SEED, hosts)
    change = Mock(spec=ClusterChange)
    remedies.set_proxy_mode(change, SEED, facts)
    assert change.restart.called is restarted
    assert not change.patch.called


@pytest.mark.parametrize("config", ["- a", "a: [", "\x00", "7"])
def test_a_configuration_that_is_none_is_could_not_look(config: str) -> None:
    with pytest.raises(CouldNotLook, match=r"config\.conf is not a mapping"):
        found("kube.proxy.mode", MadeApi(config_map(config)), SEED, {})


IPVSADM = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.200.0.1:443 rr
  -> 10.0.4.8:6443                Masq    1      0          0
UDP  [fd00::a]:53 rr
"""


def test_in_ipvs_mode_each_service_has_its_virtual_server() -> None:
    proxy = SEED.kube.proxy.model_copy(update={"mode": "ipvs"})
    wanted = SEED.model_copy(update={"kube": SEED.kube.model_copy(update={"proxy": proxy})})
    services = [
        {"kind": "Service", "metadata": {"name": name, "namespace": "d"}, "spec": {"clusterIP": at, "ports": ports}}
        for name, at, ports in (
            ("api", "10.200.0.1", [{"port": 443}]),
            ("dns", "fd00::a", [{"port": 53, "protocol": "UDP"}]),
            ("headless", "None", [{"port": 1}]),
            ("new", "10.200.0.7", [{"port": 80}]),
        )
    ]
    hosts = {"h1": {"network.proxy_mode": answer("ipvs"), "network.ipvs": IPVSADM}}
    seen = found("kube.proxy.mode", MadeApi(config_map("mode: ipvs"), *services), wanted, hosts)
    assert [each.where for each in seen] == ["h1: Service d/new, 10.200.0.7:80"]


def test_many_rules_are_a_warning_where_there_are_rules() -> None:
    for mode, rules, red in (
        ("iptables", "5000\n1\n", True),
        ("iptables", "0\n5000\n", False),
        ("ipvs", "9999", False),
    ):
        hosts = {"h1": {"network.proxy_mode": answer(mode), "network.rules": rules}}
        assert bool(found("kube.proxy.rules", MadeApi(), SEED, hosts)) is red


def dns(*addresses: str, code: int = 0) -> str:
    question = network.query("kubernetes.default.svc.cluster.local", 1)
    head = b"tu" + bytes([0x84, code]) + b"\x00\x01" + len(addresses).to_bytes(2) + b"\x00" * 4
    data = head + question[12:]
    for each in addresses:
        packed = ipaddress.ip_address(each).packed
        kind = b"\x00\x01" if len(packed) == 4 else b"\x00\x1c"
        data += b"\xc0\x0c" + kind + b"\x00\x01\x00\x00\x00\x05" + len(packed).to_bytes(2) + packed
    return data.hex(" ")


COREDNS = running(
    {
        "kind": "Deployment",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"k8s-app": "kube-dns"}}, "template": {"spec": {
            "containers": [{"name": "coredns"}]}}},
    }
)  # fmt: skip
KUBE_DNS = {
    "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system"},
    "spec": {"clusterIP": "10.200.0.10", "ports": []},
}  # fmt: skip


@pytest.mark.parametrize(
    ("said_", "expected"),
    [
        (dns("10.200.0.1"), []), (dns("10.200.0.9"), ["10.200.0.9"]), (dns(), ["no address"]),
        (dns(code=3), ["NXDOMAIN"]), (dns(code=9), ["code 9"]), ("timeout\n", ["timeout"]), ("refused\n", ["refused"]),
    ],
)  # fmt: skip
def test_the_api_resolves_by_its_own_name_at_the_cluster_address(said_: str, expected: list[str]) -> None:
    seen = found("kube.coredns.ready", MadeApi(COREDNS, KUBE_DNS), SEED, {"h1": {"network.dns": said_}})
    assert [each.found for each in seen] == expected


def test_dns_without_a_pod_or_at_another_address_is_said() -> None:
    idle = copy.deepcopy(COREDNS)
    idle["spec"]["replicas"] = 0
    idle["status"] = {"observedGeneration": 2}
    other = copy.deepcopy(KUBE_DNS)
    other["spec"]["clusterIP"] = "10.96.0.10"
    text = said(found("kube.coredns.ready", MadeApi(idle, other), SEED, {"h1": {"network.dns": dns("10.200.0.1")}}))
    assert "it is scaled to 0" in text and "10.96.0.10" in text


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: bytes.fromhex(dns("10.200.0.1"))[:40] + tail))
def test_any_datagram_is_an_answer_or_unreadable(data: bytes) -> None:
    with suppress(ValueError, IndexError):
        network.DNS.parse(data.hex(" "))


def calico_objects(*, env: dict[str, str] | None = None, which: str = "corrected", **spec: Any) -> list[dict[str, Any]]:
    (daemonset,) = example(f"{which}/calico.yaml")
    template = daemonset["spec"]["template"]["spec"]["containers"][0]
    for name, value in (env or {}).items():
        template["env"] = [e for e in template["env"] if e["name"] != name] + [{"name": name, "value": value}]
    template["env"] = [each for each in template["env"] if each["value"]]
    pool = {"cidr": "10.100.0.0/16", "ipipMode": "Always", "vxlanMode": "Never"} | spec
    controllers = copy.deepcopy(COREDNS)
    controllers["metadata"]["name"] = calico.CONTROLLERS
    return [daemonset, controllers, {"kind": "IPPool", "metadata": {"name": calico.POOL}, "spec": pool}]


HOSTS = {"h1": {"cluster.self": SELF, "network.addresses": LO + ETH0 + PODS}}
CALICO = ("installed", "pool_cidr", "cluster_type", "autodetect")


@pytest.mark.parametrize("name", CALICO)
def test_the_corrected_calico_is_right_and_the_seeds_first_one_lacks_autodetection(name: str) -> None:
    id = f"network.calico.{name}"
    assert not found(id, MadeApi(*calico_objects(), *NODES), SEED, HOSTS)
    seed = found(id, MadeApi(*calico_objects(which="seed"), *NODES), SEED, HOSTS)
    assert [each.found for each in seed] == (["not set"] if name == "autodetect" else [])


@pytest.mark.parametrize("name", CALICO)
def test_without_calico_that_is_what_is_said(name: str) -> None:
    assert "not there" in said(found(f"network.calico.{name}", MadeApi(*NODES), SEED, HOSTS))


@pytest.mark.parametrize(
    ("index", "changes", "expected"),
    [
        (0, {"status": {"observedGeneration": 2}}, "it selects no node"),
        (1, {"spec": {"replicas": 0}, "status": {"observedGeneration": 2}}, "it is scaled to 0"),
    ],
)
def test_a_part_of_calico_without_a_pod_does_not_run(index: int, changes: dict[str, Any], expected: str) -> None:
    objects = calico_objects()
    objects[index]["spec"] |= changes.get("spec", {})
    objects[index]["status"] = changes["status"]
    (seen,) = found("network.calico.installed", MadeApi(*objects, *NODES), SEED, HOSTS)
    assert expected in seen.found


def test_a_rollout_that_is_not_done_is_not_so_yet() -> None:
    objects = calico_objects()
    objects[0]["status"]["updatedNumberScheduled"] = 1
    text = said(found("network.calico.cluster_type", MadeApi(*objects), SEED))
    assert "3 of 3 pods ready, 1 updated" in text


@pytest.mark.parametrize(
    "log",
    [
        "Couldn't autodetect an IPv4 address. If auto-detecting, choose\nCalico node failed to start",
        "Unable to auto-detect an IPv4 address using interface regexes [eth9]\n",
        "calico/node is not ready: unable to connect to BIRDv4 socket: dial unix /var/run/bird/bird.ctl\n",
    ],
)
def test_a_calico_node_that_finds_no_address_has_its_cause_named(log: str) -> None:
    pod = {
        "kind": "Pod", "metadata": {"name": "calico-node-x", "namespace": "kube-system"}, "spec": {"nodeName": "n2"},
        "status": {"containerStatuses": container(restarts=2, waiting={"reason": "CrashLoopBackOff"})},
    }  # fmt: skip
    objects = calico_objects(env={"IP_AUTODETECTION_METHOD": "interface=eth9"})
    api = MadeApi(*objects, pod, texts={"/api/v1/namespaces/kube-system/pods/calico-node-x/log": log})
    text = said(found("network.calico.installed", api, SEED))
    assert "IP_AUTODETECTION_METHOD=interface=eth9 finds no interface on n2: the profile wants interface=eth0" in text
    assert "CrashLoopBackOff" in text


@pytest.mark.parametrize(
    ("pool", "env", "expected"),
    [
        ({"cidr": "192.168.0.0/16"}, {}, ["192.168.0.0/16"]),
        ({"ipipMode": "Never"}, {}, ["Never"]),
        ({"vxlanMode": "Always"}, {}, ["Always"]),
        ({"disabled": True}, {}, ["disabled"]),
        ({}, {"CALICO_IPV4POOL_CIDR": "10.9.0.0/16"}, ["10.9.0.0/16"]),
        ({}, {"CALICO_IPV4POOL_CIDR": ""}, ["not set"]),
    ],
)
def test_the_pool_and_what_makes_it_are_the_clusters(
    pool: dict[str, Any], env: dict[str, str], expected: list[str]
) -> None:
    seen = found("network.calico.pool_cidr", MadeApi(*calico_objects(env=env, **pool)), SEED)
    assert [each.found for each in seen] == expected


def test_calicos_operator_makes_pools_without_variables() -> None:
    objects = calico_objects(env={"CALICO_IPV4POOL_CIDR": ""})
    objects[0]["metadata"]["namespace"] = "calico-system"
    assert not found("network.calico.pool_cidr", MadeApi(*objects), SEED)


@pytest.mark.parametrize(
    ("method", "addresses", "expected"),
    [
        ("interface=eth0", LO + ETH0, "10.0.4.8"),
        ("interface=eth9,eth.*", LO + ETH0, "10.0.4.8"),
        ("interface=eth1", LO + ETH0, None),
        ("first-found", LO + PODS + ETH0, "10.0.4.8"),
        ("skip-interface=eth0", LO + ETH0 + PODS, None),
        ("cidr=10.0.4.0/24", LO + VIP + ETH0, "10.0.4.100"),
        ("cidr=192.168.0.0/16 , 10.0.0.0/8", LO + ETH0, "10.0.4.8"),
        ("cidr=fd00::/8", LO + ETH0, None),
    ],
)
def test_a_method_finds_what_calico_would(method: str, addresses: str, expected: str | None) -> None:
    assert calico.decides(method)
    seen = calico.detect(method, network.parse_addresses(addresses))
    assert (str(seen.address.ip) if seen else None) == expected


@pytest.mark.parametrize(
    "method",
    ["", "eth0", "interface", "interface=", "interface=eth[", "skip-interface=(", "cidr=10.0.0", "can-reach=", "first"],
)
def test_a_method_that_calico_does_not_know_is_an_error_of_the_profile(method: str) -> None:
    wanted = spec(autodetect=method)
    assert calico.mistake(method)
    assert "in the profile" in said(found("network.calico.autodetect", MadeApi(), wanted, HOSTS))


@given(st.text(max_size=30), st.sampled_from([*calico.METHODS, ""]))
def test_any_method_is_known_or_a_mistake(argument: str, kind: str) -> None:
    if calico.decides(kind + argument):
        calico.detect(kind + argument, network.parse_addresses(LO + ETH0 + VIP))


def test_a_virtual_address_that_a_method_picks_is_suspected() -> None:
    wanted = spec(autodetect="cidr=10.0.4.0/24")
    objects = calico_objects(env={"IP_AUTODETECTION_METHOD": "cidr=10.0.4.0/24"})
    hosts = {"h1": {"cluster.self": SELF, "network.addresses": VIP + ETH0}}
    text = said(found("network.calico.autodetect", MadeApi(*objects, *NODES), wanted, hosts))
    assert "10.0.4.100/32 on eth0 is probably keepalived's virtual address" in text


BIRD = """0001 BIRD v0.3.3+birdv1.6.8 ready.
2002-name     proto    table    state  since       info
1002-static1  Static   master   up     09:50:37
 kernel1  Kernel   master   up     09:50:37
 Mesh_10_0_4_9 BGP      master   up     09:50:39    Established
0000
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BIRD, ""),
        ("absent\n", "absent"),
        (BIRD.replace("up     09:50:39    Established", "start  09:50:39    Connect       Socket: refused"),
         "start Connect       Socket: refused"),
        (re.sub(r" Mesh.*\n", "", BIRD), "none, with 1 other nodes"),
    ],
)  # fmt: skip
def test_every_peer_of_bird_is_established(text: str, words: str) -> None:
    seen = said(found("network.calico.bgp", MadeApi(*NODES), SEED, {"h1": {"calico.bird": text}}))
    assert words in seen and bool(words) is bool(seen)
    assert not found("network.calico.bgp", MadeApi(*NODES), spec(cluster_type="k8s"), {"h1": {"calico.bird": text}})


@pytest.mark.parametrize(
    ("pods", "services", "addresses", "count"),
    [
        ("10.100.0.0/16", "10.200.0.0/16", LO + ETH0 + PODS, 0),
        ("10.0.0.0/8", "10.200.0.0/16", LO + ETH0, 2),
        ("10.100.0.0/16,fd00::/48", "10.200.0.0/16,fd01::/108", "3: eth1    inet6 fd00::5/64 scope global \\\n", 1),
        ("192.168.0.0/16", "", "3: eth1    inet 10.97.0.1/24 scope global eth1\\\n", 1),
        ("10.100.0.0/16", "10.200.0.0/16", "3: ppp0    inet 10.100.0.1 peer 10.100.0.2/32 scope global ppp0\\\n", 1),
    ],
)
def test_networks_that_have_addresses_in_common_are_named(pods: str, services: str, addresses: str, count: int) -> None:
    cluster = SEED.kube.cluster.model_copy(update={"pod_subnet": pods, "service_subnet": services})
    wanted = SEED.model_copy(update={"kube": SEED.kube.model_copy(update={"cluster": cluster})})
    assert len(found("network.cidr.overlap", MadeApi(), wanted, {"h1": {"network.addresses": addresses}})) == count


def test_a_manifest_gets_the_profiles_values_and_keeps_its_own() -> None:
    (daemonset,) = example("seed/calico.yaml")
    daemonset["spec"]["template"]["spec"]["containers"][0]["env"] += [{"name": "IP", "value": "autodetect"}]
    (made,) = remedies.configured([daemonset], spec(ipip="Never"))
    env = {each["name"]: each["value"] for each in made["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert env == calico.variables(spec(ipip="Never")) | {"IP": "autodetect"}


def test_a_manifest_without_calico_node_is_not_applied() -> None:
    with pytest.raises(ChangeFailed, match="has no DaemonSet calico-node"):
        remedies.configured(example("corrected/nginx.yaml"), SEED)


OBJECT = "apiVersion: v1\nkind: A\nmetadata: {name: x}\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{OBJECT}---\n{OBJECT.replace('kind: A', 'knd: A')}", ":5: no kind"),
        (f"{OBJECT}---\na: [\n", "not YAML"),
        (OBJECT.replace("name: x", "nme: x"), ":1: A without a metadata.name"),
        (OBJECT.replace("name: x", "name: x, day: 2001-01-01"), "put it in quotes"),
        ("- 1\n", ":1: not a mapping"), ("", "no manifest in it"), ("---\n---\n", "no manifest in it"),
        ("a: &a [*a]\n", "no apiVersion"), ("\x01", "not YAML"), ("[" * 3000, "not YAML"), (None, "No such file"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_manifest_ends_the_run_at_its_start(tmp_path: Path, text: str | None, words: str) -> None:
    (tmp_path / "p.yaml").write_text("network:\n  calico:\n    manifest: m.yaml\n")
    if text is not None:
        (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "p.yaml"))
    assert f"{tmp_path}/p.yaml:3: network.calico.manifest: {tmp_path}/m.yaml" in str(caught.value)
    assert words in str(caught.value)


def test_paths_are_relative_to_the_file_that_gives_them(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/m.yaml").write_text(f"{OBJECT}---\n---\n{OBJECT}")
    (tmp_path / "base/p.yaml").write_text("network: {calico: {manifest: m.yaml}}\nartifacts: files\n")
    (tmp_path / "p.yaml").write_text("extends: base/p.yaml\nhosts: {w*: {artifacts: other}}\n")
    loaded = load(str(tmp_path / "p.yaml"))
    assert loaded.spec("h").network.calico.manifest == f"{tmp_path}/base/m.yaml"
    assert loaded.spec("h").artifacts == f"{tmp_path}/base/files"
    assert loaded.spec("w1").artifacts == f"{tmp_path}/other"
    assert len(manifests.read(loaded.spec("h").network.calico.manifest)) == 2


def test_a_list_is_its_items(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(json.dumps({"kind": "List", "items": [{"apiVersion": "v1"}]}))
    with pytest.raises(UsageError, match="no kind"):
        manifests.read(str(tmp_path / "m.yaml"))


@pytest.mark.parametrize("fact", [network.PROXY_MODE, network.NODEPORT, network.DNS, network.RULES, calico.BIRD])
def test_a_probe_is_shell_that_parses(fact: Any) -> None:
    done = subprocess.run(["sh", "-n"], input=fact.probe(SEED), text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(b"HTTP/1.0 200 OK\r\n\r\nipvs", "ipvs"), (b"HTTP/1.0 200 OK\r\n\r\niptables\n", "iptables"), (None, "")],
)
def test_kube_proxy_is_asked_by_bash_itself(reply: bytes | None, expected: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if reply is None:
            server.close()
        else:
            threading.Thread(target=lambda: _serve(server, reply), daemon=True).start()
        probe = network.PROXY_MODE.probe(SEED).replace("10249", str(port))
        done = subprocess.run(["sh", "-c", probe], text=True, capture_output=True, check=False)
    assert (done.returncode, network.PROXY_MODE.parse(done.stdout)) == (0, expected)


def _serve(server: socket.socket, reply: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(reply)


def test_a_question_to_the_dns_server_is_one_packet() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        asked: list[bytes] = []

        def reply() -> None:
            data, client = server.recvfrom(1000)
            asked.append(data)
            server.sendto(bytes.fromhex(dns("10.200.0.1")), client)

        thread = threading.Thread(target=reply, daemon=True)
        thread.start()
        probe = network.DNS.probe(SEED).replace("10.200.0.10/53", f"127.0.0.1/{server.getsockname()[1]}")
        done = subprocess.run(["sh", "-c", probe], text=True, capture_output=True, check=False)
        thread.join(5)
    assert asked == [network.query("kubernetes.default.svc.cluster.local", 1)]
    assert network.DNS.parse(done.stdout) == ["10.200.0.1"]


@pytest.mark.parametrize(
    ("kind", "spec", "protocols"),
    [
        ("Service", "{ports: [{port: 443}, {port: 53, protocol: UDP}]}", ["TCP", "UDP"]),
        ("Pod", "{containers: [{ports: [{hostPort: 1}]}], initContainers: [{ports: [{}]}]}", 2 * ["TCP"]),
        ("Deployment", "{template: {spec: {containers: [{}, {ports: [{containerPort: 1}]}]}}}", ["TCP"]),
        ("CronJob", "{jobTemplate: {spec: {template: {spec: {containers: [{ports: [{}]}]}}}}}", ["TCP"]),
        ("NetworkPolicy", "{ingress: [{ports: [{port: 1}]}]}", []),
        ("Service", "{ports: 1}", []), ("Service", "[{ports: [{port: 1}]}]", []), ("Service", "{ports: [1, null]}", []),
        ("Deployment", "{template: {spec: {containers: 5, initContainers: [5, {ports: [[1]]}]}}}", []),
    ],
)  # fmt: skip
def test_a_port_without_a_protocol_has_the_apis(tmp_path: Path, kind: str, spec: str, protocols: list[str]) -> None:
    (tmp_path / "m.yaml").write_text(f"{OBJECT.replace('kind: A', f'kind: {kind}')}spec: {spec}\n")
    (made,) = manifests.read(str(tmp_path / "m.yaml"))
    assert re.findall("'protocol': '(.*?)'", str(made)) == protocols
