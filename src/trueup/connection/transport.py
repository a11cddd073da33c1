"""How a script reaches a host: OpenSSH itself, a local shell, or any other backend of testinfra."""

from __future__ import annotations

import base64
import io
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

from trueup.connection.sudo import Password, refusal
from trueup.errors import CouldNotLook, TimedOut, Unreachable, UsageError
from trueup.waiting import cut

_SSH_FAILED = 255
_TIMED_OUT = 124  # what timeout(1) says
_LOGIN = 60.0  # seconds
_HEED = 0.2  # seconds until it is noticed that all is to stop
_PIECE = 60_000  # bytes: one argument of a command holds 128 KiB, and these travel as base64
_ADVICE = {
    "host key verification failed": "the host key is not the known one: compare it, then `ssh-keygen -R HOST`",
    "permission denied": "login refused: check the user and the key",
    "could not resolve": "the name does not resolve: check it, or give HostName in your ssh_config",
    "connection refused": "nothing listens there: is sshd running, is the port right?",
    "timed out": "no answer: is the host up and the network open?",
    "no route to host": "no answer: is the host up and the network open?",
}


@dataclass(frozen=True)
class Completed:
    """What a script on a host returned."""

    rc: int
    out: bytes
    err: bytes


class Transport(Protocol):
    """The one door to a host. A script travels on stdin where there is one, so that no process list shows it."""

    guard: str
    """Shell text that each change begins with: it ends the script where this run may not change the host."""

    def run(self, script: str, timeout: float) -> Completed:
        """Run a POSIX sh script as root (or as the user that was asked for).

        Raises:
            Unreachable: no connection.
            TimedOut: not done in ``timeout`` seconds; it has what had arrived by then.
            CouldNotLook: connected, but not allowed to become root.
        """

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        """Run a script that has a file of ours on its stdin; process lists show the script: nothing secret is in it.

        Raises:
            Unreachable: as for ``run``, and so is ``TimedOut``.
            CouldNotLook: as for ``run``.
        """

    def forward(self, host: str, port: int) -> str:
        """Return the address by which we reach what the host reaches at that address; asked again, it opens that anew
        where the connection was lost.

        Raises:
            Unreachable: no connection.
            CouldNotLook: this way to a host forwards nothing.
        """

    def renew(self) -> None:
        """Drop the connection, if there is one: the host was started anew, and what follows makes another."""

    def close(self) -> None:
        """Give back what the connection holds."""


@dataclass
class Process:
    """A local process that takes the script on stdin: a shell here, or OpenSSH's client.

    With a ``password``, the shell is one that takes that first; see :func:`trueup.connection.sudo.sudo`.
    """

    shell: list[str]
    name: str
    guard: str = field(default="", kw_only=True)
    password: Password | None = field(default=None, kw_only=True)
    is_script: ClassVar[bool] = True  # which ends by itself, and is no client that waits for one elsewhere

    def run(self, script: str, timeout: float) -> Completed:
        """See :class:`Transport`."""
        argv, given = self.command("-s"), script.encode()
        if self.password is None:
            return self._run(argv, subprocess.PIPE, given, timeout)
        with self.password.turn(self.name):
            return self._run(argv, subprocess.PIPE, self.password.ahead_of(given), timeout)

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        """See :class:`Transport`."""
        argv = self.command("-c", script)
        with file.open("rb") as content:
            if self.password is None:
                return self._run(argv, content, None, timeout)
            with self.password.turn(self.name), self.password.ahead_of_file(content) as fed:
                return self._run(argv, fed, None, timeout)

    def command(self, *args: str) -> list[str]:
        """Return the command that starts the shell with these arguments."""
        return [*self.shell, *args]

    def _run(self, argv: list[str], stdin: Any, given: bytes | None, timeout: float) -> Completed:
        try:
            process = subprocess.Popen(
                argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except FileNotFoundError:
            raise CouldNotLook(f"{argv[0]} is not installed on this machine") from None
        try:
            out, err = _wait(process, given, timeout)
        finally:
            if process.poll() is None and not (cut.is_set() and self.is_script):
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
                with suppress(BrokenPipeError):  # what it had not read yet
                    pipe.close()  # a probe may hold them open longer than we wait
        if self.password:
            err = self.password.learn(self.name, err)
        if process.returncode != 0 and (said := err.decode(errors="replace")) and "sudo: " in said:
            raise CouldNotLook(refusal(said, self.password))
        return Completed(process.returncode, out, err)

    def forward(self, host: str, port: int) -> str:
        """See :class:`Transport`: it is this machine that reaches it."""
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def renew(self) -> None:
        """See :class:`Transport`: there is none that stays."""

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class OpenSSH(Process):
    """The user's own OpenSSH, with its config, agents, jumps and certificates; host keys are always verified.

    ``shared`` keeps one connection open for all that follows, so that a change costs no new login.
    """

    is_script: ClassVar[bool] = False
    target: list[str] = field(default_factory=list)
    shared: bool = False
    directory: str = ""
    options: list[str] = field(default_factory=list)
    ports: dict[tuple[str, int], int] = field(default_factory=dict)  # of ours, each forwarded to an address there

    def __post_init__(self) -> None:
        self.options = ["-o", "BatchMode=yes"]
        if self.shared:
            self._share()

    def _share(self) -> None:
        if not self.directory:
            # A short path: a unix socket's name may not exceed about 100 characters.
            self.directory = tempfile.mkdtemp(prefix="trueup-")
            path = f"ControlPath={self.directory}/s"
            self.options += ["-o", "ControlMaster=auto", "-o", path, "-o", "ControlPersist=600"]

    def command(self, *args: str) -> list[str]:
        """Return the command that starts the shell on the host."""
        return ["ssh", "-T", *self.options, *self.target, shlex.join(["exec", *self.shell, *args])]

    def _run(self, argv: list[str], stdin: Any, given: bytes | None, timeout: float) -> Completed:
        done = super()._run(argv, stdin, given, timeout)
        if done.rc == _SSH_FAILED:
            said = done.err.decode(errors="replace")
            advice = next((advice for words, advice in _ADVICE.items() if words in said.lower()), "")
            words = (_last(said) or "connection lost").removeprefix("ssh: ")
            raise Unreachable("; ".join(filter(None, [f"ssh: {words}", advice])))
        return done

    def forward(self, host: str, port: int) -> str:
        """See :class:`Transport`: over the shared connection, which is made where there is none."""
        own = self.ports.pop((host, port), 0) or _free_port()
        self._share()
        self._run(["ssh", "-T", *self.options, *self.target, "true"], subprocess.DEVNULL, None, _LOGIN)
        way = ["-O", "forward", "-L", f"127.0.0.1:{own}:[{host}]:{port}"]  # no harm where that is forwarded already
        self._run(["ssh", *self.options, *way, *self.target], subprocess.DEVNULL, None, _LOGIN)
        self.ports[host, port] = own
        return f"127.0.0.1:{own}"

    def renew(self) -> None:
        """See :class:`Transport`: it ends the shared connection, and with it what it forwards."""
        if self.directory:
            stop = ["ssh", "-O", "exit", "-o", f"ControlPath={self.directory}/s", *self.target]
            subprocess.run(stop, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            Path(self.directory, "s").unlink(missing_ok=True)  # of a master that did not hear

    def close(self) -> None:
        """End the shared connection, and with it what it forwards."""
        self.renew()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class Testinfra:
    """Any other backend of pytest-testinfra: slower, but the same door.

    Its ``run`` takes a command and no stdin. So what is sent travels in pieces, encoded, into a file that only its
    owner can read; a process list shows each piece while it is written, and nothing of it while the script runs.
    """

    hostspec: str
    options: dict[str, Any]
    guard: str = ""
    __test__ = False

    def run(self, script: str, timeout: float) -> Completed:
        """See :class:`Transport`."""
        return self._feed(io.BytesIO(script.encode()), "sh -s", timeout)

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        """See :class:`Transport`."""
        with file.open("rb") as content:
            return self._feed(content, f"sh -c {shlex.quote(script)}", timeout)

    def _feed(self, content: BinaryIO, command: str, timeout: float) -> Completed:
        held = f"/tmp/trueup-{uuid.uuid4().hex}"  # noqa: S108 - on the host, with a name that nobody can guess
        for piece in chain([content.read(_PIECE)], iter(partial(content.read, _PIECE), b"")):
            encoded = base64.b64encode(piece).decode()
            if (done := self._run(f"umask 077; echo {encoded} | base64 -d >>{held}")).rc:
                self._run(f"rm -f {held}")
                return done
        # Gone before anything is done with it: whatever becomes of the connection, it does not stay.
        done = self._run(f"{{ rm -f {held}; timeout {int(timeout)} {command}; }} <{held}")
        if done.rc == _TIMED_OUT:
            raise TimedOut(f"no answer in {timeout:g} s, gave up", done.out, done.err)
        return done

    def _run(self, command: str) -> Completed:
        import testinfra

        try:
            host = testinfra.get_host(self.hostspec, **self.options)
            done = host.run("sh -c %s", command)
        except Exception as error:  # every backend has its own exceptions; all mean that nobody answered
            raise Unreachable(f"{self.hostspec.partition('://')[0]}: {error}") from error
        return Completed(done.rc, done.stdout_bytes, done.stderr_bytes)

    def forward(self, host: str, port: int) -> str:
        """See :class:`Transport`."""
        scheme = self.hostspec.partition("://")[0]
        raise CouldNotLook(f"{scheme}:// forwards no port to {host}:{port}: give --kubeconfig=FILE")

    def renew(self) -> None:
        """See :class:`Transport`: there is none that stays."""

    def close(self) -> None:
        """Nothing to give back."""


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], given: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Return all that a process says.

    Raises:
        TimedOut: it is not done in time.
        Unreachable: all is to stop.
    """
    until = time.monotonic() + timeout
    while not cut.is_set():
        try:
            return process.communicate(given, max(0, min(_HEED, until - time.monotonic())))
        except subprocess.TimeoutExpired as late:
            given = None  # it is kept and sent on
            if time.monotonic() >= until:
                words = f"no answer in {timeout:g} s, gave up"
                raise TimedOut(words, late.stdout or b"", late.stderr or b"") from None
    raise Unreachable("stopped by the operator")


def check_ssh_config(path: str) -> None:
    """Fail early on an ssh_config that cannot be used.

    Raises:
        UsageError: missing, unreadable or not understood by ssh, in ssh's own words.
    """
    if not os.access(path, os.R_OK):
        why = "no permission" if Path(path).exists() else "no such file"
        raise UsageError(f"--ssh-config={path}: not readable ({why})")
    done = subprocess.run(["ssh", "-G", "-F", path, "trueup"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(f"--ssh-config={path}: ssh does not accept it: {' '.join(done.stderr.split())}")


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
