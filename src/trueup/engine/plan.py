"""A saved plan: the actions of --fix, for a person to approve and --fix=FILE to apply."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from trueup.errors import UsageError, nearest
from trueup.model.catalog import Catalog, Disruption
from trueup.model.fact import Fact
from trueup.model.profile import LoadedProfile
from trueup.profiles.keys.section import Section
from trueup.redact import redact
from trueup.results.action import Action
from trueup.results.result import Outcome, Result
from trueup.results.run import Run
from trueup.version import VERSION

SCHEMA: Literal[1] = 1
MACHINE = Fact(
    "plan.machine",
    "[ ! -e /etc/machine-id ] || cat /etc/machine-id",
    lambda text: hashlib.sha256(f"trueup {text.strip()}".encode()).hexdigest() if text.strip() else "",
)


class Planned(Section):
    """One planned action."""

    verb: str
    target: str
    summary: str
    diff: str = Field(description="unified, without secrets")
    precondition: str = Field(
        description="SHA-256 of the state before it, without secrets; empty if the diff shows all of that"
    )

    @classmethod
    def of(cls, action: Action) -> Planned:
        """Return the planned form of an action."""
        return cls(
            verb=action.verb,
            target=action.target,
            summary=action.summary,
            diff=action.diff,
            precondition=action.precondition,
        )

    @property
    def action(self) -> Action:
        """Return the action, without its undo."""
        return Action(self.verb, self.target, self.summary, self.diff, precondition=self.precondition)


class Step(Section):
    """The actions of one remedy on one host."""

    requirement: str
    host: str
    disruption: Disruption
    destructive: bool
    actions: list[Planned] = Field(min_length=1)


class Unplanned(Section):
    """A requirement that fails and has no step, for example because its needs do not hold yet."""

    requirement: str
    host: str
    outcome: str
    why: str


class Of(Section):
    """The profile of the plan."""

    name: str
    digest: str = Field(description="SHA-256 of the profile and the profiles it extends, without secrets")


class Plan(Section):
    """A saved plan."""

    schema_: Literal[1] = Field(alias="schema")
    trueup: str = Field(description="version of trueup that made it")
    run: str = Field(description="id of the run that made it")
    time: str = Field(description="when it was made, in UTC")
    profile: Of
    hosts: dict[str, str] = Field(description="host to SHA-256 of its machine-id; empty if it has none")
    steps: list[Step] = Field(description="in the order in which they are applied")
    unplanned: list[Unplanned]


def make(run: Run, catalog: Catalog, profile: LoadedProfile, machines: Mapping[str, str]) -> Plan:
    """Return the plan from the results of a run in mode ``plan``.

    Args:
        machines: host to its value of :data:`MACHINE`, for the hosts that were reached.
    """
    rank = {id: n for n, id in enumerate(catalog.order())}
    results = sorted(run.results, key=lambda result: rank[result.requirement])
    steps = []
    for result in (each for each in results if _planned(each)):
        remedy = catalog.remedies[result.requirement]
        steps.append(
            Step(
                requirement=result.requirement,
                host=result.host,
                disruption=remedy.disruption,
                destructive=remedy.destructive,
                actions=[Planned.of(action) for action in result.actions],
            )
        )
    unplanned = [
        Unplanned(
            requirement=result.requirement,
            host=result.host,
            outcome=str(result.outcome),
            why=redact(result.detail) or "its remedy finds nothing to change",
        )
        for result in results
        if not _planned(result) and not result.outcome.holds
    ]
    return Plan(
        schema=SCHEMA,
        trueup=VERSION,
        run=run.id,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=Of(name=profile.name, digest=profile.digest),
        hosts=dict(machines),
        steps=steps,
        unplanned=unplanned,
    )


def _planned(result: Result) -> bool:
    return bool(result.actions) and result.outcome is Outcome.FAILED


def schema() -> str:
    """Return the JSON Schema of a plan."""
    return json.dumps(Plan.model_json_schema(by_alias=True), indent=2) + "\n"


def write(path: Path, plan: Plan) -> None:
    """Write a plan atomically, mode 600, because it shows configuration."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.touch(mode=0o600)
    new.write_text(plan.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    new.replace(path)


def read(path: Path, profile: LoadedProfile, hosts: Iterable[str]) -> Plan:
    """Read a saved plan, and check that it is for this profile and some of these hosts.

    Raises:
        UsageError: it is not, or is invalid; says where, and the nearest fix.
    """
    where = f"--fix={path}"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "; did you mean --fix=plan?" if nearest(str(path), ["plan"]) else ""
        raise UsageError(f"{where}: no such file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: cannot read the file ({error})") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON: {error}") from None
    plan = _validate(data, where)
    again = f"make a new one: --fix=plan --plan-out={path}"
    if plan.profile.name != profile.name:
        raise UsageError(f"{where}: it is for profile {plan.profile.name}, and this is {profile.name}; {again}")
    if plan.profile.digest != profile.digest:
        raise UsageError(f"{where}: profile {profile.name} has changed since {plan.time}, when it was made; {again}")
    if not set(plan.hosts) & set(hosts):
        raise UsageError(f"{where}: it is for {', '.join(sorted(plan.hosts))}, and --hosts names none of these")
    return plan


def _validate(data: Any, where: str) -> Plan:
    again = "make it again with --fix=plan --plan-out"
    if not isinstance(data, dict) or "schema" not in data or "steps" not in data:
        raise UsageError(f"{where}: not a plan; make one with --fix=plan --plan-out=FILE")
    if data["schema"] != SCHEMA:
        raise UsageError(f"{where}: schema: it is {data['schema']!r}, and this trueup reads {SCHEMA}: {again}")
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"]))
        raise UsageError(f"{where}: {key}: {problem['msg'][0].lower()}{problem['msg'][1:]}: {again}") from None


def known(plan: Plan, catalog: Catalog, path: str) -> None:
    """Stop the run if a step of the plan names an unknown requirement or remedy.

    Raises:
        UsageError: names the nearest requirement with a remedy.
    """
    for n, step in enumerate(plan.steps):
        if step.requirement not in catalog.remedies:
            hint = nearest(step.requirement, catalog.remedies)
            raise UsageError(f"--fix={path}: steps.{n}.requirement: nothing remedies {step.requirement!r}{hint}")
