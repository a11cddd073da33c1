"""The verbs of a change. Each looks first and records an action only where something differs."""

from __future__ import annotations

import base64
import difflib
import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from trueup import shell
from trueup.artifacts import Artifacts
from trueup.catalog import Disruption
from trueup.errors import ChangeFailed
from trueup.fact import Fact
from trueup.facts import kernel, packages, systemd
from trueup.hand import Hand
from trueup.images import Images
from trueup.verdict import Action

_UNIT_SECTION = frozenset({"After", "Before", "BindsTo", "PartOf", "Requires", "Wants"})  # the rest is of [Service]
_SYSCTL_FILE = "/etc/sysctl.d/zz-trueup.conf"  # sorts after what others write, so that it wins


@dataclass(frozen=True)
class File:
    """A file as it is on the host."""

    path: str  # links followed
    content: bytes
    mode: str
    owner: str
    exists: bool = True

    @property
    def checksum(self) -> str:
        """Return the content's SHA-256, or nothing for an absent file."""
        return hashlib.sha256(self.content).hexdigest() if self.exists else ""


class Change(Artifacts, Images, Hand):
    """Changes to one host for one remedy."""

    # -- files --------------------------------------------------------------------------------------------------------

    def read(self, path: str) -> File:
        """Return a file as it is now; an absent one has no content."""
        return self.look(Fact("file", _PROBE_FILE.format(path=shlex.quote(path)), _parse_file, timeout=60))

    def write(self, path: str, content: str, *, mode: str = "", owner: str = "", validate: str = "") -> bool:
        """Make a file have this content; return whether it had to change.

        The new file is complete and on disk before it takes the old one's place; the old one is kept. ``validate`` is
        shell text that may refuse the new file, whose name is in ``$tmp``. Mode and owner stay, or are 644 root:root.
        """
        old = self.read(path)
        mode, owner = (mode or old.mode).lstrip("0"), owner or old.owner
        new = File(old.path, content.encode("utf-8", "surrogateescape"), mode, owner)
        if old == new:
            return False
        backup = self.keep(old.path)
        undo = shell.restore(old.path, backup)
        body = shell.write(
            old.path, new.content, mode=mode, owner=owner, old=old.checksum, backup=backup, validate=validate
        )
        self.act(Action("write", old.path, f"write {old.path}", _diff(old, new), undo), body)
        return True

    def edit_toml(
        self, path: str, values: Mapping[tuple[str, ...], Any], *, default: str = "", validate: str = ""
    ) -> bool:
        """Set keys of a TOML file, keeping comments, order and unknown keys; return whether it had to change.

        A key whose value is ``None`` goes. ``default`` is the text to start from where there is no file, or one that is
        not TOML.
        """
        old = self.read(path)
        try:
            document = tomlkit.parse(old.content.decode()) if old.content.strip() else tomlkit.parse(default)
        except (TOMLKitError, UnicodeDecodeError):
            document = tomlkit.parse(default)
        for (*tables, name), value in values.items():
            node: Any = document
            for table in tables:
                if table not in node and value is not None:
                    node[table] = tomlkit.table(is_super_table=True)
                node = node.get(table, {})
                if not isinstance(node, Mapping):
                    raise ChangeFailed(f"{path}: {table} is not a table; the file is left as it is")
            if value is None:
                node.pop(name, None)
            elif node.get(name) != value:
                node[name] = value
        return self.write(path, tomlkit.dumps(document), validate=validate)

    def comment_out(self, path: str, *numbers: int) -> bool:
        """Turn lines of a file into comments; return whether it had to change."""
        rows = self.read(path).content.decode(errors="surrogateescape").split("\n")
        for number in numbers:
            rows[number - 1] = f"# trueup: {rows[number - 1]}"
        return self.write(path, "\n".join(rows))

    # -- packages and services ----------------------------------------------------------------------------------------

    def package(self, name: str, wanted: str, *, hold: bool = True) -> None:
        """Install a package in a version or range, and hold it there; never removes another package to do so.

        Raises:
            ChangeFailed: no version in the range is to be had; names those that are.
        """
        now = self.look(packages.package(name))
        old = now.installed.get(name)
        if old and packages.within(old.version, wanted, now.manager):
            if hold and not old.held:
                mark = Action("hold", name, f"hold {name}", undo=f"apt-mark unhold {shlex.quote(name)}")
                self.act(mark, f"apt-mark hold {shlex.quote(name)}")
            return
        offered = self.look(packages.offered(name))
        best = packages.newest(offered, wanted)
        if best is None and self.apply:
            self._do("refresh the package index", shell.APT_UPDATE)
            offered = self.look(packages.offered(name))
            if (best := packages.newest(offered, wanted)) is None:
                raise ChangeFailed(f"no {name} {wanted} to install; offered: {', '.join(offered) or 'none'}")
        diff = f"-{name} {old.version if old else '(not installed)'}\n+{name} {best or f'(newest of {wanted})'}\n"
        undo = shell.install(name, old.version, hold=old.held) if old else shell.remove(name)
        action = Action("package", name, f"install {name} ({wanted})", diff, undo)
        self.act(action, shell.install(name, best or "", hold=hold), "restart")

    def refresh_packages(self) -> None:
        """Fetch the index of every package source, which must succeed; the sources have changed."""
        action = Action("refresh", "apt", "apt-get update", settle=f"{shell.APT_UPDATE} || :")
        # without the option, apt forgives a source that does not answer (releases before 2.1 do all the same)
        self.act(action, f"{shell.APT_UPDATE} -o APT::Update::Error-Mode=any")

    def service(self, unit: str, *, active: bool, enabled: bool) -> None:
        """Make a unit start at boot, and run now."""
        state = self.look(systemd.unit(unit))
        name = shlex.quote(unit)
        if enabled and not state.starts_at_boot:
            undo = f"systemctl mask {name}" if state.enabled == "masked" else f"systemctl disable {name}"
            self.act(
                Action("service", unit, f"enable {unit}", f"-{state.enabled}\n+enabled\n", undo),
                f"systemctl unmask {name}\nsystemctl enable {name}",
            )
        if active and state.active != "active":
            undo = f"systemctl stop {name}"
            self.act(
                Action("service", unit, f"start {unit}", f"-{state.active}\n+active\n", undo),
                shell.bring_up("start", unit),
            )

    def restart(self, unit: str) -> None:
        """Restart a unit that runs; fails with the last lines of its journal when it does not come back.

        One that does not run is left to the requirement that it runs: whether it starts says nothing of this change.
        """
        if self.look(systemd.unit(unit)).active not in ("active", "reloading"):
            return
        settle = f"! systemctl cat {shlex.quote(unit)} >/dev/null 2>&1 || {{ {shell.bring_up('restart', unit)}; }}"
        self.act(Action("restart", unit, f"restart {unit}", settle=settle), shell.bring_up("restart", unit), "restart")

    def drop_in(self, unit: str, directives: Mapping[str, str]) -> bool:
        """Set directives of a unit in a drop-in that wins, beside those set before; return whether it changed."""
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
        changed = self.write(path, text)
        if changed or self.look(systemd.unit(unit)).needs_reload:
            self.reload_units()
            changed = True
        return changed

    def reload_units(self) -> None:
        """Let systemd read unit files and run its generators again; they have changed."""
        reload = "systemctl daemon-reload"
        self.act(Action("reload", "systemd", reload, settle=reload), reload)

    # -- kernel -------------------------------------------------------------------------------------------------------

    def module(self, name: str) -> None:
        """Load a kernel module, and at every boot."""
        quoted = shlex.quote(name)
        if self.look(kernel.modules(name)).get(name) == "absent":
            self.act(Action("module", name, f"load {name}", "-absent\n+loaded\n"), f"modprobe {quoted}")
        if name.replace("-", "_") not in self.look(kernel.MODULES_LOAD):
            self.write(f"/etc/modules-load.d/trueup-{name}.conf", f"{name}\n")

    def sysctl(self, key: str, value: str) -> None:
        """Set a kernel parameter now and at every boot; a later file that says otherwise is commented out, and kept."""
        files = self.look(kernel.SYSCTL_FILES)
        own_name = _SYSCTL_FILE.rpartition("/")[2]
        final = files.winner(key)
        if final is None or final.value != value:
            rows = self.read(_SYSCTL_FILE).content.decode(errors="replace").splitlines() or ["# written by trueup"]
            kept = [row for row in rows if row.partition("=")[0].strip() != key]
            self.write(_SYSCTL_FILE, "\n".join([*kept, f"{key} = {value}"]) + "\n")
        for setting in files.named(key):
            later = setting.line.name > own_name or setting.line.name == "sysctl.conf"
            if later and setting.value != value:
                self.comment_out(setting.line.path, setting.line.number)
        now = self.look(kernel.sysctl(key)).get(key)
        if now != value:
            undo = shell.set_sysctl(key, now) if now else ""
            action = Action("sysctl", key, f"set {key}={value}", f"-{now}\n+{value}\n", undo)
            self.act(action, shell.set_sysctl(key, value))

    def run(self, *argv: str, why: str, undo: str = "", disruption: Disruption = "none") -> None:
        """Run a command that no other verb covers; the caller has looked that it is needed."""
        self.act(Action("run", argv[0], why, f"+{shlex.join(argv)}\n", undo), shlex.join(argv), disruption)


_PROBE_FILE = """p=$(readlink -f {path} || echo {path}); echo "$p"
[ -e "$p" ] || exit 0
stat -c '%a %U:%G' "$p" && base64 "$p"
"""


def _parse_file(text: str) -> File:
    path, _, rest = text.partition("\n")
    if not path.startswith("/"):
        raise ValueError(f"no such directory for {path!r}")
    head, found, body = rest.partition("\n")
    if not found:
        return File(path, b"", "644", "root:root", exists=False)
    mode, _, owner = head.partition(" ")
    return File(path, base64.b64decode(body), mode, owner)


def _diff(old: File, new: File) -> str:
    """Return a unified diff, preceded by a change of mode or owner where there was a file."""
    rows = difflib.unified_diff(
        old.content.decode(errors="replace").splitlines(keepends=True),
        new.content.decode(errors="replace").splitlines(keepends=True),
        old.path if old.exists else "/dev/null",
        new.path,
    )
    text = "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
    before, after = f"{old.mode} {old.owner}", f"{new.mode} {new.owner}"
    return text if not old.exists or before == after else f"-mode {before}\n+mode {after}\n{text}"
