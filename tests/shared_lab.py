"""The lab as suites have it that run at the same time."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable

from lab import Lab, LabUnavailable


class SharedLab(Lab):
    """A lab whose hosts stay with the process that made them: another suite would be red for no reason of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._claims: dict[str, socket.socket] = {}

    def up(self, names: Iterable[str], anew: bool = False) -> list[str]:
        """Claim the hosts, and bring them up.

        Raises:
            LabUnavailable: another process has one of them.
        """
        wanted = list(names)
        for name in wanted:
            self._claim(name)
        return super().up(wanted, anew)

    def _claim(self, name: str) -> None:
        if name in self._claims:
            return
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0trueup-lab/{name}")  # which the kernel gives back however the process ends
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            raise LabUnavailable(f"{name} is a host of another suite that runs now: give this one another") from None
        self._claims[name] = claim
