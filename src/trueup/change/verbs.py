"""Base class of all verbs: read the state, record an action and, unless planning, run it."""

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


class Verbs:
    """The base of all verbs that change a host.

    Args:
        host: the host's id.
        apply: change the host; otherwise only record the actions.
        allowed: the highest disruption that the remedy declares.
        record: the record of actions; by default its own.
        draft: the planned files so far; by default none.
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
        self.closed = ""  # why the host must not be changed now
        self._transport = transport
        self._allowed = DISRUPTIONS.index(allowed)
        self._run_id = run
        self._draft = {} if draft is None else draft

    @property
    def actions(self) -> list[Action]:
        """Return the recorded actions."""
        return self.record.actions

    def backup_path(self, path: str) -> str:
        """Return the path of the backup of a file, in this run's directory on the host."""
        return f"{STATE}/runs/{self._run_id}/backup/{secrets.token_hex(4)}{path.replace('/', '%')}"

    def ask(self, asked: Fact[T]) -> T:
        """Return the current value of a fact.

        Raises:
            CouldNotLook: the probe failed.
        """
        return probing.ask(self._transport, asked, _SLOW)  # not redacted, because it is edited

    def act(self, action: Action, body: str, disruption: Disruption = "none") -> None:
        """Record an action and, unless planning, run it.

        Raises:
            ChangeFailed: the shell text failed (with its output), or the host must not be changed.
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
        """Return the path on the host for a sent file with this checksum."""
        return f"{STATE}/incoming/{sha256}"

    def send(self, file: Path, sha256: str) -> None:
        """Send a file to the host unless it is there; its checksum is verified before it gets its name.

        Raises:
            ChangeFailed: it did not arrive completely.
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
        """Undo a change of this run, and mark it in both journals; do nothing if it never began.

        Raises:
            ChangeFailed: the undo failed, with its output.
        """
        self._do("undo", on_host.undo(STATE, self._run_id, entry))
        self.record.mark(entry, State.UNDONE)

    def settle(self, text: str) -> None:
        """Let services load the restored state.

        Raises:
            ChangeFailed: a service does not start, with the output.
        """
        self._do("undo", text)

    def _do(self, what: str, body: str, entry: Entry | None = None) -> None:
        # The shell parses the whole block before it runs any of it, so a script that was cut off does nothing;
        # a started script finishes even if the connection is lost, because its output goes to a file.
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
        """Undo the actions; see :class:`Record`."""
        return self.record.rollback()

    def run(self, *argv: str, why: str, undo: str = "", stays: str = "", disruption: Disruption = "none") -> None:
        """Run a command that no other verb covers; the caller has checked that it is needed.

        ``stays`` says why it cannot be undone, or how a person undoes it.
        """
        action = Action("run", argv[0], why, f"+{shlex.join(argv)}\n", undo, stays=stays)
        self.act(action, shlex.join(argv), disruption)
