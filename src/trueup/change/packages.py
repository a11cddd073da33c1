"""The verbs for distribution packages, with apt or dnf."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from trueup.change.verbs import Verbs
from trueup.errors import ChangeFailed, CouldNotLook
from trueup.facts.host import package_removal, packages
from trueup.facts.host.packages import Installed
from trueup.facts.host.packages import Packages as Found
from trueup.results.action import Action, later
from trueup.shell import package_managers, scripts

# the container runtime's packages, of distributions, Docker and Kubernetes
_RUNTIME = ("containerd", "containerd.io", "runc")


class Packages(Verbs):
    """Installs, holds and removes packages."""

    def package(self, name: str, wanted: str, *, hold: bool = True) -> None:
        """Install a package in a version or range, and hold it; never removes another package.

        Raises:
            ChangeFailed: no version in the range is available; names the available ones.
        """
        self.packages([name], wanted, hold=hold)

    def packages(self, names: Sequence[str], wanted: str, *, hold: bool = True) -> None:
        """Install related packages in one transaction, in a common version if there is one.

        A package that is already in the range keeps its version.

        Raises:
            ChangeFailed: a package has no version in the range; names the available ones.
        """
        now = self.ask(packages.package(*names))
        manager, old = package_managers.of(now.manager), now.installed
        wrong = [
            name for name in names if name not in old or not packages.within(old[name].version, wanted, now.manager)
        ]
        if wrong:
            self._install(wrong, wanted, now, hold=hold)
        if loose := [name for name in names if hold and name not in wrong and not old[name].held]:
            action = Action(
                "hold", " ".join(loose), f"hold {', '.join(loose)}", undo=manager.unhold(loose),
                before=_before({name: old[name] for name in loose}),
            )  # fmt: skip
            self.act(action, manager.hold(loose))

    def _install(self, names: Sequence[str], wanted: str, now: Found, *, hold: bool) -> None:
        manager, old, kept = package_managers.of(now.manager), now.installed, self.backup_path("packages")
        best, newest = self._choose(names, wanted, now.manager), later(f"newest of {wanted}")
        diff = "".join(
            f"-{name} {now.version(name) or '(not installed)'}\n+{name} {best.get(name, newest)}\n" for name in names
        )
        before = {name: old[name].version for name in names if name in old}
        new = [name for name in names if name not in old]
        held = [name for name in before if old[name].held]
        undo = manager.install(before, held=held, gone=new) if before else manager.remove(new)
        action = Action(
            "package", " ".join(names), f"install {', '.join(names)} ({wanted})", diff, undo + manager.tidy(kept),
            intact=_intact(manager, names, before, best), before=_before({name: old.get(name) for name in names}),
        )  # fmt: skip
        body = manager.noting(manager.install(best, held=names if hold else ()), kept)
        self.act(action, body, "restart")

    def _choose(self, names: Sequence[str], wanted: str, manager: str) -> dict[str, str]:
        """Return the version to install of each; may lack some in a plan, which fetches no index."""
        offered: dict[str, list[str]] = {}
        with suppress(CouldNotLook):  # dnf without an index; an unreadable index is reported below
            offered = self.ask(packages.offered(*names))
        best = packages.together({name: offered.get(name, []) for name in names}, wanted, manager)
        if len(best) < len(names) and self.apply:
            said = ""
            try:
                self._do("refresh the package index", package_managers.of(manager).refresh)
            except ChangeFailed as error:  # an unreachable source need not be the one that has the package
                said = f"; {error}"
            offered = self.ask(packages.offered(*names))
            best = packages.together({name: offered.get(name, []) for name in names}, wanted, manager)
            if lacking := [name for name in names if name not in best]:
                found = ", ".join(offered.get(lacking[0], [])) or "none"
                raise ChangeFailed(f"no {lacking[0]} {wanted} to install; offered: {found}{said}")
        return best

    def remove_packages(self, names: Sequence[str]) -> None:
        """Remove the packages that are installed, and no others; the container runtime stays.

        Raises:
            ChangeFailed: other packages would be removed too; names them.
        """
        now = self.ask(packages.package(*names, *(name for name in _RUNTIME if name not in names)))
        manager = package_managers.of(now.manager)
        old = {name: now.installed[name] for name in names if name in now.installed}
        if not old:
            return
        kept = [name for name in _RUNTIME if name in now.installed and name not in names]
        takes = self.ask(package_removal.of(old, kept))
        if others := [name for name in takes.packages if name not in names]:
            raise ChangeFailed(f"{', '.join(others)} would go with {', '.join(old)}: nothing is removed")
        if takes.automatic:
            words = ", ".join(takes.automatic)
            action = Action("keep", words, f"keep {words}", undo=manager.mark_automatic(takes.automatic))
            self.act(action, manager.mark_manual(takes.automatic))
        versions = {name: found.version for name, found in old.items()}
        undo = manager.install(versions, held=[name for name, found in old.items() if found.held])
        diff = "".join(f"-{name} {version}\n" for name, version in versions.items())
        action = Action(
            "package", " ".join(old), f"remove {', '.join(old)}", diff, undo,
            intact=_intact(manager, list(old), versions, {}), before=_before(old),
        )  # fmt: skip
        self.act(action, manager.remove(old), "restart")

    def refresh_packages(self, only: str = "") -> None:
        """Fetch the index of every package source, after the sources have changed; each must succeed.

        Args:
            only: a file of apt's sources to fetch alone, since the mirror of another may be unreachable.
        """
        manager = package_managers.of(self.ask(packages.MANAGER))
        summary = f"fetch the index of {f'what {only} lists' if only else 'every package source'} ({manager.name})"
        self.act(Action("refresh", manager.name, summary, settle=f"{manager.refresh} || :"), manager.refresh_all(only))


def _before(found: Mapping[str, Installed | None]) -> dict[str, Any]:
    """Return the state of packages for the journal: version and hold, or None if not installed."""
    return {name: asdict(each) if each else None for name, each in found.items()}


def _intact(
    manager: package_managers.Manager, names: Iterable[str], before: Mapping[str, str], after: Mapping[str, str]
) -> str:
    """Return shell text that fails if a package has neither its version before nor the one after."""
    known = {name: (before.get(name, ""), after.get(name, "")) for name in names}
    return "\n".join(scripts.among(manager.version(name), versions, name) for name, versions in known.items())
