"""A host to change that is this machine: files under a scratch root are real, tools are scripts with a state."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trueup.change import Change
from trueup.connection.local import Process
from trueup.connection.transport import Completed
from trueup.errors import Unreachable

Changes = Callable[..., Change]


def install(directory: Path, tools: Mapping[str, str]) -> None:
    """Put tools where the host finds them."""
    for name, body in tools.items():
        (directory / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (directory / name).chmod(0o755)


# no room is left where trueup keeps what was there, which is another file system than what it changes
FULL = {
    "cp": r"""
for to; do :; done
case $to in
*/backup/*)
  [ ! -d "$to" ] || to=$to/${2##*/}
  head -c 3 "$2" >"$to"; echo "cp: error writing '$to': No space left on device" >&2; exit 1;;
esac
exec /bin/cp "$@"
""",
    "ln": "exit 1",
}
LOCKED = r"""
[ ! -s "$STATE/locked" ] || {
  sed -i 1d "$STATE/locked"
  echo 'dpkg: error: dpkg frontend lock was locked by another process with pid 0' >&2
  exit 2
}
"""
TOOLS = {
    # `show` prints the file of a unit; the verbs edit it. A unit with a file `broken` does not come up.
    "systemctl": r"""
case $1 in
show) cat "$STATE/unit"; exit;;
is-active)
  [ "$2" = --quiet ] || sed -n 's/^ActiveState=//p' "$STATE/unit"
  grep -qx ActiveState=active "$STATE/unit"; exit;;
cat) [ -e "$STATE/unit" ]; exit;;
reset-failed) exit;;
esac
echo "systemctl $*" >>"$STATE/log"
case $1 in
enable) sed -i 's/^UnitFileState=.*/UnitFileState=enabled/' "$STATE/unit";;
disable) sed -i 's/^UnitFileState=.*/UnitFileState=disabled/' "$STATE/unit";;
mask) sed -i 's/^UnitFileState=.*/UnitFileState=masked/' "$STATE/unit";;
unmask) sed -i 's/^UnitFileState=masked/UnitFileState=disabled/' "$STATE/unit";;
stop) sed -i 's/^ActiveState=.*/ActiveState=inactive/' "$STATE/unit";;
start|restart)
  if [ -e "$STATE/broken" ]; then sed -i 's/^ActiveState=.*/ActiveState=failed/' "$STATE/unit"; exit 1; fi
  sed -i 's/^ActiveState=.*/ActiveState=active/' "$STATE/unit";;
daemon-reload) sed -i 's/^NeedDaemonReload=.*/NeedDaemonReload=no/' "$STATE/unit";;
esac
""",
    "journalctl": "echo 'containerd: the last words'",
    "dpkg-query": 'cat "$STATE/dpkg" 2>/dev/null || exit 1',
    "apt-cache": 'cat "$STATE/offered"',
    # a row of the file `locked` is a time that another process has the lock
    "dpkg": LOCKED,
    "apt-mark": r"""
[ "$1" != showauto ] || { grep -x "$2" "$STATE/auto"; exit 0; }
"""
    + LOCKED
    + r"""
echo "apt-mark $*" >>"$STATE/log"
verb=$1; shift
for name; do case $verb in
hold) sed -i "s/^.\(i \t$name\t\)/h\1/" "$STATE/dpkg";;
unhold) sed -i "s/^.\(i \t$name\t\)/i\1/" "$STATE/dpkg";;
manual) sed -i "/^$name$/d" "$STATE/auto";;
auto) echo "$name" >>"$STATE/auto";;
esac; done""",
    # what a removal takes along is in a file `takes`
    "apt-get": r"""
[ "$1" != -s ] || {
  for word; do case $word in -*|remove) ;; *) echo "Remv $word [1.0]";; esac; done
  [ ! -e "$STATE/takes" ] || sed 's/.*/Remv & [1.0]/' "$STATE/takes"
  exit 0
}
echo "apt-get $*" >>"$STATE/log"
[ ! -e "$STATE/apt-fails" ] || { echo 'E: the mirror is gone'; exit 100; }
verb=
for word; do case $verb$word in
update) [ ! -e "$STATE/offered-later" ] || mv "$STATE/offered-later" "$STATE/offered";;
install|remove) verb="$word ";;
"install "*=*)
  name=${word%%=*}
  sed -i "/\t$name\t/d" "$STATE/dpkg"; printf 'ii \t%s\t%s\n' "$name" "${word#*=}" >>"$STATE/dpkg";;
"install "*-) sed -i "/\t${word%-}\t/d" "$STATE/dpkg";;
"remove "*) sed -i "/\t$word\t/d" "$STATE/dpkg";;
esac; done""",
    # `rpm` holds rows of name and version; what is needed by another package is in a file `needed`.
    "rpm": r"""
case "$1 $2" in
"-q rpm") [ ! -e "$STATE/rpm-fails" ] || { echo 'error: cannot open Packages database'; exit 1; };;
"-q "*) shift 3; for name; do
    row=$(sed -n "s/^$name\t/ii \t&/p" "$STATE/rpm"); echo "${row:-package $name is not installed}"
  done;;
"-e --test") [ ! -e "$STATE/needed" ] || { cat "$STATE/needed"; exit 1; };;
esac""",
    # A lock hides every other version; without a file `plugin` there are none.
    "dnf": r"""
locks=$ROOT/etc/dnf/plugins/versionlock.list
asked=$*; verb=; words=
while [ $# -gt 0 ]; do
  case $1 in --qf) format=$2; shift;; -*) ;; *) [ -n "$verb" ] && words="$words $1" || verb=$1;; esac
  shift
done
set -- $words
case $verb in
repoquery)
  [ -e "$STATE/cache" ] || { echo "Error: Cache-only enabled but no cache for 'kubernetes'" >&2; exit 1; }
  case $format in *reason*) grep -qx "$1" "$STATE/auto" && echo dependency || echo user;; *) cat "$STATE/offered";; esac
  exit;;
versionlock)
  [ -e "$STATE/plugin" ] || { echo "No such command: versionlock. Please use /usr/bin/dnf --help"; exit 1; }
  [ "$1" != list ] || exit 0;;
esac
echo "dnf $asked" >>"$STATE/log"
[ ! -e "$STATE/dnf-fails" ] || { echo 'Error: the mirror is gone'; exit 1; }
case "$verb $1" in
"makecache "*) touch "$STATE/cache";;
"versionlock add") shift; for name; do sed -n "s/^$name\t\(.*\)/$name-\1.*/p" "$STATE/rpm" >>"$locks"; done;;
"versionlock delete") shift; for name; do sed -i "/^$name-[0-9]*:/d" "$locks"; done;;
"mark install") shift; for name; do sed -i "/^$name$/d" "$STATE/auto"; done;;
"mark remove") shift; for name; do echo "$name" >>"$STATE/auto"; done;;
"remove "*) for name; do sed -i "/^$name\t/d" "$STATE/rpm"; done;;
"install "*) for word; do
    name=${word%-*:*}
    if grep -q "^$name-" "$locks" && ! grep -q "^$word" "$locks"; then echo 'Error: Unable to find a match'; exit 1; fi
    sed -i "/^$name\t/d" "$STATE/rpm"; printf '%s\t%s\n' "$name" "${word#"$name"-}" >>"$STATE/rpm"
  done;;
esac""",
    "modprobe": 'echo "modprobe $*" >>"$STATE/log"',
    "sysctl": r"""
echo "sysctl $*" >>"$STATE/log"
key=${2%%=*}; echo "${2#*=}" >"$ROOT/proc/sys/$(echo "$key" | tr . /)" """,
}


@dataclass
class Rooted(Process):
    """A local shell in whose scripts ``/etc``, ``/proc/sys`` and the library directories are under a scratch root."""

    root: str = ""
    scripts: int = 0
    cut_after: int | None = None  # the connection is lost after so many scripts
    rpm: bool = False  # there is no dpkg

    def run(self, script: str, timeout: float) -> Completed:
        self.scripts += 1
        if self.cut_after is not None and self.scripts > self.cut_after:
            raise Unreachable("ssh: connection reset by peer")
        script = script.replace("command -v dpkg-query", "false") if self.rpm else script
        moved = r"(?<![\w.-])/(?=(?:etc|proc/sys|(?:usr/)?lib/(?:sysctl|modules-load)\.d)/|proc/swaps)"
        return super().run(re.sub(moved, f"{self.root}/", script), timeout)
