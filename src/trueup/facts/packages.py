"""Distribution packages, and versions compared by the distribution's own rules."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from debian.debian_support import NativeVersion

from trueup import shell
from trueup.errors import CouldNotLook, UsageError
from trueup.fact import Fact


@dataclass(frozen=True)
class Installed:
    """One installed package."""

    version: str
    held: bool


@dataclass(frozen=True)
class Packages:
    """The packages that the profile names, as far as they are installed."""

    manager: str  # "dpkg" or "rpm"
    installed: dict[str, Installed]

    def version(self, name: str) -> str | None:
        """Return the installed version, or ``None``."""
        found = self.installed.get(name)
        return found.version if found else None


# shell that defines `owner FILE`: the package that has the file, or nothing
OWNER = """
owner() {
  { dpkg -S "$(readlink -f "$1")" || dpkg -S "$1" || rpm -qf --qf '%{NAME}:' "$1"; } 2>/dev/null | sed 's/:.*//;q'
}
"""


def _probe(names: str) -> str:
    return f"""
if command -v dpkg-query >/dev/null 2>&1; then
  echo dpkg
  dpkg-query -W -f '${{db:Status-Abbrev}}\\t${{Package}}\\t${{Version}}\\n' {names} || [ $? -eq 1 ]
elif command -v rpm >/dev/null 2>&1; then
  echo rpm
  rpm -q --qf 'ii \\t%{{NAME}}\\t%{{EPOCHNUM}}:%{{VERSION}}-%{{RELEASE}}\\n' {names} | grep '	' || :
else echo 'neither dpkg nor rpm' >&2; exit 127; fi
"""


def parse(text: str) -> Packages:
    """Return the packages; only fully installed ones count, a package with its config files left over does not."""
    manager, _, rows = text.strip("\n").partition("\n")
    if manager not in ("dpkg", "rpm"):
        raise ValueError(f"unknown package manager {manager!r}")
    installed = {}
    for row in rows.splitlines():
        status, _, rest = row.partition("\t")
        name, found, version = rest.partition("\t")
        if found and status[1:2] == "i":
            installed[name] = Installed(version, status[0] == "h")
    return Packages(manager, installed)


def package(name: str) -> Fact[Packages]:
    """Return the fact about one package."""
    return Fact("package", _probe(shlex.quote(name)), parse)


# apt-cache would write these, and looking must leave no trace
_NO_CACHE = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="


def offered(name: str) -> Fact[list[str]]:
    """Return the fact about the versions that the host's repositories offer, as of its last index refresh."""
    return Fact("package.offered", f"apt-cache {_NO_CACHE} madison {shlex.quote(name)}", parse_madison)


def parse_madison(text: str) -> list[str]:
    """Return the versions of ``apt-cache madison``: rows of package, version and source, divided by bars."""
    rows = ([cell.strip() for cell in row.split("|")] for row in text.splitlines())
    return list(dict.fromkeys(row[1] for row in rows if len(row) == 3 and row[1]))


PACKAGES = Fact("packages", lambda spec: _probe(shlex.join(sorted(spec.packages()))), parse)

_CLAUSE = re.compile(r"(>=|<=|<<|>>|==|=|<|>)?\s*([0-9A-Za-z.+~:-]+)")
_HOLDS = {
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    ">>": lambda order: order > 0,
    "<<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    "=": lambda order: order == 0,
}


def within(version: str, wanted: str, manager: str = "dpkg") -> bool:
    """Whether a version is in a range such as ``>= 1.6.20, << 1.8`` or is exactly the one given.

    Compared as dpkg does (deb-version(7)): neither as strings nor as semantic versions.

    Raises:
        UsageError: the range is not understood.
        CouldNotLook: the host's package manager has rules that are not known here.
    """
    if manager != "dpkg":
        raise CouldNotLook(f"versions of {manager} packages cannot be compared yet: only dpkg hosts are supported")
    for clause in wanted.split(","):
        match = _CLAUSE.fullmatch(clause.strip())
        if match is None:
            raise UsageError(f"{wanted!r} is not a version or range: write '1.6.20' or '>= 1.6.20, << 1.8'")
        order = compare(version, match[2])
        if not _HOLDS[(match[1] or "=").replace("==", "=")](order):
            return False
    return True


def newest(versions: Iterable[str], wanted: str) -> str | None:
    """Return the newest of the versions that is in the range, or ``None``."""
    return max((v for v in versions if within(v, wanted)), key=NativeVersion, default=None)


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as dpkg orders the two versions."""
    a, b = NativeVersion(one), NativeVersion(other)
    return (a > b) - (a < b)


def download(url: str) -> Fact[str]:
    """Return the fact about what is at a URL, as the host sees it; nothing stays on the host."""
    probe = f"""file=$(mktemp) || exit
trap 'rm -f "$file"' EXIT
{shell.fetch(url, "$file")} || exit
cat "$file"
"""
    return Fact("download", probe, str, timeout=60)
