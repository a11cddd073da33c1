"""One host: its directory, its identity, its boot, and shell access without ssh."""

import os
import shutil
import signal
import time
import uuid
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess, Popen, TimeoutExpired

from lab import network
from lab.machine import LabUnavailable, cgroups, end, pids, run, wrap

DETACH = ["setsid", "--fork", "sh", "-c", 'exec "$@" >"$0" 2>&1 </dev/null']
ENTER = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "--", "bash", "-c"]
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
KEYGEN = ["sh", "-c", '[ -s "$0.pub" ] || { rm -f "$0"; ssh-keygen -q -t ed25519 -N "" -C lab -f "$0"; }']
GREET = 'exec 3<>/dev/tcp/$0/22 && read -r -u3 hello && echo SSH-2.0-lab >&3 && echo "$hello"'
Done = CompletedProcess[str]


class Host:
    """A host by name, which may not exist yet."""

    def __init__(self, state: Path, name: str) -> None:
        self.name, self.address, self.state = name, network.address(name), state
        self.directory, self.key = state / "nodes" / name, state / "keys" / name
        self.root, self.made = self.directory / "root", self.directory / "made"

    def whole(self) -> bool:
        """Whether it was made completely, and runs."""
        return self.made.exists() and self.root.is_mount() and bool(pids(self.name))

    def make(self, base: Path) -> None:
        """Make its file system, identity and network, and start it."""
        run("mkdir", "-p", *(self.directory / part for part in ("root", "upper", "work", "containerd")))
        layers = f"lowerdir={base},upperdir={self.directory}/upper,workdir={self.directory}/work"
        run("mount", "-t", "overlay", f"lab-{self.name}", "-o", layers, self.root)
        run(*KEYGEN, self.key)
        etc = self.root / "etc"
        shutil.copy(self.key, etc / "ssh/ssh_host_ed25519_key")
        shutil.copy(self.state / "id.pub", etc / "ssh/lab_authorized_keys")
        names = (f"{network.address(name)} {name}\n" for name in network.NUMBER)
        served = {network.SERVICES: network.SERVED, **network.VIRTUAL}
        (etc / "hosts").write_text(
            "".join(["127.0.0.1 localhost\n", *names, *(f"{ip} {' '.join(n)}\n" for ip, n in served.items())])
        )
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
        network.plug(self.name, network.NUMBER[self.name])
        network.route(self.name)
        launch = [*DETACH, f"{self.directory}/console.log", "sh", f"{Path(__file__).parent}/launch.sh"]
        run(*wrap(self.name, *launch, self.name, self.directory, *cgroups(self.name)))
        self.made.touch()

    def remove(self) -> None:
        """Stop it and remove everything but its host key."""
        end(self.name)
        if self.root.is_mount():
            run("umount", "--lazy", self.root)  # even if a shell has its working directory there
        network.remove(self.name)
        run("rm", "-rf", "--one-file-system", f"/run/systemd/nspawn/propagate/{self.name}", self.directory)

    def leader(self) -> int | None:
        """Return the machine's process id of its PID 1, once that is systemd."""
        for pid in pids(self.name):
            with suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                if status.startswith("Name:\tsystemd\n") and f"\nNSpid:\t{pid}\t1\n" in status:
                    return pid
        return None

    def inside(self, script: str) -> list[str]:
        """Return the command that runs a shell script inside, as root."""
        if not (pid := self.leader()):
            raise LabUnavailable(f"{self.name} is not up")
        return wrap(self.name, "nsenter", f"--target={pid}", *ENTER, script)

    def sh(self, script: str, check: bool, timeout: float, given: str | None) -> Done:
        """Run a shell script inside, and kill it at the timeout."""
        argv, stdin = self.inside(script), PIPE if given else DEVNULL
        with Popen(argv, -1, None, stdin, PIPE, PIPE, env=ENV, text=True, start_new_session=True) as process:
            try:
                out, err = process.communicate(given, timeout)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # killing nsenter alone would leave the script running
                raise
        done = Done(f"{self.name}: {script}", process.returncode, out, err)
        if check:
            done.check_returncode()
        return done

    def wait(self, until: float, before: int | None = None) -> None:
        """Wait until it has booted and answers, with a PID 1 other than `before`."""
        while self.leader() == before or not self.ready():
            if not pids(self.name) or time.monotonic() > until:
                console = (self.directory / "console.log").read_text(errors="replace")
                raise LabUnavailable(f"{self.name} does not become ready; its console says: {console[-300:]!r}")
            time.sleep(0.1)

    def ready(self) -> bool:
        """Whether systemd is done and sshd answers; sshd last, and without a login, to keep its log clean."""
        with suppress(LabUnavailable, TimeoutExpired, OSError):
            if self.sh("systemctl is-system-running", False, 5, None).stdout.strip() in ("running", "degraded"):
                return run(*network.MANAGEMENT, "timeout", "2", "bash", "-c", GREET, self.address).startswith("SSH-")
        return False
