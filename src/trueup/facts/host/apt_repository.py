"""The key and the fetched indexes of a package repository that is signed by its own key."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.section import SignedSource
    from trueup.profiles.schema import Spec

    Wanted = Callable[[Spec], tuple[SignedSource | None, str]]  # the repository, and a package that it must have


@dataclass(frozen=True)
class Repository:
    """The key and the index."""

    key: str  # absent, empty, malformed, present
    indexes: tuple[str, ...]  # fetched indexes that contain the package


def index_name(uri: str) -> str:
    """Return the prefix of a repository's index files, made from its URI as apt does it (URItoFileName)."""
    return uri.partition("://")[2].rpartition("@")[2].rstrip("/").replace("_", "%5f").replace("/", "_") + "_"


OPENPGP = (b"\x98", b"\x99", b"\x9a", b"\xc6")  # first bytes of a binary key: the tag of a public key packet
_FIRST = "|".join(f"*{byte.hex()}" for byte in OPENPGP)


# The probe reads the index files itself: apt would first sort all packages of all sources, which takes a second.
def _probe(repository: SignedSource | None, package: str) -> str:
    keyring = shlex.quote(repository.signed_by if repository else "")
    prefix = shlex.quote(index_name(repository.uri if repository else ""))
    name = shlex.quote(package)
    return f"""
command -v apt-get >/dev/null 2>&1 || {{ echo 'no apt-get: only package sources of apt are supported' >&2; exit 127; }}
if [ ! -e {keyring} ]; then echo absent; elif [ ! -s {keyring} ]; then echo empty
else
  first=$(od -An -tx1 -N1 {keyring}) || exit
  case $first in {_FIRST}) echo present;; *)
    if grep -q '^-----BEGIN PGP PUBLIC KEY BLOCK-----' {keyring}; then echo present; else echo malformed; fi;;
  esac
fi
show() {{ case $1 in *Packages) cat "$1";; *) /usr/lib/apt/apt-helper cat-file "$1";; esac; }}
for file in /var/lib/apt/lists/{prefix}*Packages*; do
  [ -e "$file" ] || continue
  rows=$({{ show "$file" || printf '\\nunreadable\\n'; }} | grep -x -e 'Package: '{name} -e unreadable)
  case $rows in *unreadable) exit 1;; ?*) echo "$file";; esac
done
"""


def parse(text: str) -> Repository:
    """Return the state of the keyring, and the indexes."""
    key, _, rows = text.partition("\n")
    if key not in ("absent", "empty", "malformed", "present"):
        raise ValueError(f"unknown state of a keyring {key!r}")
    return Repository(key, tuple(rows.splitlines()))


def of(name: str, wanted: Wanted) -> Fact[Repository]:
    """Return the fact about a repository of the profile."""
    return Fact(name, lambda spec: _probe(*wanted(spec)), parse)
