"""The interface of all ways to reach a host with a script."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


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
