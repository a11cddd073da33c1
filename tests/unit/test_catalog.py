"""A requirement id is the only join, and one that leads nowhere stops the run at its start."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UsageError
from trueup.model.catalog import Catalog


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def require(catalog: Catalog, id: str, *needs: str, **more: Any) -> Callable[..., None]:
    def check(facts: object, spec: object) -> None:
        """It holds."""

    # a new code object for each, as if written on a line of its own
    check.__code__ = check.__code__.replace(co_firstlineno=1000 + len(catalog.requirements))
    return catalog.requirement(id, key="host.modules", reads=(), needs=needs, **more)(check)


def remedy(catalog: Catalog, id: str) -> None:
    @catalog.remedy(id, disruption="none")
    def fix(change: object, spec: object, facts: object) -> None:
        """Make it hold."""


def test_a_second_requirement_with_an_id_is_refused_and_both_places_are_named(catalog: Catalog) -> None:
    require(catalog, "host.swap")
    with pytest.raises(UsageError) as caught:
        require(catalog, "host.swap")
    assert str(caught.value) == f"{__file__}:1001: 'host.swap' is already defined at {__file__}:1000"


def test_a_second_remedy_with_an_id_is_refused(catalog: Catalog) -> None:
    remedy(catalog, "host.swap")

    with pytest.raises(UsageError, match=r"'host\.swap' is already defined at .*test_catalog\.py:"):

        @catalog.remedy("host.swap", disruption="none")
        def another(change: object, spec: object, facts: object) -> None:
            """Make it hold."""


def test_the_same_file_imported_under_two_names_is_no_duplicate(tmp_path: Path) -> None:
    source = tmp_path / "test_own.py"
    source.write_text(
        "from trueup.model.catalog import catalog\n"
        "@catalog.requirement('own.thing', key='host.modules', reads=())\n"
        "def test_thing(facts, spec):\n    '''It holds.'''\n"
    )
    (tmp_path / "link").symlink_to(tmp_path)
    from trueup.model.catalog import catalog as shared

    try:
        for name, path in (("one", source), ("two", tmp_path / "link/test_own.py")):
            found = importlib.util.spec_from_file_location(name, path)
            found.loader.exec_module(importlib.util.module_from_spec(found))
        assert "own.thing" in shared.requirements
    finally:
        shared.requirements.pop("own.thing", None)
        sys.modules.pop("one", None)


@pytest.mark.parametrize("id", ["swap", "Host.swap", "host..swap", "host swap.x", "", "host."])
def test_an_id_is_words_joined_by_dots(catalog: Catalog, id: str) -> None:
    with pytest.raises(UsageError, match="is not a requirement id"):
        require(catalog, id)


def test_a_remedy_without_its_requirement_is_refused_and_the_nearest_id_suggested(catalog: Catalog) -> None:
    require(catalog, "host.swap")
    remedy(catalog, "host.swop")
    with pytest.raises(
        UsageError, match=r"test_catalog\.py:\d+: no requirement 'host\.swop'; did you mean 'host\.swap'"
    ):
        catalog.validate()


def test_a_misspelt_need_is_refused_and_the_nearest_id_suggested(catalog: Catalog) -> None:
    require(catalog, "host.kernel.module.overlay")
    require(catalog, "host.swap", "host.kernel.modul.overlay")
    with pytest.raises(UsageError) as caught:
        catalog.validate()
    assert "unknown 'host.kernel.modul.overlay'" in str(caught.value)
    assert "did you mean 'host.kernel.module.overlay'?" in str(caught.value)


def test_needs_in_a_circle_are_refused_and_the_circle_is_shown(catalog: Catalog) -> None:
    require(catalog, "a.a", "a.c")
    require(catalog, "a.b", "a.a")
    require(catalog, "a.c", "a.b")
    with pytest.raises(UsageError, match=r"circle: a\.\w -> a\.\w -> a\.\w -> a\.\w"):
        catalog.validate()


def test_a_requirement_comes_after_what_it_needs_and_otherwise_as_written(catalog: Catalog) -> None:
    require(catalog, "z.last", "m.middle")
    require(catalog, "b.second")
    require(catalog, "a.third")
    require(catalog, "m.middle")
    assert catalog.order() == ["b.second", "a.third", "m.middle", "z.last"]


@pytest.mark.parametrize("kind", ["requirement", "remedy"])
def test_a_function_without_a_docstring_is_refused(catalog: Catalog, kind: str) -> None:
    def bare(*_: object) -> None:
        pass

    register = (
        catalog.requirement("host.swap", key="host.modules", reads=())
        if kind == "requirement"
        else catalog.remedy("host.swap", disruption="none")
    )
    with pytest.raises(UsageError, match=r"test_catalog\.py:\d+: host\.swap needs a docstring"):
        register(bare)


@pytest.mark.parametrize("pattern", ["host.swop", "!host.swop"])
def test_a_pattern_that_leads_nowhere_is_refused(catalog: Catalog, pattern: str) -> None:
    require(catalog, "host.swap")
    with pytest.raises(UsageError) as caught:
        catalog.known(["host.*", pattern], "my.yaml: select")
    assert str(caught.value) == f"my.yaml: select: {pattern!r} matches no requirement; did you mean 'host.swap'?"


def test_everything_that_is_shipped_is_well_joined() -> None:
    from trueup.model.catalog import catalog as shared

    shared.load("trueup.checks", "trueup.remediations")
    shared.validate()
    assert len(shared.order()) == len(shared.requirements) > 10
    assert set(shared.remedies) <= set(shared.requirements)
    assert all(requirement.reads or requirement.drill for requirement in shared.requirements.values())


FAMILY = """\
from trueup.model.catalog import Catalog

catalog = Catalog()


def row(id):
    def check(facts, spec):
        '''It holds.'''

    return catalog.requirement(id, key='host.modules', reads=())(check)


test_one = row('own.one')
test_two = row('own.two')
"""


def load_text(path: Path, text: str) -> Any:
    path.write_text(text)
    found = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_a_requirement_that_a_helper_makes_is_written_where_the_helper_is_called(tmp_path: Path) -> None:
    path = tmp_path / "test_own.py"
    made = load_text(path, FAMILY).catalog.requirements
    assert [found.source for found in made.values()] == [f"{path}:13", f"{path}:14"]


def test_two_rows_of_a_family_with_one_id_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "test_own.py"
    with pytest.raises(UsageError) as caught:
        load_text(path, FAMILY.replace("own.two", "own.one"))
    assert str(caught.value) == f"{path}:14: 'own.one' is already defined at {path}:13"
