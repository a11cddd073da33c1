"""The remedies of load balancers, on a scratch host: files are edited in place, and services take that up."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scratch import Changes, Rooted

from trueup.change import Change
from trueup.errors import ChangeFailed
from trueup.model.catalog import catalog
from trueup.model.profile import load
from trueup.model.snapshot import Snapshot
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec
from trueup.redact import HIDDEN

catalog.load("trueup.checks", "trueup.remediations")
Log = Callable[[], list[str]]
SEED = load("aliyun-kubeadm-1.24").spec("lb1")
NOTHING = HostFacts(Snapshot("h"))  # a remedy looks for itself
OWN = """! by hand
vrrp_instance VI_0 { # another's
  priority 7
}
vrrp_instance VI_1 {
  state MASTER # not BACKUP
  interface eth0
  priority 77
  authentication {
    auth_type PASS
    auth_pass old-s3cr
  }
  virtual_ipaddress {
    10.9.9.9/32 dev eth0 # stays
    192.168.2.110/24 dev eth0
  }
}
"""
CFG = """global
    daemon # by hand
    stats socket /run/haproxy/admin.sock mode 600
frontend other
    bind :81
listen harbor_6443
    bind 192.168.2.110:6443
    mode tcp
    server a 192.168.2.9:443 # old
"""
SHOW = """MainPID=0
LoadState=loaded
ActiveState={}
UnitFileState=enabled
StateChangeTimestamp={}
"""


@pytest.fixture
def host(
    transport: Rooted, root: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Makes the scratch host a balancer; a file with BROKEN in it is one that the programs refuse."""

    def tool(name: str, body: str) -> None:
        (tmp_path / "tools" / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / "tools" / name).chmod(0o755)

    refuse = 'for last; do :; done; ! grep -q BROKEN "$last" || { echo "no BROKEN"; exit 5; }'
    tool("keepalived", refuse)
    tool("haproxy", refuse)
    tool("ip", "echo '2: eth0    inet 192.168.2.110/32 scope global eth0'")
    verb = tmp_path / "tools/systemctl"
    verb.write_text(verb.read_text().replace("start|restart)", "start|restart|reload|reload-or-restart)"))
    for directory in ("keepalived", "haproxy"):
        (root / "etc" / directory).mkdir()

    def put(*, active: bool = True, at: str = "Fri 2100-01-01 00:00:00 UTC", **files: str) -> None:
        (state / "unit").write_text(SHOW.format("active" if active else "inactive", at))
        for name, text in files.items():
            path = root / {"keepalived": "etc/keepalived/keepalived.conf", "haproxy": "etc/haproxy/haproxy.cfg"}[name]
            path.write_text(text)

    return put


def fix(id: str, change: Change, spec: Spec = SEED) -> list[str]:
    catalog.remedies[id].fix(change, spec, NOTHING)
    return [action.summary.rpartition("/")[2] if "/" in action.summary else action.summary for action in change.actions]


@pytest.mark.parametrize("id", ["lb.keepalived.config", "lb.haproxy.config"])
def test_a_host_that_has_nothing_gets_a_file_and_a_start_and_then_nothing_more(
    id: str, host: Callable[..., None], changes: Changes, root: Path, log: Log
) -> None:
    host(active=False)
    name = id.split(".")[1]
    assert fix(id, changes())[-1] == f"start {name}.service"
    assert f"systemctl start {name}.service" in log()
    assert fix(id, changes()) == []


def test_keepalived_conf_is_edited_in_place_and_the_service_reloaded_not_restarted(
    host: Callable[..., None], changes: Changes, root: Path, log: Log
) -> None:
    host(keepalived=OWN)
    change = changes(allowed="reload")
    assert fix("lb.keepalived.config", change) == ["keepalived.conf", "reload keepalived.service"]
    text = (root / "etc/keepalived/keepalived.conf").read_text()
    for kept in ("! by hand", "vrrp_instance VI_0 { # another's\n  priority 7\n}", "state MASTER # not BACKUP",
                 "10.9.9.9/32 dev eth0 # stays"):  # fmt: skip
        assert kept in text
    assert "  priority 100\n" in text and "192.168.2.110 dev eth0 label eth0:1\n" in text and "/24" not in text
    assert "  virtual_router_id 50\n" in text and "auth_pass 1111\n" in text
    assert log() == ["systemctl reload keepalived.service"]
    assert fix("lb.keepalived.config", changes()) == []
    shown = change.actions[0].diff
    assert "old-s3cr" not in shown and "auth_pass 1111" not in shown and f"auth_pass {HIDDEN}" in shown


def test_a_new_file_with_a_password_is_root_s_alone_and_an_old_one_keeps_its_mode(
    host: Callable[..., None], changes: Changes, root: Path
) -> None:
    host(active=False)
    path = root / "etc/keepalived/keepalived.conf"
    fix("lb.keepalived.config", changes())
    assert path.stat().st_mode & 0o777 == 0o600
    host(keepalived=OWN)
    path.chmod(0o640)
    fix("lb.keepalived.config", changes())
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o755)  # which keepalived passes over
    fix("lb.keepalived.config", changes())
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("lb.keepalived.config", OWN.replace("priority 77", "@lb1 priority 77")),
        ("lb.keepalived.config", OWN + "vrrp_instance VI_1 {\n}\n"),
        ("lb.keepalived.config", OWN + "}\n"),
        ("lb.haproxy.config", CFG + ".if defined(X)\nmode http\n.endif\n"),
        ("lb.haproxy.config", CFG + 'a "b\n'),
        ("lb.haproxy.config", CFG + "listen harbor_6443\n"),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_left_as_it_is(
    id: str, text: str, host: Callable[..., None], changes: Changes, root: Path, log: Log
) -> None:
    name = id.split(".")[1]
    host(**{name: text})
    with pytest.raises(ChangeFailed, match="nothing was changed"):
        fix(id, changes())
    assert next((root / "etc" / name).iterdir()).read_text() == text
    assert log() == []


@pytest.mark.parametrize("id", ["lb.keepalived.config", "lb.haproxy.config"])
def test_a_file_that_the_program_refuses_never_takes_the_old_one_s_place(
    id: str, host: Callable[..., None], changes: Changes, root: Path, log: Log
) -> None:
    name = id.split(".")[1]
    text = {"keepalived": OWN, "haproxy": CFG}[name]
    host(**{name: text})
    own = {
        "keepalived": {"vrrp": SEED.lb.vrrp.model_copy(update={"interface": "BROKEN"})},
        "haproxy": {"listens": [SEED.lb.listens[0].model_copy(update={"bind": "BROKEN:1"})]},
    }[name]
    spec = SEED.model_copy(update={"lb": SEED.lb.model_copy(update=own)})
    change = changes()
    with pytest.raises(ChangeFailed, match="no BROKEN"):
        fix(id, change, spec)
    assert change.rollback() == []
    assert next((root / "etc" / name).iterdir()).read_text() == text
    assert log() == []


def test_haproxy_cfg_is_edited_in_place_and_the_service_reloaded_not_restarted(
    host: Callable[..., None], changes: Changes, root: Path, log: Log
) -> None:
    host(haproxy=CFG)
    assert fix("lb.haproxy.config", changes(allowed="reload")) == ["haproxy.cfg", "reload haproxy.service"]
    server = "server 192.168.2.100 192.168.2.100:443 check inter 2000 fall 3 rise 5"
    assert (root / "etc/haproxy/haproxy.cfg").read_text() == CFG.replace("server a 192.168.2.9:443", server)
    assert log() == ["systemctl reload haproxy.service"]
    assert fix("lb.haproxy.config", changes()) == []


def test_a_file_that_was_not_read_again_is_read_again(host: Callable[..., None], changes: Changes, log: Log) -> None:
    host(haproxy=CFG)
    fix("lb.haproxy.config", changes())
    host(at="Fri 2021-01-01 00:00:00 UTC")
    assert fix("lb.haproxy.config", changes()) == ["reload haproxy.service"]


def test_a_reload_that_loses_the_address_is_taken_back(
    host: Callable[..., None], changes: Changes, root: Path, state: Path, tmp_path: Path
) -> None:
    host(keepalived=OWN)
    tools = tmp_path / "tools"
    for name, body in {
        "ip": '[ -e "$STATE/gone" ] || echo "2: eth0    inet 192.168.2.110/32 scope global eth0"',
        "timeout": 'case "$*" in */dev/tcp/*) exit 124;; esac; exec /usr/bin/timeout "$@"', "sleep": ":",
    }.items():  # fmt: skip
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    verb = tools / "systemctl"
    verb.write_text(
        verb.read_text().replace("case $1 in\nshow)", '[ "$1" != reload ] || touch "$STATE/gone"\ncase $1 in\nshow)', 1)
    )
    change = changes()
    with pytest.raises(ChangeFailed, match="the address: ok before, gone now"):
        fix("lb.keepalived.config", change)
    assert change.rollback() == []
    assert (root / "etc/keepalived/keepalived.conf").read_text() == OWN


GOOD = """global_defs {
  script_user root
}
vrrp_script mine {
  script "COMMAND"
}
vrrp_instance VI_1 {
  track_script {
    mine # by hand
  }
}
"""


@pytest.mark.parametrize(
    "command", ["pidof haproxy", "/nonexistent/killall -0 haproxy", "/bin/false https://localhost:6443"]
)
def test_a_script_that_is_no_good_gives_way_and_nothing_is_written_where_it_was_not(
    host: Callable[..., None], changes: Changes, root: Path, command: str
) -> None:
    host(keepalived=GOOD.replace("COMMAND", command))
    done = fix("lb.keepalived.check_script", changes())
    assert done == ["check-haproxy", "keepalived.conf", "reload keepalived.service"]
    text = (root / "etc/keepalived/keepalived.conf").read_text()
    assert "    haproxy\n  }" in text and "mine #" not in text and "enable_script_security" in text
    assert not Path("/nonexistent").exists() and not Path("pidof").exists()
    assert fix("lb.keepalived.check_script", changes()) == []


def test_an_operator_s_own_script_that_looks_at_haproxy_stays(
    host: Callable[..., None], changes: Changes, root: Path
) -> None:
    host(keepalived=GOOD.replace("COMMAND", "/bin/ls /run/haproxy.pid"))
    assert fix("lb.keepalived.check_script", changes()) == ["keepalived.conf", "reload keepalived.service"]
    assert "mine # by hand" in (root / "etc/keepalived/keepalived.conf").read_text()


def test_a_reload_that_fails_is_told_in_the_journal_s_words_and_everything_is_put_back(
    host: Callable[..., None], changes: Changes, root: Path, state: Path, log: Log
) -> None:
    host(haproxy=CFG)
    (state / "broken").touch()
    change = changes()
    with pytest.raises(ChangeFailed, match="the last words"):
        fix("lb.haproxy.config", change)
    (state / "broken").unlink()
    assert change.rollback() == []
    assert (root / "etc/haproxy/haproxy.cfg").read_text() == CFG
    assert log()[-1] == "systemctl reload-or-restart haproxy.service"
