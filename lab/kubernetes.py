"""Kubernetes' own programs, built once from Debian's source package: Debian offers only kubectl as a binary."""

import platform
import re
import sys
from pathlib import Path

from lab.cache import made, mirror
from lab.machine import run, wrap

PROGRAMS = "kubeadm kubelet kubectl"
VERSIONS = "v1.20.2 v1.20.1 v1.19.9"  # what the code is, and what it only claims to be, for upgrades and skews
TOOLS = "golang-1.19-go golang-github-modern-go-reflect2-dev gcc libc6-dev dpkg-dev"
SCRIPTS = [Path(__file__).with_name(name) for name in ("kubernetes.sh", "mapcheck.go")]


def kubernetes(cache: Path) -> Path:
    """A directory of programs for each version, and the static `pause`."""
    suite, *sources = mirror()

    def make(new: Path) -> None:
        print("lab: building Kubernetes, once on this machine: about 8 minutes on two cores", file=sys.stderr)
        work = new / "work"
        work.mkdir()
        for file in map(Path, sources):
            (work / file.name).write_text(of_source(file.read_text()))
        hooks = (
            'cd "$1" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get source --download-only kubernetes',
            f"copy-in {' '.join(map(str, SCRIPTS))} /",
            'nice chroot "$1" sh -eu /kubernetes.sh',
            f"sync-out /out {new}",
        )
        command = [
            "mmdebstrap",
            "--variant=minbase",
            "--format=null",
            "--dpkgopt=force-unsafe-io",
            f"--include={TOOLS}",
        ]
        command += [f"--customize-hook={hook}" for hook in hooks]
        command += [suite, "-", *sources, *(str(work / Path(file).name) for file in sources)]
        run(*wrap("building", *command), PROGRAMS=PROGRAMS, VERSIONS=VERSIONS, TMPDIR=str(work))
        run("rm", "-rf", work)

    recipe = [PROGRAMS, VERSIONS, TOOLS, *(file.read_text() for file in SCRIPTS), suite, platform.machine()]
    return made(cache, "kubernetes", recipe, make)


def of_source(sources: str) -> str:
    """Make apt's sources of binary packages, in either format, those of source packages."""
    text = re.sub(r"(?m)^Types:.*", "Types: deb-src", sources)
    return re.sub(r"(?m)^deb(?=\s)", "deb-src", text)
