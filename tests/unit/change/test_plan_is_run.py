"""Verbs in any order do what they would have said beforehand, each upon what those before it have left.

That the remedies do is held of each of them, wherever a test applies one: see ``plan_is_run`` of all unit tests.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scratch import Changes

from trueup.change import Change
from trueup.engine.plan_guard import differences
from trueup.errors import ChangeFailed

KEY = "net.ipv4.ip_forward"
UNIT = """LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no
"""
FILES = ("one.toml", "two.toml")
CONTENTS = ("", "# mine\na = 1\n", "a = 1\nb = 2", "[t]\nx = 'y'\n")
Verb = Callable[[Change, Path], object]

files, contents = st.sampled_from(FILES), st.sampled_from(CONTENTS)
verbs: st.SearchStrategy[Verb] = st.one_of(
    st.builds(
        lambda name, text, mode: lambda change, root: change.write(f"{root}/{name}", text, mode=mode),
        files, contents, st.sampled_from(["", "600", "644"]),
    ),
    st.builds(lambda name: lambda change, root: change.comment_out(f"{root}/{name}", 1), files),
    st.builds(
        lambda name, key, value: lambda change, r: change.edit_toml(f"{r}/{name}", {(key,): value}, default="c=1"),
        files, st.sampled_from("abt"), st.sampled_from([None, 1, "two"]),
    ),
    st.builds(
        lambda name, value: lambda change, root: change.drop_in("u.service", {name: value}),
        st.sampled_from(["After", "KillMode"]), st.sampled_from(["a", "b"]),
    ),
    st.just(lambda change, root: change.restart("u.service")),
)  # fmt: skip


def sysctl(change: Change, root: Path) -> None:
    change.sysctl(KEY, "1")


def told(change: Change, root: Path, sequence: list[Any]) -> Change:
    for verb in sequence:
        with suppress(ChangeFailed):  # keys that cannot be set: in the run as in the plan
            verb(change, root)
    return change


# Of what is no file a plan does not go on from what it has planned before: a parameter is set once.
sequences = st.lists(verbs, max_size=6).flatmap(lambda some: st.permutations([*some, sysctl]))


@given(sequences, st.lists(contents, min_size=2, max_size=2))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_sequence_of_verbs_does_what_it_would(
    changes: Changes, root: Path, state: Path, sequence: list[Any], before: list[str]
) -> None:
    for name, text in zip(FILES, before, strict=True):
        (root / name).write_text(text)
        (root / name).chmod(0o640)
    (state / "unit").write_text(UNIT)
    (root / "proc/sys/net/ipv4/ip_forward").write_text("0\n")
    for path in (*root.glob("etc/sysctl.d/*.conf"), *root.glob("etc/systemd/system/*/*.conf")):
        path.unlink()
    planned = told(changes(apply=False), root, sequence)
    assert [(root / name).read_text() for name in FILES] == before
    done = told(changes(), root, sequence)
    assert differences(planned.actions, done.actions) == []
    assert [action.precondition for action in planned.actions] == [action.precondition for action in done.actions]
    assert [action.diff for action in planned.actions if action.verb == "write"] == [
        action.diff for action in done.actions if action.verb == "write"
    ]
