"""Undoes a run by its journals: those on the hosts, and the controller's for Kubernetes objects."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cached_property
from operator import itemgetter

from trueup.change import verbs
from trueup.errors import Unreachable, UsageError, nearest
from trueup.hosts import probing
from trueup.hosts.fleet import Fleet
from trueup.journal import on_host
from trueup.journal.on_controller import RunJournal
from trueup.journal.on_host import Journal
from trueup.model.fact import Fact
from trueup.results.action import Action
from trueup.results.result import Outcome, Pair, Result
from trueup.undo.steps import Step, Undoing

LIST = "list"  # as the run: list the runs
WHOLE = "rollback"  # as the requirement, for a host that does not answer
_PATIENCE = 60.0  # seconds to read a journal
_SHOWN = 10  # runs in a message
_RUN = re.compile(r"[A-Za-z0-9._-]+")


class Rollback:
    """The rollback of one run: the changes in its journals, and the result of undoing them.

    Args:
        run: the id of the run, or :data:`LIST`.
        journal: the run's journal on the controller.
        apply: undo; otherwise only report what can be undone.

    Raises:
        UsageError: no host knows the run; names the runs that they know.
    """

    def __init__(self, fleet: Fleet, run: str, journal: RunJournal, *, apply: bool) -> None:
        self.run = run
        self.selected: frozenset[Pair] = frozenset()
        self._fleet = fleet
        self._apply = apply
        self._undoing = Undoing(fleet, run, journal if journal.known else None)
        self._known: dict[str, Journal] = {}
        self._read()
        steps = [Step(host, entry) for host, known in self._known.items() for entry in known.entries]
        steps += [Step(fleet.cluster.id, entry) for entry in journal.objects()]
        self._steps = sorted(steps, key=lambda step: step.entry.sequence, reverse=True)
        if run != LIST and not self._steps and not self._undoing.gone:
            raise UsageError(f"--rollback={run}: {self._unknown()}")

    @property
    def pairs(self) -> list[Pair]:
        """Return the pairs of requirement and host that the run changed, newest first."""
        return list(dict.fromkeys(step.pair for step in self._steps))

    @property
    def silent(self) -> list[Pair]:
        """Return a pair for each host whose journal could not be read."""
        return [(WHOLE, host) for host in self._fleet.hosts if host not in self._known]

    def runs(self) -> list[str]:
        """Return a line for each known run: its id, its start, and its number of changes to undo by host."""
        left: dict[str, list[str]] = {}
        for host, known in sorted(self._known.items(), key=itemgetter(0)):  # hosts answer in any order
            for run, count in known.runs.items():
                left.setdefault(run, []).append(f"{host} {count or 'none'}")
        return [f"{run}  {_began(run)}  changes that are not undone: {', '.join(left[run])}" for run in sorted(left)]

    def result(self, requirement: str, host: str) -> Result:
        """Return the result for one requirement on one host; the first call undoes the whole selection."""
        steps = [step for step in self._carried_out if step.pair == (requirement, host)]
        left = [step for step in steps if step.why]
        if (gone := self._undoing.gone.get(host)) and (left or not steps):
            outcome = Outcome.UNREACHABLE if isinstance(gone, Unreachable) else Outcome.COULD_NOT_LOOK
            return Result(requirement, host, outcome, detail=str(gone))
        good = Outcome.UNDONE if self._apply else Outcome.CAN_UNDO
        result = Result(requirement, host, Outcome.NOT_UNDONE if left else good)
        result.actions = [_action(step) for step in steps if not step.why]
        result.note(*(f"{step.entry.summary}: {step.why}" for step in left))
        if not steps:
            result.note("was undone before")
        return result

    @cached_property
    def _carried_out(self) -> list[Step]:
        """The selected steps that are not undone yet, judged and, unless planning, undone."""
        pending = [step for step in self._steps if step.pending]
        steps = [step for step in pending if step.pair in self.selected]
        self._undoing.judge(steps, [step for step in pending if step.pair not in self.selected])
        if self._apply:
            touched = {step.host for step in self._steps if not step.pending}
            self._undoing.carry_out([step for step in steps if not step.why], touched)
        return steps

    def _read(self) -> None:
        if not _RUN.fullmatch(self.run):
            raise UsageError(f"--rollback={self.run}: not a run id; --rollback={LIST} lists the runs")
        asked = Fact("journal", on_host.reading(verbs.STATE, self.run), on_host.parse)

        def read(host: str) -> None:
            self._known[host] = probing.ask(self._fleet.hosts[host].transport, asked, _PATIENCE)

        self._undoing.each(read, self._fleet.hosts)

    def _unknown(self) -> str:
        ids = {run for known in self._known.values() for run in known.runs}
        if not ids:
            return "no host knows any run"
        rows = "\n".join(f"  {row}" for row in self.runs()[-_SHOWN:])
        return f"no host knows that run{nearest(self.run, ids)}\nthe newest that they know:\n{rows}"


def _began(run: str) -> str:
    try:
        return f"{datetime.strptime(run.partition('-')[0], '%Y%m%dT%H%M%SZ'):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return "start unknown"


def _action(step: Step) -> Action:
    verb = "settle after" if step.settles else "undo"
    return Action("undo", step.entry.target, f"{verb} {step.entry.summary} ({step.entry.sequence})", step.diff, ":")
