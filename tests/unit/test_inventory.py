"""``--hosts``: what is named, how it is reached, and what is refused."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.connection.local import Process
from trueup.connection.openssh import OpenSSH
from trueup.connection.testinfra import Testinfra
from trueup.errors import UsageError
from trueup.hosts.inventory import Connection, Target, read


def only(hosts: str, options: Connection | None = None) -> Target:
    (target,) = read(hosts, options or Connection())
    return target


def command(hosts: str, **options: object) -> list[str]:
    transport = only(hosts).connect(Connection(**options), shared=False)
    assert isinstance(transport, OpenSSH)
    return transport.command("-s")


def refusal(hosts: str | None, **options: object) -> str:
    with pytest.raises(UsageError) as caught:
        read(hosts, Connection(**options))
    return str(caught.value)


def test_a_bare_name_goes_by_ssh() -> None:
    assert only("node1").scheme == "ssh"
    assert command("node1")[-3:] == ["--", "node1", "exec sh -s"]


@pytest.mark.parametrize(
    ("spec", "id", "host", "flags"),
    [
        ("root@node1", "node1", "node1", {"-l": "root"}),
        ("node1:2222", "node1:2222", "node1", {"-p": "2222"}),
        ("ssh://admin@node1:2222", "node1:2222", "node1", {"-p": "2222", "-l": "admin"}),
        ("ssh://[2001:db8::1]:2222", "2001:db8::1:2222", "2001:db8::1", {"-p": "2222"}),
        ("ssh://root@[2001:db8::1]", "2001:db8::1", "2001:db8::1", {"-l": "root"}),
        ("safe-ssh://node1", "node1", "node1", {}),
        ("ssh://Node-1.Example.ORG/", "Node-1.Example.ORG", "Node-1.Example.ORG", {}),
        ("ssh://node1?ssh_identity_file=/k&timeout=3", "node1", "node1", {"-i": "/k"}),
    ],
)
def test_an_ssh_spec_becomes_a_command_line(spec: str, id: str, host: str, flags: dict[str, str]) -> None:
    argv = command(spec)
    assert only(spec).id == id
    assert argv[argv.index("--") + 1] == host
    given = argv[: argv.index("--")]
    assert {flag: given[given.index(flag) + 1] for flag in ("-l", "-p", "-i") if flag in given} == flags


def test_ssh_never_asks_and_never_waits_for_ever() -> None:
    argv = command("node1")
    assert "BatchMode=yes" in argv
    assert "ConnectTimeout=10" in argv
    assert "ConnectTimeout=3" in command("ssh://node1?timeout=3")
    assert not any("StrictHostKeyChecking" in word for word in argv)


def test_the_options_of_the_run_hold_where_the_spec_says_nothing() -> None:
    argv = command("node1", ssh_identity_file="/run/key", ssh_extra_args="-o A=b -v")
    assert argv[argv.index("-i") + 1] == "/run/key"
    assert argv[argv.index("A=b") - 1] == "-o"
    assert "-v" in argv
    assert "/run/key" not in command("ssh://node1?ssh_identity_file=/own", ssh_identity_file="/run/key")


def test_sudo_is_asked_for_by_the_run_or_by_the_host_and_never_prompts() -> None:
    assert command("node1", sudo=True)[-1] == "exec sudo -n sh -s"
    assert command("ssh://node1?sudo=true")[-1] == "exec sudo -n sh -s"
    assert command("ssh://node1?sudo=true&sudo_user=jo")[-1] == "exec sudo -n -u jo sh -s"
    assert command("ssh://node1?sudo=false")[-1] == "exec sh -s"


def test_this_machine_is_a_local_shell_and_called_local() -> None:
    target = only("local://")
    transport = target.connect(Connection(), shared=False)
    assert target.id == "local"
    assert isinstance(transport, Process)
    assert not isinstance(transport, OpenSSH)
    assert transport.run("echo here", 5).out == b"here\n"


def test_any_other_connection_goes_by_testinfra() -> None:
    assert isinstance(only("docker://web").connect(Connection(), shared=False), Testinfra)


def test_hosts_are_sorted_so_that_every_process_sees_the_same_order() -> None:
    assert [t.id for t in read("node3, node1,,node2,", Connection())] == ["node1", "node2", "node3"]


def test_a_host_that_is_named_twice_is_one_host() -> None:
    assert [t.id for t in read("node1,node2,node1", Connection())] == ["node1", "node2"]


def test_two_ways_to_one_name_are_refused() -> None:
    assert refusal("node1,root@node1") == "--hosts=root@node1: 'root@node1' and 'node1' have the same name 'node1'"


def test_one_name_on_two_ports_is_two_hosts() -> None:
    assert len(read("node1:22,node1:2222", Connection())) == 2


def test_a_file_names_hosts_one_per_line_with_comments(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("# the fleet\nnode2   # rack 2\n\n  root@node1:2222\n")
    assert [t.id for t in read(f"@{file},node3", Connection())] == ["node1:2222", "node2", "node3"]


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hosts"
    file.write_text("node1\n\nhttp://node2\n")
    assert refusal(f"@{file}").startswith(f"{file}:3: unknown connection 'http'")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the file ("),
        ("# nothing\n\n", "the file names no host"),
        (b"\xff\xfe", "cannot read the file ("),
    ],
)
def test_a_file_without_hosts_is_refused(tmp_path: Path, content: str | bytes | None, said: str) -> None:
    file = tmp_path / "hosts"
    if content is not None:
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    assert refusal(f"@{file}").startswith(f"--hosts=@{file}: {said}")


@pytest.mark.parametrize("hosts", [None, "", " ", ",", " , ,"])
def test_no_hosts_are_refused_with_what_could_be_said(hosts: str | None) -> None:
    assert refusal(hosts).startswith("--hosts is empty: name hosts (--hosts=node1,")


@pytest.mark.parametrize(
    ("hosts", "said"),
    [
        ("shh://node1", "unknown connection 'shh'; did you mean 'ssh'?"),
        ("ssh://node1?sud=true", "unknown key 'sud' in the host spec; did you mean 'sudo'?"),
        ("ssh://node1?namespace=x", "unknown key 'namespace' in the host spec"),
        ("docker://web?ssh_config=x", "unknown key 'ssh_config' in the host spec"),
        ("ssh://node1?timeout=1.5", "timeout is in whole seconds, found '1.5'"),
        ("ssh://node1?timeout=", "timeout is in whole seconds, found ''"),
        ("node1:many", "Port could not be cast"),
        ("node1:99999", "Port out of range"),
        ("ssh://", "'' is not a host name or address"),
        ("root@", "'root@' is not a host name or address"),
        ("-oProxyCommand=touch /tmp/x", "'-oProxyCommand=touch /tmp/x' is not a host name or address"),
        ("root@-oProxyCommand=x", "'root@-oProxyCommand=x' is not a host name or address"),
        ("node 1", "'node 1' is not a host name or address"),
    ],
)
def test_a_malformed_spec_is_refused_in_words(hosts: str, said: str) -> None:
    assert refusal(hosts).startswith(f"--hosts={hosts}: {said}")


@pytest.mark.parametrize("spec", ["ssh://root:hunter2@node1", "root:hunter2@node1:22", "docker://root:hunter2@web"])
def test_a_password_in_a_spec_is_refused_and_not_repeated(spec: str) -> None:
    said = refusal(spec)
    assert "a password in a host spec ends up in logs" in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("exists", "said"), [(False, "not readable (no such file)"), (True, "ssh does not accept it: ")]
)
def test_an_ssh_config_that_cannot_be_used_is_refused_before_any_host_is_tried(
    tmp_path: Path, exists: bool, said: str
) -> None:
    config = tmp_path / "ssh_config"
    if exists:
        config.write_text("NoSuchOption yes\n")
    assert refusal("node1", ssh_config=str(config)).startswith(f"--ssh-config={config}: {said}")


def test_an_ssh_config_is_passed_on(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host node1\n  HostName 10.0.0.1\n")
    transport = only("node1", options := Connection(ssh_config=str(config))).connect(options, shared=False)
    asked = subprocess.run(["ssh", "-G", *transport.target], capture_output=True, text=True, check=True).stdout
    assert "hostname 10.0.0.1" in asked


@given(st.text(max_size=20) | st.from_regex(r"(ssh|local|docker)://[a-z@:\[\]?=&/%0-9.-]{0,20}", fullmatch=True))
def test_any_text_names_hosts_or_is_refused_in_words(hosts: str) -> None:
    if any(part.strip().startswith(("@", "ansible://")) for part in hosts.split(",")):
        return
    with suppress(UsageError):
        targets = read(hosts, Connection())
        assert targets
        for target in targets:
            target.connect(Connection(), shared=False)
