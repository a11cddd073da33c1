"""What is built once and kept: the root file system all hosts start from, and the packages they may install."""

import hashlib
import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from lab import network
from lab.machine import MOUNTS, LabUnavailable, end, run, wrap

PACKAGES = "systemd systemd-sysv dbus libpam-systemd openssh-server iproute2 iputils-ping procps kmod ca-certificates"
OFFERED = "containerd runc"  # with all that the base lacks for them
OPTIONS = ["--variant=minbase", "--dpkgopt=force-unsafe-io", f"--include={PACKAGES} curl iptables sudo less"]
OPTIONS += [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("man", "locale", "doc")]
HOOK = Path(__file__).with_name("base.sh")


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


def mirror(etc: Path = Path("/etc/apt")) -> list[str]:
    """What to build from: the machine's suite, and its own apt sources of that, not those of other vendors."""
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "none")
    files = [*etc.glob("sources.list"), *etc.glob("sources.list.d/*.list"), *etc.glob("sources.list.d/*.sources")]
    found = [str(f) for f in files if {suite, "main"} <= set(re.sub(r"(?m)#.*$", "", f.read_text()).split())]
    if not found:
        raise LabUnavailable("this machine has no apt source of its own suite: the lab is built from Debian's mirror")
    return [suite, *found]


def base(cache: Path) -> Path:
    """The root file system of a bare host in `root`, packages it lacks in `debs`, the key that signs in `gpg`."""
    suite, *sources = mirror()

    def make(new: Path) -> None:
        (new / "gpg").mkdir(mode=0o700)
        gpg = wrap("building", "gpg", "--homedir", new / "gpg", "--batch", "--passphrase", "")
        run(*gpg, "--quick-gen-key", "lab@trueup.invalid", "ed25519", "sign", "never")
        run(*gpg, "--output", new / "lab.gpg", "--export")
        command = ["mmdebstrap", *OPTIONS, f'--customize-hook="{HOOK}" "$1"', suite, f"{new}/root", *sources]
        run(*wrap("building", *command), OFFERED=OFFERED, NET=network.NET, NEW=str(new), TMPDIR=str(new))
        for deb in sorted(new.glob("debs/*.deb")):
            repack(deb, new / "repack")

    recipe = [OPTIONS, OFFERED, network.NET, HOOK.read_text(), suite, platform.machine(), platform.release()]
    return made(cache, "base", recipe, make)


def repack(deb: Path, tree: Path) -> None:
    """Put the same package beside itself in an older version, so that there is something to pin and to upgrade."""
    run("dpkg-deb", "-R", deb, tree)
    control = (tree / "DEBIAN/control").read_text()
    [version] = re.findall(r"(?m)^Version: (.*)$", control)
    older = re.sub(r"-[^-]*$", "-0lab1", version) if "-" in version else f"{version}~lab1"
    run("dpkg", "--compare-versions", older, "lt", version)
    (tree / "DEBIAN/control").write_text(control.replace(version, older))
    run("dpkg-deb", "-b", "--root-owner-group", "-Zzstd", "-z1", tree, deb.with_stem(f"{deb.stem}_older"))
    shutil.rmtree(tree)


def repository(cache: Path) -> Path:
    """A signed apt repository of the base's packages and all in `extra` of the cache."""
    built = base(cache)
    packages = sorted([*built.glob("debs/*.deb"), *cache.glob("extra/*.deb")])

    def make(new: Path) -> None:
        for deb in packages:
            shutil.copy2(deb, new)
        for command, file in ("packages", "Packages"), ("release", "Release"):
            (new / file).write_text(run("sh", "-c", 'cd "$0" && exec apt-ftparchive "$1" .', new, command))
        gpg = ["gpg", "--homedir", f"{built}/gpg", "-o", f"{new}/InRelease", "--clearsign", f"{new}/Release"]
        run(*wrap("building", *gpg))

    recipe = [built.name, *((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in packages)]
    return made(cache, "repository", recipe, make)
