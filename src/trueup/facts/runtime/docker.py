"""Docker's package repositories, one for each distribution (docs.docker.com/engine/install)."""

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


# A derivative such as Linux Mint uses the packages of its base distribution.
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
    """Return which other distribution or release one of Docker's repositories is for, or an empty string.

    The result is empty too for a flat repository, and for a URI that does not end like Docker's own.
    """
    place = _PLACE.fullmatch(uri)
    if not place:
        return ""
    if place[1] != distribution:
        return f"for {place[1]}: {uri}"
    others = [suite for suite in suites if suite != release and not suite.endswith("/")]
    return f"for {', '.join(others)}: {uri}" if others else ""


def of_another(entry: Entry, distribution: str, release: str) -> str:
    """Return :func:`foreign` for an entry of apt's list that is one of Docker's, else an empty string."""
    ours = [uri for uri in entry.uris if "docker" in uri and not entry.problem]
    return next(filter(None, (foreign(uri, entry.suites, distribution, release) for uri in ours)), "")
