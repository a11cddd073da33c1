"""Probing: one script for all probes of a host, and the answers from its output."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from trueup.errors import CouldNotLook
from trueup.model.fact import CLOCK, Fact
from trueup.model.snapshot import CUT_OFF, Raw, Snapshot
from trueup.model.view import HostFacts
from trueup.redact import redact

if TYPE_CHECKING:
    from trueup.connection.transport import Transport
    from trueup.profiles.schema import Spec

T = TypeVar("T")

_PRELUDE = """\
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
if command -v timeout >/dev/null 2>&1; then limit() { timeout -k 2 "$@"; }; else limit() { shift; "$@"; }; fi
probe() {
  printf '\\n%s begin %s\\n' "$1" "$2"; printf '\\n%s begin %s\\n' "$1" "$2" >&2
  limit "$3" sh -c "$4" </dev/null
  rc=$?
  printf '\\n%s end %s\\n' "$1" "$rc"; printf '\\n%s end %s\\n' "$1" "$rc" >&2
}
"""


def script(facts: Iterable[Fact[Any]], spec: Spec | None) -> tuple[str, str]:
    """Return one shell script with all probes, and the nonce that frames their answers."""
    nonce = f"trueup-{secrets.token_hex(12)}"
    asked: list[Fact[Any]] = [_WHOAMI, _UP, *facts]
    if CLOCK in asked:
        asked = [_NOW, *(fact for fact in asked if fact is not CLOCK), _THEN]
    lines = [f"probe {nonce} {fact.name} {fact.timeout} {shlex.quote(fact.probe(spec))}" for fact in asked]
    return _PRELUDE + "\n".join(lines) + "\n", nonce


def unframe(nonce: str, out: bytes, err: bytes) -> dict[str, Raw]:
    """Return the answers by fact name; output outside the frames (banners, motd) is dropped."""
    errors = {name: text for name, (text, _) in _frames(nonce, err).items()}
    return {name: Raw(rc, text, errors.get(name, "")) for name, (text, rc) in _frames(nonce, out).items()}


def _frames(nonce: str, stream: bytes) -> dict[str, tuple[str, int]]:
    frames: dict[str, tuple[str, int]] = {}
    for chunk in stream.split(f"\n{nonce} begin ".encode())[1:]:
        name, _, rest = chunk.partition(b"\n")
        body, found, tail = rest.partition(f"\n{nonce} end ".encode())
        if found:  # a frame without an end was cut off
            rc = tail.partition(b"\n")[0]
            frames[name.decode(errors="replace")] = (
                body.decode(errors="replace"),
                int(rc) if rc.isdigit() and len(rc) < 4 else CUT_OFF.rc,
            )
    return frames


def take(host: str, raws: Mapping[str, Raw], wanted: Iterable[Fact[Any]], spec: Spec, late: str = "") -> Snapshot:
    """Return a snapshot with an answer, or "no answer", for every wanted fact, and without secrets.

    ``late`` is the reason for missing answers.
    """
    none = replace(CUT_OFF, err=late)
    whoami, up = raws.get(_WHOAMI.name), None
    with suppress(CouldNotLook):
        up = HostFacts(Snapshot(host, raws=dict(raws)))[_UP]
    kept = {
        fact.name: Raw(raw.rc, redact(fact.seal(raw.out, spec)), redact(raw.err))
        for fact in wanted
        for raw in [raws.get(fact.name, none)]
    }
    return Snapshot(host, raws=kept, root=whoami is None or whoami.out.strip() == "0", up=up)


def ask(transport: Transport, asked: Fact[T], timeout: float) -> T:
    """Return the current value of one fact, unredacted and not stored.

    Raises:
        CouldNotLook: the probe failed, or its answer is unreadable.
        Unreachable: no connection.
    """
    text, nonce = script([asked], None)
    done = transport.run(text, timeout)
    try:
        return HostFacts(Snapshot("", raws=unframe(nonce, done.out, done.err)))[asked]
    except CouldNotLook as error:
        raise CouldNotLook(redact(str(error))) from None


def between(raws: Mapping[str, Raw], sent: float, received: float) -> Raw:
    """Return the answer of :data:`CLOCK` from the host's first and last clock reading and our own around them."""
    first, last = raws.get(_NOW.name, CUT_OFF), raws.get(_THEN.name, CUT_OFF)
    if bad := next((raw for raw in (first, last) if raw.rc), None):
        return bad
    return Raw(0, f"{first.out.strip()} {sent:.6f} {last.out.strip()} {received:.6f}")


def parse_up(text: str) -> float:
    """Return the uptime in seconds by the age of process 1, because a container's kernel is older.

    Raises:
        ValueError: not a number, or negative.
    """
    began, now = (float(word) for word in text.split())
    if not (age := now - began / _TICKS) >= 0:  # NaN compares false, so it is rejected too
        raise ValueError("it began later than now")
    return age


_WHOAMI = Fact("whoami", "id -u", str.strip)
# proc(5): field 22 is the start time in ticks since boot; field 2, in brackets, may contain blanks.
_UP = Fact(
    "up", 'read -r stat </proc/1/stat; set -- ${stat##*) }; read -r now rest </proc/uptime; echo "${20} $now"', parse_up
)
_TICKS = 100  # ticks per second: USER_HZ, the same on all architectures of Kubernetes
_NOW = Fact("clock.first", "date +%s.%N", float)
_THEN = Fact("clock.last", "date +%s.%N", float)
