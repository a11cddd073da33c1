"""pytest's hooks: each calls the part of trueup that does the work. Without hosts, nothing heavy is imported."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pytest

from trueup.errors import UsageError
from trueup.plugin import options
from trueup.plugin.exit_codes import BROKEN

if TYPE_CHECKING:
    from trueup.plugin.collector import Collector
    from trueup.plugin.session import Session

P = ParamSpec("P")
R = TypeVar("R")

_SESSION: pytest.StashKey[Session] = pytest.StashKey()
_COLLECTOR: pytest.StashKey[Collector] = pytest.StashKey()
_NO_HOSTS = pytest.StashKey[bool]()
_SEVERITIES = ("critical", "high", "medium", "low")

pytest.register_assert_rewrite("trueup.checks")


def _usage(hook: Callable[P, R]) -> Callable[P, R]:
    """Let bad input end the run with exit code 4, in words without a traceback."""

    @functools.wraps(hook)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return hook(*args, **kwargs)
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None

    return wrapped


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options."""
    options.add(parser, [*map(str, pluginmanager.getplugin("pytestconfig").invocation_params.args)])


@pytest.hookimpl(tryfirst=True)
@_usage
def pytest_configure(config: pytest.Config) -> None:
    """Read options, inventory and profile; an error in them ends the run here, with exit code 4."""
    for severity in _SEVERITIES:
        config.addinivalue_line("markers", f"{severity}: requirements of this severity")
    config.addinivalue_line("markers", "active: requirements whose check does more than read, and cleans up")
    worker = hasattr(config, "workerinput")
    if (given := options.read(config.option, worker=worker)) is None:
        return
    try:
        _begin(config, given, worker=worker)
    except (UsageError, pytest.UsageError):
        raise
    except Exception:  # noqa: BLE001 - pytest would end with 3, which means something else here
        pytest.exit(f"trueup broke while it started:\n{traceback.format_exc()}exit code {BROKEN}", BROKEN)


def _begin(config: pytest.Config, given: options.Options, *, worker: bool) -> None:
    from trueup.plugin.collector import Collector
    from trueup.plugin.session import Session
    from trueup.plugin.terminal import Speaker, Terminal

    explained = []
    if given.changes and not worker and config.option.tx:
        explained.append("-n is not used with --fix, --drill and --rollback: --forks says how many hosts at once")
        config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []
    speaker = Speaker(config)
    distributed = not worker and config.option.dist != "no" and bool(config.option.tx)
    session = Session(
        given, config.rootpath, worker=worker, distributed=distributed, say=speaker.say, progress=speaker.progress
    )
    config.stash[_SESSION] = session
    # pytest-testinfra reads the same options, so a user's own tests reach the same hosts in the same way.
    config.option.hosts = ",".join(target.testinfra for target in session.targets)
    config.option.sudo_user = given.sudo_user
    if not worker:
        explained += session.switched_off()
        if plan := session.plan:
            explained.append(f"the plan of {plan.time} (run {plan.run}) and nothing else")
        collector = config.stash[_COLLECTOR] = Collector(session)
        config.pluginmanager.register(collector, "trueup-collector")
        config.pluginmanager.register(Terminal(collector, explained, config.get_verbosity()), "trueup-terminal")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Release locks, connections and temporary files."""
    if session := config.stash.get(_SESSION, None):
        session.close()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """Make the items of a requirement instead of a test function."""
    if (requirement := getattr(obj, "__requirement__", None)) is None:
        return None
    if (session := collector.config.stash.get(_SESSION, None)) is None:
        collector.config.stash[_NO_HOSTS] = True
        return []
    from trueup.plugin import items

    return list(items.of_requirement(session, collector, requirement))


@pytest.hookimpl(tryfirst=True)
@_usage
def pytest_collection(session: pytest.Session) -> object:
    """Collect in xdist's controller too, because it gathers the facts of the selected requirements.

    With --rollback the items are the run's changes, and no tests are collected.
    """
    ours = session.config.stash.get(_SESSION, None)
    if ours and ours.options.rollback:
        _collect_past(session, ours)
        return True  # which ends the collection
    if ours and ours.distributed:
        session.perform_collect()
    return None


def _collect_past(session: pytest.Session, ours: Session) -> None:
    from trueup.plugin import items

    hook, past = session.ihook, list(items.of_rollback(ours, session))
    hook.pytest_collectreport(report=pytest.CollectReport("", "passed", None, [*past]))
    hook.pytest_collection_modifyitems(session=session, config=session.config, items=past)
    session.items[:] = items.with_silent(ours, session, past)
    session.testscollected = len(session.items)
    hook.pytest_collection_finish(session=session)


@pytest.hookimpl(trylast=True)
@_usage
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the items by batch and by need."""
    if config.stash.get(_NO_HOSTS, False):
        raise UsageError("no hosts: give --hosts=node1,node2, --hosts=@FILE, or --hosts=local:// for this machine")
    if session := config.stash.get(_SESSION, None):
        from trueup.plugin.items import by_turn

        by_turn(session, items)


@_usage
def pytest_collection_finish(session: pytest.Session) -> None:
    """Gather from all hosts at once the facts of the selected requirements."""
    config = session.config
    ours = config.stash.get(_SESSION, None)
    if ours and not ours.options.rollback and not ours.options.collect_only:
        from trueup.plugin.items import RequirementItem

        selected = [(item.requirement, item.subject) for item in session.items if isinstance(item, RequirementItem)]
        ours.prepare(selected)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker the controller's snapshot directory."""
    if session := node.config.stash.get(_SESSION, None):
        node.workerinput["trueup_snapshots"] = str(session.snapshots)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep one host's items on one worker, unless --dist names another distribution."""
    if config.stash.get(_SESSION, None) and config.option.dist == "load":
        from trueup.plugin.xdist import HostScheduling

        return HostScheduling(config, log)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In a worker, read the item's snapshots; after an interrupt, start no user's test."""
    if (session := item.config.stash.get(_SESSION, None)) is None:
        return
    requirement, subject = getattr(item, "requirement", None), getattr(item, "subject", None)
    if session.interrupted and not requirement:
        pytest.exit("interrupted", pytest.ExitCode.INTERRUPTED)
    if session.worker and requirement and subject:
        session.load(requirement, subject, Path(item.config.workerinput["trueup_snapshots"]))  # type: ignore[attr-defined]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Attach the result to pytest's report, so that it reaches the controller."""
    report = yield
    if item.config.stash.get(_SESSION, None) and hasattr(item, "requirement"):
        if call.when == "call" and item.result:  # type: ignore[attr-defined]
            report.trueup = item.result.to_dict()  # type: ignore[attr-defined]
        elif call.excinfo and call.excinfo.errisinstance(Exception):
            report.trueup_broke = True
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Set the exit code from the outcomes, and write the reports."""
    if collector := session.config.stash.get(_COLLECTOR, None):
        session.exitstatus = collector.finish(int(exitstatus), session.testsfailed)
