"""The command line: trueup's options, read once into an immutable value."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from trueup import reports
from trueup.errors import UsageError
from trueup.model.catalog import DISRUPTIONS, MOST, Disruption
from trueup.plugin.exit_codes import MEANINGS
from trueup.redact import redact

_RECORDED = (
    "hosts", "profile", "fix", "plan_file", "fix_allow", "max_disruption", "drill", "canary", "batch", "max_fail",
    "resume", "break_lock", "rollback", "sudo", "kubeconfig", "keyword", "markexpr",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The options of a run.

    Args:
        hosts: host specs; empty if they come from an Ansible inventory.
        mode: audit, plan, fix, rollback or rollback-plan.
        plan_file: the saved plan to carry out.
        given: the options that affect results or changes, with their values.
    """

    hosts: str | None
    profile: str
    mode: str
    plan_file: str
    plan_out: str
    allow: tuple[str, ...]
    most: Disruption
    drill: bool
    canary: int
    batch: str
    max_fail: str
    resume: str
    break_lock: bool
    rollback: str
    become_password: str
    sudo: bool
    sudo_user: str | None
    ssh_config: str | None
    ssh_identity_file: str | None
    ssh_extra_args: str | None
    ansible_inventory: str | None
    forks: int
    host_timeout: int
    kubeconfig: str
    reports: tuple[str, ...]
    allure: str | None
    collect_only: bool
    given: dict[str, str]

    @property
    def changes(self) -> bool:
        """Whether the run changes hosts or plans changes; it then uses one process."""
        return self.mode != "audit" or self.drill


def add(parser: pytest.Parser, invocation: list[str]) -> None:
    """Add the options; those for hosts and connections belong to pytest-testinfra.

    Args:
        invocation: the words of the command line.
    """
    codes = "".join(f"  {code:<4}{meaning}\n" for code, meaning in MEANINGS.items())
    title = f"trueup: verify and repair Kubernetes nodes\n\nexit codes with --hosts:\n{codes}\noptions of trueup"
    group = parser.getgroup("trueup", title)
    group.addoption("--profile", metavar="NAME|FILE", help="desired state: a built-in profile, or a YAML file (base)")
    group.addoption(
        "--fix", action="store_const", const="apply", help="remedy the requirements that fail, and test them again"
    )
    # Literal options, because an optional value would take the path after it as its value.
    group.addoption("--fix=plan", action="store_const", const="plan", dest="fix", help="show what --fix would do")
    for literal in dict.fromkeys(["--fix=FILE", *(word for word in invocation if word.startswith("--fix="))]):
        if literal != "--fix=plan":
            group.addoption(
                literal, action="store_const", const=literal.partition("=")[2], dest="fix_plan",
                help="carry out the saved plan in this file, and nothing else",
            )  # fmt: skip
    for names, settings in _TABLE:
        group.addoption(*names, **settings)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


_TABLE: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--plan-out",), {"default": "", "metavar": "FILE", "help": "with --fix=plan: save the plan, for --fix=FILE"}),
    (("--fix-allow",), {
        "action": "append", "default": [], "choices": ["destructive"],
        "help": "also apply remedies that remove something, such as a package",
    }),
    (("--max-disruption",), {
        "default": MOST, "choices": DISRUPTIONS, "help": f"the most that a remedy may disturb a host ({MOST})",
    }),
    (("--drill",), {
        "action": "store_true",
        "help": "also run disruptive drills (for example a VIP failover); each restores the previous state",
    }),
    (("--canary",), {
        "type": _positive, "default": 0, "metavar": "N",
        "help": "with --fix: first change N hosts of each role, and the others only if these succeed",
    }),
    (("--batch",), {
        "default": "", "metavar": "SIZES",
        "help": "with --fix: hosts to change together: 5, 20%%, or 1,5,20%% (the last size repeats)",
    }),
    (("--max-fail",), {
        "default": "", "metavar": "N|P%", "help": "start no further batch once more hosts than this have failed (0)",
    }),
    (("--resume",), {
        "default": "", "metavar": "FILE",
        "help": "with --fix: change only the hosts that an earlier run left, listed in its resume.json",
    }),
    (("--break-lock",), {
        "action": "store_true",
        "help": "take the hosts' locks from another run, even from one that is alive: it then changes nothing more",
    }),
    (("--rollback",), {
        "nargs": "?", "const": "list", "metavar": "RUN",
        "help": "undo the changes of run RUN; without RUN, list the runs; with --fix=plan, only show",
    }),
    (("--become-password",), {
        "default": "", "metavar": "ask|fd:N|askpass:PROGRAM",
        "help": "the sudo password: ask for it, or read it from a file descriptor or from a program's output",
    }),
    (("--become-user",), {"metavar": "USER", "help": "another name for --sudo-user"}),
    (("--forks",), {"type": _positive, "default": 32, "metavar": "N", "help": "hosts to connect to at once (32)"}),
    (("--host-timeout",), {
        "type": _positive, "default": 60, "metavar": "S", "help": "seconds that a host may take to answer (60)",
    }),
    (("--kubeconfig",), {
        "default": "", "metavar": "FILE",
        "help": "kubeconfig of the Kubernetes API (default: admin.conf of a control-plane host, over its connection)",
    }),
    (("--report",), {
        "action": "append", "default": [], "metavar": "FILE",
        "help": f"write a report; the ending names the format: {', '.join(reports.FORMATS)}; repeatable",
    }),
)  # fmt: skip


def read(option: argparse.Namespace, *, worker: bool) -> Options | None:
    """Return the options, or None if no hosts are named.

    Raises:
        UsageError: names options that exclude each other.
    """
    fix = option.fix
    if option.fix_plan is not None:
        if fix or not option.fix_plan:
            why = "cannot be combined with another --fix" if fix else "names no file"
            raise UsageError(f"--fix={option.fix_plan} {why}: use one of --fix, --fix=plan and --fix=FILE")
        fix = "apply"
    for problem in _contradictions(option, fix):
        raise UsageError(problem)
    hosts, profile = option.hosts, option.profile
    if option.resume:
        from trueup.engine import resume

        left = resume.read(option.resume)
        hosts, profile = hosts or ",".join(left.hosts), profile or left.profile
    if hosts is None and not option.ansible_inventory:
        if option.rollback:
            raise UsageError("--rollback needs the hosts of that run: --hosts=node1,node2")
        return None
    if option.become_user and option.sudo_user not in (None, option.become_user):
        raise UsageError(f"--become-user={option.become_user} and --sudo-user={option.sudo_user} name two users")
    reports.check(option.report)
    mode = {"apply": "fix", "plan": "plan"}.get(fix, "audit")
    if option.rollback:
        mode = "rollback-plan" if mode == "plan" else "rollback"
    own: dict[str, Any] = {
        "hosts": hosts,
        "profile": profile or "base",
        "mode": mode,
        "plan_file": option.fix_plan or "",
        "allow": tuple(option.fix_allow),
        "most": option.max_disruption,
        "rollback": option.rollback or "",
        "become_password": "" if worker else option.become_password,
        "sudo_user": option.become_user or option.sudo_user,
        "reports": tuple(option.report),
        "allure": getattr(option, "allure_report_dir", None),
        "collect_only": option.collectonly,
        "given": dict(_given(option)),
    }
    return Options(**own, **{f.name: getattr(option, f.name) for f in fields(Options) if f.name not in own})


def _given(option: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for name in _RECORDED:
        value = getattr(option, name, None)
        if value and value != MOST:
            words = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
            yield name, redact(words if isinstance(value, bool | list) else str(value))


def _contradictions(option: argparse.Namespace, fix: str | None) -> Iterator[str]:
    """Yield a message for each combination of options that is not allowed."""
    batches = option.canary or option.batch
    if option.drill and fix == "plan":
        yield "--drill runs drills on the hosts, and --fix=plan changes nothing: leave out one of them"
    if option.rollback and (fix == "apply" or option.drill or batches or option.resume):
        yield "--rollback undoes what --fix did: combine it with --fix=plan, or with no other mode"
    if option.plan_out and fix != "plan":
        yield f"--plan-out={option.plan_out} saves a plan: give --fix=plan too"
    if batches and not fix:
        yield "--canary and --batch are for changing hosts: give --fix or --fix=plan too"
    if option.max_fail and not batches:
        yield "--max-fail counts between batches: give --batch or --canary too"
    if option.resume and not fix:
        yield "--resume continues to change hosts: give --fix or --fix=plan too"
    if option.break_lock and fix != "apply" and not option.drill and not option.rollback:
        yield "--break-lock is for runs that change hosts: give --fix, --drill or --rollback too"
    for path in filter(None, [option.plan_out]):
        if not Path(path).absolute().parent.is_dir() or Path(path).is_dir():
            why = "is a directory" if Path(path).is_dir() else "the directory does not exist"
            yield f"--plan-out={path}: {why}"
