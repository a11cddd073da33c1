"""pytest's hooks: options, items, order, and who looks at the hosts when. No logic lives here."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from trueup import reports
from trueup.engine import resume
from trueup.engine.rollback import LIST
from trueup.errors import UsageError, some
from trueup.model.catalog import DISRUPTIONS, MOST, Requirement, catalog
from trueup.plugin import allure
from trueup.plugin.items import RequirementItem, ResultItem
from trueup.plugin.session import Session
from trueup.plugin.terminal import Terminal

_SESSION = pytest.StashKey[Session]()
_SEVERITIES = ("critical", "high", "medium", "low")

pytest.register_assert_rewrite("trueup.checks")


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options; those about hosts and connections are pytest-testinfra's own."""
    group = parser.getgroup("trueup", "verify and repair Kubernetes nodes")
    group.addoption("--profile", metavar="NAME|FILE", help="what ought to be (default: base)")
    group.addoption("--fix", action="store_const", const="apply", help="remedy what is not so, and test it again")
    # Literal options, because one with an optional value would swallow the path behind it.
    group.addoption("--fix=plan", action="store_const", const="plan", dest="fix", help="show what --fix would do")
    given = pluginmanager.getplugin("pytestconfig").invocation_params.args
    for literal in dict.fromkeys(["--fix=FILE", *(word for word in map(str, given) if word.startswith("--fix="))]):
        if literal != "--fix=plan":
            group.addoption(
                literal, action="store_const", const=literal.partition("=")[2], dest="fix_plan",
                help="do what the plan in this file says, and nothing else",
            )  # fmt: skip
    group.addoption("--plan-out", default="", metavar="FILE", help="with --fix=plan: write the plan, for --fix=FILE")
    group.addoption(
        "--fix-allow", action="append", default=[], choices=["destructive"],
        help="let --fix also apply remedies that take something away, such as a package",
    )  # fmt: skip
    group.addoption(
        "--max-disruption", default=MOST, choices=DISRUPTIONS,
        help=f"the most that a remedy may disturb a host (default: {MOST})",
    )  # fmt: skip
    group.addoption(
        "--drill", action="store_true",
        help="also try what only a trial can tell, such as a failover: it disturbs, and puts everything back",
    )  # fmt: skip
    group.addoption(
        "--canary", type=_positive, default=0, metavar="N",
        help="with --fix, first change N hosts of each role, and the others only if all goes well there",
    )  # fmt: skip
    group.addoption(
        "--batch", default="", metavar="SIZES",
        help="with --fix, change so many hosts at a time, or such a part: 5, 20%%, or 1,5,20%%, whose last repeats",
    )  # fmt: skip
    group.addoption(
        "--max-fail", default="", metavar="N|P%",
        help="begin no other batch when more hosts than that have failed (default: 0)",
    )  # fmt: skip
    group.addoption(
        "--resume", default="", metavar="FILE",
        help="with --fix, change only the hosts that a run left, as the resume.json says that it named",
    )  # fmt: skip
    group.addoption(
        "--break-lock", action="store_true",
        help="take the locks of hosts from another run, even if it lives: it then changes nothing there any more",
    )  # fmt: skip
    group.addoption(
        "--rollback", nargs="?", const=LIST, metavar="RUN",
        help="take back what a --fix did, by the journals; with --fix=plan only show; without RUN: list the runs",
    )  # fmt: skip
    group.addoption(
        "--become-password", default="", metavar="ask|fd:N|askpass:PROGRAM",
        help="where --sudo wants a password: ask for it, or read it from a file descriptor or a program's output",
    )  # fmt: skip
    group.addoption("--become-user", metavar="USER", help="another name of --sudo-user")
    group.addoption("--forks", type=_positive, default=32, metavar="N", help="hosts at once (default: 32)")
    group.addoption(
        "--host-timeout",
        type=_positive,
        default=60,
        metavar="S",
        help="seconds a host may take to answer (default: 60)",
    )
    group.addoption(
        "--kubeconfig", default="", metavar="FILE",
        help="the way to the Kubernetes API (default: through a control-plane host, with its own admin.conf)",
    )  # fmt: skip
    group.addoption(
        "--report", action="append", default=[], metavar="FILE",
        help=f"write a report, by the file's ending: {', '.join(reports.FORMATS)}; may be given more than once",
    )  # fmt: skip


def _by_plan(fix: str | None, file: str) -> str:
    """Return the mode of a run that carries out a plan."""
    if fix or not file:
        words = "together with another --fix" if fix else "names no file"
        raise pytest.UsageError(f"--fix={file}: {words}; one of --fix, --fix=plan and --fix=FILE is wanted")
    return "apply"


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _combined(option: argparse.Namespace) -> None:
    """Stop on options that make no sense together.

    Raises:
        pytest.UsageError: says which.
    """
    batches = option.canary or option.batch
    for wrong, words in (
        (
            option.drill and option.fix == "plan",
            "--drill tries things on the hosts, and --fix=plan changes nothing: leave out one of them",
        ),
        (
            option.rollback and (option.fix == "apply" or option.drill or batches or option.resume),
            "--rollback takes back what --fix did: it goes with --fix=plan, or without",
        ),
        (
            option.plan_out and option.fix != "plan",
            f"--plan-out={option.plan_out}: a plan is made with --fix=plan, which is not given",
        ),
        (batches and not option.fix, "--canary and --batch are about changing hosts: give --fix or --fix=plan too"),
        (option.max_fail and not batches, "--max-fail counts between batches: give --batch or --canary too"),
        (option.resume and not option.fix, "--resume goes on with changing hosts: give --fix or --fix=plan too"),
        (
            option.break_lock and option.fix != "apply" and not option.drill and not option.rollback,
            "--break-lock is for a run that changes hosts, and only --fix, --drill and --rollback do",
        ),
    ):
        if wrong:
            raise pytest.UsageError(words)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read options, inventory and profile; everything wrong with them ends the run here, with exit code 4."""
    for severity in _SEVERITIES:
        config.addinivalue_line("markers", f"{severity}: requirements of this severity")
    config.addinivalue_line("markers", "active: requirements that do more than look, and clean up after themselves")
    option = config.option
    if option.fix_plan is not None:
        option.fix = _by_plan(option.fix, option.fix_plan)
    _combined(option)
    if option.resume:
        try:
            left = resume.read(option.resume)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        option.hosts = option.hosts or ",".join(left.hosts)
        option.profile = option.profile or left.profile
    option.profile = option.profile or "base"
    if option.hosts is None and not option.ansible_inventory:
        if option.rollback:
            raise pytest.UsageError("--rollback: name the hosts where to take the run back, as in --hosts=node1,node2")
        return
    explained = ""
    if (option.fix or option.drill or option.rollback) and not hasattr(config, "workerinput") and option.tx:
        mode = "--rollback" if option.rollback else "--fix" if option.fix else "--drill"
        explained = f"-n is not used with {mode}: it works on all hosts at once by itself, see --forks"
        option.numprocesses, option.dist, option.tx = 0, "no", []
    try:
        reports.check(option.report)
        session = config.stash[_SESSION] = Session(config)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if not session.worker:
        if plan := session.plan:
            explained = f"{explained}{explained and '; '}the plan of {plan.time} (run {plan.run}) and nothing else"
        config.pluginmanager.register(Terminal(config, session.run, explained), "trueup-terminal")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which requirements are off because they are newer than the profile's catalogue."""
    session = config.stash.get(_SESSION, None)
    if session is None or not (off := session.profile.newer(catalog.requirements.values())):
        return []
    latest, names = max(each.since for each in off), some(each.id for each in off)
    count = "1 requirement is" if len(off) == 1 else f"{len(off)} requirements are"
    return [
        f"{count} newer than the profile's catalogue {session.profile.profile.catalogue}, and off: {names}; "
        f'a profile turns them on by catalogue: "{latest}", or one by its id in select'
    ]


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
def pytest_collection(session: pytest.Session) -> object:
    """Collect in xdist's controller too: it looks at the hosts, so it has to know what was selected.

    Where a run is taken back, the items are what that run changed, and no tests are collected.
    """
    ours = session.config.stash.get(_SESSION, None)
    if ours and session.config.option.rollback:
        try:
            return _collect_past(session, ours)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
    if ours and ours.distributed:
        session.perform_collect()
    return None


def _collect_past(session: pytest.Session, ours: Session) -> object:
    hook, items = session.ihook, ours.past(session)
    hook.pytest_collectreport(report=pytest.CollectReport("", "passed", None, list(items)))
    hook.pytest_collection_modifyitems(session=session, config=session.config, items=items)
    session.items[:] = ours.chosen(session, items)
    session.testscollected = len(session.items)
    hook.pytest_collection_finish(session=session)
    return True  # which ends the collection


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put requirements in the order of their needs, each on all hosts of a batch; a user's own tests come last."""
    if config.stash.get(_NO_HOSTS, False):
        raise pytest.UsageError(
            "no hosts: name them, as in --hosts=node1,node2 or --hosts=@FILE, or --hosts=local:// for this machine"
        )
    if session := config.stash.get(_SESSION, None):
        try:
            rank = {id: n for n, id in enumerate(catalog.order())}
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

        def turn(item: pytest.Item) -> tuple[int, int]:
            if isinstance(item, RequirementItem):
                return session.batches.rank(item.host.id), rank[item.requirement.id]
            return session.batches.last, len(rank)

        items.sort(key=turn)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look at all hosts at once, for exactly what was selected."""
    ours = session.config.stash.get(_SESSION, None)
    if ours and not ours.rollback and not session.config.option.collectonly:
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
        from trueup.plugin.xdist import HostScheduling

        return HostScheduling(config, log)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In a worker, read the snapshots that the controller wrote of the hosts that count; begin no test of the user's
    once the operator has interrupted the run."""
    session = item.config.stash.get(_SESSION, None)
    if session and session.interrupted and not isinstance(item, RequirementItem):
        pytest.exit("interrupted", pytest.ExitCode.INTERRUPTED)
    wire = getattr(item.config, "workerinput", None)
    if wire and isinstance(item, RequirementItem):
        fleet = item.config.stash[_SESSION].fleet
        assert item.audit
        for id in (*item.audit.relied(item.requirement, item.host), fleet.cluster.id):
            fleet.load(id, Path(wire["trueup_snapshots"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Let the result travel with pytest's report, across processes too."""
    report = yield
    if isinstance(item, ResultItem) and call.when == "call" and item.result:
        report.trueup = item.result.to_dict()
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Set the exit code from the outcomes, and write the reports."""
    ours = session.config.stash.get(_SESSION, None)
    if ours is None or ours.worker or not ours.run.results:
        if ours and ours.rollback and session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = pytest.ExitCode.OK
        return
    ours.finish()
    ours.run.results.sort(key=lambda result: result.host)  # workers report in any order
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        others = session.testsfailed - sum(r.outcome.fails for r in ours.run.results)
        session.exitstatus = max(ours.run.exit_code, 1) if others > 0 else ours.run.exit_code
        if ours.interrupted:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
    for path in session.config.option.report:
        reports.write(Path(path), ours.run)
    if path := session.config.option.plan_out:
        session.config.pluginmanager.getplugin("trueup-terminal").last.append(ours.write_plan(Path(path)))
    if directory := session.config.getoption("allure_report_dir", None):
        allure.finish(Path(directory), ours.run.environment)
