"""Docker's repository of packages, of which each distribution has one of its own (docs.docker.com/engine/install)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trueup.facts.host import apt_repository
from trueup.facts.host.apt import Entry
from trueup.model.fact import Fact

_PLACE = re.compile(r".*/linux/([a-z]+)/*")  # docker-ce/linux/ubuntu on a mirror, download.docker.com/linux/ubuntu


def _one(text: str) -> str:
    if not (words := text.split()):
        raise ValueError("no ID in /etc/os-release")
    return words[0]


# A derivative, such as Linux Mint, uses the packages of what it is derived from.
DISTRIBUTION = Fact(
    "docker.distribution",
    """
for of in UBUNTU DEBIAN; do
  ! grep -q "^${of}_CODENAME=" /etc/os-release || { echo "$of" | tr A-Z a-z; exit 0; }
done
sed -n 's/^ID=["'\\'']*\\([^"'\\'']*\\).*/\\1/p' /etc/os-release
""",
    _one,
)
REPOSITORY = apt_repository.of(
    "docker.repository", lambda spec: (spec.registry.docker.repository, spec.registry.docker.package)
)


def foreign(uri: str, suites: Iterable[str], distribution: str, release: str) -> str:
    """Return what a repository of Docker's is for, where that is not this distribution and release; or nothing.

    Nothing is known of one whose URI does not end as Docker's own does, nor of a flat one.
    """
    place = _PLACE.fullmatch(uri)
    if not place:
        return ""
    if place[1] != distribution:
        return f"for {place[1]}: {uri}"
    others = [suite for suite in suites if suite != release and not suite.endswith("/")]
    return f"for {', '.join(others)}: {uri}" if others else ""


def of_another(entry: Entry, distribution: str, release: str) -> str:
    """Return what an entry of apt's list is for, as :func:`foreign` does, where it is one of Docker's."""
    ours = [uri for uri in entry.uris if "docker" in uri and not entry.problem]
    return next(filter(None, (foreign(uri, entry.suites, distribution, release) for uri in ours)), "")
