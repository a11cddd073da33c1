"""The verbs for keys and certificates: each private key is made on its host and never leaves it."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from trueup.change.verbs import Verbs
from trueup.model.fact import Fact
from trueup.profiles.keys.registry import Issued, ServerCertificate
from trueup.results.action import Action
from trueup.shell import openssl


class Certificates(Verbs):
    """Makes keys, and gets certificates signed."""

    def authority(self, wanted: Issued) -> None:
        """Make a certificate authority on the host; the caller has checked that there is none.

        Raises:
            ChangeFailed: its certificate or its key exists.
        """
        kept = self._kept(wanted)
        self.act(_action(wanted, kept, "an authority"), openssl.authority(wanted, kept))

    def server_certificate(
        self, wanted: ServerCertificate, ca: Issued, sign: Callable[[str], str] | None = None
    ) -> None:
        """Make a key on the host and get its certificate signed; the caller has checked that it is due.

        The old pair is kept. ``sign`` returns the certificate of a request; by default the authority on the host signs.

        Raises:
            ChangeFailed: it cannot be signed; the old pair stays.
        """
        kept = self._kept(wanted)
        action = _action(wanted, kept, "a certificate")
        if sign is None:
            self.act(action, openssl.server(wanted, ca, kept))
            return
        waits = self.incoming(secrets.token_hex(8))
        undo = f"rm -rf {waits}"
        self.act(
            Action("key", wanted.private_key, "make a key and a request", undo=undo), openssl.waiting(wanted, waits)
        )
        made = sign(self.ask(Fact("request", f"cat {waits}/request", str))) if self.apply else ""
        self.act(action, openssl.signed(wanted, waits, made, kept))

    def _kept(self, wanted: Issued) -> tuple[str, str]:
        return self.backup_path(wanted.certificate), self.backup_path(wanted.private_key)


def _action(wanted: Issued, kept: tuple[str, str], what: str) -> Action:
    diff = f"+{', '.join(wanted.subject)}\n+{wanted.key.kind} {wanted.key.bits}, {wanted.hash}, {wanted.days} days\n"
    if isinstance(wanted, ServerCertificate):
        diff += f"+{', '.join([*wanted.dns, *wanted.ip])}\n"
    summary = f"issue {what}: {wanted.certificate} and {wanted.private_key}"
    before = {"kept": dict(zip((wanted.certificate, wanted.private_key), kept, strict=True))}
    return Action(
        "issue", wanted.certificate, summary, diff, openssl.restore(wanted, kept),
        intact=openssl.unchanged(wanted, kept), before=before,
    )  # fmt: skip
