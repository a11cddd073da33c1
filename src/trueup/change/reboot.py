"""The verb that reboots a host."""

from __future__ import annotations

import time
from pathlib import Path

from trueup.change.verbs import Verbs
from trueup.errors import ChangeFailed, CouldNotLook, NotBack, Unreachable
from trueup.facts.host import boot
from trueup.hosts.probing import ask
from trueup.results.action import Action
from trueup.waiting import Patience

_OWN = Path("/proc/sys/kernel/random/boot_id")
_LOGIN = 15.0  # seconds: a host that shuts down may keep a connection open without answering
# A systemd timer, so that this script can answer before the host shuts down.
_SOON = "systemd-run --on-active=1s --timer-property=AccuracySec=100ms systemctl reboot"


class Reboot(Verbs):
    """Rebooting."""

    def reboot(self, why: str, *, within: float) -> None:
        """Reboot the host, and wait until systemd has started everything; cannot be undone.

        Args:
            within: seconds until it must be back.

        Raises:
            ChangeFailed: the host is the controller itself, or systemd refuses; nothing was changed.
            NotBack: it did not come back in time.
        """
        before = self.ask(boot.ID)
        if _OWN.exists() and before == _OWN.read_text().strip():
            raise ChangeFailed(
                "trueup runs on this machine, or on its kernel: reboot it yourself, and run again; nothing was changed"
            )
        self.act(Action("reboot", "host", f"reboot: {why}", stays="a reboot cannot be undone"), _SOON, "reboot")
        if self.apply:
            began = time.monotonic()
            self._await(before, within)
            self.record.notes.append(f"back after {time.monotonic() - began:.0f} s; {self.ask(boot.STARTED)}")

    def _await(self, before: str, within: float) -> None:
        patience, said = Patience(within), "it goes on running"
        while not patience.ended:
            patience.rest()
            self._transport.renew()
            try:
                if ask(self._transport, boot.ID, min(_LOGIN, max(patience.remaining, 1))) != before:
                    return
            except (Unreachable, CouldNotLook) as error:
                said = str(error)
        raise NotBack(f"not back {patience.ended}: {said}; nothing else is tried there in this run")
