"""The whole lab: makes, repairs and removes hosts, and writes the files that ssh needs."""

import os
import shutil
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import cache, network, services
from lab.host import KEYGEN, Done, Host
from lab.kubernetes import kubernetes
from lab.machine import MOUNTS, LabUnavailable, cgroups, check, cpu, end, locked, run
from lab.profile import profile

PROFILES = [*Path(__file__).parent.glob("*.yaml"), *Path(__file__).parent.glob("manifests/*.yaml")]
SSH = (
    "Host *; User root; IdentityFile {0}/id; IdentitiesOnly yes; UserKnownHostsFile {0}/known_hosts; ConnectTimeout 3; "
    "GlobalKnownHostsFile /dev/null; StrictHostKeyChecking yes; ProxyCommand {1} socat - TCP:%h:%p,connect-timeout=3\n"
)


class Lab:
    """The one lab of this machine; several processes may use it at once."""

    def __init__(self, state: Path | None = None, cache: Path | None = None) -> None:
        self.state = (state or Path(os.environ.get("TRUEUP_LAB", "/var/lib/trueup-lab"))).absolute()
        self.cache = (cache or Path(os.environ.get("TRUEUP_LAB_CACHE", "/var/cache/trueup-lab"))).absolute()
        self.ssh_config, self.hosts_file = self.state / "ssh_config", self.state / "hosts"
        self.profile, self.artifacts = self.state / "profile.yaml", self.state / "repository/artifacts"
        self.cluster = self.state / "cluster.yaml"  # the profile of a cluster
        self.edge = self.state / "edge.yaml"  # the profile of its load balancers and registry
        self._marker = self.state / ".trueup-lab"

    check = staticmethod(check)

    def setup(self) -> None:
        """Install missing tools, and build what the cache lacks."""
        check(install=True)
        with locked(self.state):
            services.prepare(self.cache)

    def kubernetes(self) -> Path:
        """Build Kubernetes' programs, unless the cache has them."""
        with locked(self.state):
            return kubernetes(self.cache)

    def hosts(self) -> list[str]:
        """The hosts that are up."""
        return [name for name in network.NUMBER if Host(self.state, name).whole()]

    def up(self, names: Iterable[str], anew: bool = False) -> list[str]:
        """Bring up the hosts that are down (or recreate all), and wait until all answer."""
        wanted = sorted(set(names), key=network.address)
        with locked(self.state):
            self._heal()
            self._remove(wanted if anew else [])
            new = set(wanted) - set(running := self.hosts())
            if len(new) + len(running) > 40:
                raise LabUnavailable("the lab carries at most 40 hosts")
            for name in filter(new.__contains__, wanted):
                Host(self.state, name).make(cache.base(self.cache) / "root")
            self._write_files()
            self.wait(wanted)
        return wanted

    def reset(self, names: Iterable[str]) -> list[str]:
        """Reset hosts to the bare base; address, MAC and host key stay, the machine-id changes."""
        return self.up(names, anew=True)

    def down(self, names: Iterable[str] | None = None) -> None:
        """Remove some hosts, or the whole lab except its cache."""
        with locked(self.state):
            if names is not None and self._marker.exists():
                self._remove(names)
                self._write_files()
                return
            end("")
            self._remove(path.name for path in self.state.glob("nodes/*"))
            network.remove(*network.namespaces())
            if self._marker.exists():
                shutil.rmtree(self.state)
            left = [*network.namespaces(), *filter(Path.exists, cgroups(""))]
            if left or f" {self.state}/" in MOUNTS.read_text():
                raise LabUnavailable(f"something is left behind: {left}, or a mount below {self.state}")

    def wait(self, names: Iterable[str], timeout: float = 90) -> None:
        """Wait until hosts have booted and answer."""
        until = time.monotonic() + timeout
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: self._host(name).wait(until), names))

    def sh(self, name: str, script: str, *, check: bool = True, timeout: float = 120, input: str | None = None) -> Done:
        """Run a script as root in a host without ssh, and so without a line in its logs."""
        return self._host(name).sh(script, check, timeout, input)

    def root(self, name: str) -> Path:
        """Return a host's root directory, without the host's own mounts (/run, /var/lib/containerd)."""
        return self._host(name).root

    def link(self, name: str, up: bool) -> None:
        """Take a host's network link down or up."""
        network.ip("sw", f"link set {self._host(name).name} {'up' if up else 'down'}")

    def freeze(self, name: str, frozen: bool) -> None:
        """Freeze or thaw a host."""
        (cgroups(self._host(name).name)[0] / "cgroup.freeze").write_text(str(int(frozen)))

    def cpu(self, name: str) -> float:
        """Return the CPU seconds that a host has used since it was made."""
        return cpu(self._host(name).name)

    def reboot(self, name: str) -> None:
        """Reboot a host from inside, and wait until it is back."""
        before = self._host(name).leader()
        self.sh(name, "systemctl reboot")
        self._host(name).wait(time.monotonic() + 90, before)

    def _host(self, name: str) -> Host:
        if not (found := Host(self.state, name)).whole():
            raise LabUnavailable(f"{name} is not up")
        return found

    def _heal(self) -> None:
        """Remove incomplete hosts, and restore the state directory, the switch and the services."""
        if self.state.is_dir() and any(self.state.iterdir()) and not self._marker.exists():
            raise LabUnavailable(f"{self.state} is neither empty nor the lab's")
        (self.state / "keys").mkdir(parents=True, exist_ok=True)
        self._marker.touch()
        run(*KEYGEN, self.state / "id")
        instances = Path("/proc/sys/fs/inotify/max_user_instances")
        instances.write_text(str(max(1024, int(instances.read_text()))))  # root's process limit, which all hosts share
        switched = self.state / "switched"
        if not switched.exists() or not {"sw", "mgmt"}.issubset(network.namespaces()):
            end("")
            network.remove(*network.namespaces())
            network.up()
            switched.touch()
        self._remove({path.name for path in self.state.glob("nodes/*")} - set(self.hosts()))
        services.start(self.state, self.cache)
        self._write(self.profile.name, profile(self.cache))
        for file in PROFILES:
            self._write(file.name, file.read_text())

    def _remove(self, names: Iterable[str]) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: Host(self.state, name).remove(), names))

    def _write_files(self) -> None:
        ssh = [f"Host {name}\n  HostName {network.address(name)}\n" for name in network.NUMBER]
        ssh += [SSH.format(self.state, " ".join(network.MANAGEMENT)).replace("; ", "\n  ")]
        known = [f"{key.stem},{network.address(key.stem)} {key.read_text()}" for key in self.state.glob("keys/*.pub")]
        for file, lines in ("ssh_config", ssh), ("known_hosts", known), ("hosts", [f"{up}\n" for up in self.hosts()]):
            self._write(file, "".join(lines))

    def _write(self, file: str, text: str) -> None:
        run("sh", "-c", 'cat > "$0.new" && mv "$0.new" "$0"', self.state / file, stdin=text)
