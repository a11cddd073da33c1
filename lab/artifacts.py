"""Programs in the form of upstream releases, taken from Debian's packages."""

import shutil
from hashlib import sha256
from pathlib import Path

from lab import archive
from lab.cache import architecture, base, made
from lab.machine import LabUnavailable

NERDCTL = Path(__file__).with_name("nerdctl")
CNI_VERSION, CONTAINERD_VERSION, NERDCTL_VERSION = "1.1.1", "1.6.20", "1.0.0"


def artifacts(cache: Path) -> Path:
    """Return a directory of files with their upstream names."""
    tools, arch = base(cache) / "tools", architecture()

    def make(new: Path) -> None:
        plugins = {f"./{plugin.name}": told(plugin, new / "plugins") for plugin in (tools / "usr/lib/cni").iterdir()}
        programs = [tools / "usr/bin/ctr", *(tools / "usr/bin").glob("containerd*")]
        files = {
            f"cni-plugins-linux-{arch}-v{CNI_VERSION}.tgz": archive.tgz(plugins),
            f"containerd-{CONTAINERD_VERSION}-linux-{arch}.tar.gz": archive.tgz({f"bin/{p.name}": p for p in programs}),
            f"nerdctl-{NERDCTL_VERSION}-linux-{arch}.tar.gz": archive.tgz({"nerdctl": NERDCTL}),  # a stand-in
            f"runc.{arch}": (tools / "usr/sbin/runc").read_bytes(),  # dynamically linked; hosts have its libraries
        }
        for name, content in files.items():
            (new / name).write_bytes(content)
        shutil.rmtree(new / "plugins")

    recipe = [Path(file).read_text() for file in (__file__, archive.__file__, str(NERDCTL))]
    return made(cache, "artifacts", [recipe, tools.parent.name], make)


def told(plugin: Path, directory: Path) -> Path:
    """Return a CNI plugin with its version patched in, which Debian's build lacks."""
    unknown = b"version unknown"
    content = plugin.read_bytes()
    if unknown not in content:
        raise LabUnavailable(f"{plugin} has its version now: lab/artifacts.py need not patch it any more")
    directory.mkdir(exist_ok=True)
    copy = directory / plugin.name
    copy.write_bytes(content.replace(unknown, f"v{CNI_VERSION}".encode().ljust(len(unknown))))
    copy.chmod(0o755)
    return copy


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return sha256(file.read_bytes()).hexdigest()
