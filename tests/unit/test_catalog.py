"""A requirement id is the only join, and one that leads nowhere stops the run at its start."""

import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import UsageError
from trueup.model.catalog import Catalog
from trueup.profiles.named import hold, read


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


def require(catalog: Catalog, id: str, *needs: str, **more: Any) -> Callable[..., None]:
    def check(facts: object, spec: object) -> None:
        """It holds."""

    # a new code object for each, as if written on a line of its own
    check.__code__ = check.__code__.replace(co_firstlineno=1000 + len(catalog.requirements))
    return catalog.requirement(id, **{"key": "host.modules", "reads": (), "needs": needs} | more)(check)


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


def test_a_remedy_says_that_it_cannot_be_undone() -> None:
    from trueup.model.catalog import catalog as shared

    shared.load("trueup.checks", "trueup.remediations")
    cannot = {remedy.id for remedy in shared.remedies.values() if not remedy.can_undo}
    assert cannot == {"host.reboot.pending", "kube.init", "kube.join"}


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


FACTS = """\
from trueup.model.fact import Fact

ONE = Fact("own.state", "cat state", str.strip)
SAME = Fact("own.state", "cat state", str.strip)
OTHER = Fact("own.state", "cat other", str.strip)


def state(name):
    return Fact("own.state", f"cat {name}", str.strip)


MADE = state("other")
"""


def test_two_facts_of_one_name_are_refused_and_both_places_are_named(catalog: Catalog, tmp_path: Path) -> None:
    own = load_text(tmp_path / "own.py", FACTS)
    require(catalog, "own.a", reads=(own.ONE,))
    require(catalog, "own.b", reads=(own.SAME, own.ONE))
    catalog.validate()  # they ask the same
    for other, line in ((own.OTHER, 5), (own.MADE, 12)):
        require(catalog, f"own.c{line}", reads=(other,))
        with pytest.raises(UsageError) as caught:
            catalog.validate()
        path = tmp_path / "own.py"
        assert str(caught.value) == f"{path}:{line}: fact 'own.state' is already defined at {path}:3"
        catalog.requirements.pop(f"own.c{line}")


def test_a_fact_whose_file_is_imported_twice_is_one_fact(catalog: Catalog, tmp_path: Path) -> None:
    text = FACTS.replace('"cat state"', "lambda spec: 'cat state'")
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path / "own.py", tmp_path / "link/own.py"):
        require(catalog, f"own.r{len(catalog.requirements)}", reads=(load_text(path, text).ONE,))
    catalog.validate()


KEYS = """\
from trueup.model.catalog import Catalog

catalog = Catalog()


@catalog.requirement("own.limits", key="KEY", reads=())
def test_limits(facts, spec):
    '''They are enough.'''
    assert [name for name in spec.host.sysctl.items() if READ]


@catalog.remedy("own.limits", disruption="none")
def raise_limits(change, spec, facts):
    '''Raise them.'''
    change.sysctl("fs.file-max",
                  str(FIXED))
"""


def keys(path: Path, key: str = "host.swap", read: str = "spec.holds('x')", fixed: str = "spec.runtime") -> Catalog:
    text = KEYS.replace("KEY", key).replace("READ", read).replace("FIXED", fixed)
    found: Catalog = load_text(path, text).catalog
    return found


@pytest.mark.parametrize(
    ("named", "line", "unknown", "hint"),
    [
        ({"key": "host.swop"}, 6, "host.swop", "host.swap"),
        ({"key": "hosts.sysctl.vm.swappiness"}, 6, "hosts.sysctl.vm.swappiness", "host.sysctl"),
        ({"key": "host.swap.off"}, 6, "host.swap.off", "host.swap"),
        ({"key": "host.preflight.cpu"}, 6, "host.preflight.cpu", "host.preflight.cpus"),
        ({"read": "name in spec.host.preflight.tool"}, 9, "host.preflight.tool", "host.preflight.tools"),
        ({"fixed": "spec.runtime.containerd.versoin"}, 16, "runtime.containerd.versoin", "runtime.containerd.version"),
        ({"fixed": "spec.runtime.cni.binary.sha"}, 16, "runtime.cni.binary.sha", "runtime.cni.binary.sha256"),
    ],
)
def test_a_profile_key_that_the_schema_does_not_have_is_refused_and_the_nearest_suggested(
    tmp_path: Path, named: dict[str, str], line: int, unknown: str, hint: str
) -> None:
    path = tmp_path / "own.py"
    with pytest.raises(UsageError) as caught:
        keys(path, **named).validate()
    assert str(caught.value) == f"{path}:{line}: no such profile key {unknown!r}; did you mean {hint!r}?"


@pytest.mark.parametrize(
    "key", ["host", "host.sysctl", "host.sysctl.net.ipv4.ip_forward", "runtime.cni.binary.version"]
)
def test_a_section_a_value_or_an_entry_of_a_mapping_is_a_key(tmp_path: Path, key: str) -> None:
    keys(tmp_path / "own.py", key=key).validate()


def test_all_that_is_shipped_reads_keys_of_the_schema() -> None:
    from trueup.model.catalog import catalog as shared

    shared.load("trueup.checks", "trueup.remediations")
    functions = [each.check for each in shared.requirements.values()]
    functions += [each.fix for each in shared.remedies.values()]
    hold([], functions)
    read_keys = {key for each in functions for _, key in read(inspect.unwrap(each).__code__)}
    assert len(read_keys) > 60
    assert {"host.swap", "kube.packages.version"} <= read_keys


@pytest.mark.parametrize("since", ["2027", "2027.1", "2027.13", "27.01", "next", "2027.01.02"])
def test_what_is_no_date_of_a_catalogue_is_refused(catalog: Catalog, since: str) -> None:
    with pytest.raises(UsageError, match=r"test_catalog\.py:\d+: own\.new: since='.*' is no catalogue, as in"):
        require(catalog, "own.new", since=since)


def test_what_comes_with_trueup_is_known_from_what_is_a_users_own(catalog: Catalog) -> None:
    from trueup.model.catalog import catalog as shared

    shared.load("trueup.checks", "trueup.remediations")
    assert all(requirement.shipped for requirement in shared.requirements.values() if "own." not in requirement.id)
    require(catalog, "own.new")
    assert not catalog.requirements["own.new"].shipped
