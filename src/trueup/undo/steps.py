"""Undoes changes from journals: checks that each is still as the run left it, then undoes newest first."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from trueup.change import ClusterChange
from trueup.change.verbs import Verbs
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.hosts import probing
from trueup.hosts.fleet import Fleet
from trueup.journal.on_controller import RunJournal
from trueup.journal.on_host import Entry, State
from trueup.journal.record import Record
from trueup.model.fact import Fact
from trueup.model.snapshot import Raw
from trueup.redact import redact

_PATIENCE, _EACH = 60.0, 5.0  # seconds to check a host, plus these for each change
_LINES = 200  # lines of a diff


@dataclass
class Step:
    """One change of the run, its host, and the result of its undo."""

    host: str
    entry: Entry
    why: str = ""  # why it is not undone
    diff: str = ""
    undone: bool = False  # undone by this process

    @property
    def pair(self) -> tuple[str, str]:
        """Return the requirement and the host."""
        return self.entry.requirement, self.host

    @property
    def pending(self) -> bool:
        """Whether there was anything to undo when the journal was read."""
        return self.entry.state is not State.UNDONE

    @property
    def settles(self) -> bool:
        """Whether the change itself cannot be undone, but services must load the restored state."""
        return bool(self.entry.settle) and not self.entry.undo


class Undoing:
    """Undoes changes of one run on hosts and to objects of their cluster.

    Args:
        run: the run's id.
        journal: its journal on the controller, if there is one.
    """

    def __init__(self, fleet: Fleet, run: str, journal: RunJournal | None) -> None:
        closed = {id: CouldNotLook(host.closed) for id, host in fleet.hosts.items() if host.closed}
        self.gone: dict[str, Unreachable | CouldNotLook] = {**closed}  # host to why it does not answer
        self._fleet = fleet
        self._run = run
        self._journal = journal

    def each(self, work: Callable[[str], object], hosts: Iterable[str]) -> None:
        """Call a function for several hosts in parallel; record the hosts that do not answer."""

        def guarded(host: str) -> None:
            try:
                work(host)
            except (Unreachable, CouldNotLook) as error:
                self.gone[host] = error

        with ThreadPoolExecutor(self._fleet.forks, thread_name_prefix="undo") as pool:
            list(pool.map(guarded, dict.fromkeys(hosts)))

    def judge(self, steps: list[Step], others: list[Step]) -> None:
        """Decide for each step whether it can be undone, and give it a diff.

        Args:
            steps: the steps to undo, newest first.
            others: the run's other changes, which stay.
        """

        def judge(host: str) -> None:
            here = [step for step in steps if step.host == host]
            changed = self._objects(here) if host == self._fleet.cluster.id else self._looked(host, here)
            self._judge(here, changed, [step for step in others if step.host == host])

        self.each(judge, [step.host for step in steps])
        for step in steps:
            if step.host in self.gone:
                step.why = str(self.gone[step.host])

    def carry_out(self, steps: list[Step], touched: set[str]) -> None:
        """Undo steps, newest first, one requirement at a time on all hosts; then let services load the state.

        Args:
            steps: the steps that can be undone, newest first.
            touched: hosts with earlier undone changes that services may not have loaded.
        """
        for _, group in groupby((step for step in steps if not step.settles), key=lambda step: step.entry.requirement):
            stretch = list(group)
            self.each(partial(self._undo, stretch), [step.host for step in stretch])
        settling = [step for step in reversed(steps) if step.settles]
        touched = touched | {step.host for step in steps if step.undone}
        self.each(partial(self._settle, settling), {step.host for step in settling} & touched)
        self.each(partial(self._undo, settling), {step.host for step in settling} - touched)

    def _judge(self, steps: list[Step], changed: dict[int, str], others: list[Step]) -> None:
        stands = ""
        undoing: set[tuple[str, str]] = set()
        for step in steps:
            entry = step.entry
            if entry.stays:
                step.why = entry.stays
                stands = stands or entry.summary
            elif stands and step.host != self._fleet.cluster.id:  # objects do not depend on each other
                step.why = f"{stands} depends on it and cannot be undone"
            elif (why := changed.get(entry.sequence)) and entry.place not in undoing:
                newer = [other.entry.requirement for other in others if other.entry.place == entry.place]
                step.why = f"{why}, by {newer[0]} in this run: undo both" if newer else why
            else:
                undoing.add(entry.place)

    def _looked(self, host: str, steps: list[Step]) -> dict[int, str]:
        """Return the later changes by step number, and give the steps their diffs; one script per host."""
        asked = [Fact(f"intact.{step.entry.name}", step.entry.intact, str) for step in steps if step.entry.intact]
        after: dict[str, str] = {}  # path to the kept content that it has once the newer steps are undone
        for step in steps:
            kept = step.entry.before.get("kept")
            if isinstance(kept, str) and not step.entry.stays:
                path = step.entry.target
                asked.append(Fact(f"diff.{step.entry.name}", _diff(path, after.get(path, path), kept), str))
                after[path] = kept
        text, nonce = probing.script(asked, None)
        done = self._fleet.hosts[host].transport.run(text, _PATIENCE + _EACH * len(asked))
        answers = probing.unframe(nonce, done.out, done.err)
        changed = {}
        for step in steps:
            step.diff = redact(answers.get(f"diff.{step.entry.name}", Raw(0, "")).out)
            said = answers.get(
                f"intact.{step.entry.name}", Raw(1, "the host does not say whether it has changed since")
            )
            if step.entry.intact and said.rc:
                changed[step.entry.sequence] = redact(f"{said.out}{said.err}").strip() or f"exit code {said.rc}"
        return changed

    def _objects(self, steps: list[Step]) -> dict[int, str]:
        changed = {}
        for step in steps:
            before = step.entry.before
            if "left" in before and self._cluster(step).changed_since(
                before["object"], "absent" in before, before["left"]
            ):
                changed[step.entry.sequence] = f"{step.entry.target} has changed since"
        return changed

    def _undo(self, steps: list[Step], host: str) -> None:
        for step in (step for step in steps if step.host == host):
            self._attempt([step], partial(self._undo_one, step))

    def _undo_one(self, step: Step) -> None:
        if step.host == self._fleet.cluster.id:
            before = step.entry.before
            self._cluster(step).put_back(before["object"], "absent" in before)
            self._record(step).mark(step.entry, State.UNDONE)
        else:
            self._verbs(step).undo(step.entry)

    def _settle(self, steps: list[Step], host: str) -> None:
        here = [step for step in steps if step.host == host]
        for text in dict.fromkeys(step.entry.settle for step in here):
            same = [step for step in here if step.entry.settle == text]
            self._attempt(same, partial(self._settle_once, text, same))

    def _settle_once(self, text: str, steps: list[Step]) -> None:
        self._verbs(steps[0]).settle(text)
        for step in steps:
            self._verbs(step).undo(step.entry)

    def _attempt(self, steps: list[Step], work: Callable[[], object]) -> None:
        """Undo steps of one host, and record whether it succeeded."""
        host = steps[0].host
        try:
            if host in self.gone:
                raise self.gone[host]
            work()
        except ChangeFailed as error:
            why = str(error)
        except (Unreachable, CouldNotLook) as error:
            self.gone[host] = error
            why = str(error)
        else:
            why = ""
        for step in steps:
            step.why, step.undone = why, not why

    def _record(self, step: Step) -> Record:
        return Record(step.entry.requirement, self._journal)

    def _verbs(self, step: Step) -> Verbs:
        host = self._fleet.hosts[step.host]
        return Verbs(host.transport, host=host.id, run=self._run, apply=True, allowed="none", record=self._record(step))

    def _cluster(self, step: Step) -> ClusterChange:
        return ClusterChange(self._fleet.cluster, run=self._run, apply=True, allowed="none", record=self._record(step))


def _diff(path: str, now: str, kept: str) -> str:
    """Return a probe for the diff of restoring a kept file; empty without diff(1)."""
    name = shlex.quote(path)
    return f"""now={shlex.quote(now)}; kept={shlex.quote(kept)}
[ -e "$now" ] || now=/dev/null
[ -e "$kept" ] || kept=/dev/null
diff -u -L {name} -L {name} "$now" "$kept" 2>/dev/null | head -n {_LINES}"""
