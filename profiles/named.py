"""Checks the profile keys that checks and remedies name against the schema: a wrong key is a fault of the code."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from trueup import place
from trueup.errors import UsageError, nearest
from trueup.profiles.schema import Spec


def hold(named: Iterable[tuple[str, str]], functions: Iterable[Callable[..., Any]]) -> None:
    """Stop on a key that the schema does not have.

    Args:
        named: the ``key`` of each requirement, with the place where it is written.
        functions: checks and remedies, whose second parameter is the spec.

    Raises:
        UsageError: with file, line, key and the nearest key.
    """
    for source, key in named:
        if not known(key):
            raise UsageError(f"{source}: {_unknown(key)}")
    for code in (inspect.unwrap(function).__code__ for function in functions):
        for line, key in read(code):
            if not known(key, attributes=True):
                raise UsageError(f"{place.written(code.co_filename, line)}: {_unknown(key)}")


def _unknown(key: str) -> str:
    return f"no such profile key {key!r}{nearest(key, every())}"


def known(key: str, *, attributes: bool = False) -> bool:
    """Return whether the schema has a dotted key; ``attributes`` accepts a method or property at its end, too."""
    node: Any = Spec
    for part in key.split("."):
        if (section := _section(node)) is None:
            return attributes or get_origin(node) is dict
        if part not in section.model_fields:
            return attributes and hasattr(section, part)
        node = section.model_fields[part].annotation
    return True


def every(model: type[BaseModel] = Spec, prefix: str = "") -> Iterator[str]:
    """Yield all dotted keys of the schema, sections included."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if section := _section(field.annotation):
            yield from every(section, f"{prefix}{name}.")


def read(code: CodeType) -> Iterator[tuple[int, str]]:
    """Yield line and dotted key of each attribute that a check or a remedy reads of its spec."""
    if code.co_argcount > 1:
        yield from _chains(code, code.co_varnames[1])


def _chains(code: CodeType, name: str) -> Iterator[tuple[int, str]]:
    """Follow the bytecode: it exists already, and reading it is faster than parsing the source again."""
    line = code.co_firstlineno
    parts: list[str] | None = None
    for step in dis.get_instructions(code):
        if parts is not None and step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            parts.append(step.argval)
        elif step.opname != "EXTENDED_ARG":
            if parts:
                yield line, ".".join(parts)
            line = (step.positions and step.positions.lineno) or line
            parts = [] if _loads(step, name) else None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _chains(inner, name)


def _loads(step: dis.Instruction, name: str) -> bool:
    if "LOAD_FAST" not in step.opname and "LOAD_DEREF" not in step.opname:
        return False
    # one step may load two variables: the last one is on top of the stack
    last: object = step.argval[-1] if isinstance(step.argval, tuple) else step.argval
    return last == name


def _section(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a key holds, also where the key may be empty; None for a value."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
