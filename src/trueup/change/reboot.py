"""The verb that starts a whole host anew."""

from __future__ import annotations

import time
from pathlib import Path

from trueup.change.hand import Hand
from trueup.errors import ChangeFailed, CouldNotLook, NotBack, Unreachable
from trueup.facts.host import boot
from trueup.hosts.probing import ask
from trueup.results.action import Action
from trueup.waiting import Patience

_OWN = Path("/proc/sys/kernel/random/boot_id")
_LOGIN = 15.0  # seconds: a host that goes down may keep a connection open and say nothing
# A timer of systemd's, and not this script: its answer comes back before the host goes down.
_SOON = "systemd-run --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot"


class Reboot(Hand):
    """Rebooting."""

    def reboot(self, why: str, *, within: float) -> None:
        """Reboot the host, and wait until it is back and systemd has started everything; nothing undoes that.

        Args:
            within: seconds in which it has to be back.

        Raises:
            ChangeFailed: it is the machine that we run on, or systemd refuses; nothing was changed.
            NotBack: it has not come back in time.
        """
        before = self.look(boot.ID)
        if _OWN.exists() and before == _OWN.read_text().strip():
            raise ChangeFailed(
                "trueup runs on this machine, or on its kernel: reboot it yourself, and run again; nothing was changed"
            )
        self.act(Action("reboot", "host", f"reboot: {why}", stays="nothing undoes a reboot"), _SOON, "reboot")
        if self.apply:
            began = time.monotonic()
            self._await(before, within)
            self.record.notes.append(f"back after {time.monotonic() - began:.0f} s; {self.look(boot.STARTED)}")

    def _await(self, before: str, within: float) -> None:
        patience, said = Patience(within), "it goes on running"
        while not patience.ended:
            patience.rest()
            self._transport.renew()
            try:
                if ask(self._transport, boot.ID, min(_LOGIN, max(patience.left, 1))) != before:
                    return
            except (Unreachable, CouldNotLook) as error:
                said = str(error)
        raise NotBack(f"not back {patience.ended}: {said}; nothing else is tried there in this run")
