"""Keeps secrets out of everything that is stored, shown or attached."""

import re

HIDDEN = "«redacted»"
_PEM = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
_TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")  # kubeadm bootstrap token
_KEYED = re.compile(
    r"""(?ix)
    ( \b[\w.-]* (?: password | passwd | secret | token | client-key-data | certificate-key | auth | authorization )
      ["']? \s* [:=] \s* (?: basic\s+ | bearer\s+ )?
    | \bauth_pass \s+ | \b(?:basic|bearer) \s+ (?=[\w+/=.-]{8}) )
    ( "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | [^\s,;}\]"']+ )
    """
)


def redact(text: str) -> str:
    """Return the text with private keys, bootstrap tokens and values of secret-looking keys hidden.

    Quotes stay, so that a redacted TOML or YAML document still parses.
    """
    text = _PEM.sub(rf"\1{HIDDEN}\2", text)
    text = _TOKEN.sub(HIDDEN, text)
    return _KEYED.sub(lambda m: m[1] + _hide(m[2]), text)


def _hide(value: str) -> str:
    quote = value[0] if value[0] in "\"'" else ""
    return f"{quote}{HIDDEN}{quote}" if value.strip("\"'") else value
