"""One run in one process: its hosts, its profile, and the audit or rollout that judges the requirements."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from trueup.connection import sudo
from trueup.engine import batches, plan, resume
from trueup.engine.audit import Audit
from trueup.engine.drill import Trial
from trueup.engine.interrupts import Interrupts
from trueup.engine.locks import Locks
from trueup.engine.needs import Subject, reached
from trueup.engine.permissions import check_rights
from trueup.engine.plan_guard import Agreement
from trueup.engine.recheck import Say
from trueup.engine.rollout import Rollout, rollout
from trueup.errors import CouldNotLook, UsageError, some
from trueup.hosts import inventory
from trueup.hosts.fleet import Fleet, Progress
from trueup.hosts.inventory import Connection
from trueup.journal.on_controller import RunJournal
from trueup.kubeapi.connection import check_kubeconfig
from trueup.model.catalog import DISRUPTIONS, Requirement, catalog
from trueup.model.fact import Fact
from trueup.model.profile import LoadedProfile, load
from trueup.plugin.options import Options
from trueup.results.result import Pair, Result
from trueup.results.run import RequirementInfo, Run
from trueup.undo.run import LIST, Rollback

LEDGERS = ".trueup/runs"  # below pytest's rootdir
Selected = tuple[Requirement, Subject]


class Verdicts(Protocol):
    """Returns verdicts: an audit, or a rollout."""

    def verdict(self, requirement: Requirement, subject: Subject) -> Result:
        """Return the final result of one requirement on one host."""


class Session:
    """The state of a run in one process.

    Args:
        root: pytest's rootdir, which contains the journals of runs.
        worker: this process is an xdist worker.
        distributed: this process has xdist workers, which judge from its snapshots.
        say: prints a line; any thread may call it.
        progress: is called with the numbers of hosts that answered, of all hosts, and of unreachable ones.
    """

    def __init__(
        self, options: Options, root: Path, *, worker: bool, distributed: bool, say: Say, progress: Progress
    ) -> None:
        self.options = options
        self.worker = worker
        self.distributed = distributed
        self.say = say
        self._progress = progress
        self._directory = root / LEDGERS
        connection = Connection(
            options.ssh_config, options.ssh_identity_file, options.ssh_extra_args,
            options.sudo, options.sudo_user, options.ansible_inventory,
        )  # fmt: skip
        self.targets = inventory.read(options.hosts, connection)
        if options.kubeconfig:
            check_kubeconfig(options.kubeconfig)
        self.profile: LoadedProfile = load(options.profile)
        self.plan = self._read_plan()
        catalog.load("trueup.checks", "trueup.remediations")
        self.fleet = Fleet(
            self.targets, self.profile, self._with_password(connection),
            shared=options.mode != "audit", timeout=options.host_timeout, forks=options.forks,
            kubeconfig=options.kubeconfig,
        )  # fmt: skip
        self.verdicts: Verdicts | None = None
        self.rollback: Rollback | None = None
        self.run = Run(
            id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            profile=self.profile.name,
            mode=options.mode,
            hosts={id: tuple(sorted(host.roles)) for id, host in self.fleet.hosts.items()},
            digest=self.profile.digest,
            options=options.given,
            started=_now(),
            waivers=self.profile.profile.waivers,
            plan=self.plan.run if self.plan else "",
        )
        self.batches = self._batches()
        self._interrupts = Interrupts(say)
        self._while_changing = ExitStack()
        self.journal = RunJournal(self._directory, self.run.id)
        self.snapshots = Path(tempfile.mkdtemp(prefix="trueup-")) if distributed else None

    def subjects(self, requirement: Requirement) -> list[Subject]:
        """Return the subjects of the requirement: the hosts of its roles, or the cluster."""
        if not self.profile.selects(requirement) or (requirement.drill and not self.options.drill):
            return []
        if requirement.across:
            return [self.fleet.cluster] if self.fleet.cluster.concerned(requirement) else []
        return [host for host in self.fleet.hosts.values() if host.concerns(requirement)]

    def switched_off(self) -> list[str]:
        """Return a line about requirements newer than the profile's catalogue; empty if there are none."""
        if not (off := self.profile.newer(catalog.requirements.values())):
            return []
        count = "1 requirement is" if len(off) == 1 else f"{len(off)} requirements are"
        return [
            f"{count} newer than the profile's catalogue {self.profile.profile.catalogue}, and off: "
            f"{some(each.id for each in off)}; a profile turns them on by catalogue: "
            f'"{max(each.since for each in off)}", or one by its id in select'
        ]

    def begin_rollback(self) -> Rollback:
        """Take the hosts' locks, and return the rollback of the run.

        Raises:
            UsageError: no host knows the run, or another run has a host.
        """
        if self.options.mode == "rollback":
            self._begin_changing()
        journal = RunJournal(self._directory, self.options.rollback)
        apply = self.options.mode == "rollback"
        self.rollback = Rollback(self.fleet, self.options.rollback, journal, apply=apply)
        if self.options.rollback == LIST:
            for line in self.rollback.runs() or ["no host knows any run"]:
                self.say(line)
        return self.rollback

    def prepare(self, selected: list[Selected]) -> None:
        """Validate the catalogue and the profile, then gather the facts of all hosts at once.

        Raises:
            UsageError: an unknown id, or a selected requirement without a value in the profile.
        """
        self._validate(selected)
        self.run.selected = len(selected)
        for requirement in dict.fromkeys(requirement for requirement, _ in selected):
            info = RequirementInfo.of(requirement, catalog.remedies.get(requirement.id))
            self.run.requirements[requirement.id] = info
        if self.options.mode == "fix" or any(requirement.drill for requirement, _ in selected):
            self._begin_changing()
        needed = self._needed(selected)
        if not self.worker:
            self._gather([*selected, *needed.values()])
        pairs = frozenset((requirement.id, subject.id) for requirement, subject in selected)
        if self.options.mode == "audit":
            self.verdicts = Audit(catalog, self.fleet, self.profile, pairs.union(needed), trial=self._trial)
            return
        agreement = self._agreement(pairs, needed)
        self.verdicts = self._rollout(
            pairs, needed, apply=self.options.mode == "fix", agreement=agreement,
            allow=self.options.allow, most=self.options.most,
        )  # fmt: skip
        if self.options.mode == "fix":
            steps = agreement.steps if agreement else pairs
            fixable = [(each, on) for each, on in selected if (each.id, on.id) in steps]
            before = Audit(catalog, self.fleet, self.profile, pairs.union(needed))
            check_rights(self.fleet.cluster, before, fixable, self.options.most)

    def load(self, requirement: Requirement, subject: Subject, directory: Path) -> None:
        """In a worker, read the snapshots that a result depends on."""
        assert isinstance(self.verdicts, Audit)
        for id in (*self.verdicts.needs.relied(requirement, subject), self.fleet.cluster.id):
            self.fleet.load(id, directory)

    @property
    def interrupted(self) -> bool:
        """Whether the operator interrupted the run."""
        return self._interrupts.asked

    def finish(self) -> None:
        """Release the hosts, and write the resume file."""
        self._while_changing.close()
        self.run.ended = _now()
        self.run.resume = self.options.resume
        if not isinstance(self.verdicts, Rollout) or not self.verdicts.apply:
            return
        self.run.stopped, self.run.left = self.verdicts.stopped, self.verdicts.left()
        if self.run.left:
            words = self.options.hosts or "ansible://all"
            left = resume.describe(self.run.id, self.options.profile, words, self.targets, self.run.left)
            try:
                path = resume.write(self._directory / self.run.id, left)
                self.run.resume = os.path.relpath(path)
            except OSError as error:
                self.say(f"the resume file cannot be written: {error}")

    def write_plan(self) -> str:
        """Write the plan, unless the run ended early; return a line that says so."""
        path = Path(self.options.plan_out)
        if (judged := len(self.run.results)) < self.run.selected:
            return f"{path} is not written: the run ended after {judged} of {self.run.selected} results"
        made = plan.make(self.run, catalog, self.profile, self._machines())
        plan.write(path, made)
        rest = f"; {len(made.unplanned)} failures have no step: see unplanned in the file" if made.unplanned else ""
        return f"{path}: {len(made.steps)} steps for --fix={path}{rest}"

    def close(self) -> None:
        """Release locks, connections and temporary files."""
        self._while_changing.close()
        self.fleet.close()
        if self.snapshots:
            shutil.rmtree(self.snapshots, ignore_errors=True)

    def _read_plan(self) -> plan.Plan | None:
        if not (file := self.options.plan_file):
            return None
        return plan.read(Path(file), self.profile, [target.id for target in self.targets])

    def _with_password(self, connection: Connection) -> Connection:
        if not self.options.become_password or self.options.collect_only:
            return connection
        if not any(target.becomes(connection) for target in self.targets):
            raise UsageError("--become-password: no host is to use sudo; add --sudo")
        return replace(connection, password=sudo.read(self.options.become_password))

    def _batches(self) -> batches.Batches:
        options = self.options
        left = resume.read(options.resume).left if options.resume else None
        return batches.plan(
            {id: host.roles for id, host in self.fleet.hosts.items()},
            canary=options.canary, batch=options.batch, max_fail=options.max_fail, left=left,
            where=f"--resume={options.resume}",
        )  # fmt: skip

    def _validate(self, selected: list[Selected]) -> None:
        catalog.validate()
        where, profile = str(self.profile.path), self.profile.profile
        catalog.known(profile.select, f"{where}: select")
        catalog.known([waiver.requirement for waiver in profile.waivers], f"{where}: waivers")
        for requirement, subject in selected:
            if not subject.spec.holds(requirement.key):
                remedy = f"set it, or deselect the requirement: select: ['!{requirement.id}']"
                raise UsageError(f"{where}: selects {requirement.id} but has no value for {requirement.key}; {remedy}")
        if self.plan:
            plan.known(self.plan, catalog, self.options.plan_file)

    def _needed(self, selected: list[Selected]) -> dict[Pair, Selected]:
        """Return the pairs that the selected ones need, so that a verdict does not depend on the selection.

        A deselected active requirement is not judged as a need; the run says so.
        """
        found = reached(catalog, self.fleet, selected, after=self.options.mode == "fix")
        of = {each.id: {subject.id for subject in self.subjects(each)} for each, _ in found.values()}
        chosen = {(requirement.id, subject.id) for requirement, subject in selected}
        needed = {(id, on): pair for (id, on), pair in found.items() if (id, on) not in chosen and on in of[id]}
        tried = {pair for pair, (requirement, _) in needed.items() if requirement.active or requirement.drill}
        self.run.not_judged = sorted({id for id, _ in tried})
        return {pair: each for pair, each in needed.items() if pair not in tried}

    def _agreement(self, pairs: frozenset[Pair], needed: Iterable[Pair]) -> Agreement | None:
        if self.plan is None:
            return None
        agreement = Agreement(self.plan, self._machines())
        planner = self._rollout(pairs, needed, apply=False, agreement=agreement, allow=("destructive",))
        subjects: dict[str, Subject] = {**self.fleet.hosts, self.fleet.cluster.id: self.fleet.cluster}

        def planned_now(id: str, host: str) -> Result | None:
            return planner.verdict(catalog.requirements[id], subjects[host]) if (id, host) in pairs else None

        agreement.compare(planned_now)
        return agreement

    def _rollout(
        self, pairs: frozenset[Pair], needed: Iterable[Pair], *, apply: bool, agreement: Agreement | None, **given: Any
    ) -> Rollout:
        parts: dict[str, Any] = {"most": DISRUPTIONS[-1]}
        if apply or not agreement:
            parts |= {
                "batches": self.batches, "interrupts": self._interrupts, "say": self.say, "trial": self._trial,
                "journal": self.journal,
            }  # fmt: skip
        return rollout(
            catalog, self.fleet, self.profile, pairs,
            run=self.run.id, apply=apply, judged=needed, agreement=agreement, **(parts | given),
        )  # fmt: skip

    def _trial(self, requirement: Requirement) -> Trial:
        return Trial(self.fleet, self.run.id, self.say, requirement, journal=self.journal)

    def _begin_changing(self) -> None:
        """Take the hosts' locks and the signals before gathering, so that nobody else changes the hosts.

        Raises:
            UsageError: another run has one of the hosts.
        """
        locks = Locks(
            self.fleet.hosts.values(), self.run.id,
            say=self.say, force=self.options.break_lock, forks=self.fleet.forks,
        )  # fmt: skip
        self._while_changing.enter_context(locks)
        self._while_changing.enter_context(self._interrupts)  # exits first: no signal interrupts the unlocking

    def _gather(self, judged: Iterable[Selected]) -> None:
        wanted: dict[str, dict[str, Fact[Any]]] = {}
        for requirement, subject in judged:
            for host in (*subject.members(requirement), subject):
                wanted.setdefault(host.id, {}).update((fact.name, fact) for fact in requirement.reads)
        if self.plan or self.options.plan_out:
            for id in self.fleet.hosts:
                wanted.setdefault(id, {})[plan.MACHINE.name] = plan.MACHINE
        self.fleet.gather({host: facts.values() for host, facts in wanted.items()}, self._progress)
        if self.snapshots:
            self.fleet.save(self.snapshots)

    def _machines(self) -> dict[str, str]:
        """Return host to the digest of its machine-id; empty if it has none or does not answer."""
        found = dict.fromkeys(self.fleet.hosts, "")
        for id, host in self.fleet.hosts.items():
            with suppress(CouldNotLook):
                found[id] = host.facts[plan.MACHINE]
        return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
