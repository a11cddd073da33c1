"""Shell text that changes a host. It is only text, so it can be shown and tested; it runs under ``set -eu``."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterable

CHANGED = 75  # exit code: the state differs from the one that was read or written before
# keep PATH BACKUP: makes a complete backup of a file, or records that there is no file
# taken NEW BACKUP: records the checksum of the new file
# making DIRECTORY BACKUP: makes a directory and its missing parents, and records them
KEEPING = """keep() {
  if [ ! -e "$1" ]; then : >"$2.absent"; return; fi
  part=$(mktemp "${2%/*}/.part.XXXXXX")
  cp -p "$1" "$part" && sync "$part" && mv "$part" "$2" || { rm -f "$part"; return 1; }
}
taken() { sha256sum <"$1" | cut -d' ' -f1 >"$2.left"; }
making() {
  mkdir -p "${2%/*}"
  made=$1
  while [ ! -d "$made" ]; do echo "$made" >>"$2.made"; made=$(dirname "$made"); done
  (umask 022; mkdir -p "$1")
}"""
_SUM = """sum() { [ ! -e "$1" ] || sha256sum <"$1" | cut -d' ' -f1; }"""


def write(path: str, content: bytes, *, mode: str, owner: str, old: str, backup: str, validate: str) -> str:
    """Return text that replaces the file with checksum ``old`` (empty: no file) by a complete new one."""
    encoded = base64.encodebytes(content).decode()
    return f"""umask 077
path={shlex.quote(path)}; dir=$(dirname "$path"); backup={shlex.quote(backup)}
{KEEPING}
{_SUM}
[ "$(sum "$path")" = "{old}" ] || {{ echo "$path changed since it was read"; exit {CHANGED}; }}
making "$dir" "$backup"
rm -f "$dir"/.trueup.??????
tmp=$(mktemp "$dir/.trueup.XXXXXX")
trap 'rm -f "$tmp"' EXIT
base64 -d >"$tmp" <<'TRUEUP-CONTENT'
{encoded}TRUEUP-CONTENT
chmod {shlex.quote(mode)} "$tmp"
chown {shlex.quote(owner)} "$tmp"
{validate or ":"}
keep "$path" "$backup"
taken "$tmp" "$backup"
sync "$tmp" "$backup"*
mv -f "$tmp" "$path"
sync "$dir"
! command -v restorecon >/dev/null || restorecon "$path"
"""


def restore(path: str, backup: str) -> str:
    """Return text that restores a file from its backup in one step, or removes it if there was none before.

    A refused write made no backup, so nothing is undone: trueup did not write that file.
    """
    return f"""path={shlex.quote(path)}; backup={shlex.quote(backup)}
if [ -e "$backup" ]; then
  tmp=$(mktemp "$(dirname "$path")/.trueup.XXXXXX")
  trap 'rm -f "$tmp"' EXIT
  cp -p "$backup" "$tmp"
  sync "$tmp"
  mv -f "$tmp" "$path"
  ! command -v restorecon >/dev/null || restorecon "$path"
elif [ -e "$backup.absent" ]; then rm -f "$path"
fi
{_unmake('"$backup.made"')}
"""


def _unmake(noted: str) -> str:
    """Return text that removes the recorded directories that are empty."""
    return f"""[ ! -e {noted} ] || while read -r made; do rmdir "$made" 2>/dev/null || :; done <{noted}"""


def unchanged(path: str, backup: str) -> str:
    """Return text that fails if a file is neither the written one nor its backup."""
    return f"""path={shlex.quote(path)}; backup={shlex.quote(backup)}
{_SUM}
now=$(sum "$path")
[ ! -e "$backup.left" ] || [ "$now" = "$(cat "$backup.left")" ] || [ "$now" = "$(sum "$backup")" ] || {{
  echo "$path has changed since"
  exit {CHANGED}
}}"""


def among(now: str, known: Iterable[str], what: str) -> str:
    """Return text that fails if the output of a shell command is none of the known values."""
    patterns = "|".join(map(shlex.quote, dict.fromkeys(known)))
    return f"""now=$({now} 2>/dev/null || :)
case "$now" in
{patterns}) ;;
*) echo {shlex.quote(what)} "has changed since: $now"; exit {CHANGED};;
esac"""


def keeping(state: str, body: str, what: str) -> str:
    """Return text that runs ``body`` and fails if a state that was ``ok`` before is not ``ok`` afterwards.

    ``state`` is shell that prints the state; if it was not ``ok`` before, it is not checked afterwards.
    """
    return f"""state() {{ {state}; }}
before=$(state 2>/dev/null || :)
{body}
if [ "$before" = ok ]; then
  for second in 1 2 3 4 5 6 7 8 9 10; do
    after=$(state 2>/dev/null || :)
    [ "$after" != ok ] || break
    sleep 1
  done
  [ "$after" = ok ] || {{ journalctl -n 15 --no-pager -o cat; echo "{what}: ok before, ${{after:-gone}} now"; exit 1; }}
fi"""


def bring_up(verb: str, unit: str) -> str:
    """Return text that starts or restarts a unit, and prints the end of its journal if it does not become active."""
    name = shlex.quote(unit)
    return f"""systemctl reset-failed {name} 2>/dev/null || :
systemctl {verb} {name} && systemctl is-active --quiet {name} || {{
  journalctl -u {name} -n 15 --no-pager -o cat
  exit 1
}}"""


def set_sysctl(key: str, value: str) -> str:
    """Return text that sets a kernel parameter now."""
    return f"sysctl -w {shlex.quote(f'{key}={value}')}"


def fetch(url: str, to: str) -> str:
    """Return text that downloads a URL into a file, with curl, wget or apt's own helper."""
    url = shlex.quote(url)
    return f"""if command -v curl >/dev/null 2>&1; then curl -fsSL --retry 3 --connect-timeout 20 -o "{to}" {url}
elif command -v wget >/dev/null 2>&1; then wget -q -O "{to}" {url}
elif [ -x /usr/lib/apt/apt-helper ]; then /usr/lib/apt/apt-helper -q download-file {url} "{to}"
else echo 'neither curl nor wget is there' >&2; exit 127; fi"""


def unpack(arrived: str, url: str, checksum: str, *, directory: str, name: str, kept: str, file: str) -> str:
    """Return text that installs the programs of an archive in a directory, each in one step, with backups.

    ``arrived`` is the archive's path on the host; it is downloaded from ``url`` if that is given. A file that is no
    archive is installed as ``name``.
    """
    archive = file.endswith((".tar.gz", ".tgz"))
    into = 'tar -xzf "$file" --no-same-owner -C "$stage"' if archive else f'cp "$file" "$stage/"{shlex.quote(name)}'
    mode = "" if archive else f'chmod 755 "$stage/"{shlex.quote(name)}'
    return f"""umask 022
file={arrived}; dir={shlex.quote(directory)}; kept={shlex.quote(kept)}
(umask 077; mkdir -p "$(dirname "$file")")
{fetch(url, "$file") if url else ":"}
sum=$(sha256sum <"$file" | cut -d' ' -f1)
[ "$sum" = {shlex.quote(checksum)} ] || {{ rm -f "$file"; echo "its checksum is $sum, not {checksum}"; exit 76; }}
{KEEPING}
(umask 077; mkdir -p "$kept"); making "$dir" "$kept/"
rm -rf "$dir"/.trueup.??????
stage=$(mktemp -d "$dir/.trueup.XXXXXX")
trap 'rm -rf "$stage"' EXIT
{into}
{mode}
programs=$(find "$stage" -type f -perm -u=x)
[ -n "$programs" ] || {{ echo "no program in it"; exit 65; }}
printf '%s\\n' "$programs" | while read -r new; do
  old=$dir/${{new##*/}}
  ln "$old" "$kept/" 2>/dev/null || keep "$old" "$kept/${{new##*/}}"
  chmod go-w "$new"; chown 0:0 "$new" 2>/dev/null || :
  printf '%s %s\\n' "$(sha256sum <"$new" | cut -d' ' -f1)" "${{new##*/}}" >>"$kept/.left"
done
sync
printf '%s\\n' "$programs" | while read -r new; do mv -f "$new" "$dir/"; done
rm -f "$file"
"""


def pack_back(directory: str, kept: str) -> str:
    """Return text that undoes :func:`unpack`."""
    return f"""dir={shlex.quote(directory)}; kept={shlex.quote(kept)}
for old in "$kept"/*; do
  [ -e "$old" ] || continue
  name=${{old##*/}}
  case $name in
  *.absent) rm -f "$dir/${{name%.absent}}";;
  *) cp -p "$old" "$dir/.trueup.$name" && mv -f "$dir/.trueup.$name" "$dir/$name";;
  esac
done
{_unmake('"$kept/.made"')}
"""


def packed(directory: str, kept: str) -> str:
    """Return text that fails if a program is neither the one that :func:`unpack` installed nor the one from before."""
    return f"""dir={shlex.quote(directory)}; kept={shlex.quote(kept)}
{_SUM}
[ ! -e "$kept/.left" ] || while read -r left name; do
  now=$(sum "$dir/$name")
  [ "$now" = "$left" ] || [ "$now" = "$(sum "$kept/$name")" ] || {{
    echo "$dir/$name has changed since"
    exit {CHANGED}
  }}
done <"$kept/.left"
"""
