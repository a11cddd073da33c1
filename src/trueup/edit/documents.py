"""Set keys of a TOML or YAML file in place; comments, order and all other keys stay.

The new text is parsed again, and the edit is refused if the value of any other key has changed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trueup.edit import toml as toml_text
from trueup.edit import yaml as yaml_text
from trueup.errors import ChangeFailed

Key = tuple[str, ...]
Values = Mapping[Key, Any]


def edit_toml(text: str, values: Values) -> str:
    """Return the TOML document with keys set, or removed if the value is ``None``.

    Raises:
        ValueError: the text is not TOML.
        ChangeFailed: a value stands where a table belongs, or the document cannot be edited in place.
    """
    return _edit(text, values, tomllib.loads, toml_text.put)


def edit_yaml(text: str, values: Values) -> str:
    """Return the YAML document with keys set, or removed if the value is ``None``.

    Raises:
        ValueError: the text is not YAML.
        ChangeFailed: there is more than one document, no mapping, or the document cannot be edited in place.
    """
    return _edit(text, values, _load_yaml, yaml_text.put)


def _edit(text: str, values: Values, load: Callable[[str], Any], put: Callable[[str, Key, Any], str]) -> str:
    try:
        document = load(text)
        wanted = _unshared(document)
        _apply(wanted, values)
        try:
            for path, value in values.items():
                if value is None or not _same(_at(document, path), value):
                    text = put(text, path, value)
            made = load(text)
        except (ValueError, IndexError) as error:
            raise ChangeFailed(f"it cannot be edited in place: {error}") from None
        if not _same(*(_without_emptied(document, values) for document in (made, wanted))):
            raise ChangeFailed("it cannot be edited in place: other keys would change too")
    except RecursionError:
        raise ChangeFailed("it contains itself, or is nested too deeply") from None
    return text


def _load_yaml(text: str) -> Any:
    try:
        documents = list(YAML(typ="safe", pure=True).load_all(text))
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if len(documents) > 1:
        raise ChangeFailed(f"it has {len(documents)} documents")
    document = documents[0] if documents else None
    if not isinstance(document, dict | None):
        raise ChangeFailed("it is no mapping of keys")
    return document or {}


def _at(document: Any, path: Key) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def _apply(document: dict[str, Any], values: Values) -> None:
    """Set the keys of a nested dictionary."""
    for (*tables, name), value in values.items():
        node: Any = document
        for table in tables:
            if node.get(table) is None and value is not None:
                node[table] = {}
            node = node.get(table)
            if node is None:
                break
            if not isinstance(node, dict):
                raise ChangeFailed(f"{table} is not a table")
        else:
            if value is None:
                node.pop(name, None)
            else:
                node[name] = value


def _without_emptied(document: dict[str, Any], values: Values) -> dict[str, Any]:
    """Return the document without tables that lost their last key, because some edits leave an empty table."""
    for path in (path for path, value in values.items() if value is None):
        for depth in range(len(path) - 1, 0, -1):
            if _at(document, path[:depth]) == {}:
                _apply(document, {path[:depth]: None})
    return document


def _unshared(value: Any) -> Any:
    """Return a copy without shared values, such as YAML aliases make them."""
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in a document: ``true`` is not ``1``, and ``nan`` equals ``nan``."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return set(one) == set(other) and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    kinds = [next((kind for kind in (bool, int, float, str) if isinstance(v, kind)), type(v)) for v in (one, other)]
    return kinds[0] is kinds[1] and bool(one == other or (one != one and other != other))
