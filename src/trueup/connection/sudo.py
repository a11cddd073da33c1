"""sudo: becomes root or another user; a password is passed on stdin only."""

from __future__ import annotations

import getpass
import os
import secrets
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from trueup.errors import CouldNotLook, UsageError

_WAYS = "ask, fd:N or askpass:PROGRAM"
_ASKS = "trueup: sudo asks\n"  # its prompt
_WRONG = ("try again", "incorrect password", "no password was provided", "authentication failure")
_OWN = 2  # the highest file descriptor that pytest itself uses


def sudo_shell(user: str | None, password: Password | None) -> list[str]:
    """Return the command of a shell; the shell's own arguments are appended."""
    whom = ["-u", user] if user else []
    if password is None:
        return ["sudo", "-n", *whom, "sh"]
    as_whom = shlex.join(whom)
    # The first line of stdin is the password. A wrong one must not cost more than one attempt, nor sudo take what
    # follows for another one: so it is tried with nothing behind it. Then sudo may ask again or not; what it leaves is
    # read up to the mark, and the rest is the shell's. read and printf are the shell's own: no process list shows them.
    skip = f'while IFS= read -r line && [ "$line" != {password.mark} ]; do :; done; exec sh "$@"'
    outer = f"""unset word; IFS= read -r word; export LC_ALL=C
printf '%s\\n' "$word" | sudo -S -p {shlex.quote(_ASKS)} {as_whom} sh -c : || exit 1
{{ printf '%s\\n' "$word" {password.mark}; exec cat; }} | sudo -S -p '' {as_whom} sh -c {shlex.quote(skip)} sh "$@\""""
    return ["sh", "-c", outer, "sh"]


class Password:
    """The sudo password; tried on one host first, because a wrong one may lock the account on each host."""

    def __init__(self, word: str) -> None:
        self.mark = f"trueup-{secrets.token_hex(8)}"
        self._word = word
        self._proven = False
        self._wrong: list[str] = []  # hosts that refused it
        self._first = threading.Lock()

    def __repr__(self) -> str:
        return "Password()"

    @contextmanager
    def first_attempt(self, host: str) -> Iterator[None]:
        """Keep other hosts waiting until one has taken the password.

        Raises:
            CouldNotLook: it is known to be wrong, so it is not tried.
        """
        with self._first:
            self._allowed(host)
            if not self._proven:
                yield
                return
        yield

    def _allowed(self, host: str) -> None:
        if host in self._wrong or (self._wrong and not self._proven):
            on = host if host in self._wrong else self._wrong[0]
            raise CouldNotLook(f"the password of --become-password is wrong: it was tried once, on {on}")

    def learn(self, host: str, said: bytes) -> bytes:
        """Read from stderr whether the password is right; return stderr without sudo's prompts."""
        text = said.decode(errors="replace")
        if _ASKS in text:
            if any(words in text.lower() for words in _WRONG) and "sudo: " in text:
                self._wrong.append(host)
            else:
                self._proven = True
        return said.replace(_ASKS.encode(), b"")

    def ahead_of(self, script: bytes) -> bytes:
        """Return stdin: the password, then a script."""
        return f"{self._word}\n".encode() + script

    @contextmanager
    def ahead_of_file(self, content: BinaryIO) -> Iterator[BinaryIO]:
        """Provide stdin: the password, then a file, which need not fit into memory."""
        out, into = os.pipe()

        def feed() -> None:
            with suppress(BrokenPipeError), os.fdopen(into, "wb") as pipe:
                pipe.write(self.ahead_of(b""))
                shutil.copyfileobj(content, pipe)

        feeding = threading.Thread(target=feed, name="feed")
        feeding.start()
        try:
            with os.fdopen(out, "rb") as fed:
                yield fed
        finally:
            feeding.join()


def refusal(said: str, password: Password | None) -> str:
    """Return why sudo refused, and what to do."""
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    if "must have a tty" in said:
        advice = "its sudoers has requiretty: set `Defaults:USER !requiretty` there, or log in as root"
    elif password and any(words in said.lower() for words in _WRONG):
        advice = "the password of --become-password is wrong: it was tried once"
    elif password:
        advice = "see what its sudoers allows this user, or log in as root"
    else:
        advice = f"allow NOPASSWD for this user, give its password with --become-password={_WAYS}, or log in as root"
    return f"sudo refused: {last}; {advice}"


def read(way: str) -> Password:
    """Read the operator's password, once.

    Raises:
        UsageError: an unknown way, or no password; names the ways.
    """
    where = f"--become-password={way}"
    kind, _, given = way.partition(":")
    if way == "ask":
        word = _ask(where)
    elif kind == "fd" and given.isdigit():
        word = _from_descriptor(int(given), where)
    elif kind == "askpass" and given:
        word = _from_program(given, where)
    else:
        raise UsageError(f"--become-password: what it says is not a way to give a password; there are {_WAYS}")
    if not word or "\0" in word:
        raise UsageError(f"{where}: the password is {'not text' if word else 'empty'}")
    return Password(word)


def _ask(where: str) -> str:
    try:
        with Path("/dev/tty").open("r+b", buffering=0):
            pass
        return getpass.getpass("sudo's password: ")
    except (OSError, EOFError) as error:
        raise UsageError(f"{where}: no terminal to ask at ({error}): use fd:N or askpass:PROGRAM") from None


def _from_descriptor(number: int, where: str) -> str:
    if number <= _OWN:
        raise UsageError(f"{where}: 0, 1 and 2 are pytest's own: use another, as in fd:3 3<FILE")
    try:
        with os.fdopen(number, encoding="utf-8") as given:
            return given.readline().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{where}: cannot be read ({error}): open it in the shell, as in fd:{number} {number}<FILE"
        ) from None


def _from_program(program: str, where: str) -> str:
    try:
        done = subprocess.run([program, "sudo's password: "], stdout=subprocess.PIPE, text=True, check=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: cannot be run ({error})") from None
    if done.returncode:
        raise UsageError(f"{where}: it failed, exit code {done.returncode}")
    return done.stdout.partition("\n")[0]
