"""The checks of load balancers, on answers of hosts: what each says of a pair that is not as it should be."""

import json

import pytest

from trueup.errors import CouldNotLook
from trueup.facts.edge import haproxy, keepalived
from trueup.facts.edge.vrrp_config import same_address
from trueup.hosts.probing import take
from trueup.model.catalog import catalog
from trueup.model.claims import Deviation, Unmet
from trueup.model.profile import load
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

catalog.load("trueup.checks", "trueup.remediations")
SEED = load("aliyun-kubeadm-1.24").spec("lb1")
CONF = """! Configuration File for keepalived
global_defs {
notification_email {
acassen
}
router_id LVS_DEVEL
script_user root
enable_script_security
}
vrrp_script haproxy {
script /etc/keepalived/check-haproxy
weight -30
}
vrrp_instance VI_1 {
state MASTER
interface eth0
garp_master_delay 10
smtp_alert
virtual_router_id 50
priority 100
advert_int 1
authentication {
auth_type PASS
auth_pass 1111
}
virtual_ipaddress {
192.168.2.110 dev eth0 label eth0:1
}
track_script {
haproxy
}
}
"""
SCRIPT = "#!/bin/sh\nexec systemctl is-active --quiet haproxy.service\n"
ACTIVE = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
INACTIVE = ACTIVE.replace("=active", "=inactive")
HOLDER = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN\\    link/loopback
2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP\\    link/ether 02:00:00:00:00:01
2: eth0    inet 10.0.0.1/24 scope global eth0\\       valid_lft forever
2: eth0    inet 192.168.2.110/32 scope global eth0:1\\       valid_lft forever
"""
BACKUP = HOLDER.replace("10.0.0.1", "10.0.0.2").replace(
    "2: eth0    inet 192.168.2.110/32 scope global eth0:1\\       valid_lft forever\n", ""
)


def probed(conf: str = CONF, *, loaded: int = 20, mode: str = "755", extra: str = "") -> str:
    """What the probe prints of a configuration."""
    body = "".join(f"|{row}\n" for row in conf.splitlines())
    code = "".join(f"|{row}\n" for row in SCRIPT.splitlines())
    file = f"file 10 600 - {keepalived.MAIN}\n{body}\n" if conf else ""
    program = f"program {mode} root /etc/keepalived/check-haproxy\n{code}\n" if conf else ""
    return f"main {keepalived.MAIN}\nloaded {loaded}\ninterface lo\ninterface eth0\n{extra}{file}{program}user root\n"


def facts(spec: Spec = SEED, **answers: str) -> HostFacts:
    given = {
        "lb.keepalived.conf": probed(), "unit.keepalived.service": ACTIVE, "unit.haproxy.service": ACTIVE,
        "lb.keepalived.journal": "", "lb.firewall": "", "lb.addresses": HOLDER,
    } | {name.replace("__", "."): text for name, text in answers.items()}  # fmt: skip
    wanted = {fact.name: fact for each in catalog.requirements.values() for fact in each.reads if fact.name in given}
    return HostFacts(take("lb1", {name: Raw(0, text) for name, text in given.items()}, wanted.values(), spec))


def found(id: str, facts: HostFacts | FleetFacts, spec: Spec = SEED) -> list[Deviation]:
    try:
        catalog.requirements[id].check(facts, spec)
    except Unmet as unmet:
        return list(unmet.deviations)
    return []


def config(conf: str = CONF, spec: Spec = SEED, **kwargs: str) -> list[str]:
    text = probed(conf, extra=kwargs.pop("extra", ""))
    deviations = found("lb.keepalived.config", facts(spec, lb__keepalived__conf=text, **kwargs), spec)
    return [f"{each.where.replace(f' in {keepalived.MAIN}', '')}: {each.found}" for each in deviations]


def test_the_seed_s_own_file_with_a_check_script_is_right() -> None:
    assert config() == []
    assert found("lb.keepalived.check_script", facts()) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("priority 100", "priority 99", "priority of VI_1: 99"),
        ("state MASTER", "", "state of VI_1: not set"),
        ("virtual_router_id 50", "virtual_router_id 51", "virtual_router_id of VI_1: 51"),
        ("smtp_alert", "smtp_alert off", "smtp_alert of VI_1: off"),
        ("interface eth0", "interface eth9", "interface of VI_1: eth9: no such interface"),
        ("auth_pass 1111", "auth_pass 1112", "auth_pass of VI_1: another one"),
        ("auth_pass 1111", "auth_pass 111111111", "auth_pass of VI_1: more than 8 characters"),
        ("auth_pass 1111", "", "auth_pass of VI_1: not set"),
        ("auth_type PASS", "auth_type AH", "auth_type of VI_1: AH"),
        (" label eth0:1", "", "virtual_ipaddress of VI_1: 192.168.2.110 dev eth0"),
        (
            "192.168.2.110 dev",
            "192.168.2.110/24 dev",
            "virtual_ipaddress of VI_1: 192.168.2.110/24 dev eth0 label eth0:1",
        ),
        ("192.168.2.110 dev eth0 label eth0:1", "", "virtual_ipaddress of VI_1: none"),
        ("acassen", "somebody", "notification_email: somebody"),
        ("router_id LVS_DEVEL", "", "router_id: not set"),
        ("vrrp_instance VI_1", "vrrp_instance VI_2", "/etc/keepalived/keepalived.conf: only VI_2"),
        (
            "track_script {\nhaproxy\n}\n}",
            "",
            "/etc/keepalived/keepalived.conf: /etc/keepalived/keepalived.conf: the block",
        ),
    ],
)
def test_what_differs_is_said(old: str, new: str, says: str) -> None:
    assert any(each.startswith(says) for each in config(CONF.replace(old, new, 1))), config(CONF.replace(old, new, 1))


def test_notations_that_keepalived_reads_alike_are_right() -> None:
    assert config(CONF.replace("advert_int 1", "advert_int 1.0")) == []
    assert config(CONF.replace("192.168.2.110 dev eth0 label eth0:1", "192.168.2.110/32 label eth0:1")) == []
    assert config(CONF.replace("auth_pass 1111", 'auth_pass "1111"')) == []
    assert same_address(("a", "brd", "b", "dev", "eth0"), ("a/32",), "eth0")


def test_a_file_where_keepalived_does_not_look_is_named_and_so_is_that_there_is_none() -> None:
    stray = "stray /etc/keepalive/keepaliv.conf\n"
    assert config("", extra=stray) == [
        "/etc/keepalived/keepalived.conf: no such file", "/etc/keepalive/keepaliv.conf: keepalived never reads it",
    ]  # fmt: skip
    assert config(extra=stray) == []


def test_a_service_that_does_not_run_or_has_not_read_the_file_is_not_well() -> None:
    down = config(unit__keepalived__service=INACTIVE)
    assert down == ["keepalived.service: inactive"]
    text = probed(loaded=5)
    stale = found("lb.keepalived.config", facts(lb__keepalived__conf=text))
    assert [each.found for each in stale] == ["/etc/keepalived/keepalived.conf changed after that"]


def test_what_a_condition_makes_of_an_instance_is_not_guessed() -> None:
    with pytest.raises(CouldNotLook, match="@lb1 priority 100"):
        config(CONF.replace("priority 100", "@lb1 priority 100"))


@pytest.mark.parametrize("secret", ["1111", "2222", "p4ssw0rd", "far-too-long-s3cret", '"a b"', "x } }"])
def test_a_password_is_compared_and_never_kept(secret: str) -> None:
    kept = facts(lb__keepalived__conf=probed(CONF.replace("auth_pass 1111", f"auth_pass {secret} # was 1111x")))
    raw = kept.snapshot.raws["lb.keepalived.conf"].out
    assert secret not in raw and "1111x" not in raw
    assert "1111" not in json.dumps([each.__dict__ for each in found("lb.keepalived.config", kept)])
    assert "1111" not in repr(SEED) and "1111" not in str(SEED.lb.vrrp)


def test_a_script_that_cannot_run_or_asks_what_is_behind_is_none() -> None:
    def says(conf: str = CONF, mode: str = "755") -> list[str]:
        text = probed(conf, mode=mode)
        return [each.found for each in found("lb.keepalived.check_script", facts(lb__keepalived__conf=text))]

    assert says(mode="644") == ["mode 644"]
    assert says(mode="777") == ["mode 777"]
    assert says(mode="-") == ["no such file: /etc/keepalived/check-haproxy"]
    assert says(CONF.replace("track_script {\nhaproxy\n}\n", "")) == ["nothing"]
    assert says(CONF.replace("script_user root\n", "script_user nobody9\n")) == ["nobody9"]
    assert says(CONF.replace("enable_script_security\n", "")) == ["not set"]
    behind = CONF.replace(
        "script /etc/keepalived/check-haproxy", 'script "/usr/bin/curl -k https://localhost:6443/healthz"'
    )
    text = probed(behind, extra="program 755 root /usr/bin/curl\n")
    said = [each.found for each in found("lb.keepalived.check_script", facts(lb__keepalived__conf=text))]
    assert said == ["haproxy asks the servers behind it"] or said == ["haproxy", "haproxy asks the servers behind it"]


def pair(
    one: str = CONF, other: str = CONF, *, addresses: tuple[str, str] = (HOLDER, BACKUP), **answers: str
) -> FleetFacts:
    other = other.replace("state MASTER", "state BACKUP").replace("priority 100", "priority 90")
    hosts = {
        host: facts(lb__keepalived__conf=probed(conf), lb__addresses=address, **answers)
        for host, conf, address in zip(("lb1", "lb2"), (one, other), addresses, strict=True)
    }
    return FleetFacts(hosts, {})


def test_a_pair_that_fits_passes() -> None:
    assert found("lb.keepalived.peers", pair()) == []
    assert found("lb.vip.single_holder", pair()) == []


def test_two_hosts_of_one_priority_are_a_failure_and_no_crash() -> None:
    both = FleetFacts({"lb1": facts(), "lb2": facts()}, {})
    assert [each.found for each in found("lb.keepalived.peers", both)] == ["lb1, lb2 have 100", "lb1, lb2"]


def test_a_weight_that_does_not_lose_the_election_is_named() -> None:
    light = CONF.replace("weight -30", "weight -10")
    said = found("lb.keepalived.peers", pair(light))
    assert [(each.expected, each.found) for each in said] == [("more than 10, or 0", "-10")]
    assert found("lb.keepalived.peers", pair(CONF, light)) == []  # the backup has nothing to lose
    assert found("lb.keepalived.peers", pair(CONF.replace("weight -30", "weight 11"))) == []
    assert found("lb.keepalived.peers", pair(CONF.replace("weight -30\n", ""))) == []  # none: it gives up at once


def test_adverts_to_the_wrong_peer_are_named() -> None:
    unicast = CONF.replace("advert_int 1\n", "advert_int 1\nunicast_peer {\n10.0.0.9\n}\n")
    assert [each.where for each in found("lb.keepalived.peers", pair(unicast))] == ["unicast_peer on lb1"]
    right = unicast.replace("10.0.0.9", "10.0.0.2")
    assert found("lb.keepalived.peers", pair(right)) == []


def holder(facts: FleetFacts) -> tuple[str, str]:
    (one,) = found("lb.vip.single_holder", facts)
    return one.found, one.hint


def test_that_nobody_holds_the_address_is_not_said_while_a_host_is_not_known() -> None:
    with pytest.raises(CouldNotLook, match="lb2 did not answer"):
        found("lb.vip.single_holder", FleetFacts({"lb1": facts(lb__addresses=BACKUP)}, {"lb2": "ssh: no route"}))


def test_none_and_two_are_different_failures_and_each_says_why() -> None:
    assert holder(pair(addresses=(BACKUP, BACKUP), unit__keepalived__service=INACTIVE)) == (
        "none", "lb1: keepalived is inactive; lb2: keepalived is inactive",
    )  # fmt: skip
    down = BACKUP.replace("MULTICAST,UP,LOWER_UP", "NO-CARRIER,MULTICAST,UP")
    assert holder(pair(addresses=(down, down)))[1] == "lb1: eth0 is down; lb2: eth0 is down"
    two = (HOLDER, HOLDER.replace("10.0.0.1", "10.0.0.2"))
    said, why = holder(pair(CONF, CONF.replace("virtual_router_id 50", "virtual_router_id 51"), addresses=two))
    assert (said, why) == ("2: lb1 on eth0, lb2 on eth0", "virtual_router_id differ: 50 on lb1, 51 on lb2")
    said, why = holder(pair(CONF, CONF.replace("1111", "1112"), addresses=two))
    assert why == "passwords differ: the profile's on lb1, another on lb2"
    rule = "iptables: -A INPUT -p vrrp -j DROP"
    assert f"lb2 drops VRRP: {rule}" in holder(pair(addresses=two, lb__firewall=f"{rule}\n"))[1]
    assert holder(pair(addresses=two, lb__keepalived__journal="(VI_1) Entering FAULT STATE\n"))[1] == (
        "lb1: keepalived says: (VI_1) Entering FAULT STATE; lb2: keepalived says: (VI_1) Entering FAULT STATE"
    )
    assert holder(pair(addresses=two))[1] == "no cause found on the load balancers"


CFG = """global
    stats socket /run/haproxy/admin.sock mode 660 level admin
listen harbor_6443
bind 192.168.2.110:6443
mode tcp
server 192.168.2.100 192.168.2.100:443 check inter 2000 fall 3 rise 5
"""


def proxied(
    cfg: str = CFG, *, unit: str = ACTIVE, bind: str = "1", valid: str = "valid 0\n", loaded: int = 20
) -> list[Deviation]:
    text = (
        f"loaded {loaded}\nfile 10 {haproxy.MAIN}\n" + "".join(f"|{row}\n" for row in cfg.splitlines()) + f"\n{valid}"
    )
    raws = {
        "lb.haproxy.conf": text, "unit.haproxy.service": unit, "lb.addresses": BACKUP,
        "lb.nonlocal_bind": f"net.ipv4.ip_nonlocal_bind={bind}\n",
    }  # fmt: skip
    return found("lb.haproxy.config", HostFacts(Snapshot("h", raws={name: Raw(0, out) for name, out in raws.items()})))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("mode tcp", "mode http", "mode of listen harbor_6443"),
        ("bind 192.168.2.110:6443", "bind :6443", "bind of listen harbor_6443"),
        ("fall 3", "fall 2", "server of listen harbor_6443"),
        ("listen harbor_6443", "listen other", "/etc/haproxy/haproxy.cfg"),
        ("stats socket /run/haproxy/admin.sock mode 660 level admin", "daemon", "global in /etc/haproxy/haproxy.cfg"),
    ],
)
def test_lines_of_haproxy_that_differ_are_said(old: str, new: str, where: str) -> None:
    assert proxied() == []
    assert [each.where for each in proxied(CFG.replace(old, new))] == [where]


def test_what_haproxy_itself_says_of_a_mistake_is_said() -> None:
    (one,) = proxied(valid="valid 1\nsaid [ALERT] line 6: unknown keyword 'chekc'\n")
    assert "unknown keyword 'chekc'" in one.found
    (one,) = proxied(CFG + 'a "b\n')
    assert "line 7: a quote" in one.found


def test_a_haproxy_that_cannot_listen_on_an_address_elsewhere_says_what_it_lacks() -> None:
    (one,) = proxied(unit=ACTIVE.replace("=active", "=failed"), bind="0", valid="valid 0\njournal cannot bind socket\n")
    assert one.found == "failed"
    assert one.hint == (
        "192.168.2.110 is not on this host, and net.ipv4.ip_nonlocal_bind is not 1: haproxy cannot listen there; "
        "cannot bind socket"
    )
    (one,) = proxied(unit=ACTIVE.replace("=active", "=failed"))
    assert one.hint == ""
    (one,) = proxied(loaded=5)
    assert "changed after that" in one.found


HEAD = "# pxname,svname,status,check_status,check_desc,\n"


def backends(answer: str) -> list[str]:
    facts = HostFacts(Snapshot("h", raws={"lb.haproxy.stats": Raw(0, answer)}))
    return [each.found for each in found("lb.haproxy.backends", facts)]


def test_servers_that_are_down_are_named_in_haproxy_s_own_words() -> None:
    row = "harbor_6443,192.168.2.100,{},{},{},\n"
    assert backends(HEAD + row.format("UP", "L4OK", "Layer4 check passed")) == []
    assert backends(HEAD + row.format("UP 1/3", "L4OK", "")) == []
    assert backends(HEAD + row.format("DOWN", "L4CON", "Layer4 connection problem")) == [
        "DOWN: L4CON Layer4 connection problem"
    ]
    assert backends(HEAD + row.format("no check", "", "")) == ["no check: not checked"]
    assert backends(HEAD) == ["haproxy does not know it"]
    assert backends("absent\n") == ["the socket does not exist"]
    assert backends("refused\n") == ["no process listens on it"]
    with pytest.raises(CouldNotLook, match="not an answer to `show stat`"):
        backends("<html>")


def test_what_answers_behind_the_address_is_what_counts() -> None:
    def health(text: str) -> list[str]:
        return [e.found for e in found("lb.vip.health", HostFacts(Snapshot("h", raws={"lb.vip.health": Raw(0, text)})))]

    assert health("192.168.2.110:6443 ok\n") == []
    assert health("192.168.2.110:6443 failed connect:errno=111\n") == ["connect:errno=111"]
    assert health("192.168.2.110:6443 failed \n") == ["no answer"]
    assert health("") == ["not tried"]
