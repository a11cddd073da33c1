"""Claims about programs that come from a package or from their project's release."""

from trueup import Deviation, HostFacts, equal, expect, unmet
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.runtime.containerd import Binary
from trueup.profiles.keys.section import Artifact, Package


def installed(wanted: Package, name: str, facts: HostFacts, binary: Binary | None) -> None:
    """Assert that a program is installed from the profile's package or release, in the profile's version.

    Raises:
        Unmet: it is missing, or in another version.
    """
    if wanted.binary:
        return released(wanted.binary, name, binary)
    found = facts[PACKAGES].version(wanted.package)
    where = f"package {wanted.package}"
    if found is None:
        hint = f"{binary.path} is there in version {binary.version}, but not from this package" if binary else ""
        unmet(Deviation(wanted.version, "not installed", where, "effective", hint))
    if not within(found, wanted.version, facts[PACKAGES].manager):
        unmet(Deviation(wanted.version, found, where, "effective"))
    return None


def released(wanted: Artifact, name: str, binary: Binary | None) -> None:
    """Assert that a program is the profile's release, in the profile's directory, and first on PATH.

    Raises:
        Unmet: it is missing, elsewhere, or in another version.
    """
    path = f"{wanted.directory}/{name}"
    if binary is None:
        unmet(Deviation(wanted.version, "not installed", path, "effective"))
    hint = "another copy comes first on PATH" if binary.path != path else ""
    expect(
        equal(binary.path, path, where=f"{name} on PATH", layer="effective", hint=hint),
        None
        if within(binary.version, wanted.version, "upstream")
        else Deviation(wanted.version, binary.version or "no version printed", f"{binary.path} --version", "effective"),
    )
