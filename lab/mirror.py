"""The source of Debian's packages: the machine's own apt sources, with the suite exchanged."""

import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

from debian.deb822 import Deb822

from lab.machine import LabUnavailable

SUITE = "bookworm"
"""The Debian suite of the hosts, independent of the machine's own."""
POCKETS = ("", "-updates", "-security")
LINE = re.compile(
    r"(?m)^\s*deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>[^#\n]+)"
)
FIELDS = {"arch": "Architectures", "lang": "Languages", "target": "Targets"}  # the others have their option's name


def sources(suite: str, types: str = "deb", etc: Path = Path("/etc/apt")) -> str:
    """Return apt's sources of a suite in deb822 format, from `TRUEUP_LAB_MIRROR` or the machine's own sources.

    Raises:
        LabUnavailable: the machine has no source of its own suite.
    """
    if given := os.environ.get("TRUEUP_LAB_MIRROR"):
        stanzas = list(of_lines(given if LINE.match(given) else f"deb {given} {suite} main"))
        own = stanzas[0]["Suites"].partition("-")[0]
    else:
        files = [etc / "sources.list", *sorted(etc.glob("sources.list.d/*"))]
        stanzas = [stanza for file in files for stanza in of_file(file)]
        own = platform.freedesktop_os_release().get("VERSION_CODENAME", "none")
    found = [stanza for stanza in stanzas if exchange(stanza, own, suite, types)]
    if not found:
        raise LabUnavailable(
            f"this machine has no apt source of its own suite, {own}: name Debian's mirror in TRUEUP_LAB_MIRROR"
        )
    return "\n".join(stanza.dump() for stanza in found)


def exchange(stanza: Deb822, own: str, suite: str, types: str) -> bool:
    """Exchange the suite of an entry; return False if it is not the distribution's own, or not in use."""
    named = [f"{suite}{pocket}" for pocket in POCKETS if f"{own}{pocket}" in stanza.get("Suites", "").split()]
    used = "deb" in stanza.get("Types", "").split() and stanza.get("Enabled", "yes").lower() not in ("no", "false")
    if not named or not used or "main" not in stanza.get("Components", "").split():
        return False
    stanza["Types"], stanza["Suites"] = types, " ".join(named)
    return True


def of_file(file: Path) -> Iterator[Deb822]:
    """Yield the entries of a file in either format; none for files that apt ignores."""
    if file.suffix == ".sources":
        yield from Deb822.iter_paragraphs(file.read_text(), use_apt_pkg=False)
    elif file.suffix == ".list" and file.exists():
        yield from of_lines(file.read_text())


def of_lines(text: str) -> Iterator[Deb822]:
    """Yield the entries of one-line format."""
    for line in LINE.finditer(text):
        options = dict(option.split("=", 1) for option in (line["options"] or "").split())
        fields = {FIELDS.get(name, name): value.replace(",", " ") for name, value in options.items()}
        entry = {"Types": "deb", "URIs": line["uri"], "Suites": line["suite"], "Components": line["components"].strip()}
        yield Deb822(entry | fields)
