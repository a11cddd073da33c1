"""The packages, from the lowest to the highest: a module imports modules of its own package and of lower ones."""

import ast
import os
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import trueup

ORDER = (
    "trueup.errors",
    "trueup.place",
    "trueup.redact",
    "trueup.waiting",
    "trueup.version",
    "trueup.profiles",
    "trueup.pki",
    "trueup.shell",
    "trueup.edit",
    "trueup.connection",
    "trueup.kubeapi",
    "trueup.model",
    "trueup.results",
    "trueup.journal",
    "trueup.facts",
    "trueup.hosts",
    "trueup.objects",
    "trueup.change",
    "trueup.nodes",
    "trueup.undo",
    "trueup",  # what authors import
    "trueup.engine",
    "trueup.drills",
    "trueup.remediations",
    "trueup.checks",
    "trueup.reports",
    "trueup.plugin",
)
STRANGERS = {"trueup.checks", "trueup.remediations"}  # a requirement's id is all that joins them
LINES_OF_A_MODULE = 350
LINES_OF_A_PACKAGE = 1200
LINES_OF_OTHER_PACKAGES = {"trueup.engine": 2300}
BY_SUBJECT = {"trueup.checks", "trueup.facts", "trueup.remediations"}  # a file a subject: they grow with the catalogue

Imports = dict[str, set[str]]


def _sources() -> dict[str, Path]:
    """Return module to file, the directories at the top that are linked into the package included."""
    root = Path(trueup.__file__).parent
    found = {}
    for directory, _, names in os.walk(root, followlinks=True):
        for path in (Path(directory, name) for name in names if name.endswith(".py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imported(source: str, modules: set[str]) -> set[str]:
    """Return the modules that a source imports anywhere, for its types alone included."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not followed"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else str(node.module) for name in names}
    return found & modules


def package(module: str) -> str:
    """Return the package of a module, in the terms of ORDER.

    Raises:
        ValueError: ORDER has none.
    """
    name = ".".join(module.split(".")[:2])
    if name not in ORDER:
        raise ValueError(f"{module}: put its package into ORDER")
    return name


def upward(imports: Imports) -> list[str]:
    """Return the imports that no module may have, in words."""
    return [f"{module} imports {other}" for module, other in sorted(_edges(imports)) if _forbidden(module, other)]


def _edges(imports: Imports) -> Iterator[tuple[str, str]]:
    return ((module, other) for module, others in imports.items() for other in others)


def _forbidden(module: str, other: str) -> bool:
    ends = {package(module), package(other)}
    return ends == STRANGERS or ORDER.index(package(module)) < ORDER.index(package(other))


def circle(imports: Imports) -> list[str]:
    """Return the modules of a circle of imports, or nothing where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


SOURCES = _sources()
IMPORTS = {module: imported(path.read_text(), set(SOURCES)) for module, path in SOURCES.items()}
LINES = {module: len(path.read_text().splitlines()) for module, path in SOURCES.items()}


def test_no_module_imports_one_of_a_higher_package():
    assert not (found := upward(IMPORTS)), "\n".join(found)


def test_no_modules_import_each_other():
    assert not (found := circle(IMPORTS)), " → ".join(found)


def test_no_module_is_too_long():
    assert {module: lines for module, lines in LINES.items() if lines > LINES_OF_A_MODULE} == {}


@pytest.mark.parametrize("name", [name for name in ORDER if name not in BY_SUBJECT])
def test_no_package_is_too_large(name):
    lines = {module: lines for module, lines in LINES.items() if package(module) == name}
    assert sum(lines.values()) <= LINES_OF_OTHER_PACKAGES.get(name, LINES_OF_A_PACKAGE), lines


def test_every_package_of_the_order_is_there():
    assert {package(module) for module in SOURCES} == set(ORDER)


def test_imports_in_functions_and_for_types_count():
    source = """
from typing import TYPE_CHECKING
import trueup.errors
if TYPE_CHECKING:
    from trueup.model import fact
def late():
    from trueup.hosts.host import Host
"""
    modules = {"trueup.errors", "trueup.model", "trueup.model.fact", "trueup.hosts.host", "trueup.redact"}
    assert imported(source, modules) == {"trueup.errors", "trueup.model.fact", "trueup.hosts.host"}


@pytest.mark.parametrize(
    ("module", "other", "up"),
    [
        ("trueup.model.fact", "trueup.hosts.host", True),
        ("trueup.model.fact", "trueup", True),
        ("trueup.checks.test_host", "trueup.remediations.host", True),
        ("trueup.remediations.host", "trueup.checks.claims.pods", True),
        ("trueup.hosts.host", "trueup.model.fact", False),
        ("trueup.hosts.host", "trueup.hosts.fleet", False),
    ],
)
def test_an_import_upward_is_named(module, other, up):
    assert upward({module: {other}}) == [f"{module} imports {other}"] * up


def test_a_circle_is_named():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}


def test_a_package_that_is_not_in_the_order_is_named():
    with pytest.raises(ValueError, match=r"trueup\.new\.thing: put its package into ORDER"):
        package("trueup.new.thing")
