"""Set or remove one key of a TOML text without changing any other character.

The text is known to be valid TOML, so only the beginnings and ends of its parts have to be found (toml.io, v1.0).
tomlkit is not used: it refuses tables that are out of order, and it loses a comment after a removed table.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, ...]
_BLANK = re.compile(r"[ \t]*")
_BLANKS = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_HEAD = re.compile(r"(?:#[^\n]*\n?)*")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'""")
_SCALAR = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}(?!")|\'\'\'.*?'{3,5}(?!')|"(?:\\.|[^"\\\n])*"|'[^'\n]*\'|'''
    r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+",
    re.DOTALL,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class Entry:
    """A key and its value; ``start`` to ``end`` is ``key = value``."""

    path: Key
    start: int
    value: int
    end: int
    inner: list[Entry] | None = None  # of an inline table


@dataclass
class Section:
    """A table with its head, or the lines before the first table."""

    path: Key
    start: int  # index of the head's line
    head: int  # index of the head's end
    array: bool = False  # an element of an array of tables, or a table below one
    entries: list[Entry] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Return the index of the end of its last entry, or of its head."""
        return self.entries[-1].end if self.entries else self.head


def put(text: str, path: Key, value: Any) -> str:
    """Return the text with a key set, or removed if the value is ``None``.

    Raises:
        ValueError: the text is not TOML.
    """
    sections = _scan(text)
    if value is None:
        for start, end in sorted(_gone(text, sections, path), reverse=True):
            text = text[:start] + text[end:]
        return text
    at, new, end = _place(text, sections, path, _rendered(value))
    return text[:at] + new + text[end:]


def _place(text: str, sections: list[Section], path: Key, value: str) -> tuple[int, str, int]:
    """Return a replacement: its begin, the new text, its end."""
    plain = [section for section in sections if not section.array]
    holder = _deepest([entry for section in plain for entry in section.entries], path)
    if holder and holder.path == path:
        return holder.value, value, holder.end
    if holder and holder.inner is not None:
        at = holder.inner[-1].end if holder.inner else holder.value + 1
        new = f"{', ' if holder.inner else ''}{_dotted(path[len(holder.path) :])} = {value}"
        return at, new, at
    table = path[:-1]
    for section in plain:
        # a table made by dotted keys cannot have a head too
        own = [entry for entry in section.entries if entry.path[: len(table)] == table]
        if section.path == table or (own and section.path == table[: len(section.path)]):
            return _line(text, section, own, f"{_dotted(path[len(section.path) :])} = {value}")
    near = max(sections, key=lambda section: (_common(section.path, table), section.start))
    at = _line_end(text, near.end) if _common(near.path, table) else len(text)
    before = "" if not text[:at].strip() else "\n" if text[:at].endswith("\n") else "\n\n"
    return at, f"{before}[{_dotted(table)}]\n{_dotted(path[-1:])} = {value}\n", at


def _line(text: str, section: Section, own: list[Entry], row: str) -> tuple[int, str, int]:
    """Return the replacement that adds a line after these entries of the section, or after its head."""
    if not own and not section.path:
        return _top(text, row)
    start, end = (own[-1].start, own[-1].end) if own else (section.start, section.head)
    indent = text[text.rfind("\n", 0, start) + 1 : start]
    at = _line_end(text, end)
    return at, f"{'' if text[:at].endswith(chr(10)) else chr(10)}{indent}{row}\n", at


def _top(text: str, row: str) -> tuple[int, str, int]:
    """Return the replacement that adds a first key before all tables, after a comment at the top of the file."""
    at = _after(_HEAD, text, 0)
    return at, f"{'' if text[:at].endswith(chr(10)) or not at else chr(10)}{row}\n", at


def _gone(text: str, sections: Iterable[Section], path: Key) -> list[tuple[int, int]]:
    """Return the spans of the key and of everything below it."""
    spans = []
    for section in sections:
        if section.path[: len(path)] == path:
            spans.append((section.start, _line_end(text, section.end)))
        elif not section.array:
            spans += _gone_of(text, section.entries, path, inline=False)
    return spans


def _gone_of(text: str, entries: list[Entry], path: Key, *, inline: bool) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for number, entry in enumerate(entries):
        if entry.path[: len(path)] != path:
            spans += _gone_of(text, entry.inner or [], path, inline=True)
        elif not inline:
            spans.append((text.rfind("\n", 0, entry.start) + 1, _line_end(text, entry.end)))
        elif number:
            spans.append((entries[number - 1].end, entry.end))
        else:
            spans.append((entry.start, entries[1].start if len(entries) > 1 else entry.end))
    return spans


def _deepest(entries: list[Entry], path: Key) -> Entry | None:
    """Return the entry of the path, or the innermost inline table on the way to it."""
    for entry in entries:
        if entry.path == path:
            return entry
        if entry.inner is not None and entry.path == path[: len(entry.path)]:
            return _deepest(entry.inner, path) or entry
    return None


def _common(one: Key, other: Key) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _line_end(text: str, index: int) -> int:
    """Return where the next line begins."""
    return text.find("\n", index) + 1 or len(text)


# -- reading ----------------------------------------------------------------------------------------------------------


def _scan(text: str) -> list[Section]:
    sections, arrays = [Section((), 0, 0)], set()
    at = _after(_BLANKS, text, 0)
    while at < len(text):
        if text[at] == "[":
            double = text.startswith("[[", at)
            path, end = _key(text, at + 1 + double)
            if double:
                arrays.add(path)
            below = any(path[:depth] in arrays for depth in range(1, len(path) + 1))
            start = text.rfind("\n", 0, at) + 1
            sections.append(Section(path, start, text.index("]", end) + 1 + double, below))
            at = sections[-1].head
        else:
            entry = _entry(text, at, sections[-1].path)
            sections[-1].entries.append(entry)
            at = entry.end
        at = _after(_BLANKS, text, at)
    return sections


def _entry(text: str, start: int, table: Key) -> Entry:
    path, end = _key(text, start)
    value = _after(_BLANK, text, text.index("=", end) + 1)
    entry = Entry((*table, *path), start, value, value)
    entry.end = _value(text, value, entry)
    return entry


def _key(text: str, at: int) -> tuple[Key, int]:
    parts: list[str] = []
    while True:
        part = _PART.match(text, _after(_BLANK, text, at))
        if part is None:
            raise ValueError(f"no key at character {at}")
        parts.append(part[0] if _BARE.fullmatch(part[0]) else tomllib.loads(f"key = {part[0]}")["key"])
        at = _after(_BLANK, text, part.end())
        if not text.startswith(".", at):
            return tuple(parts), at
        at += 1


def _value(text: str, at: int, entry: Entry) -> int:
    """Return the index of the end of a value, and record the entries of an inline table."""
    if text[at] not in "[{":
        scalar = _SCALAR.match(text, at)
        if scalar is None:
            raise ValueError(f"no value at character {at}")
        return scalar.end()
    inner: list[Entry] | None = None if text[at] == "[" else []
    close = "]" if inner is None else "}"
    if inner is not None and at == entry.value:
        entry.inner = inner
    at = _after(_BLANKS, text, at + 1)
    while text[at] != close:
        if inner is None:
            at = _value(text, at, Entry((), at, -1, at))
        else:
            inner.append(_entry(text, at, entry.path))
            at = inner[-1].end
        at = _after(_BLANKS, text, at)
        at = _after(_BLANKS, text, at + 1) if text[at] == "," else at
    return at + 1


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


# -- writing ----------------------------------------------------------------------------------------------------------


def _dotted(path: Key) -> str:
    return ".".join(part if _BARE.fullmatch(part) else quoted(part) for part in path)


def _rendered(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_dotted((key,))} = {_rendered(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_rendered, value)) + "]"
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool) else repr(value)


def quoted(value: str) -> str:
    """Return a string on one line in double quotes, valid in TOML and in YAML."""
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(character: str) -> str:
    if character in '"\\' or character < " ":
        return json.dumps(character)[1:-1]
    return character if character.isprintable() else f"\\U{ord(character):08x}"
