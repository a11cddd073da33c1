"""What was agreed to is done, in that order, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.engine.plan import Planned
from trueup.engine.plan_guard import Agreed, differences
from trueup.errors import ChangeFailed
from trueup.results.action import Action, later

ROWS = st.lists(st.sampled_from(["-a", "+b", " c", "@@ -1 +1 @@", "+d"]), max_size=4).map("\n".join)
WORDS = st.sampled_from(["one", "two", "three"])
ACTIONS = st.lists(
    st.builds(Action, WORDS, WORDS, WORDS, ROWS, precondition=st.sampled_from(["", "x", "y"])), max_size=5
)


def write(summary: str, diff: str = "", before: str = "") -> Action:
    return Action("write", "/f", summary, diff, precondition=before)


@given(ACTIONS)
def test_what_is_done_as_planned_does_not_differ_and_is_let_pass(actions: list[Action]) -> None:
    assert differences(actions, actions) == []
    agreed = Agreed([Planned.of(action).action for action in actions])
    for action in actions:
        agreed.admit(action)


@given(ACTIONS, ACTIONS)
def test_what_differs_in_anything_but_its_context_is_told(planned: list[Action], done: list[Action]) -> None:
    def essence(action: Action) -> tuple[str, ...]:
        rows = [row for row in action.diff.splitlines() if row[:1] in "+-"]
        return (action.verb, action.target, action.summary, *rows)

    same = [*map(essence, planned)] == [*map(essence, done)]
    same = same and all(old.precondition in ("", new.precondition) for old, new in zip(planned, done, strict=False))
    assert (differences(planned, done) == []) is same


@given(ACTIONS, ACTIONS)
def test_nothing_passes_twice_or_that_is_not_planned(planned: list[Action], done: list[Action]) -> None:
    agreed, passed = Agreed(planned), []
    for action in done:
        try:
            agreed.admit(action)
            passed.append(action)
        except ChangeFailed:
            break
    names = iter(action.summary for action in planned)
    assert all(action.summary in names for action in passed)  # in that order


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (write("other"), "not planned: other"),
        (Action("run", "/f", "edit", "+a"), "edit: planned for write /f"),
        (write("edit", "+b", "then"), "edit: it would change something else\n  planned  +a\n  now      +b"),
        (write("edit", "+a", "now"), "edit: /f is not as it was when the plan was made"),
    ],
)
def test_what_is_not_let_pass_is_said(now: Action, said: str) -> None:
    with pytest.raises(ChangeFailed) as caught:
        Agreed([write("edit", "+a", "then")]).admit(now)
    assert str(caught.value) == said


def test_what_an_earlier_step_has_done_need_not_be_done_again() -> None:
    agreed = Agreed([write("one"), write("two", "-not there\n+new"), write("three")])
    agreed.admit(write("two", "-old\n+new"))
    agreed.admit(write("three"))
    assert differences([write("one"), write("two")], [write("two")]) == ["planned, and not to be done: one"]


@pytest.mark.parametrize(
    ("planned", "now", "same"),
    [
        (write("a", f"+runc {later('newest of >= 1')}"), write("a", "+runc 1.2"), True),
        (write("a", f"+runc {later('newest of >= 1')}"), write("a", f"+runc {later('newest of >= 1')}"), True),
        (write("a", f"+runc {later('newest of >= 1')}"), write("a", "+crun 1.2"), False),
        (write(f"enable u {later('the package may')}", "-not found"), write("enable u", "-disabled"), True),
        (write(f"enable u {later('the package may')}"), write("enable v"), False),
    ],
)
def test_what_only_the_run_can_tell_is_what_it_makes_of_it(planned: Action, now: Action, same: bool) -> None:
    assert (differences([planned], [now]) == []) is same


def test_what_the_run_may_find_unnecessary_may_be_left_out() -> None:
    assert differences([write(f"enable u {later('the package may')}"), write("b")], [write("b")]) == []
