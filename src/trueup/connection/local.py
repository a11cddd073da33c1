"""Runs a script in a local process: a shell, or a client that connects to a host."""

from __future__ import annotations

import os
import select
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from trueup.connection.sudo import Password, refusal
from trueup.connection.transport import Completed
from trueup.errors import CouldNotLook, TimedOut, Unreachable
from trueup.waiting import cut

_HEED = 0.2  # seconds between checks whether the run was stopped
_CHUNK = 65536  # bytes, as a pipe holds


@dataclass
class Process:
    """A local process that takes the script on stdin: a shell here, or OpenSSH's client.

    With a ``password``, the shell reads that first; see :func:`trueup.connection.sudo.sudo_shell`.
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
        with self.password.first_attempt(self.name):
            return self._run(argv, subprocess.PIPE, self.password.ahead_of(given), timeout)

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        """See :class:`Transport`."""
        argv = self.command("-c", script)
        with file.open("rb") as content:
            if self.password is None:
                return self._run(argv, content, None, timeout)
            with self.password.first_attempt(self.name), self.password.ahead_of_file(content) as fed:
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
                with suppress(BrokenPipeError):  # input that it had not read yet
                    pipe.close()  # a child of the probe may hold them open after the timeout
        if self.password:
            err = self.password.learn(self.name, err)
        if process.returncode != 0 and (said := err.decode(errors="replace")) and "sudo: " in said:
            raise CouldNotLook(refusal(said, self.password))
        return Completed(process.returncode, out, err)

    def forward(self, host: str, port: int) -> str:
        """See :class:`Transport`: the address itself, which this machine reaches directly."""
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def renew(self) -> None:
        """See :class:`Transport`: there is no persistent connection."""

    def close(self) -> None:
        """Do nothing: there is no persistent connection."""


def _wait(process: subprocess.Popen[bytes], given: bytes | None, timeout: float) -> tuple[bytes, bytes]:
    """Send a process its input, and return its output when it has ended.

    Raises:
        TimedOut: it did not end in time.
        Unreachable: the operator stopped the run.
    """
    # Popen.communicate() does not send the rest of its input after its first timeout (CPython 3.11 to 3.13).
    assert process.stdout and process.stderr
    until = time.monotonic() + timeout
    out, err, rest = bytearray(), bytearray(), memoryview(given or b"")
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, err)
        if process.stdin:
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map() or process.poll() is None:
            if cut.is_set():
                raise Unreachable("stopped by the operator")
            if (left := until - time.monotonic()) <= 0:
                raise TimedOut(f"no answer in {timeout:g} s, gave up", bytes(out), bytes(err))
            if not selector.get_map():
                with suppress(subprocess.TimeoutExpired):
                    process.wait(min(_HEED, left))
                continue
            for key, _ in selector.select(min(_HEED, left)):
                if key.fileobj is process.stdin:
                    rest = rest[_written(key.fd, rest) :]
                    ended = not rest
                else:
                    chunk = os.read(key.fd, _CHUNK)
                    key.data.extend(chunk)
                    ended = not chunk
                if ended:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    return bytes(out), bytes(err)


def _written(pipe: int, rest: memoryview) -> int:
    """Return how many bytes of the input a process needs no more: those that were written, or all if it reads none."""
    try:
        return os.write(pipe, rest[: select.PIPE_BUF])  # which does not block
    except BrokenPipeError:
        return len(rest)
