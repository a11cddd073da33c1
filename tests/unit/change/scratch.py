"""A host to change that is this machine: files under a scratch root are real, tools are scripts with a state."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from trueup.change import Change
from trueup.errors import Unreachable
from trueup.transport import Completed, Process

Changes = Callable[..., Change]

TOOLS = {
    # `show` prints the file of a unit; the verbs edit it. A unit with a file `broken` does not come up.
    "systemctl": r"""
case $1 in
show) cat "$STATE/unit"; exit;;
is-active) grep -qx ActiveState=active "$STATE/unit"; exit;;
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
    "dpkg": "exit 0",
    "apt-mark": r"""
echo "apt-mark $*" >>"$STATE/log"
[ "$1" = hold ] && to=h || to=i
sed -i "s/^.\(i \t$2\t\)/$to\1/" "$STATE/dpkg" """,
    "apt-get": r"""
echo "apt-get $*" >>"$STATE/log"
[ ! -e "$STATE/apt-fails" ] || { echo 'E: the mirror is gone'; exit 100; }
for last; do :; done
case " $* " in
*" update "*) [ ! -e "$STATE/offered-later" ] || mv "$STATE/offered-later" "$STATE/offered";;
*" remove "*) sed -i "/\t$last\t/d" "$STATE/dpkg";;
*" install "*)
  name=${last%%=*}
  sed -i "/\t$name\t/d" "$STATE/dpkg"; printf 'ii \t%s\t%s\n' "$name" "${last#*=}" >>"$STATE/dpkg";;
esac
""",
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

    def run(self, script: str, timeout: float) -> Completed:
        self.scripts += 1
        if self.cut_after is not None and self.scripts > self.cut_after:
            raise Unreachable("ssh: connection reset by peer")
        moved = r"(?<![\w.-])/(?=(?:etc|proc/sys|(?:usr/)?lib/(?:sysctl|modules-load)\.d)/|proc/swaps)"
        return super().run(re.sub(moved, f"{self.root}/", script), timeout)
