"""One fault in one fix of one broken host, and what is looked at afterwards."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from faults import Fault
from scenario import Scenario, required

from lab import Lab
from trueup import inventory
from trueup.catalog import catalog
from trueup.converge import Converge
from trueup.fleet import Fleet
from trueup.locks import Locks
from trueup.profile import Loaded, load
from trueup.transport import Completed, Transport

MOMENTS = ("before", "during", "after")
_PATIENCE = 90.0  # seconds in which a run must end, whatever befalls its host
_CHANGES = "trap '' HUP PIPE"  # what the script of a change begins with


@dataclass
class Troubled:
    """A way to a host on which the n-th change meets a fault."""

    way: Transport
    fault: Fault
    number: int
    moment: str
    delay: float  # seconds after the beginning, for what happens during the change
    told: Path
    guard: str = ""
    seen: int = field(default=0, init=False)

    def run(self, script: str, timeout: float) -> Completed:
        if _CHANGES not in script or self._late():
            return self.way.run(script, timeout)
        return self._meet(lambda: self.way.run(script, timeout))

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        return self.way.send(file, script, timeout) if self._late() else self._meet(
            lambda: self.way.send(file, script, timeout)
        )  # fmt: skip

    def forward(self, host: str, port: int) -> str:
        return self.way.forward(host, port)

    def renew(self) -> None:
        self.way.renew()

    def close(self) -> None:
        self.way.close()

    def _late(self) -> bool:
        self.seen += 1
        return self.seen != self.number

    def _meet(self, do: Callable[[], Completed]) -> Completed:
        self.told.touch()
        if self.moment == "during":
            timer = Timer(self.delay, self.fault.begin)
            timer.start()
            try:
                return do()
            finally:
                timer.join()
        if self.moment == "before":
            self.fault.begin()
        done = do()
        if self.moment == "after":
            self.fault.begin()
        return done


@dataclass
class Bench:
    """A host, and how one requirement is made to hold on it."""

    lab: Lab
    host: str
    directory: Path
    _profiles: dict[str, Loaded] = field(default_factory=dict)

    _made: bool = False

    def good(self, scenario: Scenario) -> None:
        """Have the host as it ought to be: made anew at first, and after something went wrong."""
        if not self._made:
            self.lab.reset([self.host])
            fixed = self.converge(scenario, everything=True)
            assert fixed.code == 0 and not fixed.bad, fixed
            self._made = True

    def spoilt(self) -> None:
        """Have the host made anew before the next trial."""
        self._made = False

    def breaks(self, scenario: Scenario) -> None:
        """Break the host, with no more left of it to be taken back than what the scenario says."""
        self.lab.sh(self.host, f"set -e\n{scenario.script.read_text()}")

    def profile(self, scenario: Scenario) -> Loaded:
        """Return the lab's profile with what a scenario has of its own."""
        rows = [
            f"extends: {self.lab.profile}",
            'roles: {control-plane: ["*"], worker: ["*"]}',
            *scenario.head("profile"),
        ]
        text = "\n".join(rows) + "\n"
        if text not in self._profiles:
            path = self.directory / f"{len(self._profiles)}.yaml"
            path.write_text(text)
            self._profiles[text] = load(str(path))
        return self._profiles[text]

    def converge(
        self,
        scenario: Scenario,
        *,
        everything: bool = False,
        trouble: Callable[[Transport], Transport] | None = None,
    ) -> Ran:
        """Let a process of its own fix what a scenario breaks and what that needs, and return what came of it."""
        answer = self.directory / "answer.json"
        answer.unlink(missing_ok=True)
        profile = self.profile(scenario)
        ids = set(catalog.requirements) if everything else scenario.broken | required(scenario.broken)
        if (child := os.fork()) == 0:
            code = 1
            try:
                os.setsid()
                answer.write_text(json.dumps(self._converge(profile, ids, trouble or (lambda way: way))))
                code = 0
            finally:
                os._exit(code)
        return self._wait(child, answer)

    def _converge(self, profile: Loaded, ids: set[str], trouble: Callable[[Transport], Transport]) -> list[Any]:
        options = inventory.Connection(ssh_config=str(self.lab.ssh_config))
        inventory._ALIVE = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2")
        fleet = Fleet(inventory.read(self.host, options), profile, options, shared=True, timeout=25)
        try:
            host = fleet.hosts[self.host]
            vars(host)["transport"] = trouble(host.transport)
            chosen = [catalog.requirements[id] for id in catalog.order() if id in ids and profile.selects(id)]
            wanted = [each for each in chosen if not each.across and host.concerns(each)]
            pairs, run = [(each.id, host.id) for each in wanted], f"fault-{time.time_ns():x}"
            with Locks(fleet.hosts.values(), run, say=print):
                fleet.gather({host.id: [fact for each in wanted for fact in each.reads]})
                converge = Converge(catalog, fleet, profile, pairs, run=run, apply=True)
                return [converge.result(each, host).to_dict() for each in wanted]
        finally:
            fleet.close()

    def _wait(self, child: int, answer: Path) -> Ran:
        until = time.monotonic() + _PATIENCE
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > until:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Ran(None)
            time.sleep(0.02)
        return Ran(os.waitstatus_to_exitcode(ended[1]), json.loads(answer.read_text()) if answer.exists() else [])


@dataclass(frozen=True)
class Ran:
    """How a process ended, and the results that it left; the code is ``None`` where it had to be ended."""

    code: int | None
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        """Return what does not hold, in words."""
        return [
            f"{each['requirement']}: {each['outcome']}: {each['detail']}"
            for each in self.results
            if each["outcome"] not in ("passed", "fixed", "waived")
        ]

    @property
    def changes(self) -> list[str]:
        """Return what was done, or would be."""
        return [action["summary"] for each in self.results for action in each["actions"]]
