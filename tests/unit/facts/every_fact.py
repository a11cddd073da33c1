"""Every fact that trueup knows, by name."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import trueup.drills
import trueup.facts
from trueup.model.catalog import catalog
from trueup.model.fact import Fact

MADE_UP = "x"  # what functions that make facts are given here
MODULES = [
    importlib.import_module(module.name)
    for room in (trueup.facts, trueup.drills)
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
]


def made(function: Any) -> Iterator[Fact[Any]]:
    """What a function that returns a fact makes of any names."""
    signature = inspect.signature(function)
    if str(signature.return_annotation).startswith("Fact["):
        needed = [p for p in signature.parameters.values() if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
        yield function(*[MADE_UP] * len(needed))


def every_fact() -> Iterator[Fact[Any]]:
    """Every fact of every module, those that a function makes, and those that a requirement reads."""
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, Fact):
                yield value
            elif inspect.isfunction(value) and value.__module__ == module.__name__:
                yield from made(value)
    catalog.load("trueup.checks")
    for requirement in catalog.requirements.values():
        yield from requirement.reads


FACTS: dict[str, Fact[Any]] = {fact.name: fact for fact in every_fact()}
