"""Enforces a saved plan: applies the planned actions only, and refuses hosts that drifted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trueup.engine.plan import Plan
from trueup.errors import ChangeFailed
from trueup.results.action import OPEN, Action
from trueup.results.result import Outcome, Pair, Result


class Agreement:
    """A saved plan while it is applied.

    Args:
        machines: host to its current value of :data:`trueup.engine.plan.MACHINE`.
    """

    def __init__(self, plan: Plan, machines: Mapping[str, str]) -> None:
        self.steps: dict[Pair, list[Action]] = {
            (step.requirement, step.host): [planned.action for planned in step.actions] for step in plan.steps
        }
        self.drift: dict[Pair, str] = {}  # requirement and host to the differences from the plan
        self._refused = {  # host to why it is refused
            host: "it is another machine than the one that the plan was made for"
            for host, was in plan.hosts.items()
            if was and machines.get(host, was) not in ("", was)
        }

    def compare(self, planned_now: Callable[[str, str], Result | None]) -> None:
        """Plan again, and refuse the hosts whose plan would differ now.

        This comes before the first change: later, nobody could tell the run's own changes from those of others.

        Args:
            planned_now: function of requirement and host that plans the remedy; no result where it is not selected.
        """
        for (id, host), planned in self.steps.items():
            if (result := planned_now(id, host)) is None or result.outcome.holds:  # else it was fixed by someone else
                continue
            words = differences(planned, result.actions)
            if result.outcome is not Outcome.FAILED or not result.actions:
                words = [f"now it is {result.outcome}: {result.detail}"]
            if words:
                self.refuse((id, host), words)

    def refuse(self, pair: Pair, words: list[str]) -> None:
        """Record how a step differs from the plan, and refuse its host."""
        id, host = pair
        self.drift[pair] = "\n".join([f"not as planned, so nothing is changed on {host}", *words])
        self._refused.setdefault(host, f"{id} is not as planned")

    def refusal(self, hosts: Iterable[str]) -> str:
        """Return why one of the hosts is refused; empty if none is."""
        stopped = next((host for host in hosts if host in self._refused), "")
        return stopped and f"nothing is changed on {stopped}: {self._refused[stopped]}"


class Agreed:
    """The planned actions of one step, each allowed once, in order.

    An earlier step may have done some of it, and so changed what this one starts from. Files and objects are compared
    even so, because a plan shows them as the steps before would leave them.
    """

    def __init__(self, planned: Iterable[Action]) -> None:
        self._left = list(planned)

    def admit(self, action: Action) -> None:
        """Allow a planned action.

        Raises:
            ChangeFailed: the action is not planned, or differs from the plan.
        """
        _, planned, self._left = _find(self._left, action)
        if planned is None:
            raise ChangeFailed(f"not planned: {action.summary}")
        if words := _difference(planned, action, "+-" if planned.precondition else "+"):
            raise ChangeFailed(words)


def differences(planned: Iterable[Action], done: Iterable[Action]) -> list[str]:
    """Return how the actions differ from the plan, as text; empty if they do not.

    What only the run can tell, and the plan says so, is whatever the run has made of it.
    """
    left, words = list(planned), []
    for action in done:
        skipped, found, left = _find(left, action)
        words += [*_undone(skipped), _difference(found, action, "+-") if found else f"not planned: {action.summary}"]
    return [*filter(None, words), *_undone(left)]


def _find(planned: list[Action], now: Action) -> tuple[list[Action], Action | None, list[Action]]:
    """Return the actions before the one with this summary, that action, and those after it; without it, all as last."""
    for n, each in enumerate(planned):
        if _same(each.summary, now.summary):
            return planned[:n], each, planned[n + 1 :]
    return [], None, planned


def _undone(planned: Iterable[Action]) -> list[str]:
    return [f"planned, and not to be done: {each.summary}" for each in planned if OPEN not in each.summary]


def _difference(planned: Action, now: Action, signs: str) -> str:
    """Return how two actions with one summary differ, comparing the diff rows with these signs."""
    if (planned.verb, planned.target) != (now.verb, now.target):
        return f"{now.summary}: planned for {planned.verb} {planned.target}"
    if OPEN in planned.summary:
        return ""
    old, new = ([row for row in each.diff.splitlines() if row.startswith(tuple(signs))] for each in (planned, now))
    if len(old) != len(new) or not all(map(_same, old, new)):
        rows = [f"  planned  {row}" for row in old if row not in new]
        rows += [f"  now      {row}" for row in new if row not in old]
        return "\n".join([f"{now.summary}: it would change something else", *rows])
    if planned.precondition not in ("", now.precondition):
        return f"{now.summary}: {now.target} is not as it was when the plan was made"
    return ""


def _same(planned: str, now: str) -> bool:
    """Whether two texts are the same, apart from values that only the run decides."""
    fixed, undecided, _ = planned.partition(OPEN)
    return planned == now if not undecided else now.startswith(fixed) or now == fixed.rstrip()
