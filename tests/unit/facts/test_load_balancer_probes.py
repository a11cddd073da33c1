"""The probes of a load balancer: configuration files with includes, haproxy's socket, addresses."""

import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trueup.facts.edge import haproxy, keepalived, vip
from trueup.model.profile import load

SPEC = load("aliyun-kubeadm-1.24").spec("lb1")
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
HEAD = "# pxname,svname,status,check_status,check_desc,\n"
SHOW = """case $* in
*MainPID*) echo MainPID=0;;
*) echo ActiveState=active; echo 'StateChangeTimestamp=Fri 2026-11-27 04:00:00 UTC';;
esac"""


def sh(text: str, path: str, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    argv = [f"/bin/{shell}"] if shell != "busybox" else [str(shutil.which("busybox")), "sh"]
    return subprocess.run(
        [*argv, "-c", text], capture_output=True, text=True, env={"PATH": path}, check=False, timeout=30
    )


@pytest.fixture
def tools(tmp_path: Path) -> Callable[..., str]:
    """Returns a PATH with only these programs, written here or linked from this machine."""

    def make(*own: str, **bodies: str) -> str:
        directory = tmp_path / "tools"
        directory.mkdir(exist_ok=True)
        for name in own:
            (directory / name).write_text(
                f'#!/bin/sh\nexec {sys.executable if name == "python3" else shutil.which(name)} "$@"\n'
            )
            (directory / name).chmod(0o755)
        for name, body in bodies.items():
            (directory / name).write_text(f"#!/bin/sh\n{body}\n")
            (directory / name).chmod(0o755)
        return str(directory)

    return make


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers like haproxy's."""
    path = tmp_path / "s.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked = connection.recv(100).decode()
                    connection.sendall(
                        (HEAD + "a,b,UP,L4OK,fine,\n\n").encode() if asked == "show stat\n" else b"what?"
                    )

        threading.Thread(target=serve, daemon=True).start()
        yield path
        server.shutdown(socket.SHUT_RDWR)


def ask(path: Path, tools: str) -> subprocess.CompletedProcess[str]:
    spec = SPEC.model_copy(update={"lb": SPEC.lb.model_copy(update={"stats_socket": str(path)})})
    return sh(haproxy.STATS.probe(spec), tools)


@pytest.mark.parametrize("tool", [tool for tool in ("socat", "perl", "python3") if shutil.which(tool)])
def test_haproxy_s_socket_is_spoken_to_by_what_the_host_has(tool: str, spoken: Path, tools: Callable[..., str]) -> None:
    done = ask(spoken, tools(tool))
    assert (done.returncode, done.stderr) == (0, "")
    assert haproxy.STATS.parse(done.stdout).rows == (haproxy.Row("a", "b", "UP", "L4OK", "fine"),)


def test_a_host_that_cannot_speak_to_a_socket_is_not_one_without_servers(
    spoken: Path, tools: Callable[..., str]
) -> None:
    done = ask(spoken, tools("cat"))
    assert done.returncode == 127
    assert "none of socat, perl and python3" in done.stderr


def test_a_socket_that_is_not_there_or_that_nobody_listens_on_is_an_answer(
    tmp_path: Path, tools: Callable[..., str]
) -> None:
    path = tools("perl")
    assert haproxy.STATS.parse(ask(tmp_path / "none", path).stdout).problem == "the socket does not exist"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    assert haproxy.STATS.parse(ask(tmp_path / "left", path).stdout).problem == "no process listens on it"


OWN = (
    "awk",
    "cat",
    "cut",
    "date",
    "dirname",
    "find",
    "grep",
    "head",
    "id",
    "ls",
    "printf",
    "readlink",
    "sed",
    "sort",
    "stat",
    "tail",
    "tr",
)


@pytest.mark.parametrize("shell", SHELLS)
def test_files_that_are_included_are_followed_and_one_astray_is_found(
    tmp_path: Path, tools: Callable[..., str], shell: str
) -> None:
    etc = tmp_path / "etc"
    (etc / "keepalived/conf.d").mkdir(parents=True)
    (etc / "keepalive").mkdir()
    (etc / "keepalive/keepaliv.conf").touch()
    main = etc / "keepalived/keepalived.conf"
    main.write_text("global_defs {\n script_user nobody\n}\ninclude conf.d/*.conf # all\n#include no\n")
    (etc / "keepalived/conf.d/a.conf").write_text("vrrp_script c {\n script /bin/false\n}")
    (etc / "keepalived/conf.d/b.conf").write_text('include "../more"\nvrrp_instance VI_1 {\n priority 7\n}\n')
    (etc / "keepalived/more").write_text("vrrp_script d {\n script '/nonexistent/x y'\n}\n")
    text = re.sub(r"/(?=etc\b)", f"{tmp_path}/", keepalived.CONF.probe(SPEC))
    done = sh(text, tools(*OWN, systemctl=SHOW), shell)
    assert (done.returncode, done.stderr) == (0, "")
    conf = keepalived.CONF.parse(done.stdout)
    names = [each.path.removeprefix(f"{etc}/keepalived/") for each in conf.files]
    assert names == ["keepalived.conf", "conf.d/a.conf", "conf.d/b.conf", "more"]
    assert conf.strays == (f"{etc}/keepalive/keepaliv.conf",)
    assert conf.mistake == "" and conf.value("VI_1", "priority") == "7" and conf.loaded == 1795752000
    assert conf.of("vrrp_instance", "VI_1") is not None and keepalived.command(conf, "d") == "/nonexistent/x y"
    assert conf.programs["/bin/false"].executable and conf.programs["/nonexistent/x"].mode == "-"
    assert conf.users == ("root", "nobody")
    assert "lo" in conf.interfaces


def test_a_file_that_includes_itself_ends(tmp_path: Path, tools: Callable[..., str]) -> None:
    (tmp_path / "etc/keepalived").mkdir(parents=True)
    (tmp_path / "etc/keepalived/keepalived.conf").write_text("include a.conf\n")
    (tmp_path / "etc/keepalived/a.conf").write_text("include keepalived.conf\n")
    done = sh(re.sub(r"/(?=etc\b)", f"{tmp_path}/", keepalived.CONF.probe(SPEC)), tools(*OWN, systemctl=SHOW))
    assert done.returncode == 1
    assert "files are included too deeply" in done.stderr


def test_a_host_without_systemd_is_not_one_without_keepalived(tmp_path: Path, tools: Callable[..., str]) -> None:
    done = sh(re.sub(r"/(?=etc\b)", f"{tmp_path}/", keepalived.CONF.probe(SPEC)), tools(*OWN))
    assert done.returncode == 127


def test_labels_and_interfaces_that_are_down_are_seen() -> None:
    found = vip.ADDRESSES.parse(
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n2: eth0@if5: <NO-CARRIER,BROADCAST,UP> mtu 1500\n"
        "3: eth1: <BROADCAST> x\n"
        "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth0\\       valid_lft forever\n"
        "2: eth0    inet 10.0.0.9/32 scope global secondary eth0:1\\       valid_lft forever\n"
    )
    assert found.links == {"lo": True, "eth0": False, "eth1": False}
    held = found.of("10.0.0.9")
    assert held is not None and (held.label, held.prefix) == ("eth0:1", "32")
    assert found.of("10.0.0.2") is None


def test_only_rules_that_drop_vrrp_are_told(tools: Callable[..., str]) -> None:
    rules = "echo '-A INPUT -p vrrp -j ACCEPT'; echo '-A INPUT -d 224.0.0.18/32 -j DROP'; echo '-A INPUT -j DROP'"
    done = sh(
        vip.FIREWALL.probe(SPEC), tools("grep", "head", "sed", iptables=rules, nft="echo '  ip protocol vrrp drop'")
    )
    assert vip.FIREWALL.parse(done.stdout) == [
        "iptables: -A INPUT -d 224.0.0.18/32 -j DROP",
        "nft: ip protocol vrrp drop",
    ]
