"""Kubernetes' programs, built once from Debian's source package, since Debian has only kubectl as a binary."""

import platform
import sys
from pathlib import Path

from lab.cache import OWN_MOUNTS, made
from lab.machine import run, wrap
from lab.mirror import sources

PROGRAMS = "kubeadm kubelet kubectl"
CONTROL_PLANE = "kube-apiserver kube-controller-manager kube-scheduler kube-proxy"
VERSIONS = "v1.20.2 v1.20.1 v1.19.9"  # the true version, and versions that it only claims, for upgrades and skews
SUITE = "bookworm"  # later suites have only a part of Kubernetes' source
TOOLS = "golang-1.19-go golang-github-modern-go-reflect2-dev gcc libc6-dev dpkg-dev"
SCRIPTS = [Path(__file__).with_name(name) for name in ("kubernetes.sh", "golang")]


def kubernetes(cache: Path) -> Path:
    """Return a directory with the programs of each version, a static `pause`, and `standins`."""

    def make(new: Path) -> None:
        print("lab: building Kubernetes, once on this machine: about 9 minutes on two cores", file=sys.stderr)
        work = new / "work"
        work.mkdir()
        hooks = (
            'cd "$1" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get source --download-only kubernetes',
            f"copy-in {' '.join(map(str, SCRIPTS))} /",
            'nice chroot "$1" sh -eu /kubernetes.sh',
            f"sync-out /out {new}",
        )
        options = ["--variant=minbase", "--format=null", "--dpkgopt=force-unsafe-io", f"--include={TOOLS}"]
        options += [f"--customize-hook={hook}" for hook in hooks]
        command = wrap("building", *OWN_MOUNTS, "mmdebstrap", *options, SUITE, "-", "-")
        given = sources(SUITE, "deb deb-src")
        run(*command, stdin=given, PROGRAMS=PROGRAMS, CONTROL_PLANE=CONTROL_PLANE, VERSIONS=VERSIONS, TMPDIR=str(work))
        run("rm", "-rf", work)

    files = [SCRIPTS[0], *sorted(SCRIPTS[1].iterdir())]
    recipe = [
        PROGRAMS,
        CONTROL_PLANE,
        VERSIONS,
        TOOLS,
        *(file.read_text() for file in files),
        SUITE,
        platform.machine(),
    ]
    return made(cache, "kubernetes", recipe, make)
