"""A whole run as data: what every report is written from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trueup.model.result import Outcome, Result
from trueup.profiles.schema import Waiver
from trueup.version import VERSION

_UNKNOWN = {Outcome.UNREACHABLE, Outcome.COULD_NOT_LOOK, Outcome.BLOCKED}
COMPLIANT, NOT_COMPLIANT, COULD_NOT_LOOK, USAGE = 0, 1, 3, 4  # exit codes


@dataclass
class Run:
    """The results of a run and what they are results of."""

    id: str
    profile: str
    mode: str  # audit, plan, fix, rollback or rollback-plan
    hosts: list[str]
    waivers: list[Waiver] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    stopped: str = ""  # why it ended before it was done
    left: list[str] = field(default_factory=list)  # hosts that another run has to come back to
    resume: str = ""  # the file that this run went by, and in the end the one that the next can go by
    plan: str = ""  # id of the run whose plan is carried out

    @property
    def environment(self) -> dict[str, str]:
        """Return what the run was, for the head of a report."""
        what = {"trueup": VERSION, "run": self.id, "profile": self.profile, "mode": self.mode}
        return what | ({"plan": self.plan} if self.plan else {})

    @property
    def columns(self) -> list[str]:
        """Return the hosts, and after them what was judged on all of them together."""
        return list(dict.fromkeys([*self.hosts, *(result.host for result in self.results)]))

    @property
    def changes(self) -> int:
        """Return how many changes were made, or in a plan would be."""
        return sum(len(result.actions) for result in self.results)

    @property
    def counts(self) -> Counter[Outcome]:
        """Return how many results have each outcome."""
        return Counter(result.outcome for result in self.results)

    @property
    def exit_code(self) -> int:
        """Return 0 compliant, 1 not compliant, 3 when nothing is known to be wrong but not all could be looked at."""
        bad = [result for result in self.results if not result.outcome.holds]
        if not bad:
            return COMPLIANT
        known = any(result.deviations or result.outcome not in _UNKNOWN for result in bad)
        return NOT_COMPLIANT if known else COULD_NOT_LOOK

    def notes(self) -> list[str]:
        """Return what is to be said of the whole: what is left to do, and of waivers those that are over, and those
        that covered nothing that fails."""
        notes = [*self.unfinished()]
        today = datetime.now(UTC).date()
        for waiver in self.waivers:
            covered = [r for r in self.results if waiver.covers(r.requirement, r.host)]
            what = f"waiver of {waiver.requirement} on {', '.join(waiver.hosts)}"
            if waiver.expires < today:
                notes.append(f"{what} expired on {waiver.expires}: it no longer counts")
            elif covered and not any(r.outcome is Outcome.WAIVED for r in covered):
                notes.append(f"{what} is not used: nothing that it covers fails")
        return notes

    def unfinished(self) -> Iterator[str]:
        """Yield what a run that stopped, or that failed somewhere, leaves to do."""
        if self.stopped:
            yield self.stopped
        if beyond := list(dict.fromkeys(r.host for r in self.results if r.outcome is Outcome.NOT_ATTEMPTED)):
            yield f"not attempted, or not all of it: {', '.join(beyond)}"
        if self.left:
            yield f"left to do: {', '.join(self.left)}; go on with --fix --resume={self.resume}"
        elif self.resume:
            yield f"nothing is left of what {self.resume} lists"

    def by_requirement(self) -> dict[str, dict[str, Result]]:
        """Return requirement to host to result, in the order of the run."""
        table: dict[str, dict[str, Result]] = {}
        for result in self.results:
            table.setdefault(result.requirement, {})[result.host] = result
        return table
