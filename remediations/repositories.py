"""Installation of package repositories of apt."""

from trueup import Change, ChangeFailed
from trueup.change.artifacts import local
from trueup.facts.host import apt, packages
from trueup.facts.host.apt_repository import OPENPGP
from trueup.profiles.keys.section import SignedSource

_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_SAME = "nothing was changed"


def _key(change: Change, wanted: SignedSource, artifacts: str) -> str:
    given = wanted.key.encode()
    if given.startswith(_ARMOUR):
        key, of = given, "the profile's key"
    else:
        key = local(artifacts, wanted.key).read_bytes() if artifacts else change.ask(packages.download(wanted.key))
        of = wanted.key
    armoured = key.lstrip().startswith(_ARMOUR)
    if not armoured and key[:1] not in OPENPGP:
        raise ChangeFailed(f"{of}: neither an ASCII-armoured nor a binary key, it begins with {key[:40]!r}; {_SAME}")
    if armoured is not wanted.signed_by.endswith(".asc"):
        kind, ending = ("in ASCII armour", ".asc") if armoured else ("binary", ".gpg")
        raise ChangeFailed(f"{of} is {kind}: for apt signed_by, {wanted.signed_by}, must end in {ending}; {_SAME}")
    return (key.strip() + b"\n" if armoured else key).decode("utf-8", "surrogateescape")


def list_source(change: Change, wanted: SignedSource, artifacts: str, path: str, *, indexed: bool) -> None:
    """Write the key and the repository's entry in a file, comment out its other entries, fetch its index.

    Args:
        artifacts: directory on the controller that has the key's file; empty: the host fetches it.
        path: the file for the entry, unless another file lists the repository as wanted.
        indexed: whether apt has its index already.

    Raises:
        ChangeFailed: the key is no OpenPGP key, or ``signed_by`` has the wrong ending; nothing was changed.
    """
    key = _key(change, wanted, artifacts)
    changed = change.write(wanted.signed_by, key)
    sources = change.ask(apt.SOURCES)
    for entry in sources.of(wanted):
        if entry.path != path and wanted.signed_by not in entry.signed_by:
            changed |= change.comment_out(entry.path, *entry.lines)
    files = {entry.path: None for entry in sources.of(wanted)}
    if [*sources.missing([wanted])] or path in files or changed:
        every = ((wanted, suite, wanted.components) for suite in wanted.suites)
        changed |= change.write(path, apt.render(every))
        files = {path: None}
    if changed or not indexed:
        for file in files:
            change.refresh_packages(file)
