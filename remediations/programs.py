"""Installation of programs from their project's release."""

from trueup import Change, ChangeFailed, Spec
from trueup.facts.host.packages import within
from trueup.facts.runtime.containerd import PATH, Binary
from trueup.profiles.keys.section import Artifact


def install_release(
    change: Change, spec: Spec, name: str, wanted: Artifact, found: Binary | None, *, disturbs: bool = True
) -> None:
    """Install a release in its directory, unless it is there already.

    Args:
        name: name of the program.
        found: the copy that comes first on PATH now.
        disturbs: whether the replacement counts as a restart.

    Raises:
        ChangeFailed: another copy would still come first on PATH; nothing was changed.
    """
    now = ""
    if found:
        directory = found.path.rpartition("/")[0]
        if directory == wanted.directory and within(found.version, wanted.version, "upstream"):
            return
        if {directory, wanted.directory} <= set(PATH) and PATH.index(directory) < PATH.index(wanted.directory):
            raise ChangeFailed(f"{found.path} comes before {wanted.directory} on PATH: remove it; nothing was changed")
        now = f"{found.version} in {found.path}"
    change.artifact(name, wanted, source=spec.artifacts, now=now, disruption="restart" if disturbs else "none")
