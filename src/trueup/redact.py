"""Hides secrets in text before it is stored, shown or attached."""

import hashlib
import re

HIDDEN = "«redacted»"
_PEM = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
_TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")  # kubeadm bootstrap token
_URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@\"']*:)[^\s/@\"']+(?=@)", re.I)
_WORDS = (
    r"(?:password|passwd|passphrase|secret|secret[_-]?(?:access[_-]?)?key|api[_-]?key|token|client-key-data|"
    r"certificate[_-]?key|auth|auth[_-]?pass|authorization)[\"']?"
)
_SECRET = re.compile(rf"(?i)[\w.-]*{_WORDS}")
_NAME = rf"(?<![\w.-])[\w.-]*{_WORDS}[^\S\n]*"
_BLOCK = re.compile(rf"(?im)^([ \t-]*)([\"']?{_NAME}:[^\S\n]*)[|>][-+\d]*[^\S\n]*\n(?:\1[ \t]+\S.*\n?|[ \t]*\n)+")
_KEY = re.compile(rf"(?i){_NAME}[:=][^\S\n]*(?:(?:basic|bearer)[^\S\n]+)?")
_VRRP = re.compile(r"(\bauth_pass[^\S\n]+)([^\n]*)")  # of keepalived.conf
_JUDGED = re.compile(r"«[a-z ]+»")  # a fact stores this instead of a secret: the result of comparing it
_SCHEME = re.compile(r"(?i)\b((?:basic|bearer)[^\S\n]+)[\w+/=.~-]{8,}")
_STRINGS = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\n]|'')*'"
_QUOTED = re.compile(rf"\"\"\".*?\"\"\"|'''.*?'''|{_STRINGS}", re.S)
_ARRAY = re.compile(rf"\[(?:[^\]\"'{{]|{_STRINGS})*\]")  # of strings; a table in it has its own keys
_REST = {
    '"': re.compile(r"(?:[^\"\\\n]|\\.)*"),  # inside a string: up to its end
    "'": re.compile(r"[^'\n]*"),
    "{": re.compile(r"[^\n,}\]\"']*"),  # inside a table or list on one line: up to the next entry
    "=": re.compile(r"\S*"),
    "": re.compile(r"[^\n]*"),
}
_LITERALS = ("", "null", "true", "false", "~", HIDDEN)


def secret(name: str) -> bool:
    """Return whether the name of a variable suggests that its value is secret."""
    return bool(_SECRET.fullmatch(name))


def redact(text: str) -> str:
    """Return the text with private keys, bootstrap tokens and values of keys with secret-looking names hidden.

    Quotes stay, so that a redacted TOML or YAML document still parses.
    """
    text = _PEM.sub(rf"\1{HIDDEN}\2", text)
    text = _TOKEN.sub(HIDDEN, text)
    text = _URL.sub(rf"\1{HIDDEN}", text)
    text = _BLOCK.sub(rf"\1\2{HIDDEN}\n", text)
    text = _VRRP.sub(_password, text)
    return _SCHEME.sub(rf"\1{HIDDEN}", _keyed(text))


def digest(text: str) -> str:
    """Return the SHA-256 of the redacted text; the hash of a short secret could be guessed."""
    return hashlib.sha256(redact(text).encode(errors="replace")).hexdigest()


def _password(match: re.Match[str]) -> str:
    """Hide the rest of a line, except the braces that end its block."""
    value = match[2].rstrip(" \t\r\f\v}")
    return match[0] if not value or _JUDGED.fullmatch(value) else f"{match[1]}{HIDDEN}{match[2][len(value) :]}"


def _keyed(text: str) -> str:
    done, at = [], 0
    while key := _KEY.search(text, at):
        start = key.end()
        done.append(text[at:start])
        before = text[text.rfind("\n", 0, start) + 1 : start]
        string = _open_quote(before)
        if not string and (array := _ARRAY.match(text, start)):
            done.append(_QUOTED.sub(lambda m: _hide(m[0]), array[0]))
            at = array.end()
        elif not string and (quoted := _QUOTED.match(text, start)):
            done.append(_hide(quoted[0]))
            at = quoted.end()
        elif not string and text[start : start + 1] in ("{", "["):
            at = start  # the entries in it have their own keys
        else:
            tight = "=" if key[0].endswith("=") else ""
            rest = _REST[string or ("{" if "{" in before or "[" in before else tight)].match(text, start)
            value = rest[0] if rest else ""
            quote = '"' if not string and key[0].rstrip().endswith("=") else ""  # TOML has no bare strings
            done.append(value if value.strip() in _LITERALS else f"{quote}{HIDDEN}{quote}")
            at = start + len(value)
    return "".join([*done, text[at:]])


def _open_quote(line: str) -> str:
    """Return the quote of the string that is open at the end of the line, or an empty string."""
    open_ = ""
    for char in re.sub(r"\\.", "", line):
        if char in "\"'" and open_ in ("", char):
            open_ = "" if open_ else char
    return open_


def _hide(value: str) -> str:
    quote = next(q for q in ('"""', "'''", '"', "'") if value.startswith(q))
    return f"{quote}{HIDDEN}{quote}" if value.strip("\"'") else value
