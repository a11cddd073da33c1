"""Shell text for package managers, one class each. The text runs under ``set -eu``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Protocol

_LOCKED = 120  # seconds for which another process may hold dpkg's lock
_INCOMPLETE = "*'dependency problems'*"  # dpkg's message if dependencies are missing; apt can fetch them


class Manager(Protocol):
    """The operations of a package manager; each is one transaction."""

    name: str
    refresh: str  # fetches the index of every source that answers

    def refresh_all(self, only: str = "") -> str:
        """Return text that fetches the index of every source, with apt only of the file ``only``; all must answer."""

    def version(self, name: str) -> str:
        """Return text that prints the installed version of a package, or nothing."""

    def install(self, versions: Mapping[str, str], *, held: Iterable[str] = (), gone: Iterable[str] = ()) -> str:
        """Return text that installs these exact versions, newer or older, and removes only ``gone``.

        Of the installed packages, exactly those in ``held`` are held afterwards.
        """

    def remove(self, names: Iterable[str]) -> str:
        """Return text that removes packages, held or not; their configuration files stay."""

    def noting(self, body: str, kept: str) -> str:
        """Return ``body`` with text that records the packages it installs, in files whose names begin with ``kept``."""

    def tidy(self, kept: str) -> str:
        """Return text that removes the recorded packages that nothing needs any more."""

    def hold(self, names: Iterable[str]) -> str:
        """Return text that keeps packages at their installed version."""

    def unhold(self, names: Iterable[str]) -> str:
        """Return text that lets packages be upgraded again."""

    def mark_manual(self, names: Iterable[str]) -> str:
        """Return text that marks packages so that they stay when no other package needs them."""

    def mark_automatic(self, names: Iterable[str]) -> str:
        """Return text that marks packages as dependencies again."""


class Apt:
    """apt with dpkg; an interrupted dpkg run is completed first."""

    name = "apt-get"
    _get = f"apt-get -y -q -o DPkg::Lock::Timeout={_LOCKED}"
    refresh = f"{_get} update"

    def refresh_all(self, only: str = "") -> str:
        """Set the option that makes a source without an answer an error (apt before 2.1 ignores it)."""
        words = ["-o", "APT::Update::Error-Mode=any"]
        if only:  # keep the indexes of the other sources
            options = (f"Dir::Etc::sourcelist={only}", "Dir::Etc::sourceparts=-", "APT::Get::List-Cleanup=0")
            words += [word for option in options for word in ("-o", option)]
        return f"{self.refresh} {shlex.join(words)}"

    def version(self, name: str) -> str:
        """Ask dpkg, which also lists packages that are not installed."""
        asked = f"dpkg-query -W -f '${{db:Status-Abbrev}}\\t${{Package}}\\t${{Version}}\\n' {shlex.quote(name)}"
        return f"{asked} | {_third(name)}"

    def install(self, versions: Mapping[str, str], *, held: Iterable[str] = (), gone: Iterable[str] = ()) -> str:
        """Keep existing configuration files; reinstall, because to apt a half-installed package is installed."""
        held, gone = set(held), list(gone)
        words = [*(f"{name}={version}" for name, version in versions.items()), *(f"{name}-" for name in gone)]
        get = f"{self._get} -o Dpkg::Options::=--force-confold --no-install-recommends"
        return (
            f"{_patiently('dpkg --configure -a', _INCOMPLETE)}"
            f"case $said in {_INCOMPLETE}) {get} --no-remove --fix-broken install;; esac\n"
            f"{get} --allow-downgrades --allow-change-held-packages {'' if gone else '--no-remove '}"
            f"--reinstall install {shlex.join(words)}\n"
            + (self.hold(names) if (names := [name for name in versions if name in held]) else "")
            + (self.unhold(names) if (names := [name for name in versions if name not in held]) else "")
        )

    def remove(self, names: Iterable[str]) -> str:
        """Remove the hold first, because it would outlast the package; a half-installed package is removed too."""
        names = list(names)
        forced = "-o Dpkg::Options::=--force-remove-reinstreq"
        return f"{self.unhold(names)}{self._get} {forced} remove {shlex.join(names)}\n"

    def noting(self, body: str, kept: str) -> str:
        """Compare the lists of what is installed."""
        names = (
            "dpkg-query -W -f '${db:Status-Abbrev}\\t${Package}\\n' | awk -F'\\t' '$1 ~ /^.i/ { print $2 }' | sort -u"
        )
        before, brought = shlex.quote(kept), shlex.quote(f"{kept}.brought")
        return (
            f'(umask 077; mkdir -p "$(dirname {before})"; {names} >{before})\n{body}'
            f"(umask 077; {names} | comm -13 {before} - >{brought})\n"
        )

    def tidy(self, kept: str) -> str:
        """Remove what apt calls unneeded; recommended and suggested packages count as unneeded."""
        brought = shlex.quote(f"{kept}.brought")
        return f"""[ ! -e {brought} ] || {{
  needless=$(apt-get -s -o APT::AutoRemove::RecommendsImportant=0 -o APT::AutoRemove::SuggestsImportant=0 autoremove |
    sed -n 's/^Remv \\([^ ]*\\).*/\\1/p' | grep -xFf {brought}) || needless=
  [ -z "$needless" ] || {self._get} remove $needless
}}
"""

    def hold(self, names: Iterable[str]) -> str:
        """Mark them in dpkg's status."""
        return _patiently(f"apt-mark hold {shlex.join(names)}")

    def unhold(self, names: Iterable[str]) -> str:
        """Unmark them."""
        return _patiently(f"apt-mark unhold {shlex.join(names)}")

    def mark_manual(self, names: Iterable[str]) -> str:
        """Mark them as installed by a person."""
        return f"apt-mark manual {shlex.join(names)}\n"

    def mark_automatic(self, names: Iterable[str]) -> str:
        """Mark them as installed for others."""
        return f"apt-mark auto {shlex.join(names)}\n"


def _patiently(command: str, enough: str = "") -> str:
    """Return text that runs a command that writes dpkg's status, and waits for dpkg's lock as apt-get does.

    The text fails with the command's output in ``$said``, unless that matches the pattern ``enough``.
    """
    return f"""left={_LOCKED}
until said=$({command} 2>&1); do
  case $said in {f"{enough}) break;; " if enough else ""}*' lock '*) left=$((left - 1));; *) left=0;; esac
  [ $left -gt 0 ] || {{ echo "$said"; exit 1; }}
  sleep 1
done
[ -z "$said" ] || echo "$said"
"""


class Dnf:
    """dnf 4 or 5 with rpm; holds need the versionlock plugin, which is checked before anything is changed."""

    name = "dnf"
    # Kubernetes' instructions exclude its packages in the repository's file, to keep them from upgrades.
    # dnf 4 writes "all" for every exclude, dnf 5 "*".
    _dnf = "dnf -y --setopt=install_weak_deps=False --setopt='disable_excludes=all,*'"
    refresh = "dnf -q makecache"
    _lockable = """dnf -q versionlock list >/dev/null 2>&1 || {
  echo "dnf cannot hold packages here: run dnf install 'dnf-command(versionlock)'"
  exit 1
}
"""

    def refresh_all(self, only: str = "") -> str:  # noqa: ARG002 - the files of apt are not dnf's
        """Ask all repositories."""
        return f"{self.refresh} --setopt='*.skip_if_unavailable=False'"

    def version(self, name: str) -> str:
        """Ask rpm."""
        asked = f"rpm -q --qf 'ii \\t%{{NAME}}\\t%{{EPOCHNUM}}:%{{VERSION}}-%{{RELEASE}}\\n' {shlex.quote(name)}"
        return f"{asked} | {_third(name)}"

    def install(self, versions: Mapping[str, str], *, held: Iterable[str] = (), gone: Iterable[str] = ()) -> str:
        """Remove locks first, because they hide all other versions."""
        held, gone = [name for name in versions if name in set(held)], list(gone)
        return (
            (self._lockable if held else "")
            + (self.remove(gone) if gone else "")
            + self._unlock(versions)
            + f"{self._dnf} install {shlex.join(f'{name}-{version}' for name, version in versions.items())}\n"
            + (self.hold(held) if held else "")
        )

    def remove(self, names: Iterable[str]) -> str:
        """Keep dependencies that nothing needs any more, as apt does."""
        names = list(names)
        return (
            f"{self._unlock(names)}{self._dnf} --setopt=clean_requirements_on_remove=False remove {shlex.join(names)}\n"
        )

    def noting(self, body: str, kept: str) -> str:  # noqa: ARG002 - see tidy
        """Note nothing."""
        return body

    def tidy(self, kept: str) -> str:  # noqa: ARG002 - as above
        """Do nothing: dnf 4 and 5 list unneeded packages in different ways, and `dnf autoremove` removes them."""
        return ""

    def hold(self, names: Iterable[str]) -> str:
        """Lock only the installed version; an older lock would allow another version too."""
        names = list(names)
        return f"{self._lockable}{self._unlock(names)}dnf -y -q versionlock add {shlex.join(names)}\n"

    def unhold(self, names: Iterable[str]) -> str:
        """Delete the locks."""
        return self._lockable + self._unlock(names)

    def mark_manual(self, names: Iterable[str]) -> str:
        """Mark them as installed by a person; dnf 5 uses another word."""
        words = shlex.join(names)
        return f"dnf -y -q mark install {words} || dnf -y -q mark user {words}\n"

    def mark_automatic(self, names: Iterable[str]) -> str:
        """Mark them as installed for others."""
        words = shlex.join(names)
        return f"dnf -y -q mark remove {words} || dnf -y -q mark dependency {words}\n"

    @staticmethod
    def _unlock(names: Iterable[str]) -> str:
        return f"dnf -y -q versionlock delete {shlex.join(names)} >/dev/null 2>&1 || :\n"


def _third(name: str) -> str:
    """Return a filter for rows of state, name and version that prints the version if the package is installed."""
    return f"awk -F'\\t' -v name={shlex.quote(name)} '$1 ~ /^.i/ && $2 == name {{ print $3 }}'"


_BY_DATABASE: dict[str, Manager] = {"dpkg": Apt(), "rpm": Dnf()}


def of(database: str) -> Manager:
    """Return the manager of a host whose packages are in this database, ``dpkg`` or ``rpm``."""
    return _BY_DATABASE[database]
