"""Distribution packages, and versions compared by the distribution's own rules."""

from __future__ import annotations

import base64
import functools
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from debian.debian_support import NativeVersion

from trueup.errors import CouldNotLook, UsageError
from trueup.facts.host import rpm_version, upstream_version
from trueup.model.fact import Fact
from trueup.shell import scripts


@dataclass(frozen=True)
class Installed:
    """One installed package."""

    version: str
    held: bool


@dataclass(frozen=True)
class Packages:
    """Those of the profile's packages that are installed."""

    manager: str  # "dpkg" or "rpm"
    installed: dict[str, Installed]

    def version(self, name: str) -> str | None:
        """Return the installed version, or ``None``."""
        found = self.installed.get(name)
        return found.version if found else None


# shell that defines `owner FILE`: prints the package that owns the file, or nothing (rpm prints its error on stdout)
OWNER = """
owner() {
  { dpkg -S "$(readlink -f "$1")" || dpkg -S "$1" || { said=$(rpm -qf --qf '%{NAME}:' "$1") && echo "$said"; }
  } 2>/dev/null | sed 's/:.*//;q'
}
"""


def either(dpkg: str, rpm: str) -> str:
    """Return a probe that prints which package manager the host has, and then asks that one."""
    return f"""
if command -v dpkg-query >/dev/null 2>&1; then
  echo dpkg
{dpkg}
elif command -v rpm >/dev/null 2>&1; then
  echo rpm
{rpm}
else echo 'neither dpkg nor rpm' >&2; exit 127; fi
"""


def answer(text: str) -> tuple[str, list[str]]:
    """Return the package manager and the rows of its answer."""
    manager, _, rows = text.lstrip("\n").partition("\n")
    if manager not in ("dpkg", "rpm"):
        raise ValueError(f"unknown package manager {manager!r}")
    return manager, rows.splitlines()


# dnf's holds are version locks: a list up to dnf 4 (in another directory with yum), a TOML file since dnf 5.
_LOCKS = """  for f in /etc/dnf/plugins/versionlock.list /etc/yum/pluginconf.d/versionlock.list; do
    [ ! -e "$f" ] || sed 's/^/lock\t/' "$f" || exit 1
  done
  [ ! -e /etc/dnf/versionlock.toml ] || sed 's/^/toml\t/' /etc/dnf/versionlock.toml || exit 1"""


def _probe(names: Iterable[str]) -> str:
    words = shlex.join(names)
    return either(
        f"  dpkg-query -W -f '${{db:Status-Abbrev}}\\t${{Package}}\\t${{Version}}\\n' {words} || [ $? -eq 1 ]",
        # rpm's exit code counts absent packages, so a separate query shows whether the database answers
        f"""  rpm -q rpm >/dev/null || {{ echo 'the database of rpm does not answer' >&2; exit 1; }}
  rpm -q --qf 'ii \\t%{{NAME}}\\t%{{EPOCHNUM}}:%{{VERSION}}-%{{RELEASE}}\\n' {words} | grep '\t'
{_LOCKS}""",
    )


def parse(text: str) -> Packages:
    """Return the fully installed packages; a removed package whose configuration files are left does not count."""
    manager, rows = answer(text)
    cells = [row.split("\t") for row in rows]
    locked = {_locked(row[1]) for row in cells if row[0] == "lock" and len(row) > 1} - {""}
    locked |= _locked_by_toml("\n".join(row.removeprefix("toml\t") for row in rows if row.startswith("toml\t")))
    installed = {}
    for status, name, version in (row for row in cells if len(row) == 3):
        if status[1:2] == "i":
            held = status[0] == "h" or any(fnmatchcase(name, lock) for lock in locked)
            installed[name] = Installed(version, held)
    return Packages(manager, installed)


# name-0:1.6.33-3.1.el9.*, or with yum 0:name-1.6.33-3.1.el7.*
_LOCK = re.compile(r"(?:[0-9]+:)?(.+?)-(?:[0-9]+:[^-]+-[^-]+|[0-9*][^-:]*(?:-[^-:]+)?)")


def _locked(row: str) -> str:
    """Return the name that a row of versionlock.list locks; a row with ``!`` only excludes a version."""
    row = row.strip()
    match = _LOCK.fullmatch(row)
    return "" if row[:1] in ("", "#", "!") else match[1] if match else row


def _locked_by_toml(text: str) -> set[str]:
    """Return the names that versionlock.toml locks; an entry with only ``!=`` excludes versions and locks nothing."""
    entries: Any = tomllib.loads(text).get("packages", [])
    return {
        str(entry["name"])
        for entry in entries
        if any(condition.get("comparator") != "!=" for condition in entry.get("conditions", []))
    }


def package(*names: str) -> Fact[Packages]:
    """Return the fact about these packages."""
    return Fact("package", _probe(names), parse)


PACKAGES = Fact("packages", lambda spec: _probe(sorted(spec.packages())), parse)
MANAGER = Fact("package.manager", either("", ""), lambda text: answer(text)[0])

# apt-cache would write these files, and a probe must not write
_NO_CACHE = "-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
# dnf writes logs even for a query; Kubernetes tells its users to set excludes in the repository's file
DNF_LOOK = "dnf -q -C --setopt=logdir=\"$logs\" --setopt='disable_excludes=all,*'"
DNF_LOGS = "logs=$(mktemp -d) || exit 1; trap 'rm -rf \"$logs\"' EXIT"


def offered(*names: str) -> Fact[dict[str, list[str]]]:
    """Return the fact about the versions that the host's repositories offered at its last index refresh."""
    words = shlex.join(names)
    return Fact(
        "package.offered",
        either(
            f"  apt-cache {_NO_CACHE} madison {words}",
            f"  {DNF_LOGS}\n  {DNF_LOOK} repoquery --showduplicates "
            f"--qf '%{{name}} | %{{epoch}}:%{{version}}-%{{release}} | \\n' {words}",
        ),
        parse_offered,
        timeout=60,
    )


def parse_offered(text: str) -> dict[str, list[str]]:
    """Return package to versions, from rows of package, version and index with bars between (``apt-cache madison``).

    A version that is only in an index of sources is left out: it cannot be installed.
    """
    found: dict[str, dict[str, None]] = {}
    for row in answer(text)[1]:
        cells = [cell.strip() for cell in row.split("|")]
        if len(cells) == 3 and cells[1] and not cells[2].endswith("Sources"):
            found.setdefault(cells[0], {})[cells[1]] = None
    return {name: list(versions) for name, versions in found.items()}


_CLAUSE = re.compile(r"(>=|<=|<<|>>|==|=|<|>)?\s*([0-9A-Za-z.+~^_:-]+)")
_HOLDS = {
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    ">>": lambda order: order > 0,
    "<<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    "=": lambda order: order == 0,
}


def within(version: str, wanted: str, scheme: str = "dpkg") -> bool:
    """Return whether a version is in a range such as ``>= 1.6.20, << 1.8``, or equals a single given version.

    Args:
        scheme: the rules to compare by: the host's package manager, ``dpkg`` or ``rpm``, or ``upstream`` for a program
            that is not from a package. With rpm, a clause without a release matches every release.

    Raises:
        UsageError: the range has a wrong form.
        CouldNotLook: the version does not follow this scheme.
    """
    for clause in wanted.split(","):
        match = _CLAUSE.fullmatch(clause.strip())
        if match is None or not _valid(match[2], scheme):
            raise UsageError(f"{wanted!r} is not a version or range: write '1.6.20' or '>= 1.6.20, << 1.8'")
        try:
            order = compare(version, match[2], scheme)
        except ValueError as error:
            raise CouldNotLook(str(error)) from None
        if not _HOLDS[(match[1] or "=").replace("==", "=")](order):
            return False
    return True


def _valid(version: str, scheme: str) -> bool:
    try:
        return compare(version, version, scheme) == 0
    except ValueError:
        return False


def newest(versions: Iterable[str], wanted: str, scheme: str = "dpkg") -> str | None:
    """Return the newest of the versions that is in the range, or ``None``."""
    key = functools.cmp_to_key(functools.partial(compare, scheme=scheme))
    return max((v for v in versions if within(v, wanted, scheme)), key=key, default=None)


def together(offered: Mapping[str, Iterable[str]], wanted: str, scheme: str = "dpkg") -> dict[str, str]:
    """Return package to version: the newest in the range that all packages have, or else the newest of each."""
    best = {name: found for name, versions in offered.items() if (found := newest(versions, wanted, scheme))}
    common = newest(set.intersection(*map(set, offered.values())), wanted, scheme) if offered else None
    return dict.fromkeys(offered, common) if common else best


def compare(one: str, other: str, scheme: str = "dpkg") -> int:
    """Return -1, 0 or 1 as the scheme orders the two versions.

    Raises:
        ValueError: one of them does not follow this scheme.
    """
    return _COMPARE[scheme](one, other)


def _dpkg(one: str, other: str) -> int:
    a, b = NativeVersion(one), NativeVersion(other)  # deb-version(7)
    return (a > b) - (a < b)


def download(url: str) -> Fact[bytes]:
    """Return the fact about the content of a URL as the host downloads it; nothing stays on the host."""
    probe = f"""file=$(mktemp) || exit
trap 'rm -f "$file"' EXIT
{scripts.fetch(url, "$file")} || exit
base64 "$file"
"""
    return Fact("download", probe, base64.b64decode, timeout=60)


_COMPARE: dict[str, Callable[[str, str], int]] = {
    "dpkg": _dpkg,
    "rpm": rpm_version.compare,
    "upstream": upstream_version.compare,
}
