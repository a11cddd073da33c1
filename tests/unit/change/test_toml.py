"""Keys of a TOML file change in place; comments, order and all other keys stay."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scratch import Changes

from trueup.errors import ChangeFailed
from trueup.facts.runtime.config_keys import at

KEY = ("plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes", "runc", "options", "SystemdCgroup")
CONFIG = """\
# managed by the platform team
version = 2   # do not change
imports = [
  "/etc/containerd/conf.d/*.toml", # site
]

[plugins]
  # the CRI
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = 'k8s.gcr.io/pause:3.1'  # old
    unknown_key = 0x1F

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

[[other.list]]
name = "x"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def test_a_key_is_set_and_everything_else_stays_as_it_was_written(changes: Changes, path: Path) -> None:
    assert changes().edit_toml(str(path), {KEY: True, (*KEY[:2], "sandbox_image"): "pause:3.9"})
    text = path.read_text()
    assert at(tomllib.loads(text), KEY) is True
    assert at(tomllib.loads(text), (*KEY[:2], "sandbox_image")) == "pause:3.9"
    lost = [line for line in CONFIG.splitlines() if line not in text.splitlines() and "sandbox_image" not in line]
    assert lost == []
    assert "# old" in text


def test_a_secret_beside_the_key_is_hidden_in_the_diff_and_kept_in_the_file(changes: Changes, path: Path) -> None:
    path.write_text('token = "hunter2hunter2"\nversion = 2\n')
    change = changes()
    change.edit_toml(str(path), {("version",): 3})
    assert path.read_text() == 'token = "hunter2hunter2"\nversion = 3\n'
    assert "version = 3" in change.actions[0].diff
    assert "hunter2" not in change.actions[0].diff


def test_a_second_edit_records_nothing(changes: Changes, path: Path) -> None:
    changes().edit_toml(str(path), {KEY: True})
    again = changes()
    assert again.edit_toml(str(path), {KEY: True}) is False
    assert again.actions == []


def test_a_plan_edits_nothing_and_shows_the_lines(changes: Changes, path: Path) -> None:
    plan = changes(apply=False)
    assert plan.edit_toml(str(path), {("version",): 3})
    assert path.read_text() == CONFIG
    assert "+version = 3   # do not change" in plan.actions[0].diff


@pytest.mark.parametrize("content", ["", "\n", "not [ toml", "\udcff"])
def test_a_file_that_is_empty_or_no_toml_starts_from_the_default(changes: Changes, path: Path, content: str) -> None:
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    changes().edit_toml(str(path), {("a", "b"): 1}, default="# default\nversion = 2\n")
    assert path.read_text().startswith("# default\nversion = 2\n")
    assert tomllib.loads(path.read_text()) == {"version": 2, "a": {"b": 1}}


def test_a_file_that_is_no_toml_is_not_replaced_by_a_few_keys(changes: Changes, path: Path) -> None:
    path.write_text("not [ toml")
    with pytest.raises(ChangeFailed, match="the file is left as it is"):
        changes().edit_toml(str(path), {("a", "b", "key"): 1})
    assert path.read_text() == "not [ toml"


VENDOR = """\
[a.b.nvidia] # out of order, which is allowed
path = "/usr/bin/x"

# of x
[x]
[a.b]
default = "nvidia"
[[a.list]]
[a.list.b]
b = {c = 1}
"""


@pytest.mark.parametrize(
    ("values", "edited"),
    [
        ({("a", "b", "key"): 1}, VENDOR.replace('default = "nvidia"\n', 'default = "nvidia"\nkey = 1\n')),
        ({("a", "b", "nvidia", "options", "k"): True},
         VENDOR.replace("x\"\n", 'x"\n\n[a.b.nvidia.options]\nk = true\n', 1)),
        ({("a", "b", "nvidia"): None}, VENDOR[VENDOR.index("\n# of x") :]),
        ({("new",): "é\\"}, f'new = "é\\\\"\n{VENDOR}'),
        ({("y", "z"): [1.5, "a"]}, f'{VENDOR}\n[y]\nz = [1.5, "a"]\n'),
    ],
)  # fmt: skip
def test_tables_may_be_in_any_order_and_keep_the_comments_above_them(
    changes: Changes, path: Path, values: dict[tuple[str, ...], Any], edited: str
) -> None:
    path.write_text(VENDOR)
    assert changes().edit_toml(str(path), values)
    assert path.read_text() == edited


@pytest.mark.parametrize("written", ["1", "1.0", '"true"', "'true'"])
def test_a_value_of_another_kind_is_not_taken_for_the_same(changes: Changes, path: Path, written: str) -> None:
    path.write_text(f"a = {written}\n")
    assert changes().edit_toml(str(path), {("a",): True})
    assert path.read_text() == "a = true\n"


def test_an_edit_that_does_not_validate_leaves_the_file_alone(changes: Changes, path: Path) -> None:
    with pytest.raises(ChangeFailed, match="refused"):
        changes().edit_toml(str(path), {KEY: True}, validate="echo refused; false")
    assert path.read_text() == CONFIG


def test_a_rollback_restores_the_text_as_it_was_written(changes: Changes, path: Path) -> None:
    change = changes()
    change.edit_toml(str(path), {KEY: True})
    assert change.rollback() == []
    assert path.read_text() == CONFIG


NAMES = st.sampled_from(["a", "b", "plugins", "io.x", "version", "two words", ""])
VALUES = st.booleans() | st.integers(-99, 99) | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
TREES = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=3),
    lambda inner: st.dictionaries(NAMES, VALUES | inner | st.lists(inner, min_size=1, max_size=2), max_size=4),
    max_leaves=6,
)


def without(tree: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Return the tree without a key, and without tables that become empty."""
    head, *rest = path
    kept = {key: value for key, value in tree.items() if key != head}
    if rest and isinstance(tree.get(head), dict) and (inner := without(tree[head], tuple(rest))):
        kept[head] = inner
    return kept


def walkable(tree: Any, path: tuple[str, ...]) -> bool:
    """Return whether no value stands where a table belongs."""
    for part in path[:-1]:
        if part not in tree:
            return True
        if not isinstance(tree[part], dict):
            return False
        tree = tree[part]
    return not isinstance(tree.get(path[-1]), (dict, list))


class Memory:
    """A Change with a file in memory, because thousands of documents would take minutes through a shell."""

    def __init__(self, changes: Changes, text: str) -> None:
        self.change = changes(apply=False)
        self.text = text
        self.change.read = lambda path: type("File", (), {"content": self.text.encode(), "exists": True})()
        self.change.write = self.write

    def write(self, path: str, content: str, **_: object) -> bool:
        changed, self.text = content != self.text, content
        return changed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
@given(TREES, st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.booleans() | st.text(max_size=4))
def test_in_any_document_the_keys_that_were_not_named_stay_equal(
    changes: Changes, tree: dict[str, Any], key: tuple[str, ...], value: object
) -> None:
    if not walkable(tree, key):
        return
    memory = Memory(changes, f"# head\n{tomlkit.dumps(tree)}# tail\n")
    memory.change.edit_toml("f", {key: value})
    after = tomllib.loads(memory.text)
    assert at(after, key) == value
    assert without(after, key) == without(tree, key)
    assert memory.text.startswith("# head\n")
    assert "# tail" in memory.text
    assert memory.change.edit_toml("f", {key: value}) is False


def test_a_value_where_a_table_belongs_is_refused(changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("plugins = 5\n")
    with pytest.raises(ChangeFailed, match="plugins is not a table"):
        changes().edit_toml(str(tmp_path / "c.toml"), {("plugins", "cri", "key"): "x"})
    assert (tmp_path / "c.toml").read_text() == "plugins = 5\n"


def test_a_key_without_a_value_goes_and_takes_nothing_with_it(changes: Changes, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[registry]\nconfig_path = "/d" # ours\n[registry.mirrors."docker.io"]\nendpoint = []\n'
    )
    assert changes().edit_toml(str(tmp_path / "c.toml"), {("registry", "mirrors"): None, ("none", "such"): None})
    assert (tmp_path / "c.toml").read_text() == '[registry]\nconfig_path = "/d" # ours\n'
    assert not changes().edit_toml(str(tmp_path / "c.toml"), {("registry", "mirrors"): None, ("none", "such"): None})
