"""The files that hosts fetch by HTTP: signed apt repositories, images to import, and artifacts."""

import shutil
from pathlib import Path

from lab.artifacts import artifacts
from lab.cache import SIGNERS, base, made
from lab.images import images
from lab.machine import run, wrap
from lab.packages import packages


def repository(cache: Path) -> Path:
    """Return the lab's apt repository, which contains other repositories, `images` and `artifacts`."""
    built, packed = base(cache), packages(cache)
    debs = sorted([*built.glob("debs/*.deb"), *packed.glob("base/*.deb"), *cache.glob("extra/*.deb")])
    own = SIGNERS[1:]
    parts = {name: packed / name for name in own}
    parts |= {"images": images(cache) / "archives", "artifacts": artifacts(cache)}

    def make(new: Path) -> None:
        for deb in debs:
            shutil.copy2(deb, new)
        index(new, built / "gpg", "lab")
        for name, part in parts.items():
            run("cp", "-rl", part, new / name)
        for name in own:
            index(new / name, built / "gpg", name)
            shutil.copy2(built / f"{name}.asc", new / name / "Release.key")

    recipe = [
        built.name,
        *map(str, parts.values()),
        *((deb.name, deb.stat().st_size, deb.stat().st_mtime_ns) for deb in debs),
    ]
    return made(cache, "repository", recipe, make)


def index(directory: Path, keys: Path, signer: str) -> None:
    """Turn a directory of packages into a flat, signed repository."""
    for command, file in ("packages", "Packages"), ("release", "Release"):
        (directory / file).write_text(run("sh", "-c", 'cd "$0" && exec apt-ftparchive "$1" .', directory, command))
    gpg = wrap("building", "gpg", "--homedir", keys, "--local-user", f"{signer}@trueup.invalid")
    run(*gpg, "-o", directory / "InRelease", "--clearsign", directory / "Release")
