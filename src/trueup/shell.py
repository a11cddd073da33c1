"""The shell text that changes a host: only text, so that it can be shown and tested. It runs under ``set -eu``."""

from __future__ import annotations

import base64
import shlex


def write(path: str, content: bytes, *, mode: str, owner: str, old: str, backup: str, validate: str) -> str:
    """Return text that puts a whole new file in the place of the one with checksum ``old`` (empty: there is none)."""
    encoded = base64.encodebytes(content).decode()
    return f"""umask 077
path={shlex.quote(path)}; dir=$(dirname "$path"); backup={shlex.quote(backup)}
sum=$([ ! -e "$path" ] || sha256sum <"$path" | cut -d' ' -f1)
[ "$sum" = "{old}" ] || {{ echo "$path changed since it was read"; exit 75; }}
[ -d "$dir" ] || (umask 022; mkdir -p "$dir")
rm -f "$dir"/.trueup.??????
tmp=$(mktemp "$dir/.trueup.XXXXXX")
trap 'rm -f "$tmp"' EXIT
base64 -d >"$tmp" <<'TRUEUP-CONTENT'
{encoded}TRUEUP-CONTENT
chmod {shlex.quote(mode)} "$tmp"
chown {shlex.quote(owner)} "$tmp"
{validate or ":"}
mkdir -p "$(dirname "$backup")"
if [ -e "$path" ]; then cp -p "$path" "$backup"; else : >"$backup.absent"; fi
sync "$tmp"
mv -f "$tmp" "$path"
sync "$dir"
! command -v restorecon >/dev/null || restorecon "$path"
"""


def restore(path: str, backup: str) -> str:
    """Return text that puts a kept file back in one step, or removes a file that was not there before.

    A write that was refused kept nothing, so there is nothing to undo: the file is not ours.
    """
    return f"""path={shlex.quote(path)}; backup={shlex.quote(backup)}
if [ -e "$backup" ]; then
  tmp=$(mktemp "$(dirname "$path")/.trueup.XXXXXX")
  trap 'rm -f "$tmp"' EXIT
  cp -p "$backup" "$tmp"
  sync "$tmp"
  mv -f "$tmp" "$path"
elif [ -e "$backup.absent" ]; then rm -f "$path"
fi
"""


def bring_up(verb: str, unit: str) -> str:
    """Return text that starts or restarts a unit, and shows the end of its journal when it does not come up."""
    name = shlex.quote(unit)
    return f"""systemctl reset-failed {name} 2>/dev/null || :
systemctl {verb} {name} && systemctl is-active --quiet {name} || {{
  journalctl -u {name} -n 15 --no-pager -o cat
  exit 1
}}"""


def set_sysctl(key: str, value: str) -> str:
    """Return text that sets a kernel parameter now."""
    return f"sysctl -w {shlex.quote(f'{key}={value}')}"
