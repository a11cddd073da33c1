"""What can go wrong while a host is being changed. A fault begins at a moment that the trial chooses, and is lifted."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from lab import Lab
from trueup.change.verbs import STATE

SPARE = """
mount -t tmpfs -o size=$(($(du -sk {path} | cut -f1) + {spare}))k tmpfs /run/fault
cp -a {path}/. /run/fault/ 2>/dev/null || :
dd if=/dev/zero of=/run/fault/.fill bs=4k 2>/dev/null || :
mount --bind /run/fault {path}
"""
MERGE = """
mountpoint -q {path} || exit 0  # the host has started anew since
rm -f /run/fault/.fill
umount -l {path}
cd {path}
find . -xdev -depth ! -name . | while read -r each; do
  [ -e "/run/fault/$each" ] || [ -L "/run/fault/$each" ] || rm -rf "$each"
done
cp -a /run/fault/. .
umount -l /run/fault
"""
_AHEAD = timedelta(days=1)
UNITS = ("containerd", "kubelet", "keepalived", "haproxy", "docker", "docker-registry", "nginx")
FAILS = "\n".join(
    f"mkdir -p /run/systemd/system/{unit}.service.d; "
    f"printf '[Service]\\nExecStartPre=/bin/false\\n' >/run/systemd/system/{unit}.service.d/fault.conf"
    for unit in UNITS
)


@dataclass
class Fault:
    """One fault on one host."""

    lab: Lab
    host: str

    def begin(self) -> None:
        """Let it happen now, in the process that changes the host."""

    def lift(self) -> None:
        """Let all be as it was, from the process that watches."""

    def over(self) -> None:
        """Wait until all of it is gone, once the next fix has ended."""

    def sh(self, text: str) -> None:
        self.lab.sh(self.host, text, timeout=60)


class Cut(Fault):
    """The host's cable is pulled, and stays so until the run has ended."""

    def begin(self) -> None:
        self.lab.link(self.host, up=False)

    def lift(self) -> None:
        self.lab.link(self.host, up=True)


class Dropped(Fault):
    """Every login to the host ends at once, as when a firewall or sshd is restarted."""

    def begin(self) -> None:
        self.sh("pkill -KILL -f '^sshd: root' || :")


class Blink(Fault):
    """The cable is pulled for a moment."""

    def begin(self) -> None:
        self.lab.link(self.host, up=False)
        time.sleep(1)
        self.lab.link(self.host, up=True)

    def lift(self) -> None:
        self.lab.link(self.host, up=True)


class PowerCut(Fault):
    """The host starts anew without having been shut down."""

    def begin(self) -> None:
        before = self._boot()
        self.lab.sh(self.host, "systemctl reboot -ff", check=False, timeout=20)
        until = time.monotonic() + 30
        while self._boot() == before and time.monotonic() < until:
            time.sleep(0.05)

    def lift(self) -> None:
        self.lab.wait([self.host])

    def _boot(self) -> str:
        try:
            return self.lab.sh(self.host, "cat /proc/sys/kernel/random/boot_id", check=False, timeout=5).stdout.strip()
        except Exception:  # noqa: BLE001 - it is just going down
            return ""


class FullState(Fault):
    """No room is left where trueup keeps what files were."""

    path, spare = "/var/lib/trueup", 512  # KiB beyond what is there, which are filled

    def begin(self) -> None:
        self.sh(f"mkdir -p {self.path} /run/fault\nset -e\n" + SPARE.format(path=self.path, spare=self.spare))

    def lift(self) -> None:
        self.sh("set -e" + MERGE.format(path=self.path))


class FullEtc(FullState):
    """No room is left below /etc."""

    path, spare = "/etc", 4096


class ReadOnlyEtc(Fault):
    """/etc has become read-only, as a file system does after an error."""

    def begin(self) -> None:
        self.sh("set -e\nmount --bind /etc /etc\nmount -o remount,bind,ro /etc")

    def lift(self) -> None:
        self.sh("! mountpoint -q /etc || umount -l /etc")


class DpkgLocked(Fault):
    """Another package manager is at work, and ends after a while."""

    seconds = 3.0

    def begin(self) -> None:
        if os.fork() == 0:
            self._lock()
            time.sleep(self.seconds)
            os._exit(0)
        time.sleep(0.1)

    def over(self) -> None:
        for lock in self._lock():
            os.close(lock)

    def _lock(self) -> list[int]:
        """Wait for the locks, and have them until their files are closed."""
        names = ("lock-frontend", "lock")
        locks = [os.open(self.lab.root(self.host) / "var/lib/dpkg" / name, os.O_RDWR) for name in names]
        for lock in locks:
            fcntl.lockf(lock, fcntl.LOCK_EX)
        return locks


class DoesNotStart(Fault):
    """Services that are started from now on fail."""

    def begin(self) -> None:
        self.sh(f"{FAILS}\nsystemctl daemon-reload")

    def lift(self) -> None:
        self.sh("rm -f /run/systemd/system/*.service.d/fault.conf; systemctl daemon-reload; systemctl reset-failed")


class Tomorrow(datetime):
    """A clock that is a day ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + _AHEAD


class ClockJumps(Fault):
    """The controller's clock jumps ahead by a day; hosts of the lab have the machine's, which nobody may set."""

    def begin(self) -> None:
        now: Callable[[], float] = time.time
        time.time = lambda: now() + _AHEAD.total_seconds()  # type: ignore[assignment]
        for name, module in list(sys.modules.items()):
            if name.startswith("trueup") and getattr(module, "datetime", None) is datetime:
                vars(module)["datetime"] = Tomorrow


class Killed(Fault):
    """The controller is killed; its ssh clients are not, as nobody tells them."""

    def begin(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def lift(self) -> None:
        """Wait for what it had begun there to end, as the next run asks for."""
        self.sh(f"[ ! -d {STATE} ] || flock -w 50 {STATE} true")


FAULTS = (Cut, Dropped, Blink, PowerCut, FullState, FullEtc, ReadOnlyEtc, DpkgLocked, DoesNotStart, ClockJumps, Killed)
