"""Set or remove one key of a YAML text without changing any other character.

ruamel.yaml gives the beginning and end of each key and value. Its own round trip is not used: it changes
indentation and quotes, and it loses a comment after a removed key.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from trueup.edit.toml import quoted

Pair = tuple[Any, Any]  # the nodes of a key and its value
_NULL, _TEXT = "tag:yaml.org,2002:null", "tag:yaml.org,2002:str"
_PLAIN = re.compile(r"[A-Za-z_/][\w./-]*", re.ASCII)
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """Return the text of one document, a mapping, with a key set, or removed if the value is ``None``.

    Raises:
        ValueError: the text is not YAML, or has the key where it cannot be edited.
    """
    try:
        root = YAML(pure=True).compose(text)
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if root is None or _is_null(root):
        return text if value is None else _ended(text) + _block(path, value, 0)
    return _put(text, root, None, path, value)


def _put(text: str, node: Any, key: Node | None, path: tuple[str, ...], value: Any) -> str:
    """Edit below ``node``, which is the value of ``key``."""
    found = next((pair for pair in node.value if pair[0].tag == _TEXT and pair[0].value == path[0]), None)
    if found is None:
        return text if value is None else _insert(text, node, path, value)
    if len(path) > 1:
        return _descend(text, node, found, path[1:], value)
    if value is not None:
        return _replace(text, found, _flow(value))
    if len(node.value) == 1 and not node.flow_style:
        end = _line_end(text, _end(text, found))
        return _replace(text, (key, node), "{}") if key else text[: _line_start(text, found[0])] + text[end:]
    return _delete(text, node, node.value.index(found))


def _descend(text: str, node: Any, pair: Pair, path: tuple[str, ...], value: Any) -> str:
    key, inner = pair
    if isinstance(inner, MappingNode):
        return _put(text, inner, key, path, value)
    if value is None:
        return text
    if not _is_null(inner):
        raise ValueError(f"{key.value} is not a table")
    if node.flow_style or not _is_empty(inner):
        return _replace(text, pair, _flow(_nested(path, value)))
    end = _line_end(text, _colon(text, key))
    return f"{_ended(text[:end])}{_block(path, value, node.start_mark.column + 2)}{text[end:]}"


def _insert(text: str, node: Any, path: tuple[str, ...], value: Any) -> str:
    last = _end(text, node.value[-1]) if node.value else node.end_mark.index - 1
    if node.flow_style:
        return f"{text[:last]}{', ' if node.value else ''}{_flow(_nested(path, value))[1:-1]}{text[last:]}"
    end = _line_end(text, last)
    return _ended(text[:end]) + _block(path, value, node.start_mark.column) + text[end:]


def _replace(text: str, pair: Pair, new: str) -> str:
    key, old = pair
    colon, end = _colon(text, key), _end(text, pair)
    before, more_lines, _ = text[colon : colon if _is_empty(old) else old.start_mark.index].partition("\n")
    if more_lines:  # the rest of the key's own line stays: it may be a comment
        return f"{text[:colon]} {new}{before.rstrip()}{text[end:]}"
    return f"{text[:colon]}{before or ' '}{new}{text[end:]}"


def _delete(text: str, node: Any, number: int) -> str:
    pair = node.value[number]
    if not node.flow_style:
        return text[: _line_start(text, pair[0])] + text[_line_end(text, _end(text, pair)) :]
    if number:
        return text[: _end(text, node.value[number - 1])] + text[_end(text, pair) :]
    following = node.value[1][0].start_mark.index if len(node.value) > 1 else _end(text, pair)
    return text[: pair[0].start_mark.index] + text[following:]


def _end(text: str, pair: Pair) -> int:
    """Return the index after a value's last character; ruamel counts comments after a block as part of it."""
    key, node = pair
    if _is_empty(node):
        return _colon(text, key)
    if isinstance(node, CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last if isinstance(last, tuple) else (node, last))
    end: int = node.end_mark.index
    return len(text[:end].rstrip()) if getattr(node, "style", None) in ("|", ">") else end


def _colon(text: str, key: Node) -> int:
    """Return the index after the colon of a key."""
    end: int = key.end_mark.index
    match = re.compile(r"\s*:").match(text, end)
    return match.end() if match else end


def _is_empty(node: Node) -> bool:
    return bool(node.start_mark.index == node.end_mark.index)


def _line_start(text: str, key: Node) -> int:
    start = text.rfind("\n", 0, key.start_mark.index) + 1
    if text[start : key.start_mark.index].strip():
        raise ValueError(f"{key.value} does not begin its line")
    return start


def _line_end(text: str, index: int) -> int:
    """Return where the next line begins."""
    return text.find("\n", index) + 1 or len(text)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _is_null(node: Any) -> bool:
    return bool(node.tag == _NULL)


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for part in reversed(path):
        value = {part: value}
    return value


def _block(path: tuple[str, ...], value: Any, column: int) -> str:
    *tables, name = path
    rows = [f"{' ' * (column + 2 * depth)}{_flow(table)}:\n" for depth, table in enumerate(tables)]
    return "".join(rows) + f"{' ' * (column + 2 * len(tables))}{_flow(name)}: {_flow(value)}\n"


def _flow(value: Any) -> str:
    """Return a value on one line; strings that YAML 1.1 (Kubernetes) would read as another type are quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return quoted(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)
