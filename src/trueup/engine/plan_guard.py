"""Holding a fix to its plan: what was agreed to is done, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from trueup.engine.plan import Plan
from trueup.errors import ChangeFailed
from trueup.results.action import OPEN, Action
from trueup.results.result import Outcome, Pair, Result


class Agreement:
    """A saved plan while it is carried out.

    Args:
        machines: host to what :data:`trueup.engine.plan.MACHINE` says of it now.
    """

    def __init__(self, plan: Plan, machines: Mapping[str, str]) -> None:
        self.steps: dict[Pair, list[Action]] = {
            (step.requirement, step.host): [planned.action for planned in step.actions] for step in plan.steps
        }
        self.drift: dict[Pair, str] = {}  # how that which would be done now differs from what was planned
        self._refused = {  # host to why nothing more is changed there
            host: "it is another machine than the one that the plan was made for"
            for host, was in plan.hosts.items()
            if was and machines.get(host, was) not in ("", was)
        }

    def compare(self, planned_now: Callable[[str, str], Result | None]) -> None:
        """Refuse the hosts on which the same plan would not be made any more.

        This comes before the first change: later, nobody could tell the run's own changes from those of others.

        Args:
            planned_now: function of requirement and host that plans the remedy; no result where it is not selected.
        """
        for (id, host), planned in self.steps.items():
            if (result := planned_now(id, host)) is None or result.outcome.holds:  # or somebody else has fixed it
                continue
            words = differences(planned, result.actions)
            if result.outcome is not Outcome.FAILED or not result.actions:
                words = [f"now it is {result.outcome}: {result.detail}"]
            if words:
                self.refuse((id, host), words)

    def refuse(self, pair: Pair, words: list[str]) -> None:
        """Note how a step differs from what it was, so that nothing is changed on its host."""
        id, host = pair
        self.drift[pair] = "\n".join([f"not as planned, so nothing is changed on {host}", *words])
        self._refused.setdefault(host, f"{id} is not as planned")

    def refusal(self, hosts: Iterable[str]) -> str:
        """Return why nothing is changed on one of the hosts, or nothing."""
        stopped = next((host for host in hosts if host in self._refused), "")
        return stopped and f"nothing is changed on {stopped}: {self._refused[stopped]}"


class Agreed:
    """The actions of one step, each of which may be done once, in their order.

    An earlier step may have done some of it, and so changed what this one starts from. Files and objects are compared
    even so, because a plan shows them as the steps before would leave them.
    """

    def __init__(self, planned: Iterable[Action]) -> None:
        self._left = list(planned)

    def admit(self, action: Action) -> None:
        """Let an action pass that is planned.

        Raises:
            ChangeFailed: it is not, or another way.
        """
        _, planned, self._left = _find(self._left, action)
        if planned is None:
            raise ChangeFailed(f"not planned: {action.summary}")
        if words := _difference(planned, action, "+-" if planned.precondition else "+"):
            raise ChangeFailed(words)


def differences(planned: Iterable[Action], done: Iterable[Action]) -> list[str]:
    """Return in words what was done otherwise than planned, or would be; nothing where it is the same.

    What only the run can tell, and the plan says so, is whatever the run has made of it.
    """
    left, words = list(planned), []
    for action in done:
        skipped, found, left = _find(left, action)
        words += [*_undone(skipped), _difference(found, action, "+-") if found else f"not planned: {action.summary}"]
    return [*filter(None, words), *_undone(left)]


def _find(planned: list[Action], now: Action) -> tuple[list[Action], Action | None, list[Action]]:
    """Return what comes before the action of that name, that action, and what comes behind it; or all as the last."""
    for n, each in enumerate(planned):
        if _same(each.summary, now.summary):
            return planned[:n], each, planned[n + 1 :]
    return [], None, planned


def _undone(planned: Iterable[Action]) -> list[str]:
    return [f"planned, and not to be done: {each.summary}" for each in planned if OPEN not in each.summary]


def _difference(planned: Action, now: Action, signs: str) -> str:
    """Return how two actions of the same name differ, as far as rows of their diffs with these signs go."""
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
    """Whether two words or rows are the same, as far as the plan can say."""
    fixed, undecided, _ = planned.partition(OPEN)
    return planned == now if not undecided else now.startswith(fixed) or now == fixed.rstrip()
