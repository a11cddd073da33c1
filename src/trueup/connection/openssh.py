"""Runs a script on a host by the user's own OpenSSH."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.errors import Unreachable, UsageError

_SSH_FAILED = 255
_LOGIN = 60.0  # seconds
_ADVICE = {
    "host key verification failed": "the host key is not the known one: compare it, then `ssh-keygen -R HOST`",
    "permission denied": "login refused: check the user and the key",
    "could not resolve": "the name does not resolve: check it, or give HostName in your ssh_config",
    "connection refused": "nothing listens there: is sshd running, is the port right?",
    "timed out": "no answer: is the host up and the network open?",
    "no route to host": "no answer: is the host up and the network open?",
}


@dataclass
class OpenSSH(Process):
    """The user's own OpenSSH, with its config, agents, jumps and certificates; host keys are always verified.

    ``shared`` keeps one connection open for all scripts, so that each change needs no new login.
    """

    is_script: ClassVar[bool] = False
    target: list[str] = field(default_factory=list)
    shared: bool = False
    directory: str = ""
    options: list[str] = field(default_factory=list)
    ports: dict[tuple[str, int], int] = field(default_factory=dict)  # local ports, each forwarded to an address there

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
        """See :class:`Transport`: over the shared connection, which is opened if necessary."""
        own = self.ports.pop((host, port), 0) or _free_port()
        self._share()
        self._run(["ssh", "-T", *self.options, *self.target, "true"], subprocess.DEVNULL, None, _LOGIN)
        way = ["-O", "forward", "-L", f"127.0.0.1:{own}:[{host}]:{port}"]  # harmless if it is forwarded already
        self._run(["ssh", *self.options, *way, *self.target], subprocess.DEVNULL, None, _LOGIN)
        self.ports[host, port] = own
        return f"127.0.0.1:{own}"

    def renew(self) -> None:
        """See :class:`Transport`: close the shared connection and its forwarded ports."""
        if self.directory:
            stop = ["ssh", "-O", "exit", "-o", f"ControlPath={self.directory}/s", *self.target]
            subprocess.run(stop, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            Path(self.directory, "s").unlink(missing_ok=True)  # left behind by a master that did not answer

    def close(self) -> None:
        """Close the shared connection and its forwarded ports."""
        self.renew()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)


def check_ssh_config(path: str) -> None:
    """Check that an ssh_config can be used.

    Raises:
        UsageError: missing, unreadable or refused by ssh, with ssh's message.
    """
    if not os.access(path, os.R_OK):
        why = "no permission" if Path(path).exists() else "no such file"
        raise UsageError(f"--ssh-config={path}: not readable ({why})")
    done = subprocess.run(["ssh", "-G", "-F", path, "trueup"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UsageError(f"--ssh-config={path}: ssh does not accept it: {' '.join(done.stderr.split())}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _last(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
