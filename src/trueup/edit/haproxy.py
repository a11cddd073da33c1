"""Parse haproxy.cfg into sections of lines, and edit its text so that only the named lines change.

The grammar is in section 2 of haproxy's configuration manual; no maintained Python library reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SECTIONS = frozenset(
    [
        "global",
        "defaults",
        "frontend",
        "backend",
        "listen",
        "peers",
        "resolvers",
        "userlist",
        "mailers",
        "program",
        "http-errors",
        "cache",
        "ring",
        "log-forward",
        "log-profile",
        "fcgi-app",
        "crt-store",
        "traces",
        "acme",
    ]
)
_TOKEN = re.compile(r"""(?P<space>[^\S\n]+)|(?P<comment>\#[^\n]*)|(?P<escape>\\[^\n])|'(?P<strong>[^'\n]*)'"""
                    r"""|"(?P<weak>(?:[^"\\\n]|\\[^\n])*)"|(?P<open>["'\\])|(?P<plain>[^\s#\\'"]+)""")  # fmt: skip
_ESCAPED = re.compile(r"\\(.)")
_PLAIN = re.compile(r"""[^\s#\\'"$]+""")

Words = tuple[str, ...]


@dataclass
class Line:
    """A line with words: the words, and the indexes of their beginning and end."""

    words: Words
    start: int
    end: int


@dataclass
class Section:
    """A section: its keyword and name, and its lines."""

    words: Words
    end: int  # index of the end of its last line
    lines: list[Line] = field(default_factory=list)

    def of(self, prefix: Words) -> list[Words]:
        """Return the lines that begin with these words."""
        return [line.words for line in self.lines if line.words[: len(prefix)] == prefix]

    @property
    def conditional(self) -> bool:
        """Return whether a part of it depends on a condition (``.if``)."""
        return any(line.words[0].startswith(".") for line in self.lines)


def parse(text: str) -> list[Section]:
    """Return the sections in order; the first has no words and holds the lines before all sections.

    Raises:
        ValueError: a quote is not closed, or a backslash ends a line; the message has the line.
    """
    sections, begin = [Section((), 0)], 0
    for number, row in enumerate(text.split("\n"), 1):
        if line := _line(text, begin, begin + len(row), number):
            if line.words[0] in SECTIONS:
                sections.append(Section(line.words, line.end))
            else:
                sections[-1].lines.append(line)
                sections[-1].end = line.end
        begin += len(row) + 1
    return sections


def split(text: str) -> Words:
    """Return the words of one line."""
    line = _line(text, 0, len(text), 1)
    return line.words if line else ()


def _line(text: str, begin: int, end: int, number: int) -> Line | None:
    words: list[str] = []
    start = passed = at = begin
    glued = False
    while at < end:
        token = _TOKEN.match(text, at, end)
        assert token, text[at:end]
        kind, at = token.lastgroup, token.end()
        if kind == "open":
            raise ValueError(f"line {number}: a quote or an escape is not closed")
        if kind == "comment":
            break
        if kind == "space" or kind is None:
            glued = False
            continue
        said = _ESCAPED.sub(r"\1", token[kind]) if kind in ("escape", "weak") else token[kind]
        if glued:
            words[-1] += said
        else:
            start = start if words else token.start()
            words.append(said)
        glued, passed = True, token.end()
    return Line(tuple(words), start, passed) if words else None


def put(text: str, header: Words, wanted: Mapping[Words, Sequence[Words]]) -> str:
    """Return the text with these lines in a section: for each key of ``wanted``, all lines that begin with it.

    A missing section is added at the end. Lines that are right already, and all other lines, stay where they are.

    Raises:
        ValueError: it cannot be done without changing more than that.
    """
    sections = parse(text)
    found = [section for section in sections if section.words[: len(header)] == header]
    if len(found) > 1:
        raise ValueError(f"there are {len(found)} sections {' '.join(header)!r}")
    if not found:
        return _added(text, sections, header, [words for lines in wanted.values() for words in lines])
    section = found[0]
    if section.conditional:
        raise ValueError(f"{' '.join(header)} has conditions (.if) in it")
    edits: list[tuple[int, int, str]] = []
    for prefix, lines in wanted.items():
        edits += _edits(text, section, prefix, list(lines))
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    return _checked(sections, section, text, wanted)


def _edits(text: str, section: Section, prefix: Words, lines: list[Words]) -> list[tuple[int, int, str]]:
    """Return the replacements (begin, end, new text) after which exactly these lines have the prefix."""
    old = [line for line in section.lines if line.words[: len(prefix)] == prefix]
    if [line.words for line in old] == lines:
        return []
    edits = [(line.start, line.end, _row(new)) for line, new in zip(old, lines, strict=False) if line.words != new]
    for line in old[len(lines) :]:
        begin, after = text.rfind("\n", 0, line.start) + 1, text.find("\n", line.end)
        edits.append((begin, len(text) if after < 0 else after + 1, ""))
    if missing := lines[len(old) :]:
        last = old[-1].end if old else section.end
        after = text.find("\n", last)
        at = len(text) if after < 0 else after
        margin = _margin(text, section)
        edits.append((at, at, "".join(f"\n{margin}{_row(new)}" for new in missing)))
    return edits


def _margin(text: str, section: Section) -> str:
    for line in section.lines:
        return text[text.rfind("\n", 0, line.start) + 1 : line.start]
    return "    "


def _added(text: str, sections: list[Section], header: Words, lines: Sequence[Words]) -> str:
    words = [line.words[0] for section in sections for line in section.lines]
    if words.count(".if") != words.count(".endif"):
        raise ValueError("a condition (.if) is not closed")
    ended = text if not text or text.endswith("\n") else f"{text}\n"
    rows = [_row(header), *(f"    {_row(words)}" for words in lines)]
    made = f"{ended}{chr(10) if ended else ''}" + "".join(f"{row}\n" for row in rows)
    after = parse(made)
    if _model(after[:-1]) != _model(sections) or (after[-1].words, [line.words for line in after[-1].lines]) != (
        header, list(lines),
    ):  # fmt: skip
        raise ValueError("the section would not be read as it is meant")
    return made


def _row(words: Words) -> str:
    if any(re.search(r"[\n\r\0]", word) for word in words):
        raise ValueError("a word with a line's end in it cannot be written")
    return " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    if "'" in word:
        raise ValueError("a word with a single quote in it cannot be written")
    return f"'{word}'"


def _model(sections: Sequence[Section]) -> list[tuple[Words, list[Words]]]:
    return [(section.words, [line.words for line in section.lines]) for section in sections]


def _checked(sections: list[Section], section: Section, new: str, wanted: Mapping[Words, Sequence[Words]]) -> str:
    """Return the new text after a check that only the named lines differ from the old text."""
    at, after = sections.index(section), parse(new)
    if len(after) != len(sections):
        raise ValueError("other sections would change too")
    edited = after[at]
    others = [[one for n, one in enumerate(each) if n != at] for each in (sections, after)]
    rest = [
        [line.words for line in each.lines if not any(line.words[: len(p)] == p for p in wanted)]
        for each in (section, edited)
    ]
    right = all(edited.of(prefix) == list(lines) for prefix, lines in wanted.items())
    if _model(others[0]) != _model(others[1]) or rest[0] != rest[1] or section.words != edited.words or not right:
        raise ValueError("other lines would change too")
    return new
