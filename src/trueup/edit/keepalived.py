"""Parse keepalived.conf into a tree, and edit its text so that no other character changes.

The grammar is that of keepalived's lib/parser.c; no maintained Python library reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DEEPEST = 16  # levels of blocks; keepalived itself has five
_TOKEN = re.compile(r"""(?P<space>[^\S\n]+)|(?P<brace>[{}])|(?P<comment>[#!][^\n]*)|"(?P<quoted>[^"\n]*)"|(?P<open>")"""
                    r"""|(?P<plain>(?:\$\{[^}\s]*\}|\\[^\n]|[^\s{}#!"])+)|(?P<rest>\\)""")  # fmt: skip
_PLAIN = re.compile(r"""[^\s{}#!"$~\\]+""")

Header = tuple[str, ...]
BlockPath = tuple[Header, ...]  # the headers of the blocks that lead to one


@dataclass
class Statement:
    """Words on one line and, of a block, the statements between its braces; the root has no words."""

    words: tuple[str, ...]
    start: int
    end: int  # index after the last word
    body: list[Statement] | None = None
    inside: tuple[int, int] = (0, 0)  # of a block: after the opening brace, and at the closing one

    @property
    def opaque(self) -> bool:
        """Return whether it depends on a definition (``$NAME``) or a condition (``@NAME``)."""
        return self.words[0][:1] in ("@", "~") or any("$" in word for word in self.words)

    def blocks(self, *header: str) -> list[Statement]:
        """Return the blocks in it whose words begin with these."""
        return [each for each in self.body or () if each.body is not None and each.words[: len(header)] == header]

    def value(self, keyword: str) -> str | None:
        """Return the words after the last such keyword in it; empty if there are none, ``None`` without the keyword."""
        said = [each.words for each in self.body or () if each.words[0] == keyword]
        return " ".join(said[-1][1:]) if said else None

    def items(self, *header: str) -> list[tuple[str, ...]]:
        """Return the statements of all its blocks with this header: the entries of a list."""
        return [each.words for block in self.blocks(*header) for each in block.body or ()]


def parse(text: str) -> Statement:
    """Return the root of the tree.

    Raises:
        ValueError: a brace or a quote is not closed, or closes nothing; the message has the line.
    """
    stack = [Statement((), 0, len(text), [], (0, len(text)))]
    begin = number = 0
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        number += 1
        if text[begin:end].lstrip()[:1] == "$":  # a definition, which a backslash continues
            start = begin + len(text[begin:end]) - len(text[begin:end].lstrip())
            while text[:end].endswith("\\") and end < len(text):
                following = text.find("\n", end + 1)
                end, number = (len(text) if following < 0 else following), number + 1
            _body(stack).append(Statement((text[start:end].rstrip(),), start, end))
        else:
            _line(text, begin, end, number, stack)
        begin = end + 1
    if len(stack) > 1:
        raise ValueError(f"the block {' '.join(stack[-1].words)!r} is not closed")
    return stack[0]


def _body(stack: list[Statement]) -> list[Statement]:
    body = stack[-1].body
    assert body is not None
    return body


def _line(text: str, begin: int, end: int, number: int, stack: list[Statement]) -> None:
    words: list[str] = []
    start = passed = begin

    def finish() -> None:
        if words:
            _body(stack).append(Statement(tuple(words), start, passed))
            words.clear()

    while begin < end:
        token = _TOKEN.match(text, begin, end)
        assert token, text[begin:end]
        kind, begin = token.lastgroup, token.end()
        if kind == "open":
            raise ValueError(f"line {number}: a quote is not closed")
        if kind in ("quoted", "plain", "rest"):
            start = start if words else token.start()
            words.append(token[kind])
            passed = token.end()
        elif token["brace"] == "{":
            finish()
            _open(stack, token.end(), number)
        elif token["brace"] == "}":
            finish()
            if len(stack) == 1:
                raise ValueError(f"line {number}: this brace closes nothing")
            stack[-1].inside = (stack[-1].inside[0], token.start())
            stack.pop()
    finish()


def _open(stack: list[Statement], after: int, number: int) -> None:
    body = _body(stack)
    if not body or body[-1].body is not None:
        raise ValueError(f"line {number}: this brace opens nothing")
    if len(stack) > _DEEPEST:
        raise ValueError(f"line {number}: blocks are nested too deeply")
    body[-1].body, body[-1].inside = [], (after, after)
    stack.append(body[-1])


def put(text: str, path: Sequence[Header], *words: str) -> str:
    """Return the text with the last statement that begins with the first word changed to these words, or added.

    Args:
        path: the headers of the blocks around it, from outside to inside; missing blocks are added.

    Raises:
        ValueError: it cannot be done without changing more than that.
    """
    text = _make(text, path)
    block = _find(parse(text), path)
    assert block is not None
    found = [each for each in block.body or () if each.words[0] == words[0]]
    if found and found[-1].words == words:
        return text
    if not found:
        return _checked(text, _insert(text, block, [_row(words)]), path, [], [words])
    if found[-1].body is not None:
        raise ValueError(f"{words[0]} is a block there")
    edited = text[: found[-1].start] + _row(words) + text[found[-1].end :]
    return _checked(text, edited, path, [found[-1].words], [words])


def fill(text: str, path: Sequence[Header], items: Sequence[tuple[str, ...]], gone: Sequence[tuple[str, ...]]) -> str:
    """Return the text with a list that has these entries and not those in ``gone``; all other entries stay.

    Raises:
        ValueError: as :func:`put`.
    """
    text = _make(text, path)
    block = _find(parse(text), path)
    assert block is not None
    found = block.body or []
    out = [each for each in found if each.words in gone]
    new = [item for item in dict.fromkeys(items) if all(each.words != item for each in found)]
    if any(each.body is not None for each in out):
        raise ValueError("an entry of the list is a block")
    edited, swapped = text, len(out) == len(new)
    for each, item in reversed([*zip(out, new if swapped else [()] * len(out), strict=True)]):
        edited = edited[: each.start] + _row(item) + edited[each.end :] if item else _cut(edited, each)
    if new and not swapped:
        again = _find(parse(edited), path)
        assert again is not None
        edited = _insert(edited, again, [_row(item) for item in new])
    return _checked(text, edited, path, [each.words for each in out], new)


def _make(text: str, path: Sequence[Header]) -> str:
    """Return the text with all blocks of a path."""
    for depth in range(len(path)):
        root = parse(text)
        if _find(root, path[: depth + 1]) is None:
            parent = _find(root, path[:depth])
            assert parent is not None
            edited = _insert(text, parent, [f"{_row(path[depth])} {{", "}"])
            text = _checked(text, edited, path[:depth], [], [path[depth]])
    return text


def _find(root: Statement, path: Sequence[Header]) -> Statement | None:
    block = root
    for header in path:
        found = [each for each in block.blocks(*header) if each.words == header]
        if len(found) > 1:
            raise ValueError(f"there are {len(found)} blocks {' '.join(header)!r}")
        if not found:
            return None
        block = found[0]
        if odd := next((each for each in block.body or () if each.opaque), None):
            raise ValueError(f"{' '.join(block.words)} has a definition or a condition in it: {' '.join(odd.words)!r}")
    return block


def _row(words: Sequence[str]) -> str:
    if not words or words[0][:1] in ("@", "~", "$", "") or words[0] == "include":
        raise ValueError("it would be no statement of its own")
    return " ".join(word if _PLAIN.fullmatch(word) else _quoted(word) for word in words)


def _quoted(word: str) -> str:
    if re.search(r'["\n\r$\\]', word):
        raise ValueError("a word with a quote, a backslash, a dollar or a line's end in it cannot be written")
    return f'"{word}"'


def _margin(text: str, at: int) -> str:
    """Return the white space at the beginning of the line, if only white space is before the index."""
    row = text[text.rfind("\n", 0, at) + 1 : at]
    return row if not row.strip() else ""


def _before_instances(text: str, root: Statement) -> int:
    """Return the index for a new block: before the instances and their comments, which may name only earlier blocks."""
    at = next((each.start for each in root.body or () if each.words[0] == "vrrp_instance"), len(text))
    at = text.rfind("\n", 0, at) + 1 if at < len(text) else at
    while at and at < len(text) and text[text.rfind("\n", 0, at - 1) + 1 : at].lstrip()[:1] in ("#", "!"):
        at = text.rfind("\n", 0, at - 1) + 1
    return at


def _insert(text: str, block: Statement, rows: Sequence[str]) -> str:
    """Put rows at the end of a block, on lines of their own."""
    if not block.words:
        at = _before_instances(text, block)
        ended = text[:at] if not at or text[:at].endswith("\n") else f"{text[:at]}\n"
        return ended + "".join(f"{row}\n" for row in rows) + text[at:]
    outer, own = _margin(text, block.start), [_margin(text, each.start) for each in block.body or ()]
    margin = next((each for each in own if each), outer + "    ")
    begin, end = block.inside
    lines = "".join(f"{margin}{row}\n" for row in rows)
    line = text.rfind("\n", 0, end) + 1
    if line >= begin and not text[line:end].strip():
        return text[:line] + lines + text[line:]
    return f"{text[:end]}\n{lines}{outer}{text[end:]}"


def _cut(text: str, each: Statement) -> str:
    line, after = text.rfind("\n", 0, each.start) + 1, text.find("\n", each.end)
    if after >= 0 and not text[line : each.start].strip() and not text[each.end : after].strip():
        return text[:line] + text[after + 1 :]
    return text[: each.start] + text[each.end :]


Model = list[tuple[tuple[str, ...], "Model | None"]]


def _model(body: list[Statement]) -> Model:
    return [(each.words, None if each.body is None else _model(each.body)) for each in body]


def _checked(
    old: str, new: str, path: Sequence[Header], lost: Sequence[tuple[str, ...]], added: Sequence[tuple[str, ...]]
) -> str:
    """Return the new text after a check that only these statements of one block differ from the old text."""
    before, after = parse(old), parse(new)
    for root, words in ((before, list(lost)), (after, list(added))):
        block = _find(root, path)
        assert block is not None and block.body is not None
        for each in words:
            at = next((n for n, one in reversed(list(enumerate(block.body))) if one.words == each), None)
            if at is None:
                raise ValueError("the change would not be read as it is meant")
            del block.body[at]
    if _model(before.body or []) != _model(after.body or []):
        raise ValueError("other statements would change too")
    return new
