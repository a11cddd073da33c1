"""keepalived: its configuration files, the programs that they run, and its journal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trueup.edit import keepalived as keepalived_text
from trueup.edit.keepalived import BlockPath, Statement
from trueup.facts.host import systemd
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

MAIN = "/etc/keepalived/keepalived.conf"
UNIT = systemd.unit("keepalived.service")
HAPROXY = systemd.unit("haproxy.service")
PASSWORD = 8  # characters; keepalived ignores the rest (vrrp_parser.c)

# stored in place of a password: the result of comparing it with the profile's
SAME, OTHER, CUT, LONG = "«as the profile»", "«another»", "«as the profile but too long»", "«another and too long»"
_PASSWORD = re.compile(r'(\bauth_pass[ \t]+)(?:"([^"\n]*)"|([^\s"{}#!]+))([^\n#!]*)[^\n]*')

# found in scripts that test the API server behind haproxy
BEHIND = re.compile(r"healthz|livez|readyz|kube-?apiserver|\b6443\b|https://|s_client")

# shell that defines `loaded UNIT`: prints when systemd last started or reloaded it, in seconds since the epoch. It uses
# UTC, because `date` confuses the names of some time zones
LOADED = r"""
loaded() {
  said=$(TZ=UTC systemctl show "$1" -p ActiveState -p StateChangeTimestamp) || exit
  case $said in *ActiveState=active*) ;; *) echo "loaded 0"; return;; esac
  at=$(printf '%s\n' "$said" | sed -n 's/^StateChangeTimestamp=//p')
  echo "loaded $(TZ=UTC date -d "$at" +%s)"
}
"""
# shell that defines `option UNIT -f --use-file=`: prints the value of an option of a running unit's main process
OPTION = r"""
option() {
  pid=$(systemctl show "$1" -p MainPID | sed 's/.*=//')
  [ "${pid:-0}" -gt 0 ] && [ -r "/proc/$pid/cmdline" ] || return 0
  tr '\0' '\n' <"/proc/$pid/cmdline" | awk -v short="$2" -v long="$3" '
    take { print; take = 0; next }
    $0 == short { take = 1; next }
    long != "" && index($0, long) == 1 { print substr($0, length(long) + 1); next }
    index($0, short) == 1 { print substr($0, length(short) + 1) }'
}
"""
_PROBE = (
    LOADED
    + OPTION
    + r"""
show() {
  echo "file $(stat -c '%Y %a' "$1") $3 $1" && sed 's/^/|/' "$1" || exit
  echo
  [ "$2" -lt 8 ] || { echo 'files are included too deeply' >&2; exit 1; }
  sed -n 's/^[[:space:]]*include[[:space:]]\{1,\}"\{0,1\}\([^"#!]*[^"#![:space:]]\).*/\1/p' "$1" |
  while read -r glob; do
    cd "$(dirname "$1")" || exit
    for each in $glob; do
      each=$(readlink -f "$each") && [ -f "$each" ] || continue
      [ "$each" = "$1" ] || show "$each" $(($2 + 1)) "$glob" || exit
    done || exit
  done
}
main=$(option keepalived.service -f --use-file= | tail -n 1)
echo "main ${main:=/etc/keepalived/keepalived.conf}"
loaded keepalived.service
for stray in $(find /etc -maxdepth 3 -name 'keepaliv*.conf' ! -path "$main" ! -path '/etc/keepalived/*' 2>/dev/null); do
  echo "stray $stray"
done
for each in $(ls /sys/class/net); do echo "interface $each"; done
[ ! -e "$main" ] || all=$(show "$main" 1 -) || exit
[ -e "$main" ] || exit 0
printf '%s\n' "$all"
for each in $(printf '%s\n' "$all" |
    sed -n 's/^|[[:space:]]*script[[:space:]]\{1,\}["'"'"']*\(\/[^"'"'"'[:space:]]*\).*/\1/p' | sort -u); do
  [ -e "$each" ] || { echo "program - - $each"; continue; }
  echo "program $(stat -L -c '%a %U' "$each") $each"
  [ "$(head -c 2 "$each" | tr -d '\0')" != '#!' ] || head -c 4000 "$each" | sed 's/^/|/'
  echo
done
named=$(printf '%s\n' "$all" | sed -n 's/^|[[:space:]]*script_user[[:space:]]\{1,\}\([a-z0-9_-]*\).*/\1/p')
for each in root keepalived_script $named; do
  ! id "$each" >/dev/null 2>&1 || echo "user $each"
done
"""
)


@dataclass(frozen=True)
class File:
    """A file of the configuration."""

    path: str
    changed: int  # seconds since the epoch
    mode: str
    glob: str  # that included it; `-` for the main file
    text: str


@dataclass(frozen=True)
class Program:
    """A program that a vrrp_script runs."""

    path: str
    mode: str  # "-" if the file does not exist
    owner: str
    text: str  # of a script; empty for other programs

    @property
    def executable(self) -> bool:
        """Return whether anybody can execute it."""
        return self.mode != "-" and any(int(digit) & 1 for digit in self.mode[-3:])

    @property
    def writable(self) -> bool:
        """Return whether anybody but its owner can write it."""
        return self.mode != "-" and any(int(digit) & 2 for digit in self.mode[-2:])


@dataclass(frozen=True)
class Conf:
    """The configuration files of keepalived, running or not."""

    main: str
    loaded: int  # when keepalived last read it, in seconds since the epoch; 0 if it does not run
    files: tuple[File, ...]
    strays: tuple[str, ...]  # similar files in places that keepalived does not read
    interfaces: tuple[str, ...]
    programs: dict[str, Program] = field(default_factory=dict)
    users: tuple[str, ...] = ()

    @property
    def mistake(self) -> str:
        """Return why it cannot be read, or an empty string."""
        for each in self.files:
            try:
                keepalived_text.parse(each.text)
            except ValueError as error:
                return f"{each.path}: {error}"
            if int(each.mode[-3:], 8) & 0o111:
                return f"{each.path}: keepalived ignores a file that is executable (mode {each.mode})"
        return ""

    @property
    def stale(self) -> str:
        """Return a file that changed after keepalived had read it (to the second), or an empty string."""
        return next((each.path for each in self.files if self.loaded and each.changed > self.loaded), "")

    @property
    def statements(self) -> list[tuple[str, Statement]]:
        """Return the top-level statements of all files, each with its file; files that cannot be read are left out."""
        found: list[tuple[str, Statement]] = []
        for each in self.files:
            try:
                found += [(each.path, statement) for statement in keepalived_text.parse(each.text).body or ()]
            except ValueError:
                continue  # `mistake` reports it
        return found

    @property
    def root(self) -> Statement:
        """Return all files as one tree."""
        return Statement((), 0, 0, [statement for _, statement in self.statements])

    def entries(self, path: BlockPath) -> list[tuple[str, ...]]:
        """Return the entries of the first block at a path, which is a list."""
        block = self.root
        for header in path:
            block = next(iter(block.blocks(*header)), block)
        return [each.words for each in block.body or ()] if block.words == path[-1] else []

    def of(self, *header: str) -> tuple[str, Statement] | None:
        """Return the first block with this header, and its file."""
        return next((each for each in self.statements if each[1].body is not None and each[1].words == header), None)

    def instance(self, name: str) -> Statement | None:
        """Return the vrrp_instance with this name, or ``None``."""
        found = self.of("vrrp_instance", name)
        return found[1] if found else None

    def value(self, instance: str, keyword: str) -> str | None:
        """Return the words after a keyword of an instance, or ``None``."""
        block = self.instance(instance)
        return block.value(keyword) if block else None


def number(said: str | None) -> float | None:
    """Return the first word as a number, or ``None``."""
    try:
        return float((said or "").split()[0]) if said else None
    except ValueError:
        return None


def parse(text: str) -> Conf:
    """Return the configuration from the probe's rows."""
    main, loaded = "", 0
    strays, interfaces, users = [], [], []
    files: list[list[str]] = []
    programs: list[list[str]] = []
    open_: list[str] = []
    for row in text.split("\n"):
        kind, _, rest = row.partition(" ")
        if row[:1] == "|":
            open_.append(row[1:])
        elif kind == "main":
            main = rest
        elif kind == "loaded":
            loaded = int(rest)
        elif kind == "stray":
            strays.append(rest)
        elif kind == "interface":
            interfaces.append(rest)
        elif kind == "user":
            users.append(rest)
        elif kind in ("file", "program"):
            open_ = [rest]
            (files if kind == "file" else programs).append(open_)
    if not main.startswith("/"):
        raise ValueError("no path of keepalived.conf")
    return Conf(
        main, loaded, tuple(map(_file, files)), tuple(strays), tuple(interfaces),
        {program.path: program for program in map(_program, programs)}, tuple(users),
    )  # fmt: skip


def _file(rows: list[str]) -> File:
    changed, mode, glob, path = rows[0].split(" ", 3)
    if not re.fullmatch("[0-7]{1,4}", mode):
        raise ValueError(f"{mode!r} is no mode of a file")
    return File(path, int(changed), mode, glob, "\n".join(rows[1:]) + "\n")


def _program(rows: list[str]) -> Program:
    mode, owner, path = rows[0].split(" ", 2)
    if not re.fullmatch("[0-7]{1,4}|-", mode):
        raise ValueError(f"{mode!r} is no mode of a file")
    return Program(path, mode, owner, "\n".join(rows[1:]))


def seal(text: str, spec: Spec) -> str:
    """Return the text with each password replaced by the result of comparing it with the profile's."""
    wanted = spec.lb.vrrp.auth_pass.get_secret_value()

    def judged(match: re.Match[str]) -> str:
        said = match[2] if match[2] is not None else match[3]
        long, same = len(said) > PASSWORD, said[:PASSWORD] == wanted
        word = (CUT if same else LONG) if long else (SAME if same else OTHER)
        return f"{match[1]}{word} {'} ' * match[4].count('}')}".rstrip(" ")

    return _PASSWORD.sub(judged, text)


CONF = Fact("lb.keepalived.conf", _PROBE, parse, seal=seal, condition=systemd.RUNS)
# lines of its journal about states and mistakes, newest last
JOURNAL = Fact(
    "lb.keepalived.journal",
    "command -v journalctl >/dev/null || { echo 'no journalctl' >&2; exit 127; }\n"
    "journalctl -u keepalived.service -n 60 -o cat --no-pager",
    lambda text: [row for row in text.splitlines() if row.strip()],
)
_TELLING = re.compile(
    r"(?i)\b(error|fail|invalid|mismatch|unknown|truncat|missing|doesn't exist|not exist|fault|ignor|wrong|different"
    r"|down|security|disabl|MASTER STATE|BACKUP STATE)"
)


def last_words(journal: list[str], count: int = 2) -> str:
    """Return the last lines of keepalived's journal about a state or a mistake, for a message."""
    telling = [row for row in journal if _TELLING.search(row)]
    return "; ".join(dict.fromkeys(telling[-count:]))


def command(conf: Conf, script: str) -> str:
    """Return the command of a vrrp_script, or ``None``."""
    found = conf.of("vrrp_script", script)
    return (found[1].value("script") or "").replace("'", "") if found else ""


def scripts(conf: Conf, instance: str) -> dict[str, str]:
    """Return the scripts that an instance tracks: name to command, followed by the text of the script file."""
    block = conf.instance(instance)
    names = [words[0] for words in block.items("track_script")] if block else []
    return {name: f"{said}\n{_code(conf, said)}" for name in names if (said := command(conf, name)) is not None}


def _code(conf: Conf, said: str) -> str:
    """Return the text of the script without its comments."""
    program = conf.programs.get(next(iter(said.split()), ""))
    rows = program.text.splitlines() if program else []
    return "\n".join(row for row in rows if not row.lstrip().startswith("#"))


def weight(conf: Conf, instance: str, script: str) -> float:
    """Return the weight of a script in an instance: the instance's value, else the script's, else 0."""
    block, found = conf.instance(instance), conf.of("vrrp_script", script)
    own = [words for words in block.items("track_script") if words[0] == script] if block else []
    said = next((words[n + 1] for words in own for n, word in enumerate(words[:-1]) if word == "weight"), None)
    return number(said or (found[1].value("weight") if found else None)) or 0
