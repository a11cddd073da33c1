"""The id of a host's boot, and whether a reboot is pending."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from trueup.facts.host import rpm_version
from trueup.model.fact import Fact


def parse_id(text: str) -> str:
    """Return the boot id, which is random and new at each boot."""
    return str(uuid.UUID(text.strip()))


ID = Fact("boot.id", "cat /proc/sys/kernel/random/boot_id", parse_id)


def parse_started(text: str) -> str:
    """Return systemd's state and the failed units, as a sentence."""
    state, *failed = text.split()
    return f"systemd is {state}" + (f": {', '.join(failed)} failed" if failed else "")


_STARTS = 180  # seconds: systemd gives up a hanging unit after 90
# A loop, because systemctl has --wait only since systemd 240.
STARTED = Fact(
    "boot.started",
    f"""
for second in $(seq {_STARTS}); do
  state=$(systemctl is-system-running)
  case $state in initializing|starting) sleep 1;; *) break;; esac
done
echo "$state"
systemctl list-units --failed --plain --no-legend | awk '{{ print $1 }}'
""",
    parse_started,
    timeout=_STARTS + 30,
)


# Kernels with another suffix (-amd64, -generic, +debug) than the running one are another flavour.
_FLAVOUR = re.compile(r"[-+]([a-z][a-z0-9-]*)$")


@dataclass(frozen=True)
class Pending:
    """The reasons for a reboot of a host."""

    running: str  # release of the kernel
    kernels: tuple[str, ...]  # releases that are installed and could be booted; none in a container
    asked: bool  # by a package, in Debian's way
    packages: tuple[str, ...]  # that asked
    updated: tuple[str, ...]  # packages whose old version still runs, as dnf names them; empty if none needs a reboot

    @property
    def newer(self) -> str:
        """Return the newest installed kernel of the running one's flavour, or an empty string if that one runs."""
        line = [release for release in self.kernels if _flavour(release) == _flavour(self.running)]
        newest = max([self.running, *line], key=rpm_version.segments)
        return newest if rpm_version.segments(newest) != rpm_version.segments(self.running) else ""

    @property
    def why(self) -> str:
        """Return the reasons for a reboot as a sentence, or an empty string."""
        asking = [f"{', '.join(self.packages) or 'a package'} asked for it"] if self.asked else []
        asking += [f"kernel {self.newer} is installed, {self.running} runs"] if self.newer else []
        asking += [f"updated since the boot: {', '.join(self.updated)}"] if self.updated else []
        return "; ".join(asking)


def _flavour(release: str) -> str:
    match = _FLAVOUR.search(release)
    return match[1] if match else ""


# A container runs its host's kernel, so its installed kernels do not count. needs-restarting exits with 1 for its own
# failures, too.
_PROBE = """
printf 'running\\t%s\\n' "$(uname -r)" || exit
if ! systemd-detect-virt --quiet --container 2>/dev/null; then
  for image in /boot/vmlinuz-* /lib/modules/*/vmlinuz; do
    [ -e "$image" ] || continue
    name=${image#/boot/vmlinuz-}; name=${name#/lib/modules/}
    printf 'kernel\\t%s\\n' "${name%/vmlinuz}"
  done
fi
if [ -e /run/reboot-required ]; then
  printf 'asked\\t\\n'
  [ ! -e /run/reboot-required.pkgs ] || sort -u /run/reboot-required.pkgs | while read -r name; do
    printf 'package\\t%s\\n' "$name"
  done
fi
if command -v needs-restarting >/dev/null; then
  said=$(needs-restarting -r 2>&1); rc=$?
  case $rc:$said in
  0:*) ;;
  1:*'Reboot is required'*) echo "$said" | awk '
    /^ +/ { sub(/^ +([*] )?/, ""); print "updated\\t" $0; named = 1 }
    END { if (!named) print "updated\\tsomething without a name" }';;
  *) echo "$said" >&2; exit 1;;
  esac
fi
"""


def parse_pending(text: str) -> Pending:
    """Return the reasons for a reboot, from rows of a kind and a value."""
    found: dict[str, list[str]] = {}
    for kind, tab, value in (row.partition("\t") for row in text.splitlines()):
        if not tab:
            raise ValueError(f"{kind!r} is no row of a kind and a value")
        found.setdefault(kind, []).append(value)
    return Pending(
        found["running"][0],
        tuple(found.get("kernel", ())),
        "asked" in found,
        tuple(found.get("package", ())),
        tuple(found.get("updated", ())),
    )


PENDING = Fact("boot.pending", _PROBE, parse_pending, timeout=30)
