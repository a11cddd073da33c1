"""The verbs for kernel modules and parameters."""

from __future__ import annotations

import shlex

from trueup.change.files import Files
from trueup.facts.host import kernel
from trueup.model.claims import reaches
from trueup.results.action import Action
from trueup.shell import scripts

_SYSCTL_FILE = "/etc/sysctl.d/zz-trueup.conf"  # sorts last, so that it wins


class Kernel(Files):
    """Sets modules and parameters, now and at every boot."""

    def module(self, name: str) -> None:
        """Load a kernel module now and at every boot."""
        quoted = shlex.quote(name)
        if self.ask(kernel.modules(name)).get(name) == "absent":
            undo = f"[ ! -d /sys/module/{shlex.quote(name.replace('-', '_'))} ] || rmmod {quoted}"
            action = Action("module", name, f"load {name}", "-absent\n+loaded\n", undo, before={"state": "absent"})
            self.act(action, f"modprobe {quoted}")
        if name.replace("-", "_") not in self.ask(kernel.MODULES_LOAD):
            self.write(f"/etc/modules-load.d/trueup-{name}.conf", f"{name}\n")

    def sysctl(self, key: str, value: str, *, at_least: bool = False) -> None:
        """Set a kernel parameter now and at every boot; lines that override it are commented out.

        With ``at_least``, higher numbers stay, now and in each file. A parameter that no file sets is
        written only if its current value is lower, because a boot restores the kernel's default.
        """

        def good(found: str | None) -> bool:
            return reaches(found, int(value)) if at_least else found == value

        files, now = self.ask(kernel.SYSCTL_FILES), self.ask(kernel.sysctl(key)).get(key)
        own_name = _SYSCTL_FILE.rpartition("/")[2]
        final = files.winner(key)
        if not good(final.value if final else now if at_least else None):
            rows = self.read(_SYSCTL_FILE).content.decode(errors="replace").splitlines() or ["# written by trueup"]
            kept = [row for row in rows if row.partition("=")[0].strip() != key]
            self.write(_SYSCTL_FILE, "\n".join([*kept, f"{key} = {value}"]) + "\n")
        for setting in files.named(key):
            later = setting.line.name > own_name or setting.line.name == "sysctl.conf"
            if later and not good(setting.value):
                self.comment_out(setting.line.path, setting.line.number)
        if not good(now):
            undo = scripts.set_sysctl(key, now) if now else ":"
            action = Action(
                "sysctl", key, f"set {key}={value}", f"-{now}\n+{value}\n", undo,
                intact=scripts.among(f"echo $(cat {shlex.quote(kernel.proc_path(key))})", (now or "", value), key),
                before={"value": now},
            )  # fmt: skip
            self.act(action, scripts.set_sysctl(key, value))
