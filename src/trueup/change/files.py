"""The verbs for files: written atomically, and only if they differ."""

from __future__ import annotations

import base64
import difflib
import hashlib
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from trueup.change.verbs import Verbs
from trueup.edit import documents
from trueup.edit.documents import Values
from trueup.errors import ChangeFailed
from trueup.model.fact import Fact
from trueup.redact import digest
from trueup.results.action import Action
from trueup.shell import scripts


@dataclass(frozen=True)
class File:
    """A file as it is on the host."""

    path: str  # links resolved
    content: bytes
    mode: str
    owner: str
    exists: bool = True

    @property
    def checksum(self) -> str:
        """Return the content's SHA-256; empty for an absent file."""
        return hashlib.sha256(self.content).hexdigest() if self.exists else ""

    @property
    def digest(self) -> str:
        """Return the digest of content, mode and owner, without secrets."""
        text = self.content.decode(errors="replace")
        return digest(f"{self.mode} {self.owner}\n{text}" if self.exists else "absent")


class Files(Verbs):
    """Reads, writes and edits files."""

    def read(self, path: str) -> File:
        """Return a file's current state, or in a plan its planned one; an absent file has no content."""
        found = self.ask(Fact("file", _PROBE_FILE.format(path=shlex.quote(path)), _parse_file, timeout=60))
        drafted: File = found if self.apply else self._draft.get((self.host, found.path), found)
        return drafted

    def write(self, path: str, content: str, *, mode: str = "", owner: str = "", validate: str = "") -> bool:
        """Write a file unless it has this content; return whether it changed.

        The new file is on disk before it replaces the old one, which is kept. ``validate`` is
        shell text that may refuse the new file ``$tmp``. By default mode and owner stay, or are 644 root:root.
        """
        old = self.read(path)
        mode, owner = (mode or old.mode).lstrip("0"), owner or old.owner
        new = File(old.path, content.encode("utf-8", "surrogateescape"), mode, owner)
        if old == new:
            return False
        backup = self.backup_path(old.path)
        undo = scripts.restore(old.path, backup)
        body = scripts.write(
            old.path, new.content, mode=mode, owner=owner, old=old.checksum, backup=backup, validate=validate
        )
        before = {"mode": old.mode, "owner": old.owner} if old.exists else {"absent": True}
        action = Action(
            "write", old.path, f"write {old.path}", _diff(old, new), undo, precondition=old.digest,
            intact=scripts.unchanged(old.path, backup), before=before | {"kept": backup},
        )  # fmt: skip
        self.act(action, body)
        self._draft[self.host, old.path] = new
        return True

    def mode(self, path: str, mode: str) -> bool:
        """Set the mode of an existing file; return whether it changed. Its content is not read."""
        quoted = shlex.quote(path)
        old = self.ask(Fact("mode", f"[ ! -e {quoted} ] || stat -L -c %a {quoted}", str.strip))
        if old in ("", mode):
            return False
        action = Action(
            "mode", path, f"chmod {mode} {path}", f"-{old}\n+{mode}\n", f"chmod {old} {quoted}",
            intact=scripts.among(f"stat -L -c %a {quoted}", (old, mode), f"the mode of {path}"), before={"mode": old},
        )  # fmt: skip
        self.act(action, f"chmod {shlex.quote(mode)} {quoted}")
        return True

    def directory(self, path: str, *, mode: str, owner: str) -> bool:
        """Make a directory with this mode and owner unless it exists; return whether it was made."""
        quoted = shlex.quote(path)
        if self.ask(Fact("directory", f"[ ! -d {quoted} ] || echo there", str.strip)):
            return False
        body = f"install -d -m {shlex.quote(mode)} {quoted}\nchown {shlex.quote(owner)} {quoted}"
        undo = f"[ ! -d {quoted} ] || rmdir {quoted}"
        self.act(Action("directory", path, f"make {path}", f"+{mode} {owner}\n", undo, before={"absent": True}), body)
        return True

    def edit_toml(self, path: str, values: Values, *, default: str = "", validate: str = "") -> bool:
        """Set keys of a TOML file, keeping comments, order and unknown keys; return whether it changed.

        A value of ``None`` removes the key. ``default`` is the text to start from if the file is absent or
        not TOML.

        Raises:
            ChangeFailed: setting the keys would alter others, or there is no text to start from.
        """
        return self._edit(documents.edit_toml, path, values, default, validate)

    def edit_yaml(self, path: str, values: Values, *, default: str = "", validate: str = "") -> bool:
        """Set keys of a single-document YAML file, as :meth:`edit_toml` does."""
        return self._edit(documents.edit_yaml, path, values, default, validate)

    def _edit(self, edit: Callable[[str, Values], str], path: str, values: Values, default: str, validate: str) -> bool:
        old = self.read(path)
        try:
            try:
                text = old.content.decode()
                edited = edit(text if text.strip() else default, values)
            except ValueError as error:
                if not default:
                    raise ChangeFailed(str(error)) from None
                edited = edit(default, values)
        except ChangeFailed as error:
            raise ChangeFailed(f"{path}: {error}; the file is left as it is") from None
        return (old.exists or edited != "") and self.write(path, edited, validate=validate)

    def comment_out(self, path: str, *numbers: int) -> bool:
        """Comment out lines of a file; return whether it changed."""
        rows = self.read(path).content.decode(errors="surrogateescape").split("\n")
        for number in numbers:
            row = rows[number - 1]
            rows[number - 1] = row if row.startswith(_COMMENT) else f"{_COMMENT}{row}"
        return self.write(path, "\n".join(rows))


_COMMENT = "# trueup: "
_PROBE_FILE = """p=$(readlink -f {path} || echo {path}); echo "$p"
[ -e "$p" ] || exit 0
stat -c '%a %U:%G' "$p" && base64 "$p"
"""


def _parse_file(text: str) -> File:
    path, _, rest = text.partition("\n")
    if not path.startswith("/"):
        raise ValueError(f"no such directory for {path!r}")
    head, found, body = rest.partition("\n")
    if not found:
        return File(path, b"", "644", "root:root", exists=False)
    mode, _, owner = head.partition(" ")
    return File(path, base64.b64decode(body), mode, owner)


def _diff(old: File, new: File) -> str:
    """Return a unified diff, preceded by a change of mode or owner where there was a file."""
    rows = difflib.unified_diff(
        old.content.decode(errors="replace").splitlines(keepends=True),
        new.content.decode(errors="replace").splitlines(keepends=True),
        old.path if old.exists else "/dev/null",
        new.path,
    )
    text = "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)
    before, after = f"{old.mode} {old.owner}", f"{new.mode} {new.owner}"
    return text if not old.exists or before == after else f"-mode {before}\n+mode {after}\n{text}"
