"""The verbs for systemd units."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Literal

from trueup.change.files import Files
from trueup.facts.host import systemd
from trueup.results.action import Action, later
from trueup.shell import scripts

_UNIT_SECTION = frozenset({"After", "Before", "BindsTo", "PartOf", "Requires", "Wants"})  # the rest is of [Service]


class Units(Files):
    """Starts, restarts and configures services."""

    def service(self, unit: str, *, active: bool, enabled: bool) -> None:
        """Enable a unit at boot, and start it now."""
        state = self._unit(unit)
        name = shlex.quote(unit)
        was = {"enabled": state.enabled, "active": state.active}
        # a package that is not installed yet may enable and start it
        lacks = f" {later('the package may do so')}" if state.loaded == "not-found" else ""
        if enabled and not state.starts_at_boot:
            undo = f"systemctl mask {name}" if state.enabled == "masked" else f"systemctl disable {name}"
            diff = f"-{state.enabled}\n+enabled\n"
            action = Action("service", unit, f"enable {unit}{lacks}", diff, undo, before=was)
            self.act(action, f"systemctl unmask {name}\nsystemctl enable {name}")
            self._leaves(unit, UnitFileState="enabled")
        if active and state.active != "active":
            diff, undo = f"-{state.active}\n+active\n", f"systemctl stop {name}"
            action = Action("service", unit, f"start {unit}{lacks}", diff, undo, before=was)
            self.act(action, scripts.bring_up("start", unit))
            self._leaves(unit, ActiveState="active")

    def _unit(self, unit: str) -> systemd.Unit:
        """Return the state of a unit, or in a plan its planned state."""
        found = self.ask(systemd.unit(unit))
        return found if self.apply else systemd.Unit(found.properties | self._draft.get((self.host, unit), {}))

    def _leaves(self, unit: str, **properties: str) -> None:
        self._draft[self.host, unit] = self._draft.get((self.host, unit), {}) | properties

    def restart(self, unit: str, *, keeping: tuple[str, str] | None = None) -> None:
        """Restart a running unit; fails with the last lines of its log if it does not start again.

        A stopped unit stays stopped, because another requirement is responsible for starting it.

        Args:
            keeping: the name of something that must survive, and shell that prints ``ok`` while it exists.
        """
        self._take_up("restart", unit, keeping)

    def reload(self, unit: str, *, keeping: tuple[str, str] | None = None) -> None:
        """Reload a running unit; otherwise as :meth:`restart`."""
        self._take_up("reload", unit, keeping)

    def _take_up(self, verb: Literal["restart", "reload"], unit: str, keeping: tuple[str, str] | None) -> None:
        if self._unit(unit).active not in ("active", "reloading"):
            return
        again = scripts.bring_up("restart" if verb == "restart" else "reload-or-restart", unit)
        name = shlex.quote(unit)
        # a stopped unit was stopped by an earlier undo
        gone = f"! systemctl cat {name} >/dev/null 2>&1"
        settle = f'{gone} || [ "$(systemctl is-active {name})" = inactive ] || {{ {again}; }}'
        body = scripts.bring_up(verb, unit)
        if keeping:
            body = scripts.keeping(keeping[1], body, keeping[0])
        self.act(Action(verb, unit, f"{verb} {unit}", settle=settle), body, verb)

    def drop_in(self, unit: str, directives: Mapping[str, str]) -> bool:
        """Set directives of a unit in its last drop-in, beside earlier ones; return whether it changed."""
        path = f"/etc/systemd/system/{unit}.d/zz-trueup.conf"
        rows = (row.partition("=") for row in self.read(path).content.decode(errors="replace").splitlines())
        merged = {name: value for name, found, value in rows if found and value} | dict(directives)
        text = "# written by trueup\n"
        for section in ("Unit", "Service"):
            own = {name: value for name, value in merged.items() if (name in _UNIT_SECTION) == (section == "Unit")}
            text += f"[{section}]\n" if own else ""
            for name, value in own.items():
                text += f"{name}=\n" if name.startswith("Exec") else ""  # a list: an empty line clears it first
                text += f"{name}={value}\n"
        changed = bool(merged) and self.write(path, text)
        if changed or self._unit(unit).needs_reload:
            self.reload_units()
            self._leaves(unit, NeedDaemonReload="no")
            changed = True
        return changed

    def reload_units(self) -> None:
        """Reload systemd's unit files, after they have changed."""
        reload = "systemctl daemon-reload"
        self.act(Action("reload", "systemd", reload, settle=reload), reload)
