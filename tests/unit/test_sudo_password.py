"""sudo with a password: it goes by stdin, to one host before all others, and is never taken for anything else."""

import hashlib
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trueup.connection import sudo
from trueup.connection.local import Process
from trueup.connection.sudo import Password
from trueup.errors import CouldNotLook, UsageError
from trueup.hosts.inventory import Connection, read

WORD = "c0rrect 'horse'\\n$(echo battery)"
# As sudo does it without a terminal: asks on stderr, reads a line of stdin, up to three times, unless it needs none.
SUDO = r"""#!/bin/sh
ask=; no=; prompt='[sudo] password: '
while :; do
  case $1 in -S) ask=1; shift;; -n) no=1; shift;; -p) prompt=$2; shift 2;; -u) shift 2;; *) break;; esac
done
case $(cat "$SUDO_IS/mode") in
tty) echo 'sudo: sorry, you must have a tty to run sudo' >&2; exit 1;;
free) exec "$@";;
once) [ ! -e "$SUDO_IS/used" ] || exec "$@"; : >"$SUDO_IS/used";;
esac
[ -z "$no" ] || { echo 'sudo: a password is required' >&2; exit 1; }
for try in 1 2 3; do
  printf '%s' "$prompt" >&2
  IFS= read -r word || { echo 'sudo: no password was provided' >&2; break; }
  echo "$word" >>"$SUDO_IS/tried"
  [ "$word" != "$(cat "$SUDO_IS/word")" ] || exec "$@"
  echo 'Sorry, try again.' >&2
done
echo "sudo: $try incorrect password attempts" >&2
exit 1
"""


@pytest.fixture
def is_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stand-in of sudo goes by."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sudo").write_text(SUDO)
    (tmp_path / "bin/sudo").chmod(0o755)
    (tmp_path / "word").write_text(WORD)
    (tmp_path / "mode").write_text("asks")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("SUDO_IS", str(tmp_path))
    return tmp_path


def host(password: Password | None, name: str = "h", user: str | None = None) -> Process:
    return Process(sudo.sudo_shell(user, password), name, password=password)


@pytest.mark.parametrize("mode", ["asks", "free", "once"])
@pytest.mark.parametrize("user", [None, "jo"])
def test_whether_sudo_takes_the_password_or_not_the_script_is_run_and_nothing_else(
    is_: Path, mode: str, user: str | None
) -> None:
    (is_ / "mode").write_text(mode)
    done = host(Password(WORD), user=user).run("echo first\necho second >&2\nexit 3\n", 20)
    assert (done.rc, done.out, done.err) == (3, b"first\n", b"second\n")
    assert (mode == "free") != (is_ / "tried").exists()


@pytest.mark.parametrize("mode", ["asks", "free"])
def test_a_file_on_stdin_comes_behind_the_password(is_: Path, mode: str) -> None:
    (is_ / "mode").write_text(mode)
    (is_ / "file").write_bytes(content := os.urandom(300_001) + b"\n")
    done = host(Password(WORD)).send(is_ / "file", "sha256sum; exit 4", 20)
    assert done.rc == 4
    assert done.out.decode().split()[0] == hashlib.sha256(content).hexdigest()


def test_a_script_that_does_not_read_a_file_to_its_end_ends_all_the_same(is_: Path) -> None:
    (is_ / "file").write_bytes(bytes(3_000_000))
    assert host(Password(WORD)).send(is_ / "file", "exit 5", 20).rc == 5


def test_a_wrong_password_is_tried_once_and_the_script_is_not_taken_for_another(is_: Path) -> None:
    transport = host(password := Password("wrong"))
    with pytest.raises(CouldNotLook, match="the password of --become-password is wrong: it was tried once"):
        transport.run("echo one\necho two\n", 20)
    for again in (transport, host(password, "other")):
        with pytest.raises(CouldNotLook, match="the password of --become-password is wrong: it was tried once, on h"):
            again.run("echo one\n", 20)
    assert (is_ / "tried").read_text() == "wrong\n"


def test_one_host_tries_it_before_all_others_and_those_do_not_if_it_is_wrong(is_: Path) -> None:
    password = Password("wrong")
    said: list[str] = []

    def run(name: str) -> None:
        try:
            host(password, name).run("echo ran", 20)
        except CouldNotLook as error:
            said.append(str(error))

    threads = [threading.Thread(target=run, args=[f"h{n}"]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 6
    assert (is_ / "tried").read_text() == "wrong\n"


def test_a_host_that_refuses_what_another_has_taken_is_not_asked_again_and_alone_in_that(is_: Path) -> None:
    password = Password(WORD)
    assert host(password, "h1").run("echo ran", 20).rc == 0
    (is_ / "word").write_text("another")
    for said in ("it was tried once", "it was tried once, on h2"):
        with pytest.raises(CouldNotLook, match=said):
            host(password, "h2").run("echo ran", 20)
    (is_ / "word").write_text(WORD)
    assert host(password, "h3").run("echo ran", 20).out == b"ran\n"


def test_once_a_host_has_taken_it_the_others_do_not_wait_for_each_other(is_: Path, tmp_path: Path) -> None:
    password = Password(WORD)
    host(password).run(":", 20)
    meet = f"touch {tmp_path}/met-$$; until [ $(ls {tmp_path} | grep -c met) = 3 ]; do sleep 0.1; done; echo met"
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda n: host(password, f"h{n}").run(meet, 60), range(3)))
    assert [each.out for each in done] == [b"met\n"] * 3


@pytest.mark.parametrize(
    ("mode", "password", "said"),
    [
        ("asks", None, r"a password is required; allow NOPASSWD for this user, give its password with --become-pass"),
        ("tty", None, r"must have a tty to run sudo; its sudoers has requiretty: set `Defaults:USER !requiretty`"),
        ("tty", Password(WORD), r"must have a tty to run sudo; its sudoers has requiretty"),
    ],
)
def test_what_sudo_refuses_comes_with_what_to_do(is_: Path, mode: str, password: Password | None, said: str) -> None:
    (is_ / "mode").write_text(mode)
    with pytest.raises(CouldNotLook, match=said):
        host(password).run("echo ran", 20)


def test_the_password_is_in_no_command_and_in_no_representation() -> None:
    password = Password(WORD)
    (target,) = read("ssh://jo@h", options := Connection(sudo=True, password=password))
    transport = target.connect(options, shared=False)
    for text in (repr(password), repr(options), repr(transport), str(transport.command("-s")), str(vars(target))):
        assert WORD not in text
        assert "c0rrect" not in text


def test_by_file_descriptor(tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{WORD}\nmore\n")
    number = os.open(tmp_path / "word", os.O_RDONLY)
    assert sudo.read(f"fd:{number}").ahead_of(b"x") == f"{WORD}\nx".encode()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)  # closed, so that no child has it


def test_by_program(tmp_path: Path) -> None:
    program = tmp_path / "ask pass"
    program.write_text("#!/bin/sh\nprintf '%s\\n' 'secret word'\n")
    program.chmod(0o755)
    assert sudo.read(f"askpass:{program}").ahead_of(b"") == b"secret word\n"


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("hunter2", "is not a way to give a password; there are ask, fd:N or askpass:PROGRAM"),
        ("fd:", "is not a way to give"),
        ("fd:x", "is not a way to give"),
        ("fd:0", "0, 1 and 2 are pytest's own: use another, as in fd:3 3<FILE"),
        ("fd:987", "cannot be read"),
        ("askpass:", "is not a way to give"),
        ("askpass:/no/such", "cannot be run"),
        ("askpass:false", "it failed, exit code 1"),
        ("askpass:true", "the password is empty"),
    ],
)
def test_what_gives_no_password_is_refused(way: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        sudo.read(way)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)  # who gives it there finds it in no log


def test_without_a_terminal_nobody_is_asked() -> None:
    code = "from trueup.connection import sudo; sudo.read('ask')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input="typed\n",
        text=True,
        capture_output=True,
        start_new_session=True,
        check=False,
    )
    assert "no terminal to ask at" in done.stderr
    assert "use fd:N or askpass:PROGRAM" in done.stderr
