"""The only hand that may alter a host: it looks, records and acts; planning and doing are the same but for the last."""

from __future__ import annotations

import secrets
import shlex
from functools import partial
from pathlib import Path
from typing import TypeVar

from trueup.connection.transport import Transport
from trueup.errors import ChangeFailed
from trueup.hosts import probing
from trueup.journal import on_host
from trueup.journal.on_host import Entry, State
from trueup.journal.record import Draft, Record
from trueup.model.catalog import DISRUPTIONS, Disruption
from trueup.model.fact import Fact
from trueup.redact import redact
from trueup.results.action import Action

T = TypeVar("T")
_SLOW = 1800.0  # seconds: a download over a slow line
STATE = "/var/lib/trueup"


class Hand:
    """What every verb is made of.

    Args:
        host: the host's id.
        apply: do it; otherwise only record what would be done.
        allowed: the most that the remedy declared it may disturb the host.
        record: where to note what is done; one of its own where not given.
        draft: what the plan has written before; nothing where not given.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        run: str,
        apply: bool,
        allowed: Disruption,
        host: str = "",
        record: Record | None = None,
        draft: Draft | None = None,
    ) -> None:
        self.host = host
        self.record = record or Record()
        self.apply = apply
        self.closed = ""  # why nothing may be changed there now
        self._transport = transport
        self._allowed = DISRUPTIONS.index(allowed)
        self._run_id = run
        self._draft = {} if draft is None else draft

    @property
    def actions(self) -> list[Action]:
        """Return what was done, or would be."""
        return self.record.actions

    def keep(self, path: str) -> str:
        """Return the name under which the host keeps what was at a path, below this run's own directory."""
        return f"{STATE}/runs/{self._run_id}/backup/{secrets.token_hex(4)}{path.replace('/', '%')}"

    def look(self, asked: Fact[T]) -> T:
        """Return a fact as it is now.

        Raises:
            CouldNotLook: the probe failed.
        """
        return probing.ask(self._transport, asked, _SLOW)  # not redacted, because it is what gets edited

    def act(self, action: Action, body: str, disruption: Disruption = "none") -> None:
        """Record an action and, unless planning, do it.

        Raises:
            ChangeFailed: the shell text failed, with what it said, or nothing may be changed there.
        """
        if self.apply and self.closed:
            raise ChangeFailed(f"{self.closed}; nothing was changed there")
        if DISRUPTIONS.index(disruption) > self._allowed:
            raise TypeError(f"{action.summary}: disruption {disruption!r} is more than the remedy declares")
        self.record.add(action)
        if not self.apply:
            return
        entry = self.record.begin(self.host, action)
        if action.undo or action.settle:
            self.record.undo_with((id(self), entry.sequence), partial(self.undo, entry))
        if action.settle:
            self.record.undo_with((id(self), action.settle), partial(self.settle, action.settle), settle=True)
        try:
            self._do(action.summary, body, entry)
        except ChangeFailed:
            self.record.mark(entry, State.FAILED)
            raise
        self.record.mark(entry, State.DONE)

    def incoming(self, sha256: str) -> str:
        """Return where a file with this checksum is kept on the host until it is used."""
        return f"{STATE}/incoming/{sha256}"

    def send(self, file: Path, sha256: str) -> None:
        """Put a file of ours where incoming ones are, unless it is there; only one with the right checksum gets there.

        Raises:
            ChangeFailed: it did not arrive whole.
        """
        to = self.incoming(sha256)
        script = f"""set -eu
{self._transport.guard}
umask 077; mkdir -p "$(dirname {to})"
trap 'rm -f {to}.part' EXIT
[ "$(sha256sum 2>/dev/null <{to} | cut -d' ' -f1)" != {sha256} ] || exit 0
cat >{to}.part
[ "$(sha256sum <{to}.part | cut -d' ' -f1)" = {sha256} ] || {{ echo 'checksum differs' >&2; exit 76; }}
mv -f {to}.part {to}"""
        done = self._transport.send(file, script, _SLOW)
        if done.rc:
            raise ChangeFailed(
                f"send {file.name}: {redact(done.err.decode(errors='replace')).strip()}; nothing was changed"
            )

    def undo(self, entry: Entry) -> None:
        """Undo a change of this run, and mark it in both journals; one that never began is none.

        Raises:
            ChangeFailed: it cannot be undone, with what the shell text said.
        """
        self._do("undo", on_host.undo(STATE, self._run_id, entry))
        self.record.mark(entry, State.UNDONE)

    def settle(self, text: str) -> None:
        """Let services take up what was undone.

        Raises:
            ChangeFailed: one does not come up, with what the shell text said.
        """
        self._do("undo", text)

    def _do(self, what: str, body: str, entry: Entry | None = None) -> None:
        # The shell parses all between the braces before it runs any of it, so a script that was cut off does nothing;
        # what has begun is finished even when the connection is lost, because its output goes to a file.
        nonce = f"trueup-{secrets.token_hex(12)}"
        before = on_host.begin(STATE, self._run_id, entry) if entry else ":"
        after = on_host.end(STATE, self._run_id, entry) if entry else ":"
        script = f"""trap '' HUP PIPE
export LC_ALL=C PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" DEBIAN_FRONTEND=noninteractive
log=$(mktemp -p /run trueup.XXXXXX 2>/dev/null || mktemp)
{{
( set -eu
{self._transport.guard}
set +e
( set -eu
{before}
) 9<&-
rc=$?
if [ $rc = 0 ]; then
( set -eu
{body}
) 9<&-
rc=$?
{after}
fi
exit $rc
) >"$log" 2>&1 </dev/null
rc=$?
printf '\\n{nonce} begin log\\n'; tail -n 40 "$log"; printf '\\n{nonce} end %s\\n' $rc
rm -f "$log"
}}
"""
        done = self._transport.run(script, _SLOW)
        log = probing.unframe(nonce, done.out, b"").get("log")
        if log is None:
            raise ChangeFailed(f"{what}: no answer (exit code {done.rc}); {redact(done.err.decode(errors='replace'))}")
        if log.rc != 0:
            raise ChangeFailed(f"{what}: exit code {log.rc}: {redact(log.out).strip() or 'no output'}")

    def rollback(self) -> list[str]:
        """Undo what was done; see :class:`Record`."""
        return self.record.rollback()

    def run(self, *argv: str, why: str, undo: str = "", stays: str = "", disruption: Disruption = "none") -> None:
        """Run a command that no other verb covers; the caller has looked that it is needed.

        ``stays`` says why it cannot be undone, or who does that how.
        """
        action = Action("run", argv[0], why, f"+{shlex.join(argv)}\n", undo, stays=stays)
        self.act(action, shlex.join(argv), disruption)
