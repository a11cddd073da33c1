"""Drills: what is learned only by trying it on the hosts. Each is asked for, comes last, and is taken back whole."""

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
    from trueup.journal.on_controller import Ledger
    from trueup.model.catalog import Requirement

T = TypeVar("T")


class Trial:
    """One drill as it is carried out: the hand, the hosts, and who is told.

    Args:
        run: the run's id, part of the names of all that is made on hosts meanwhile.
        say: takes a line that tells how far it is.
        ledger: the run's journal on this machine.
    """

    def __init__(
        self,
        fleet: Fleet,
        run: str,
        say: Callable[[str], None],
        requirement: Requirement,
        *,
        ledger: Ledger | None = None,
    ) -> None:
        cluster = fleet.cluster
        self.run = run
        self.spec = cluster.spec
        self.members = [host.id for host in cluster.members(requirement)]
        self.others = [
            id for id, host in fleet.hosts.items() if id not in self.members and not host.facts.snapshot.problem
        ]
        record = Record(requirement.id, ledger)
        self.change = ClusterChange(cluster, run=run, apply=True, allowed="restart", record=record)
        self.notes: list[str] = []
        self._say = say
        self._id = requirement.id
        self._cut = threading.Event()
        self._restored = False

    def note(self, words: str) -> None:
        """Tell how far it is, and keep that with the result."""
        self.notes.append(words)
        self._say(f"{self._id}: {words}")

    def pause(self, seconds: float) -> None:
        """Let time go by.

        Raises:
            CouldNotLook: the operator has interrupted the drill.
        """
        if self._cut.wait(seconds):
            raise CouldNotLook("interrupted")

    def each(self, asked: Fact[T]) -> dict[str, T]:
        """Return member to a fact as it is now, all asked at once.

        Raises:
            CouldNotLook: one of them cannot say, or is not reached.
        """

        def look(id: str) -> T:
            try:
                return self.change.on(id).look(asked)
            except (CouldNotLook, Unreachable) as error:
                raise CouldNotLook(f"{id}: {error}") from None

        with ThreadPoolExecutor(max(len(self.members), 1)) as pool:
            return dict(zip(self.members, pool.map(look, self.members), strict=True))

    def restore(self) -> None:
        """Take back what was done, once.

        Raises:
            ChangeFailed: something could not be.
        """
        if not self._restored:
            self._restored = True
            if problems := self.change.rollback():
                raise ChangeFailed(f"could not put back: {'; '.join(problems)}")

    def carry_out(self, drill: Drill[Any]) -> Raw:
        """Return what the drill says, or why it says nothing; all that it did is taken back by then.

        It is in a thread of its own, where an interrupt cannot end it between two steps.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="drill") as pool:
            acting = pool.submit(self._act, drill)
            try:
                return acting.result()
            except KeyboardInterrupt:
                self._cut.set()
                self._say(f"{self._id}: interrupted, putting back what was done")
                raise

    def _act(self, drill: Drill[Any]) -> Raw:
        try:
            try:
                data = drill.act(self)
            finally:
                self.restore()
        except (ChangeFailed, CouldNotLook, Unreachable) as error:
            return Raw(1, "", redact(str(error)))
        except Exception as error:  # noqa: BLE001 - hosts may have said anything, and must not end the run
            return Raw(1, "", redact(f"the drill broke ({type(error).__name__}: {error})"))
        return Raw(0, redact(json.dumps(data, indent=0)))
