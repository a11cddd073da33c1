"""What a run knows from its options on: hosts, profile, items, and when the hosts are looked at."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trueup.connection import sudo as become
from trueup.engine import batches, plan, resume
from trueup.engine.audit import Audit, Pair, Subject
from trueup.engine.converge import Converge
from trueup.engine.drill import Trial
from trueup.engine.interrupts import Interrupts
from trueup.engine.locks import Locks
from trueup.engine.plan_guard import Agreement
from trueup.engine.rollback import LIST, Rollback
from trueup.engine.rollout import Rollout
from trueup.errors import CouldNotLook, UsageError
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, read
from trueup.journal.on_controller import Ledger
from trueup.kubeapi.client import ApiError
from trueup.kubeapi.connection import check_kubeconfig
from trueup.model.catalog import DISRUPTIONS, Requirement, catalog
from trueup.model.fact import Fact
from trueup.model.profile import LoadedProfile as Loaded
from trueup.model.profile import load
from trueup.model.run import Run
from trueup.plugin import allure
from trueup.plugin.items import RequirementItem, RollbackItem
from trueup.plugin.terminal import Terminal

LEDGERS = ".trueup/runs"  # below pytest's rootdir


class Session:
    """What a run knows from its options on; one in each process."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        if option.become_user and option.sudo_user not in (None, option.become_user):
            raise UsageError(
                f"--become-user={option.become_user} and --sudo-user={option.sudo_user}: which of the two?"
            )
        option.sudo_user = option.become_user or option.sudo_user
        connection = Connection(
            option.ssh_config, option.ssh_identity_file, option.ssh_extra_args,
            option.sudo, option.sudo_user, option.ansible_inventory,
        )  # fmt: skip
        words = option.hosts or "ansible://all"
        targets = read(option.hosts, connection)
        if option.kubeconfig:
            check_kubeconfig(option.kubeconfig)
        # pytest-testinfra reads the same option for a user's own tests: let these go the same way.
        option.hosts = ",".join(
            f"ssh://{t.address}" if t.scheme == "ssh" and "://" not in t.spec else t.spec for t in targets
        )
        self.config = config
        self.mode = {"apply": "fix", "plan": "plan"}.get(option.fix, "audit")
        if option.rollback:
            self.mode = "rollback-plan" if self.mode == "plan" else "rollback"
        self.profile: Loaded = load(option.profile)
        self.plan = plan.read(Path(option.fix_plan), self.profile, [t.id for t in targets]) if option.fix_plan else None
        if option.plan_out:
            plan.check(Path(option.plan_out))
        catalog.load("trueup.checks", "trueup.remediations")
        self.worker = hasattr(config, "workerinput")
        if option.become_password and not (self.worker or option.collectonly):
            if not any(target.becomes(connection) for target in targets):
                raise UsageError("--become-password: no host is to use sudo; add --sudo")
            connection = replace(connection, password=become.read(option.become_password))
        self.fleet = Fleet(
            targets, self.profile, connection,
            shared=self.mode != "audit", timeout=option.host_timeout, forks=option.forks, kubeconfig=option.kubeconfig,
        )  # fmt: skip
        self.audit: Audit | None = None
        self.rollback: Rollback | None = None
        self.expected = 0  # results
        self.run = Run(
            f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}", self.profile.name, self.mode,
            list(self.fleet.hosts), self.profile.profile.waivers, plan=self.plan.run if self.plan else "",
        )  # fmt: skip
        roles = {id: host.roles for id, host in self.fleet.hosts.items()}
        left = resume.read(option.resume).left if option.resume else None
        self.batches = batches.plan(
            roles, canary=option.canary, batch=option.batch, max_fail=option.max_fail, left=left,
            where=f"--resume={option.resume}",
        )  # fmt: skip
        self._left = partial(resume.describe, self.run.id, option.profile, words, targets)
        self._interrupts = Interrupts(self._say)
        self._while_changing = ExitStack()
        self.ledger = Ledger(config.rootpath / LEDGERS, self.run.id)
        self.distributed = not self.worker and option.dist != "no" and bool(option.tx)
        self.snapshots = Path(tempfile.mkdtemp(prefix="trueup-")) if self.distributed else None

    def items(self, collector: pytest.Collector, requirement: Requirement) -> Iterable[RequirementItem]:
        """Yield the items of a requirement: one for each host whose roles it concerns, or one for them all."""
        if not self.profile.selects(requirement) or (requirement.drill and not self.config.option.drill):
            return
        cluster = self.fleet.cluster
        subjects: list[Subject] = [host for host in self.fleet.hosts.values() if host.concerns(requirement)]
        if requirement.across:
            subjects = [cluster] if cluster.concerned(requirement) else []
        for host in subjects:
            name = f"{requirement.id}[{host.id}]"
            item = RequirementItem.from_parent(collector, name=name, requirement=requirement, host=host)
            for mark in allure.marks(requirement, self.profile.name, host.roles):
                item.add_marker(mark)
            yield item

    def past(self, session: pytest.Session) -> list[RollbackItem]:
        """Return the items of a run that is to be taken back: one for each requirement and host that it changed.

        Raises:
            UsageError: no host knows the run, another run has a host, or the command line names single tests, which a
                run's changes are none of.
        """
        option = self.config.option
        if single := [arg for arg in self.config.args if "::" in arg or Path(arg).is_file()]:
            raise UsageError(f"--rollback goes by what the run did, not by {single[0]}: narrow it with -k")
        if self.mode == "rollback":
            self._begin_changing()
        ledger = Ledger(self.config.rootpath / LEDGERS, option.rollback)
        rollback = self.rollback = Rollback(self.fleet, option.rollback, ledger, apply=self.mode == "rollback")
        if option.rollback == LIST and (terminal := self._terminal()):
            for line in rollback.runs() or ["the hosts know of no run"]:
                terminal.say(line)
        return [self._past(session, pair, rollback) for pair in rollback.pairs]

    def chosen(self, session: pytest.Session, items: list[RollbackItem]) -> list[RollbackItem]:
        """Return the selected items, and one for each host that did not answer, which no selection hides."""
        assert self.rollback
        self.rollback.selected = frozenset(item.pair for item in items)
        return [*items, *(self._past(session, pair, self.rollback) for pair in self.rollback.silent)]

    def _past(self, session: pytest.Session, pair: Pair, rollback: Rollback) -> RollbackItem:
        name = f"{pair[0]}[{pair[1]}]"
        item = RollbackItem.from_parent(
            session, name=name, nodeid=f"{rollback.run}::{name}",
            pair=pair, rollback=rollback, requirement=catalog.requirements.get(pair[0]),
        )  # fmt: skip
        for mark in allure.marks(item.requirement, self.profile.name, frozenset()) if item.requirement else ():
            item.add_marker(mark)
        return item

    def prepare(self, items: list[RequirementItem]) -> None:
        """Check that everything needed is known, then look at all hosts in one go, before the first item runs.

        Raises:
            UsageError: ids that lead nowhere, or a selected requirement without a value in the profile.
        """
        catalog.validate()
        where, profile = str(self.profile.path), self.profile.profile
        catalog.known(profile.select, f"{where}: select")
        catalog.known([waiver.requirement for waiver in profile.waivers], f"{where}: waivers")
        for item in items:
            if not item.host.spec.holds(item.requirement.key):
                id, key = item.requirement.id, item.requirement.key
                remedy = f"set it, or take the requirement out: select: ['*', '!{id}']"
                raise UsageError(f"{where}: selects {id} but gives no value for {key}; {remedy}")
        if self.plan:
            plan.known(self.plan, catalog, self.config.option.fix_plan)
        if self.mode == "fix" or any(item.requirement.drill for item in items):
            self._begin_changing()
        if not self.worker:
            self._gather(items)
        self.expected = len(items)
        agreement = Agreement(self.plan, self._machines()) if self.plan else None
        pairs: set[Pair] = {(item.requirement.id, item.host.id) for item in items}
        say = self._say
        trial = partial(Trial, self.fleet, self.run.id, say, ledger=self.ledger)
        if self.mode == "audit":
            self.audit = Audit(catalog, self.fleet, self.profile, pairs, trial=trial)
        else:
            apply = self.mode == "fix"
            self.audit = Rollout(
                catalog, self.fleet, self.profile, pairs,
                run=self.run.id, apply=apply, say=say, trial=trial, ledger=self.ledger,
                allow=self.config.option.fix_allow, most=self.config.option.max_disruption, agreement=agreement,
                batches=self.batches, interrupts=self._interrupts,
            )  # fmt: skip
        for item in items:
            item.audit = self.audit
        if agreement:
            agreement.compare(
                Converge(
                    catalog, self.fleet, self.profile, pairs,
                    run=self.run.id, apply=False, allow=["destructive"], most=DISRUPTIONS[-1], agreement=agreement,
                )
            )  # fmt: skip
        if self.mode == "fix":
            steps = agreement.steps if agreement else pairs
            self._permitted([item for item in items if (item.requirement.id, item.host.id) in steps])

    def _begin_changing(self) -> None:
        """Take the hosts' locks and signals, before the hosts are looked at: nobody else changes them from then on.

        Raises:
            UsageError: another run has one of the hosts.
        """
        locks = Locks(
            self.fleet.hosts.values(), self.run.id,
            say=self._say, force=self.config.option.break_lock, forks=self.fleet.forks,
        )  # fmt: skip
        self._while_changing.enter_context(locks)
        self._while_changing.enter_context(self._interrupts)  # which ends first: what stops scripts stops no release

    @property
    def interrupted(self) -> bool:
        """Whether the operator has asked to begin nothing new."""
        return self._interrupts.asked

    def finish(self) -> None:
        """Give the hosts back, and keep what is left to do for another run."""
        self._while_changing.close()
        self.run.resume = self.config.option.resume
        if not isinstance(self.audit, Rollout) or not self.audit.apply:
            return
        self.run.stopped, self.run.left = self.audit.stopped, self.audit.left()
        if self.run.left:
            try:
                path = resume.write(self.config.rootpath / ".trueup/runs" / self.run.id, self._left(self.run.left))
                self.run.resume = os.path.relpath(path)
            except OSError as error:
                self._say(f"the resume file cannot be written: {error}")

    def _say(self, line: str) -> None:
        terminal = self._terminal()
        (terminal.say if terminal else print)(line)

    def _gather(self, items: list[RequirementItem]) -> None:
        wanted: dict[str, dict[str, Fact[Any]]] = {}
        for item in items:
            for host in (*item.host.members(item.requirement), item.host):
                wanted.setdefault(host.id, {}).update((fact.name, fact) for fact in item.requirement.reads)
        if self.plan or self.config.option.plan_out:
            for id in self.fleet.hosts:
                wanted.setdefault(id, {})[plan.MACHINE.name] = plan.MACHINE
        terminal = self._terminal()
        self.fleet.gather(
            {host: facts.values() for host, facts in wanted.items()}, terminal.progress if terminal else None
        )
        if self.snapshots:
            self.fleet.save(self.snapshots)

    def _machines(self) -> dict[str, str]:
        """Return host to what tells it from another one of its name, or nothing where it does not say."""
        found = dict.fromkeys(self.fleet.hosts, "")
        for id, host in self.fleet.hosts.items():
            with suppress(CouldNotLook):
                found[id] = host.facts[plan.MACHINE]
        return found

    def write_plan(self, path: Path) -> str:
        """Write the plan that the run came to, unless that is a part only; return what became of it, in words."""
        if (judged := len(self.run.results)) < self.expected:
            return f"{path} is not written: the run ended after {judged} of {self.expected} results"
        made = plan.make(self.run, catalog, self.profile, self._machines())
        plan.write(path, made)
        rest = f"; {len(made.unplanned)} results have none, see why under unplanned" if made.unplanned else ""
        return f"{path}: {len(made.steps)} steps for --fix={path}{rest}"

    def _permitted(self, items: list[RequirementItem]) -> None:
        """Stop before the first change where the API would refuse a later one."""
        if self.fleet.cluster.facts.snapshot.problem or not self.fleet.cluster.connected:
            return  # there is none yet
        api, refused = self.fleet.cluster.api(), {}
        before = Audit(catalog, self.fleet, self.profile, {(item.requirement.id, item.host.id) for item in items})
        wrong = [item for item in items if not before.result(item.requirement, item.host).outcome.holds]
        for id in dict.fromkeys(item.requirement.id for item in wrong):
            remedy = catalog.remedies.get(id)
            for right in remedy.writes if remedy and not remedy.exceeds(self.config.option.max_disruption) else ():
                verb, _, what = right.partition(" ")
                resource, _, group = what.partition(".")
                try:
                    if right not in refused and not api.allowed(verb, group, resource):
                        refused[right] = id
                except ApiError as error:
                    raise UsageError(f"--fix: the Kubernetes API does not say what we may do: {error}") from None
        if refused:
            words = "; ".join(f"{right} (for {id})" for right, id in refused.items())
            hint = "give a kubeconfig that may, as examples/rbac has it, or leave those requirements out"
            raise UsageError(f"--fix: the Kubernetes API does not allow us to {words}; nothing was changed: {hint}")

    def _terminal(self) -> Terminal | None:
        found: Terminal | None = self.config.pluginmanager.get_plugin("trueup-terminal")
        return found

    def close(self) -> None:
        """Give back locks, connections and temporary files."""
        self._while_changing.close()
        self.fleet.close()
        if self.snapshots:
            shutil.rmtree(self.snapshots, ignore_errors=True)
