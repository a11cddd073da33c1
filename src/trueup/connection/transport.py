"""The interface of all connections to hosts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Completed:
    """The result of a script on a host."""

    rc: int
    out: bytes
    err: bytes


class Transport(Protocol):
    """A connection to a host. Scripts are sent on stdin if possible, so that no process list shows them."""

    guard: str
    """Shell text at the start of each change: it ends the script unless this run holds the host's lock."""

    def run(self, script: str, timeout: float) -> Completed:
        """Run a POSIX sh script as root, or as the user of --sudo-user.

        Raises:
            Unreachable: no connection.
            TimedOut: not done in ``timeout`` seconds; has the output so far.
            CouldNotLook: connected, but not allowed to become root.
        """

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        """Run a script with a local file on its stdin; process lists show the script, so it must not contain a secret.

        Raises:
            Unreachable: as for ``run``, and so is ``TimedOut``.
            CouldNotLook: as for ``run``.
        """

    def forward(self, host: str, port: int) -> str:
        """Forward a local port to an address that the host reaches, and return the local address; a repeated call
        reopens a lost connection.

        Raises:
            Unreachable: no connection.
            CouldNotLook: this kind of connection cannot forward ports.
        """

    def renew(self) -> None:
        """Drop the connection after a reboot of the host; the next script opens another."""

    def close(self) -> None:
        """Close the connection."""
