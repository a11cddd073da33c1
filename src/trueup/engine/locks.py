"""The lock of a host: a file there names the one run that may change it."""

from __future__ import annotations

import getpass
import hashlib
import os
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from trueup.change import verbs
from trueup.errors import CouldNotLook, Unreachable, UsageError
from trueup.hosts.host import Host
from trueup.hosts.probing import ask
from trueup.model.fact import Fact
from trueup.redact import redact

DEAD = 3600  # seconds without a sign of life, after which a lock is stale: twice the limit of one script
_BEAT = 600.0  # seconds between the signs of life of this process
_CONTEST = 15.0  # seconds that the earlier of two runs waits until the later one releases its locks
_PAUSE = 0.5  # seconds
_LIMIT = 45  # seconds for one script
_MOST = 1000  # bytes read of a lock, and the longest word shown of it
_WORD = 80

# Each change holds a shared flock(2) on the directory from reading the lock to its end. A run that writes the lock
# takes it exclusively, so no script of another run is still at work, even if its controller is dead.
_PRELUDE = """own={own}; dir={dir}; lock=$dir/lock
uptime=$(cut -d. -f1 /proc/uptime); boot=$(cat /proc/sys/kernel/random/boot_id)
"""
_TAKE = """umask 077
[ "$(id -u)" = 0 ] || { echo powerless; exit 0; }
command -v flock >/dev/null || { echo 'flock(1) is not installed' >&2; exit 1; }
ident() { sed '/^alive=/d; /^boot=/d' "$lock" 2>/dev/null | cksum | cut -d' ' -f1; }
busy() { echo "busy $1 $boot $uptime $(ident)"; head -c $most "$lock" 2>/dev/null; exit 0; }
tries=0
while :; do
  mkdir -p "$dir" || exit 1
  exec 9<"$dir"
  flock -w 5 -x 9 || busy working
  [ "$dir" -ef /proc/self/fd/9 ] && break
  tries=$((tries + 1)); [ $tries -lt 20 ] || { echo "$dir is removed again and again" >&2; exit 1; }
done
[ ! -e "$lock" ] || grep -qxF "run=$own" "$lock" || [ "$(ident)" = "$over" ] || busy idle
printf '%s\\nboot=%s\\nalive=%s\\n' "$content" "$boot" "$uptime" | cat >"$lock.$$" && mv -f "$lock.$$" "$lock" || {
  rm -f "$lock.$$"; rmdir "$dir" 2>/dev/null; exit 1; }
echo taken
"""
# No umask here: the rest of the change uses the host's own.
_ALIVE = """( umask 077
  { sed '/^alive=/d; /^boot=/d' "$lock" && printf 'boot=%s\\nalive=%s\\n' "$boot" "$uptime"; } >"$lock.$$" &&
  mv -f "$lock.$$" "$lock" || rm -f "$lock.$$" )
"""
_HOLD = """lost="this run's lock of the host was taken over"
[ -d "$dir" ] || { echo "$lost and given back"; exit 77; }
exec 9<"$dir"
flock -w 60 -s 9 || { echo 'another run is about to take this host'; exit 77; }
grep -qxF "run=$own" "$lock" 2>/dev/null || {
  who=$(sed -n '/^run=/p; /^owner=/p; /^since=/p' "$lock" 2>/dev/null | head -c 300 | tr '\\n' ' ' | tr -cd '[:print:]')
  echo "$lost ${who:-and given back}"
  exit 77
}
"""
_RELEASE = """[ -d "$dir" ] || { echo gone; exit 0; }
exec 9<"$dir"
flock -w 5 -x 9 || { echo working; exit 0; }
if grep -qxF "run=$own" "$lock" 2>/dev/null; then rm -f "$lock" || exit 1; fi
rmdir "$dir" 2>/dev/null || :
echo released
"""


def _text(run: str, *parts: str, **values: str) -> str:
    given = "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    return given + _PRELUDE.format(own=shlex.quote(run), dir=shlex.quote(verbs.STATE)) + "".join(parts)


@dataclass(frozen=True)
class Holder:
    """The holder of a lock by its file, of which any part may be missing or invalid.

    Args:
        silent: least seconds without a sign of life; ``None`` if unknown.
        ident: checksum that identifies the lock.
        working: whether one of its scripts still runs.
    """

    said: Mapping[str, str]
    silent: int | None
    ident: str
    working: bool

    @property
    def run(self) -> str:
        """Return the id of the run."""
        return self.said.get("run", "")

    @property
    def lives(self) -> bool | None:
        """Whether its process still runs; ``None`` if this machine cannot know."""
        pid, started = self.said.get("pid", ""), self.said.get("started", "")
        if self.said.get("controller") != _controller() or not started or not pid.isdecimal() or len(pid) > 9:
            return None
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except OSError:  # another user's process, whose start time may be hidden
            return _started(int(pid)) in (started, "")
        return _started(int(pid)) == started

    @property
    def stale(self) -> str:
        """Return why the lock is stale; empty if it is not."""
        if (lives := self.lives) is not None:
            return "" if lives else "its process is gone"
        dead = self.silent is not None and self.silent > DEAD
        return f"no sign of life for {_span(self.silent or 0)}" if dead else ""

    def __str__(self) -> str:
        if not self.run:
            return "nobody knows whom: its file is unreadable"
        words = [f"run {_word(self.run)} of {_word(self.said.get('owner', 'nobody knows whom'))}"]
        if since := self.said.get("since"):
            words.append(f"since {_word(since)}{_age(since)}")
        if self.silent is not None:
            words.append(f"last sign of life {_span(self.silent)} ago")
        if self.working:
            words.append("a script of it is at work there at this moment")
        return ", ".join(words)


class Locks:
    """A context manager that holds the locks of all hosts that a run may change.

    A host that is not reached or cannot be locked is closed to changes, and the others are not. Each change on a host
    makes sure that the lock is still the run's, and is a sign of life; so is a word every ten minutes.

    Args:
        say: takes a line for the operator.
        force: take locks from runs that live.
    """

    def __init__(
        self, hosts: Iterable[Host], run: str, *, say: Callable[[str], None], force: bool = False, forks: int = 32
    ) -> None:
        self._hosts = {host.id: host for host in hosts}
        self._run = run
        self._say = say
        self._force = force
        self._forks = forks
        self._taken: set[str] = set()
        self._over = threading.Event()
        owner = f"{getpass.getuser()}@{socket.gethostname()}"
        self._content = "\n".join(
            f"{name}={value}"
            for name, value in {
                "run": run, "owner": owner, "controller": _controller(), "pid": os.getpid(),
                "started": _started(os.getpid()), "since": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            }.items()
        )  # fmt: skip

    def __enter__(self) -> Locks:
        """Take the locks.

        Raises:
            UsageError: another run holds one of them; none is taken.
        """
        try:
            self._take()
        except BaseException:
            self._release()
            raise
        guard = _text(self._run, _HOLD, _ALIVE)
        for id in self._taken:
            self._hosts[id].transport.guard = guard
        threading.Thread(target=self._live, name="locks", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for id in self._taken:
            self._hosts[id].transport.guard = ""
        self._release()

    def _take(self) -> None:
        until = time.monotonic() + _CONTEST
        wanted = dict.fromkeys(self._hosts, "")  # host to the stale lock that may be replaced there
        while wanted:
            busy = self._try(wanted)
            wanted, in_the_way = {}, {}
            for id, holder in busy.items():
                why = holder.stale or ("--break-lock" if self._force else "")
                if why and not holder.working:
                    self._say(f"{id}: taking over the lock of {holder}: {why}")
                    wanted[id] = holder.ident
                    if holder.silent is not None:
                        self._hosts[id].interrupted = time.monotonic() - holder.silent
                else:
                    in_the_way[id] = holder
            if in_the_way:
                # Two runs that start together hold some locks each: the later one releases its own.
                contest = self._taken and all(self._run < holder.run for holder in in_the_way.values())
                if not contest or time.monotonic() > until:
                    raise UsageError(_refusal(in_the_way))
                wanted |= dict.fromkeys(in_the_way, "")
                time.sleep(_PAUSE)

    def _try(self, wanted: Mapping[str, str]) -> dict[str, Holder]:
        """Take the locks that are free or may be replaced; return the holders of the others."""
        busy = {}
        for id, answer in self._each(wanted, lambda id: self._taking(wanted[id])).items():
            host = self._hosts[id]
            if isinstance(answer, Unreachable):
                host.closed = f"was out of reach when this run took its locks ({answer})"
            elif isinstance(answer, CouldNotLook):
                host.closed = f"cannot be locked: {redact(str(answer))}"
            elif answer.startswith("busy "):
                busy[id] = _holder(answer)
            elif answer.strip() == "taken":
                self._taken.add(id)
        return busy

    def _taking(self, over: str) -> str:
        return _text(self._run, _TAKE, content=self._content, over=over, most=str(_MOST))

    def _release(self) -> None:
        for id, answer in self._each(self._taken, lambda _: _text(self._run, _RELEASE)).items():
            why = "a script is still at work there" if answer == "working\n" else str(answer)
            if answer not in ("released\n", "gone\n"):
                self._say(f"{id}: its lock stays, which the next run takes over: {redact(why)}")
        self._taken.clear()

    def _live(self) -> None:
        while not self._over.wait(_BEAT):
            self._each(self._taken, lambda _: _text(self._run, _HOLD, _ALIVE))  # an unreachable host may return

    def _each(self, ids: Iterable[str], text: Callable[[str], str]) -> dict[str, str | CouldNotLook | Unreachable]:
        """Run scripts on all hosts at once; return host to its output, or to the error."""

        def one(id: str) -> str | CouldNotLook | Unreachable:
            try:
                asked = Fact("lock", text(id), str, timeout=_LIMIT)
                return ask(self._hosts[id].transport, asked, _LIMIT + 10)
            except (CouldNotLook, Unreachable) as error:
                return error

        ids = list(ids)
        with ThreadPoolExecutor(self._forks, thread_name_prefix="locks") as pool:
            return dict(zip(ids, pool.map(one, ids), strict=True))


def _holder(answer: str) -> Holder:
    head, _, text = answer.partition("\n")
    _, working, boot, uptime, ident = (head.split() + [""] * 5)[:5]
    rows = (row.partition("=") for row in text.splitlines())
    said = {name: value for name, _, value in rows}
    silent = None
    with suppress(ValueError, KeyError):
        # by the host's uptime, because its clock may be set; after a reboot, at least its uptime
        silent = max(0, int(uptime) - (int(said["alive"]) if said["boot"] == boot else 0))
    return Holder(said, silent, ident, working == "working")


def _refusal(holders: Mapping[str, Holder]) -> str:
    by: dict[str, list[str]] = {}
    for id, holder in holders.items():
        by.setdefault(str(holder), []).append(id)
    words = "; ".join(f"{', '.join(hosts)} by {holder}" for holder, hosts in by.items())
    hint = "wait for its end, or if you know that it is dead: --break-lock"
    if any(holder.working for holder in holders.values()):
        hint = "wait for that script's end, which --break-lock does not hasten"
    return f"locked: {words}; nothing was changed: {hint}"


def _controller() -> str:
    """Return an id of this machine's process-id namespace."""
    where = [socket.gethostname()]
    for path in ("/etc/machine-id", "/proc/self/ns/pid"):
        with suppress(OSError):
            where.append(str(Path(path).readlink()) if "/ns/" in path else Path(path).read_text(encoding="utf-8"))
    return hashlib.sha256("\n".join(where).encode()).hexdigest()[:16]


def _started(pid: int) -> str:
    """Return when a process of this machine started, in clock ticks since boot; empty if unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _word(text: str) -> str:
    """Return untrusted text of a host, cut and cleaned for one line."""
    text = redact(text[:_WORD])
    return text if text.isprintable() else repr(text)


def _age(since: str) -> str:
    try:
        began = datetime.fromisoformat(since)
        return f" ({_span(int((datetime.now(UTC) - began).total_seconds()))})"
    except (ValueError, TypeError, OverflowError):
        return ""


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
