"""Runs a script on a host by another backend of pytest-testinfra, such as docker, podman or kubectl."""

from __future__ import annotations

import base64
import io
import shlex
import uuid
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from trueup.connection.transport import Completed
from trueup.errors import CouldNotLook, TimedOut, Unreachable

_TIMED_OUT = 124  # what timeout(1) says
_PIECE = 60_000  # bytes: one argument of a command holds 128 KiB, and these travel as base64


@dataclass
class Testinfra:
    """Any other backend of pytest-testinfra; slower than OpenSSH.

    Its ``run`` takes a command and no stdin. So input is sent in pieces, base64-encoded, into a file that only its
    owner can read; a process list shows each piece while it is written, but not while the script runs.
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
        # Removed before it is used, so that a lost connection leaves no file behind.
        done = self._run(f"{{ rm -f {held}; timeout {int(timeout)} {command}; }} <{held}")
        if done.rc == _TIMED_OUT:
            raise TimedOut(f"no answer in {timeout:g} s, gave up", done.out, done.err)
        return done

    def _run(self, command: str) -> Completed:
        import testinfra

        try:
            host = testinfra.get_host(self.hostspec, **self.options)
            done = host.run("sh -c %s", command)
        except Exception as error:  # every backend has its own exceptions; all mean unreachable
            raise Unreachable(f"{self.hostspec.partition('://')[0]}: {error}") from error
        return Completed(done.rc, done.stdout_bytes, done.stderr_bytes)

    def forward(self, host: str, port: int) -> str:
        """See :class:`Transport`."""
        scheme = self.hostspec.partition("://")[0]
        raise CouldNotLook(f"{scheme}:// forwards no port to {host}:{port}: give --kubeconfig=FILE")

    def renew(self) -> None:
        """See :class:`Transport`: there is no persistent connection."""

    def close(self) -> None:
        """Do nothing: there is no persistent connection."""
