"""pytest's hooks: options, items, order, and who looks at the hosts when. No logic lives here."""

from __future__ import annotations

import argparse
import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from trueup import allure, reports
from trueup.catalog import Requirement, catalog
from trueup.converge import Audit, Converge, Pair
from trueup.errors import UsageError
from trueup.fact import Fact
from trueup.fleet import Fleet
from trueup.inventory import Connection, read
from trueup.item import RequirementItem
from trueup.profile import Loaded, load
from trueup.run import Run
from trueup.terminal import Terminal

_SESSION = pytest.StashKey["Session"]()
_SEVERITIES = ("critical", "high", "medium", "low")

pytest.register_assert_rewrite("trueup.checks")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; those about hosts and connections are pytest-testinfra's own."""
    group = parser.getgroup("trueup", "verify and repair Kubernetes nodes")
    group.addoption("--profile", default="base", metavar="NAME|FILE", help="what ought to be (default: base)")
    group.addoption("--fix", action="store_const", const="apply", help="remedy what is not so, and test it again")
    # A literal option, because one with an optional value would swallow the path behind it.
    group.addoption("--fix=plan", action="store_const", const="plan", dest="fix", help="show what --fix would do")
    group.addoption("--forks", type=_positive, default=32, metavar="N", help="hosts at once (default: 32)")
    group.addoption(
        "--host-timeout",
        type=_positive,
        default=60,
        metavar="S",
        help="seconds a host may take to answer (default: 60)",
    )
    group.addoption(
        "--report", action="append", default=[], metavar="FILE",
        help=f"write a report, by the file's ending: {', '.join(reports.FORMATS)}; may be given more than once",
    )  # fmt: skip


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


class Session:
    """What a run knows from its options on; one in each process."""

    def __init__(self, config: pytest.Config) -> None:
        option = config.option
        connection = Connection(
            option.ssh_config, option.ssh_identity_file, option.ssh_extra_args,
            option.sudo, option.sudo_user, option.ansible_inventory,
        )  # fmt: skip
        targets = read(option.hosts, connection)
        # pytest-testinfra reads the same option for a user's own tests: let these go the same way.
        option.hosts = ",".join(
            f"ssh://{t.address}" if t.scheme == "ssh" and "://" not in t.spec else t.spec for t in targets
        )
        self.config = config
        self.mode = {"apply": "fix", "plan": "plan"}.get(option.fix, "audit")
        self.profile: Loaded = load(option.profile)
        catalog.load("trueup.checks", "trueup.remediations")
        self.fleet = Fleet(
            targets, self.profile, connection,
            shared=self.mode != "audit", timeout=option.host_timeout, forks=option.forks,
        )  # fmt: skip
        self.audit: Audit | None = None
        self.run = Run(
            f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}", self.profile.name, self.mode,
            list(self.fleet.hosts),
        )  # fmt: skip
        self.worker = hasattr(config, "workerinput")
        self.distributed = not self.worker and option.dist != "no" and bool(option.tx)
        self.snapshots = Path(tempfile.mkdtemp(prefix="trueup-")) if self.distributed else None

    def items(self, collector: pytest.Collector, requirement: Requirement) -> Iterable[RequirementItem]:
        """Yield the items of a requirement: one for each host whose roles and profile it concerns."""
        for host in self.fleet.hosts.values():
            if self.selects(requirement.id) and host.concerns(requirement):
                name = f"{requirement.id}[{host.id}]"
                item = RequirementItem.from_parent(collector, name=name, requirement=requirement, host=host)
                for mark in allure.marks(requirement, self.profile.name, host.roles):
                    item.add_marker(mark)
                yield item

    def selects(self, id: str) -> bool:
        """Whether the profile selects a requirement; whether its patterns lead somewhere is known after collection."""
        patterns = (p for p in self.profile.profile.select if fnmatchcase(id, p.removeprefix("!")))
        return not next(reversed(list(patterns)), "!").startswith("!")

    def prepare(self, items: list[RequirementItem]) -> None:
        """Check that everything needed is known, then look at all hosts in one go, before the first item runs.

        Raises:
            UsageError: ids that lead nowhere, or a selected requirement without a value in the profile.
        """
        catalog.validate()
        catalog.select(self.profile.profile.select, str(self.profile.path))
        for item in items:
            if not item.host.spec.holds(item.requirement.key):
                id, key = item.requirement.id, item.requirement.key
                remedy = f"set it, or take the requirement out: select: ['*', '!{id}']"
                raise UsageError(f"{self.profile.path}: selects {id} but gives no value for {key}; {remedy}")
        pairs: set[Pair] = {(item.requirement.id, item.host.id) for item in items}
        if self.mode == "audit":
            self.audit = Audit(catalog, self.fleet, self.profile, pairs)
        else:
            apply = self.mode == "fix"
            self.audit = Converge(catalog, self.fleet, self.profile, pairs, run=self.run.id, apply=apply)
        for item in items:
            item.audit = self.audit
        if not self.worker:
            self._gather(items)

    def _gather(self, items: list[RequirementItem]) -> None:
        wanted: dict[str, dict[str, Fact[Any]]] = {}
        for item in items:
            wanted.setdefault(item.host.id, {}).update((fact.name, fact) for fact in item.requirement.reads)
        terminal = self.config.pluginmanager.get_plugin("trueup-terminal")
        self.fleet.gather(
            {host: facts.values() for host, facts in wanted.items()}, terminal.progress if terminal else None
        )
        if self.snapshots:
            self.fleet.save(self.snapshots)

    def close(self) -> None:
        """Give back connections and temporary files."""
        self.fleet.close()
        if self.snapshots:
            shutil.rmtree(self.snapshots, ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read options, inventory and profile; everything wrong with them ends the run here, with exit code 4."""
    for severity in _SEVERITIES:
        config.addinivalue_line("markers", f"{severity}: requirements of this severity")
    option = config.option
    if option.hosts is None and not option.ansible_inventory:
        return
    explained = ""
    if option.fix and not hasattr(config, "workerinput") and option.tx:
        explained = "-n is not used with --fix: it works on all hosts at once by itself, see --forks"
        option.numprocesses, option.dist, option.tx = 0, "no", []
    try:
        reports.check(option.report)
        session = config.stash[_SESSION] = Session(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if not session.worker:
        config.pluginmanager.register(Terminal(config, session.run, explained), "trueup-terminal")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back what the session holds."""
    if session := config.stash.get(_SESSION, None):
        session.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[RequirementItem] | None:
    """Make the items of a requirement in place of a test function."""
    requirement = getattr(obj, "__requirement__", None)
    if not isinstance(requirement, Requirement):
        return None
    session = collector.config.stash.get(_SESSION, None)
    if session is None:
        collector.config.stash[_NO_HOSTS] = True
        return []
    return list(session.items(collector, requirement))


_NO_HOSTS = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Collect in xdist's controller too: it looks at the hosts, so it has to know what was selected."""
    ours = session.config.stash.get(_SESSION, None)
    if ours and ours.distributed:
        session.perform_collect()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put requirements in the order of their needs, each on all hosts; a user's own tests come after them."""
    if config.stash.get(_NO_HOSTS, False):
        raise pytest.UsageError(
            "no hosts: name them, as in --hosts=node1,node2 or --hosts=@FILE, or --hosts=local:// for this machine"
        )
    if config.stash.get(_SESSION, None):
        try:
            rank = {id: n for n, id in enumerate(catalog.order())}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        items.sort(key=lambda item: rank[item.requirement.id] if isinstance(item, RequirementItem) else len(rank))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look at all hosts at once, for exactly what was selected."""
    ours = session.config.stash.get(_SESSION, None)
    if ours and not session.config.option.collectonly:
        try:
            ours.prepare([item for item in session.items if isinstance(item, RequirementItem)])
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the controller keeps the snapshots."""
    if session := node.config.stash.get(_SESSION, None):
        node.workerinput["trueup_snapshots"] = str(session.snapshots)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep one host's items on one worker, unless another distribution was asked for by name."""
    if config.stash.get(_SESSION, None) and config.option.dist == "load":
        from trueup.schedule import HostScheduling

        return HostScheduling(config, log)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In a worker, read the host's snapshot that the controller wrote."""
    wire = getattr(item.config, "workerinput", None)
    if wire and isinstance(item, RequirementItem) and item.host.facts.snapshot.blank:
        item.config.stash[_SESSION].fleet.load(item.host.id, Path(wire["trueup_snapshots"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let the result travel with pytest's report, across processes too."""
    report = yield
    if isinstance(item, RequirementItem) and call.when == "call" and item.result:
        report.trueup = item.result.to_dict()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Set the exit code from the outcomes, and write the reports."""
    ours = session.config.stash.get(_SESSION, None)
    if ours is None or ours.worker or not ours.run.results:
        return
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        others = session.testsfailed - sum(r.outcome.fails for r in ours.run.results)
        session.exitstatus = max(ours.run.exit_code, 1) if others > 0 else ours.run.exit_code
    for path in session.config.option.report:
        reports.write(Path(path), ours.run)
    if directory := session.config.getoption("allure_report_dir", None):
        allure.finish(Path(directory), ours.run.environment)
