"""Edits of configuration files change only the named keys, whatever the file contains."""

import difflib
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trueup.edit.documents import edit_toml, edit_yaml
from trueup.errors import ChangeFailed
from trueup.facts.runtime.config_keys import at

CRI = ("plugins", "io.containerd.grpc.v1.cri")
RUNC = (*CRI, "containerd", "runtimes", "runc")
CRI_ = 'plugins."io.containerd.grpc.v1.cri"'
TOP = [
    "version = 2 # keep\n",
    'root = "/var/lib/containerd"\nimports = [\n  "/etc/containerd/conf.d/*.toml", # site\n]\n',
    "oom_score = -999\nrequired_plugins = []\ndisabled_plugins = []\n",
    "dotted.key.a = 1 # d\n",
]
RUNTIMES = [
    f'[{CRI_}.containerd.runtimes.runc]\n  runtime_type = "io.containerd.runc.v2" # own\n'
    f"[{CRI_}.containerd.runtimes.runc.options]\n    SystemdCgroup=false\n    Root = ''\n",
    f"[{CRI_}.containerd.runtimes.runc.options]\nSystemdCgroup = true # yes\n",
    f'[{CRI_}.containerd.runtimes]\n  runc = {{runtime_type = "x", options = {{SystemdCgroup = false}}}}\n',
    f"[{CRI_}.containerd.runtimes.runc]\noptions.SystemdCgroup = false\n",
    "",
]
TABLES = [
    '[grpc]\n  address = "/run/containerd/containerd.sock" # socket\n',
    "[plugins]\n",
    f"[{CRI_}]\n  sandbox_image = 'k8s.gcr.io/pause:3.1' # old\n  unknown = 0x1F\n",
    f'[{CRI_}.containerd]\n  default_runtime_name = "nvidia"\n',
    f'[{CRI_}.containerd.runtimes.nvidia]\n  runtime_type = "io.containerd.runc.v2"\n'
    f'[{CRI_}.containerd.runtimes.nvidia.options]\n  BinaryName = "/usr/bin/nvidia-container-runtime" # theirs\n'
    "  SystemdCgroup = false # theirs\n",
    f'[{CRI_}.registry]\n  config_path = "" # unset\n',
    f'[{CRI_}.registry.mirrors."docker.io"] # mirror\n  endpoint = ["https://mirror.example"] # mirror\n',
    '[plugins."io.containerd.internal.v1.opt"]\n  path = """\n/opt\n# no comment"""\n',
    '[[other.list]]\nname = "x" # one\n[[other.list]]\n  [other.list.deep]\n  date = 1979-05-27T07:32:00Z\n',
    '[proxy_plugins]\n  stargz = {type = "snapshot", address = "/run/x.sock"}\n',
    '[timeouts]\n  "io.containerd.timeout.bolt.open" = "0s"\n  a.b.c = +1.5e3 # dotted\n',
]
FILLING = st.sampled_from(["", "\n", "# a comment = [x]\n", "\n  # indented\n\n"])


@st.composite
def toml_texts(draw: st.DrawFn) -> str:
    """A containerd configuration as people have it: tables in any order, with other programs' keys between."""
    top = draw(st.permutations(draw(st.lists(st.sampled_from(TOP), unique=True))))
    tables = draw(st.permutations(draw(st.lists(st.sampled_from(TABLES), unique=True))))
    tables.insert(draw(st.integers(0, len(tables))), draw(st.sampled_from(RUNTIMES)))
    text = "".join(draw(FILLING) + part for part in [*top, *tables]) + draw(FILLING)
    return text.removesuffix(draw(st.sampled_from(["", "\n"])))


EDITS = st.dictionaries(
    st.sampled_from(
        [(*RUNC, "options", "SystemdCgroup"), (*CRI, "sandbox_image"), (*CRI, "registry", "config_path"), ("version",),
         (*RUNC, "runtime_type"), (*CRI, "new one", "deep.er")]
    ),
    st.booleans() | st.integers() | st.text(max_size=6) | st.lists(st.text(max_size=3), max_size=2),
    min_size=1, max_size=3,
)  # fmt: skip


def others(old: str, new: str, named: set[str]) -> list[str]:
    """Return the lines that differ and are neither a named key nor the head of a new table."""
    changed = [row for row in difflib.ndiff(old.splitlines(), new.splitlines()) if row[0] in "-+"]
    return [
        row for row in changed if not any(name in row for name in named) and not (row[0] == "+" and _is_head(row[2:]))
    ]


def _is_head(row: str) -> bool:
    return not row.strip() or row.strip()[0] == "["


def without(tree: Any, *paths: tuple[str, ...]) -> Any:
    """Return the tree without these keys, and without tables that become empty."""
    if not isinstance(tree, dict):
        return tree
    kept = {}
    for key, value in tree.items():
        below = [path[1:] for path in paths if path[0] == key]
        if () in below:
            continue
        inner = without(value, *below) if below else value
        if not below or inner not in ({}, None):
            kept[key] = inner
    return kept


@settings(max_examples=300)
@given(toml_texts(), EDITS)
def test_a_toml_document_changes_in_the_named_keys_only(text: str, values: dict[tuple[str, ...], Any]) -> None:
    edited = edit_toml(text, values)
    before, after = tomllib.loads(text), tomllib.loads(edited)
    assert {path: at(after, path) for path in values} == values
    assert without(after, *values) == without(before, *values)
    assert others(text, edited, {path[-1] for path in values}) == []
    assert edit_toml(edited, values) == edited


@settings(max_examples=100)
@given(
    toml_texts(),
    st.sampled_from([(*CRI, "registry", "mirrors"), (*RUNC, "options", "SystemdCgroup"), ("version",)]),
)
def test_what_goes_from_a_toml_document_takes_nothing_along(text: str, path: tuple[str, ...]) -> None:
    edited = edit_toml(text, {path: None})
    assert at(tomllib.loads(edited), path) is None
    assert without(tomllib.loads(edited), path) == without(tomllib.loads(text), path)
    gone = [row for row in difflib.ndiff(text.splitlines(), edited.splitlines()) if row[0] in "-+"]
    assert all(not row[2:] or path[-1] in row or "mirror" in row or "runc = {" in row for row in gone), gone
    if path[-1] != "mirrors":
        assert edited.count("#") >= text.count("#") - 1
    assert edit_toml(edited, {path: None}) == edited


SCALARS = st.sampled_from(
    ["1", "0644", "true # why", "yes", "'single'", '"double # no comment"', "10.96.0.10", "~", "", "# only this",
     "{clientCAFile: /etc/ca.crt, more: {}}", "[a, 'b', {c: d}]", "|\n{i}  literal\n\n{i}   text\n",
     ">-\n{i}  folded\n{i}  text", "{}", "[]", "plain words\n{i}  go on", "!!str 5", "2001-12-14"]
)  # fmt: skip
YAML_NAMES = ["kind", "cgroupDriver", "authentication", "x509", "enabled", "cluster DNS", "yes", "0"]


@st.composite
def yaml_texts(draw: st.DrawFn, column: int = 0, depth: int = 0) -> str:
    """A mapping in block style, as people write it: nested, with comments and lists."""
    indent, rows = " " * column, ""
    for name in draw(st.lists(st.sampled_from(YAML_NAMES), unique=True, min_size=1, max_size=4)):
        rows += draw(st.sampled_from(["", "", "\n", f"{indent}# about {name}\n", "# at the margin\n"]))
        kind = draw(st.sampled_from("ssml" if depth < 2 else "s"))
        head = f"{indent}{draw(st.sampled_from([name, f'{chr(34)}{name}{chr(34)}']))}:"
        if kind == "s":
            rows += f"{head} {draw(SCALARS)}".replace("{i}", indent).rstrip(" ") + "\n"
        elif kind == "m":
            comment = draw(st.sampled_from(["", "   # a table"]))
            rows += f"{head}{comment}\n{draw(yaml_texts(column + draw(st.integers(1, 4)), depth + 1))}"
        else:
            items = draw(st.lists(st.sampled_from(["a", "  b # c ", "k: 1\n{i}  l: 2"]), min_size=1, max_size=3))
            rows += f"{head}\n" + "".join(f"{indent}- {item}\n".replace("{i}", indent) for item in items)
    return rows


PATHS = st.lists(st.sampled_from([*YAML_NAMES, "new"]), min_size=1, max_size=3, unique=True).map(tuple)
YAML_VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["systemd", "10.96.0.10", "5m0s", "1.30", "no"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def comments(text: str) -> list[str]:
    return sorted(row.strip() for row in text.splitlines() if row.strip()[:1] == "#")


def blocked(text: str, path: tuple[str, ...]) -> bool:
    """Return whether a value stands where a table belongs."""
    above = [at(loaded(text), path[:depth]) for depth in range(1, len(path))]
    return any(value is not None and not isinstance(value, dict) for value in above)


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text) or {}


@settings(max_examples=300)
@given(
    st.sampled_from(["", "---\n", "# head\n"]),
    yaml_texts(),
    st.sampled_from(["", "# tail\n", "...\n"]),
    PATHS,
    YAML_VALUES,
)
def test_a_yaml_document_changes_in_the_named_key_only(
    head: str, body: str, tail: str, path: tuple[str, ...], value: Any
) -> None:
    text = head + body + tail
    if blocked(text, path):
        with pytest.raises(ChangeFailed, match="is not a table"):
            edit_yaml(text, {path: value})
        return
    edited = edit_yaml(text, {path: value})
    assert at(loaded(edited), path) == value
    assert without(loaded(edited), path) == without(loaded(text), path)
    assert edit_yaml(edited, {path: value}) == edited
    if not isinstance(at(loaded(text), path), dict | list):  # which go with their comments
        assert comments(edited) == comments(text)


@settings(max_examples=200)
@given(st.sampled_from(["", "# head\n"]), yaml_texts(), PATHS)
def test_what_goes_from_a_yaml_document_takes_nothing_along(head: str, body: str, path: tuple[str, ...]) -> None:
    text = head + body
    if blocked(text, path):
        return
    edited = edit_yaml(text, {path: None})
    assert at(loaded(edited), path) is None
    assert without(loaded(edited), path) == without(loaded(text), path)
    assert edit_yaml(edited, {path: None}) == edited
    if not isinstance(at(loaded(text), path), dict | list):  # which go with their comments
        assert comments(edited) == comments(text)
