"""Drills: disruptive trials on the hosts. Each needs --drill, runs last, and restores the previous state."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from trueup.change import ClusterChange
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.journal.record import Record
from trueup.model.fact import Drill, Fact
from trueup.model.snapshot import Raw
from trueup.redact import redact

if TYPE_CHECKING:
    from trueup.hosts.fleet import Fleet
    from trueup.journal.on_controller import RunJournal
    from trueup.model.catalog import Requirement

T = TypeVar("T")


class Trial:
    """One drill while it runs: gives it the hosts and the verbs to change them.

    Args:
        run: the run's id, part of the name of every temporary file and unit.
        say: prints a line of progress.
        journal: the run's journal on the controller.
    """

    def __init__(
        self,
        fleet: Fleet,
        run: str,
        say: Callable[[str], None],
        requirement: Requirement,
        *,
        journal: RunJournal | None = None,
    ) -> None:
        cluster = fleet.cluster
        self.run = run
        self.spec = cluster.spec
        self.members = [host.id for host in cluster.members(requirement)]
        self.others = [
            id for id, host in fleet.hosts.items() if id not in self.members and not host.facts.snapshot.problem
        ]
        record = Record(requirement.id, journal)
        self.change = ClusterChange(cluster, run=run, apply=True, allowed="restart", record=record)
        self.notes: list[str] = []
        self._say = say
        self._id = requirement.id
        self._cut = threading.Event()
        self._restored = False

    def note(self, words: str) -> None:
        """Print a line of progress, and add it to the result."""
        self.notes.append(words)
        self._say(f"{self._id}: {words}")

    def pause(self, seconds: float) -> None:
        """Wait so many seconds.

        Raises:
            CouldNotLook: the operator has interrupted the drill.
        """
        if self._cut.wait(seconds):
            raise CouldNotLook("interrupted")

    def each(self, asked: Fact[T]) -> dict[str, T]:
        """Return host to the current value of a fact, from all these hosts at once.

        Raises:
            CouldNotLook: a probe failed, or a host is unreachable.
        """

        def look(id: str) -> T:
            try:
                return self.change.on(id).ask(asked)
            except (CouldNotLook, Unreachable) as error:
                raise CouldNotLook(f"{id}: {error}") from None

        with ThreadPoolExecutor(max(len(self.members), 1)) as pool:
            return dict(zip(self.members, pool.map(look, self.members), strict=True))

    def restore(self) -> None:
        """Undo the drill's changes, once.

        Raises:
            ChangeFailed: a change could not be undone.
        """
        if not self._restored:
            self._restored = True
            if problems := self.change.rollback():
                raise ChangeFailed(f"could not undo: {'; '.join(problems)}")

    def carry_out(self, drill: Drill[Any]) -> Raw:
        """Run a drill, undo its changes, and return its answer, or the reason why there is none.

        It runs in its own thread, so that Ctrl-C cannot end it between two steps.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="drill") as pool:
            acting = pool.submit(self._act, drill)
            try:
                return acting.result()
            except KeyboardInterrupt:
                self._cut.set()
                self._say(f"{self._id}: interrupted, undoing its changes")
                raise

    def _act(self, drill: Drill[Any]) -> Raw:
        try:
            try:
                data = drill.act(self)
            finally:
                self.restore()
        except (ChangeFailed, CouldNotLook, Unreachable) as error:
            return Raw(1, "", redact(str(error)))
        except Exception as error:  # noqa: BLE001 - an unexpected answer of a host must not end the run
            return Raw(1, "", redact(f"the drill broke ({type(error).__name__}: {error})"))
        return Raw(0, redact(json.dumps(data, indent=0)))
