"""Packages that Debian lacks: Kubernetes' own, and stand-ins for Docker's. Their trees are in `debs`."""

import shutil
from pathlib import Path

from lab.cache import architecture, base, made
from lab.kubernetes import VERSIONS, kubernetes
from lab.machine import run

TREES = Path(__file__).with_name("debs")


def packages(cache: Path) -> Path:
    """Return a directory with the packages of each repository."""
    plugins, programs = base(cache) / "tools/usr/lib/cni", kubernetes(cache)
    trees = sorted(TREES.glob("*/*/"))

    def make(new: Path) -> None:
        work = new / "work"
        for tree in trees:
            control = (tree / "DEBIAN/control").read_text()
            for version in VERSIONS.split() if "@VERSION@" in control else [""]:
                shutil.copytree(tree, work)
                if version:
                    (work / "usr/bin").mkdir(parents=True)
                    shutil.copy2(programs / version / tree.name, work / "usr/bin")
                if tree.name == "kubernetes-cni":
                    shutil.copytree(plugins, work / "opt/cni/bin")
                text = control.replace("@VERSION@", version[1:]).replace(
                    "Architecture: any", f"Architecture: {architecture()}"
                )
                (work / "DEBIAN/control").write_text(text)
                (new / tree.parent.name).mkdir(exist_ok=True)
                run("dpkg-deb", "-b", "--root-owner-group", "-Zzstd", "-z1", work, new / tree.parent.name)
                shutil.rmtree(work)

    files = [file for file in sorted(TREES.rglob("*")) if file.is_file()]
    recipe = [Path(__file__).read_text(), *((str(file.relative_to(TREES)), file.read_text()) for file in files)]
    return made(cache, "packages", [recipe, plugins.parents[3].name, programs.name], make)
