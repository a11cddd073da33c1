"""One fault in one fix of broken hosts, and what is looked at afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from evidence import Evidence
from kinds import Fault
from scenario import Scenario, required
from standing import Standing

from lab import Lab
from trueup.change.verbs import STATE
from trueup.connection.transport import Completed, Transport
from trueup.engine.audit import Subject
from trueup.engine.locks import Locks
from trueup.engine.rollout import rollout
from trueup.hosts import inventory
from trueup.hosts.cluster import Cluster
from trueup.hosts.fleet import Fleet
from trueup.journal.on_controller import RunJournal
from trueup.kubeapi.client import Api
from trueup.model.catalog import Requirement, catalog
from trueup.model.profile import LoadedProfile, load

T = TypeVar("T")
MOMENTS = ("before", "during", "after")
_CHANGES = "trap '' HUP PIPE"  # what the script of a change begins with
_ENTRY = re.compile(r'^ "requirement": "(?P<requirement>.*)",\n "verb": "(?P<verb>.*)",$', re.MULTILINE)


@dataclass
class Trouble:
    """A fault of a kind at the n-th change that a run makes, on the host where that is made."""

    kind: type[Fault]
    lab: Lab
    number: int
    moment: str
    delay: float  # seconds after the beginning, for what happens during the change
    told: Path  # where it is said that there was one, for the process that watches
    _seen: int = field(default=0, init=False)
    _counting: threading.Lock = field(default_factory=threading.Lock, init=False)

    def meet(self, host: str, what: dict[str, str], change: Callable[[], T]) -> T:
        """Make the change, and let the fault befall its host if it is this one's turn."""
        with self._counting:
            self._seen += 1
            mine = self._seen == self.number
        if not mine:
            return change()
        fault = self.kind(self.lab, host)
        self.told.write_text(json.dumps({"host": host, **what}))
        if self.moment == "during":
            timer = threading.Timer(self.delay, fault.begin)
            timer.start()
            try:
                return change()
            finally:
                timer.join()
        if self.moment == "before":
            fault.begin()
        done = change()
        if self.moment == "after":
            fault.begin()
        return done

    def in_api(self, host: str) -> None:
        """Let it befall the host of the API server where an object is changed, in this process from now on."""
        write = Api.write

        def troubled(api: Api, method: str, path: str, body: Any, **how: Any) -> Any:
            if how.get("dry"):
                return write(api, method, path, body, **how)
            what = {"requirement": "", "verb": f"{method} {path.rpartition('/')[0].rpartition('/')[2]}"}
            return self.meet(host, what, lambda: write(api, method, path, body, **how))

        Api.write = troubled  # type: ignore[method-assign]


@dataclass
class Troubled:
    """A way to a host on which changes meet trouble."""

    way: Transport
    host: str
    trouble: Trouble
    guard: str = ""

    def run(self, script: str, timeout: float) -> Completed:
        if _CHANGES not in script:
            return self.way.run(script, timeout)
        found = _ENTRY.search(script)
        what = found.groupdict() if found else {"requirement": "", "verb": "undo"}
        return self.trouble.meet(self.host, what, lambda: self.way.run(script, timeout))

    def send(self, file: Path, script: str, timeout: float) -> Completed:
        what = {"requirement": "", "verb": "send"}
        return self.trouble.meet(self.host, what, lambda: self.way.send(file, script, timeout))

    def forward(self, host: str, port: int) -> str:
        return self.way.forward(host, port)

    def renew(self) -> None:
        self.way.renew()

    def close(self) -> None:
        self.way.close()


@dataclass
class Bench:
    """Hosts that stand, and how one requirement is made to hold on them.

    Args:
        patience: seconds in which a run must end, whatever befalls its hosts.
    """

    standing: Standing
    directory: Path
    patience: float = 90.0
    _profiles: dict[str, LoadedProfile] = field(default_factory=dict, init=False)
    _made: bool = field(default=False, init=False)

    @property
    def lab(self) -> Lab:
        """Where the hosts are."""
        return self.standing.lab

    def good(self) -> None:
        """Have the hosts as they ought to be: made anew at first, and after something went wrong."""
        if not self._made:
            self.standing.make()
            assert self.standing.made.code == 0, self.standing.made.text
        self._made = False  # until the trial has come to its end
        for host in self.standing.hosts:
            self.lab.sh(host, f"rm -rf {STATE}/runs")  # so that what is kept is of this trial

    def spoilt(self) -> None:
        """Have the hosts made anew before the next trial."""
        self._made = False

    def evidence(self) -> dict[str, Evidence]:
        """Return host to what is on its disk now."""
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda host: Evidence.of(self.lab, host), self.standing.hosts)
            return dict(zip(self.standing.hosts, found, strict=True))

    def breaks(self, scenario: Scenario | None) -> None:
        """Break the hosts; without a scenario they are bare afterwards."""
        if scenario is None:
            self.lab.reset(self.standing.hosts)
            self.standing.prepare()
            return
        for text in scenario.head("first"):
            self.standing.sh(text)
        for host in self.standing.places(scenario):
            forgiven = "systemctl reset-failed"  # so many starts in so little time
            self.standing.sh(f"{forgiven}\nset -e\n{scenario.script.read_text()}", host)

    def takes_back(self, scenario: Scenario | None) -> None:
        """Take back what the scenario says that a fix leaves, so that the next trial may go on with the hosts.

        What a scenario only played, a power cut has ended: they are made anew then.
        """
        try:
            for text in scenario.head("after") if scenario else ():
                for host in self.standing.places(scenario):
                    self.standing.sh(text, host)
        except subprocess.CalledProcessError:
            return
        self._made = True

    def profile(self, scenario: Scenario | None) -> LoadedProfile:
        """Return the profile of the hosts with what a scenario has of its own."""
        rows = [f"extends: {self.standing.profile}", *(scenario.head("profile") if scenario else ())]
        text = "\n".join(rows) + "\n"
        if text not in self._profiles:
            path = self.directory / f"{len(self._profiles)}.yaml"
            path.write_text(text)
            self._profiles[text] = load(str(path))
        return self._profiles[text]

    def converge(self, scenario: Scenario | None, trouble: Trouble | None = None) -> Ran:
        """Let a process of its own fix what a scenario breaks and what that needs, and return what came of it."""
        answer = self.directory / "answer.json"
        answer.unlink(missing_ok=True)
        profile = self.profile(scenario)
        if (child := os.fork()) == 0:
            code = 1
            try:
                os.setsid()
                answer.write_text(json.dumps(self._converge(scenario, profile, trouble)))
                code = 0
            finally:
                os._exit(code)
        return self._wait(child, answer)

    def journals(self) -> list[str]:
        """Return what of the journals on this machine cannot be read."""
        rows = (row for file in self.directory.glob("runs/*/journal.jsonl") for row in file.read_text().splitlines())
        return [f"the journal on this machine has {row!r}" for row in rows if not _is_json(row)]

    def _converge(self, scenario: Scenario | None, profile: LoadedProfile, trouble: Trouble | None) -> list[Any]:
        ids = _wanted(scenario)
        ids |= required(ids)
        options = inventory.Connection(ssh_config=str(self.lab.ssh_config))
        inventory._ALIVE = ("-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=2")
        targets = inventory.read(",".join(self.standing.hosts), options)
        fleet = Fleet(targets, profile, options, shared=True, timeout=25)
        run = f"fault-{time.time_ns():x}"
        try:
            if trouble:
                trouble.in_api(self.standing.hosts[0])
            for host in fleet.hosts.values() if trouble else ():
                vars(host)["transport"] = Troubled(host.transport, host.id, trouble)
            ordered = [catalog.requirements[id] for id in catalog.order() if id in ids]
            chosen = list(filter(profile.selects, ordered))
            wanted = [(each, on) for each in chosen if not each.drill for on in _subjects(fleet, each)]
            pairs = [(requirement.id, subject.id) for requirement, subject in wanted]
            asked: dict[str, list[Any]] = {}
            for requirement, subject in wanted:
                for member in (*subject.members(requirement), subject):
                    asked.setdefault(member.id, []).extend(requirement.reads)
            with Locks(fleet.hosts.values(), run, say=print):
                fleet.gather(asked)
                journal = RunJournal(self.directory / "runs", run)
                made = rollout(
                    catalog, fleet, profile, pairs,
                    run=run, apply=True, say=print, journal=journal, **_allowed(scenario),
                )  # fmt: skip
                return [made.verdict(*each).to_dict() for each in wanted]
        finally:
            fleet.close()

    def _wait(self, child: int, answer: Path) -> Ran:
        until = time.monotonic() + self.patience
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() > until:
                os.kill(child, signal.SIGABRT)  # pytest has it say where it is
                time.sleep(1)
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return Ran(None)
            time.sleep(0.02)
        return Ran(os.waitstatus_to_exitcode(ended[1]), json.loads(answer.read_text()) if answer.exists() else [])


def _wanted(scenario: Scenario | None) -> set[str]:
    """Return what is to be fixed: all that a scenario breaks, or where it chooses by ``-k`` what it is about alone."""
    if scenario is None:
        return set(catalog.requirements)
    return {scenario.requirement} if any("-k " in words for words in scenario.head("options")) else scenario.broken


def _allowed(scenario: Scenario | None) -> dict[str, Any]:
    """Return what a scenario's options let a fix do, as the engine takes it."""
    words = " ".join(scenario.head("options") if scenario else ()).split()
    given = dict(word.split("=") for word in words if "=" in word)
    allow, most = given.get("--fix-allow"), given.get("--max-disruption")
    return ({"allow": [allow]} if allow else {}) | ({"most": most} if most else {})


def _subjects(fleet: Fleet, requirement: Requirement) -> Sequence[Subject]:
    cluster: Cluster = fleet.cluster
    if requirement.across:
        return [cluster] if cluster.concerned(requirement) else []
    return [host for host in fleet.hosts.values() if host.concerns(requirement)]


def _is_json(row: str) -> bool:
    try:
        json.loads(row)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Ran:
    """How a process ended, and the results that it left; the code is ``None`` where it had to be ended."""

    code: int | None
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        """Return what does not hold, in words."""
        return [
            f"{each['requirement']} on {each['host']}: {each['outcome']}: {each['detail']}"
            for each in self.results
            if each["outcome"] not in ("passed", "fixed", "waived")
        ]

    @property
    def changes(self) -> list[str]:
        """Return what was done, or would be."""
        return [action["summary"] for each in self.results for action in each["actions"]]
