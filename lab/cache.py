"""What is built once and kept, and the first of it: the root file system that all hosts start from."""

import hashlib
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import network
from lab.machine import MOUNTS, end, run, wrap
from lab.mirror import SUITE, sources

PACKAGES = "systemd systemd-sysv dbus libpam-systemd openssh-server iproute2 iputils-ping procps kmod ca-certificates"
OFFERED = (
    "containerd runc conntrack ethtool socat ebtables containernetworking-plugins"  # with all they need beside the base
    " keepalived haproxy nginx-light docker-registry chrony"
)
UNPACKED = "docker-registry busybox-static containerd runc containernetworking-plugins"  # for the lab's own use
UNPACKED += " etcd-server nginx nginx-common conntrack"
OPTIONS = ["--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES} curl iptables sudo less"]
OPTIONS += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "locale", "doc")]
BUILD = ["dpkg-deb", "-b", "--root-owner-group", "-Zzstd", "-z1"]
SIGNERS = "lab", "kubernetes", "docker"  # of the lab's repositories
OWN_MOUNTS = ["unshare", "--mount"]  # before what mounts, so that its mounts do not outlive it when it is killed
HOOK, BOOT = (Path(__file__).with_name(name) for name in ("base.sh", "boot.sh"))


def made(cache: Path, kind: str, recipe: object, make: Callable[[Path], None]) -> Path:
    """What a recipe gives, made if the cache lacks it; nothing half made ever bears its name."""
    final = cache / f"{kind}-{hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]}"
    if not final.is_dir():
        (cache / "extra").mkdir(parents=True, exist_ok=True)
        end("building")  # of a killed run
        unused = [old for old in cache.glob(f"*{kind}-*") if f"{old}/" not in MOUNTS.read_text()]
        run("rm", "-rf", "--one-file-system", *unused)
        (new := cache / f"new-{final.name}").mkdir()
        try:
            make(new)
        finally:
            end("building")  # gpg leaves an agent
        new.rename(final)
    return final


def architecture() -> str:
    """This machine's, as Debian calls it."""
    return run("dpkg", "--print-architecture").strip()


def base(cache: Path) -> Path:
    """A bare host's file system in `root`, packages for it in `debs`, unpacked ones in `tools`, and keys in `gpg`."""

    def make(new: Path) -> None:
        (new / "gpg").mkdir(mode=0o700)
        gpg = wrap("building", "gpg", "--homedir", new / "gpg", "--batch", "--passphrase", "")
        for name in SIGNERS:
            run(*gpg, "--quick-gen-key", f"{name}@trueup.invalid", "ed25519", "sign", "never")
        run(*gpg, "--output", new / "lab.gpg", "--export", "lab@trueup.invalid")
        for name in SIGNERS[1:]:
            run(*gpg, "--output", new / f"{name}.asc", "--armor", "--export", f"{name}@trueup.invalid")
        bootstrap = ["mmdebstrap", *OPTIONS, f'--customize-hook="{HOOK}" "$1"', SUITE, f"{new}/root", "-"]
        wanted = {"OFFERED": OFFERED, "UNPACKED": UNPACKED, "NET": network.NET, "NEW": str(new), "TMPDIR": str(new)}
        run(*wrap("building", *OWN_MOUNTS, *bootstrap), stdin=sources(SUITE), **wanted)
        for deb in sorted(new.glob("debs/*.deb")):
            repack(deb, new / "repack")

    scripts = [Path(__file__).read_text(), HOOK.read_text(), BOOT.read_text()]
    recipe = [*scripts, network.NET, SUITE, platform.machine(), platform.release()]
    return made(cache, "base", recipe, make)


def repack(deb: Path, tree: Path) -> None:
    """Put the same package beside itself in an older version, so that there is something to pin and to upgrade."""
    run("dpkg-deb", "-R", deb, tree)
    if (config := tree / "etc/containerd/config.toml").exists():
        # pods ask for what only CAP_SYS_RESOURCE may give, which root need not have on this machine
        cri = '[plugins."io.containerd.grpc.v1.cri"]\n'
        config.write_text(config.read_text().replace(cri, f"{cri}    restrict_oom_score_adj = true\n"))
        run(*BUILD, tree, deb)
    control = (tree / "DEBIAN/control").read_text()
    [version] = re.findall(r"(?m)^Version: (.*)$", control)
    older = re.sub(r"-[^-]*$", "-0lab1", version) if "-" in version else f"{version}~lab1"
    run("dpkg", "--compare-versions", older, "lt", version)
    (tree / "DEBIAN/control").write_text(control.replace(version, older))
    run(*BUILD, tree, deb.with_stem(f"{deb.stem}_older"))
    shutil.rmtree(tree)
