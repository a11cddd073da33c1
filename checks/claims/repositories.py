"""Claims about package repositories of apt."""

from collections.abc import Iterator

from trueup import Deviation, equal
from trueup.facts.host import apt
from trueup.facts.host.apt_repository import Repository
from trueup.profiles.keys.section import SignedSource

_KEY_HINTS = dict.fromkeys(("absent", "empty"), "apt refuses an index without its key") | {
    "malformed": "neither ASCII armour nor a binary key: perhaps the error page of a failed download"
}


def _signed_by(entry: apt.Entry) -> str:
    words = ", ".join(entry.signed_by)
    return "a key inside the entry" if "-----BEGIN" in words else words or "not set: any key of apt"


def listed(wanted: SignedSource, package: str, sources: apt.Sources, found: Repository) -> Iterator[Deviation | None]:
    """Yield a deviation where apt does not list a repository, has not its key, or has not fetched its index."""
    there = not [*sources.missing([wanted])]
    if not there:
        yield Deviation(f"{wanted.uri} {' '.join(wanted.suites)}", "not listed", "apt's sources", "declared")
    for entry in sources.of(wanted):
        if wanted.signed_by not in entry.signed_by:
            yield Deviation(wanted.signed_by, _signed_by(entry), f"Signed-By of {entry.where}", "declared")
    yield equal(found.key, "present", where=wanted.signed_by, layer="declared", hint=_KEY_HINTS.get(found.key, ""))
    if there and not found.indexes:
        yield Deviation(
            f"an index with {package}", "none", wanted.uri, "effective", "`apt-get update` prints the cause"
        )
