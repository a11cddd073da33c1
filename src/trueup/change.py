"""The only hand that may alter a host. Each verb looks first and records an action only where something differs;
planning and doing are the same code but for the last step."""

from __future__ import annotations

import base64
import difflib
import hashlib
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from trueup import documents, fact, managers, shell
from trueup.catalog import DISRUPTIONS, Disruption
from trueup.documents import Values
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.fact import Fact, HostFacts, Snapshot
from trueup.facts import kernel, packages, removal, systemd
from trueup.redact import redact
from trueup.transport import Transport
from trueup.verdict import Action

T = TypeVar("T")
_SLOW = 600.0  # seconds: a package download
_STATE = "/var/lib/trueup"
# what runs the containers, as distributions, Docker and Kubernetes package it
_RUNTIME = ("containerd", "containerd.io", "runc")
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


class Change:
    """Changes to one host for one remedy.

    Args:
        apply: do it; otherwise only record what would be done.
        allowed: the most that the remedy declared it may disturb the host.
    """

    def __init__(self, transport: Transport, *, run: str, apply: bool, allowed: Disruption) -> None:
        self.actions: list[Action] = []
        self.apply = apply
        self._transport = transport
        self._allowed = DISRUPTIONS.index(allowed)
        self._backups = f"{_STATE}/backup/{run}"

    # -- looking and acting -------------------------------------------------------------------------------------------

    def look(self, asked: Fact[T]) -> T:
        """Return a fact as it is now.

        Raises:
            CouldNotLook: the probe failed.
        """
        script, nonce = fact.script([asked], None)
        done = self._transport.run(script, _SLOW)
        raws = fact.unframe(nonce, done.out, done.err)
        try:
            return HostFacts(Snapshot("", raws=raws))[asked]
        except CouldNotLook as error:  # these answers are not redacted, because they are what gets edited
            raise CouldNotLook(redact(str(error))) from None

    def act(self, action: Action, body: str, disruption: Disruption = "none") -> None:
        """Record an action and, unless planning, do it.

        Raises:
            ChangeFailed: the shell text failed, with what it said.
        """
        if DISRUPTIONS.index(disruption) > self._allowed:
            raise TypeError(f"{action.summary}: disruption {disruption!r} is more than the remedy declares")
        action.diff = redact(action.diff)
        self.actions.append(action)
        if self.apply:
            self._do(action.summary, body)

    def _do(self, what: str, body: str) -> None:
        # The shell parses the whole subshell before it runs any of it, so a script that was cut off does nothing; what
        # has begun is finished even when the connection is lost, because its output goes to a file.
        nonce = f"trueup-{secrets.token_hex(12)}"
        script = f"""trap '' HUP PIPE
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" DEBIAN_FRONTEND=noninteractive
log=$(mktemp -p /run trueup.XXXXXX 2>/dev/null || mktemp)
( set -eu
{body}
) >"$log" 2>&1 </dev/null
rc=$?
printf '\\n{nonce} begin log\\n'; tail -n 40 "$log"; printf '\\n{nonce} end %s\\n' $rc
rm -f "$log"
"""
        done = self._transport.run(script, _SLOW)
        log = fact.unframe(nonce, done.out, b"").get("log")
        if log is None:
            raise ChangeFailed(f"{what}: no answer (exit code {done.rc}); {redact(done.err.decode(errors='replace'))}")
        if log.rc != 0:
            raise ChangeFailed(f"{what}: exit code {log.rc}: {redact(log.out).strip() or 'no output'}")

    def rollback(self) -> list[str]:
        """Undo what was done, newest first, then let services take it up; return what could not be undone."""
        problems = []
        undone = [action.undo for action in reversed(self.actions)]
        for body in dict.fromkeys(filter(None, [*undone, *(action.settle for action in self.actions)])):
            try:
                self._do("undo", body)
            except (ChangeFailed, CouldNotLook, Unreachable) as error:
                problems.append(str(error))
        return problems

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
        backup = f"{self._backups}/{secrets.token_hex(4)}{old.path.replace('/', '%')}"
        undo = shell.restore(old.path, backup)
        body = shell.write(
            old.path, new.content, mode=mode, owner=owner, old=old.checksum, backup=backup, validate=validate
        )
        self.act(Action("write", old.path, f"write {old.path}", _diff(old, new), undo), body)
        return True

    def edit_toml(self, path: str, values: Values, *, default: str = "", validate: str = "") -> bool:
        """Set keys of a TOML file, keeping comments, order and unknown keys; return whether it had to change.

        A key whose value is ``None`` goes. ``default`` is the text to start from where there is no file, or one that is
        not TOML.

        Raises:
            ChangeFailed: the keys cannot be set without touching others, or without a text to start from.
        """
        return self._edit(documents.edit_toml, path, values, default, validate)

    def edit_yaml(self, path: str, values: Values, *, default: str = "", validate: str = "") -> bool:
        """Set keys of a YAML file of one document, as :meth:`edit_toml` does."""
        return self._edit(documents.edit_yaml, path, values, default, validate)

    def _edit(self, edit: Callable[[str, Values], str], path: str, values: Values, default: str, validate: str) -> bool:
        old = self.read(path)
        try:
            try:
                text = old.content.decode()
                edited = edit(text if text.strip() else default, values)
            except ValueError as error:
                if not default:
                    raise ChangeFailed(str(error)) from None
                edited = edit(default, values)
        except ChangeFailed as error:
            raise ChangeFailed(f"{path}: {error}; the file is left as it is") from None
        return (old.exists or edited != "") and self.write(path, edited, validate=validate)

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
        self.packages([name], wanted, hold=hold)

    def packages(self, names: Sequence[str], wanted: str, *, hold: bool = True) -> None:
        """Install packages that go together in one transaction, in one version where there is one of them all.

        One that is in the range already stays at its version.

        Raises:
            ChangeFailed: no version in the range is to be had of one of them; names those that are.
        """
        now = self.look(packages.package(*names))
        manager, old = managers.of(now.manager), now.installed
        wrong = [
            name for name in names if name not in old or not packages.within(old[name].version, wanted, now.manager)
        ]
        if wrong:
            best = self._choose(wrong, wanted, now.manager)
            diff = "".join(
                f"-{name} {now.version(name) or '(not installed)'}\n+{name} {best.get(name, f'(newest of {wanted})')}\n"
                for name in wrong
            )
            before = {name: old[name].version for name in wrong if name in old}
            new = [name for name in wrong if name not in old]
            held = [name for name in before if old[name].held]
            undo = manager.install(before, held=held, gone=new) if before else manager.remove(new)
            action = Action("package", " ".join(wrong), f"install {', '.join(wrong)} ({wanted})", diff, undo)
            self.act(action, manager.install(best, held=wrong if hold else ()), "restart")
        if loose := [name for name in names if hold and name not in wrong and not old[name].held]:
            action = Action("hold", " ".join(loose), f"hold {', '.join(loose)}", undo=manager.unhold(loose))
            self.act(action, manager.hold(loose))

    def _choose(self, names: Sequence[str], wanted: str, manager: str) -> dict[str, str]:
        """Return the version to install of each; a plan, which fetches no index, may lack some."""
        offered: dict[str, list[str]] = {}
        with suppress(
            CouldNotLook
        ):  # dnf that never fetched an index; one that is fetched and unreadable is said below
            offered = self.look(packages.offered(*names))
        best = packages.together({name: offered.get(name, []) for name in names}, wanted, manager)
        if len(best) < len(names) and self.apply:
            self._do("refresh the package index", managers.of(manager).refresh)
            offered = self.look(packages.offered(*names))
            best = packages.together({name: offered.get(name, []) for name in names}, wanted, manager)
            if lacking := [name for name in names if name not in best]:
                found = ", ".join(offered.get(lacking[0], [])) or "none"
                raise ChangeFailed(f"no {lacking[0]} {wanted} to install; offered: {found}")
        return best

    def remove_packages(self, names: Sequence[str]) -> None:
        """Remove those of the packages that are installed, and nothing else; the container runtime stays.

        Raises:
            ChangeFailed: other packages would have to go too; names them.
        """
        now = self.look(packages.package(*names, *(name for name in _RUNTIME if name not in names)))
        manager = managers.of(now.manager)
        old = {name: now.installed[name] for name in names if name in now.installed}
        if not old:
            return
        kept = [name for name in _RUNTIME if name in now.installed and name not in names]
        takes = self.look(removal.of(old, kept))
        if others := [name for name in takes.packages if name not in names]:
            raise ChangeFailed(f"{', '.join(others)} would go with {', '.join(old)}: nothing is removed")
        if takes.automatic:
            words = ", ".join(takes.automatic)
            action = Action("keep", words, f"keep {words}", undo=manager.unkeep(takes.automatic))
            self.act(action, manager.keep(takes.automatic))
        versions = {name: found.version for name, found in old.items()}
        undo = manager.install(versions, held=[name for name, found in old.items() if found.held])
        diff = "".join(f"-{name} {version}\n" for name, version in versions.items())
        action = Action("package", " ".join(old), f"remove {', '.join(old)}", diff, undo)
        self.act(action, manager.remove(old), "restart")

    def refresh_packages(self) -> None:
        """Fetch the index of every package source, which must succeed; the sources have changed."""
        manager = managers.of(self.look(packages.MANAGER))
        summary = f"fetch the index of every package source ({manager.name})"
        self.act(Action("refresh", manager.name, summary, settle=f"{manager.refresh} || :"), manager.refresh_all)

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
