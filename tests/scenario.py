"""Ways for a good host to be wrong, as their scripts and the heads of those say, and what must be seen of them."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from trueup.engine.plan_guard import differences
from trueup.hosts.cluster import Cluster
from trueup.model.catalog import catalog
from trueup.model.profile import load
from trueup.results.action import Action

PRELUDE = (Path(__file__).parent / "scenarios/prelude.sh").read_text()  # of scenarios of one host
_TOGETHER = int(os.environ.get("TRUEUP_TOGETHER", "4"))  # scenarios at once, at most; 1 to look at one of them
_ALONE = ("options", "first")  # heads of a scenario that shares its host with no other
_ALIKE = ("advice", "peers", "long")  # flags that scenarios have in common with those that they are played with


@dataclass(frozen=True)
class Scenario:
    """A script in a folder that has a requirement's name."""

    script: Path

    def __str__(self) -> str:
        return f"{self.requirement}-{self.script.stem}"

    @property
    def requirement(self) -> str:
        """The id of what it breaks."""
        return self.script.parent.name

    @property
    def broken(self) -> set[str]:
        """The ids of all that it breaks."""
        return {self.requirement, *self.head("also")}

    @property
    def alone(self) -> bool:
        """Whether no other scenario may be played with it."""
        return any(map(self.head, _ALONE)) or self.flag("alone")

    @property
    def profile(self) -> dict[str, Any]:
        """What its profile has of its own."""
        rows: dict[str, Any] = {}
        for row in self.head("profile"):
            merge(rows, YAML(typ="safe").load(row))
        return rows

    def head(self, key: str) -> list[str]:
        """Return what lines such as ``# key: text`` say."""
        marker = f"# {key}:"
        return [row[len(marker) :].strip() for row in self.script.read_text().splitlines() if row.startswith(marker)]

    def flag(self, name: str) -> bool:
        """Whether there is a line such as ``# name``."""
        return f"# {name}" in self.script.read_text().splitlines()

    def disturbs(self, other: Scenario) -> bool:
        """Whether what one breaks keeps the other from being seen."""
        return any(
            ours & (theirs | required(theirs))
            for ours, theirs in ((self.broken, other.broken), (other.broken, self.broken))
        )


def merge(rows: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add what a profile says to what another one does.

    Raises:
        ValueError: they contradict each other.
    """
    for key, value in more.items():
        if isinstance(value, Mapping):
            merge(rows.setdefault(key, {}), value)
        elif key == "select":
            rows[key] = [*dict.fromkeys([*rows.get(key, []), *value])]
        elif rows.setdefault(key, value) != value:
            raise ValueError(f"{key} is {rows[key]} and {value}")


def required(ids: Iterable[str]) -> set[str]:
    """Return all that requirements need, and what must hold before their remedies."""
    found: set[str] = set()
    waiting = set(ids)
    while waiting:
        requirement = catalog.requirements[waiting.pop()]
        new = {*requirement.needs, *requirement.after} - found
        found |= new
        waiting |= new
    return found


@dataclass(frozen=True)
class Group:
    """Scenarios that are played at once, because none keeps another from being seen."""

    scenarios: tuple[Scenario, ...]

    def __str__(self) -> str:
        return " ".join(map(str, self.scenarios))

    def takes(self, scenario: Scenario, most: int) -> bool:
        """Whether one more may be played with these, where ``most`` may be at once."""
        if scenario.alone or any(each.alone for each in self.scenarios) or len(self.scenarios) >= most:
            return False
        alike = all(scenario.flag(flag) == self.flag(flag) for flag in _ALIKE)
        alike &= bool(scenario.profile) == bool(self.profile)
        return alike and not any(map(scenario.disturbs, self.scenarios)) and self._agrees(scenario)

    def _agrees(self, scenario: Scenario) -> bool:
        try:
            merge(self.profile, scenario.profile)
        except ValueError:
            return False
        return True

    @property
    def profile(self) -> dict[str, Any]:
        """What their profile has of its own."""
        rows: dict[str, Any] = {}
        for scenario in self.scenarios:
            merge(rows, scenario.profile)
        return rows

    def write_profile(self, path: Path, rows: Mapping[str, Any]) -> Path:
        """Write a profile with what the scenarios add to rows, and return its path."""
        merged = copy.deepcopy(dict(rows))
        merge(merged, self.profile)
        with path.open("w") as file:
            YAML(typ="safe").dump(merged, file)
        return path

    def head(self, key: str) -> list[str]:
        """Return what the heads of all say."""
        return [row for scenario in self.scenarios for row in scenario.head(key)]

    def flag(self, name: str) -> bool:
        """Whether one of them has the flag."""
        return any(scenario.flag(name) for scenario in self.scenarios)

    def play(
        self,
        run: Callable[..., Any],
        sh: Callable[[Scenario, str], object],
        host: Callable[[Scenario], str],
        prelude: str = "",
        settles: float = 0,
    ) -> None:
        """Break → plan: red for that reason and no other → fix, as planned → green → a second fix changes nothing.

        ``settles`` is in how many seconds all else must be well: pods of a kubelet that was started are not ready for
        a moment, later on, and it may begin after an audit that found all well.
        """

        def subject(scenario: Scenario) -> str:
            return Cluster.id if catalog.requirements[scenario.requirement].across else host(scenario)

        options = [word for row in self.head("options") for word in row.split()]
        try:
            for scenario in self.scenarios:
                sh(scenario, f"set -e\n{prelude}\n{scenario.script.read_text()}")
            until = time.monotonic() + settles
            planned = run("--fix=plan", *options)
            while self._beside(planned) and time.monotonic() < until:
                planned = run("--fix=plan", *options)
            self._red(planned, subject)
            fixed = run("--fix", *options)
            for text in self.head("refuses"):
                assert text in fixed.text, fixed.text
            for scenario in self.scenarios:
                result = fixed.result(scenario.requirement, subject(scenario))
                if scenario.flag("advice"):
                    assert result["outcome"] in ("failed", "fix-failed"), fixed.text
                    assert result["actions"] == []
                else:
                    assert result["outcome"] == "fixed", fixed.text
            _as_planned(planned, fixed)
            if self.flag("advice"):
                return
            assert fixed.code == 0, fixed.text
            if self.head("profile"):
                again = run("--fix", *options)
                assert (again.code, again.changes) == (0, []), again.text
                return
        finally:
            for scenario in self.scenarios:
                for text in scenario.head("after"):
                    sh(scenario, text)
        until = time.monotonic() + settles
        again = run("--fix", *options)
        while again.code == 1 and not again.changes and time.monotonic() < until:
            again = run("--fix", *options)
        assert (again.code, again.changes) == (0, []), again.text

    @property
    def _broken(self) -> set[str]:
        return {id for scenario in self.scenarios for id in scenario.broken}

    def _beside(self, red: Any) -> list[str]:
        """Return what does not hold beside what they break."""
        return [
            id
            for (id, _), outcome in red.outcomes.items()
            if id not in self._broken and outcome not in ("passed", "blocked")
        ]

    def _red(self, red: Any, subject: Callable[[Scenario], str]) -> None:
        assert red.code == 1, red.text
        for scenario in self.scenarios:
            result = red.result(scenario.requirement, subject(scenario))
            assert result["outcome"] == "failed", red.text
            layers = {layer for line in scenario.head("red") for layer in line.split()}
            assert {d["layer"] for d in result["deviations"]} == layers, red.text
        for text in self.head("says"):
            assert text in red.text, red.text
        assert not self._beside(red), red.text
        blocked = [r for r in red.report["results"] if r["outcome"] == "blocked"]
        assert all(any(id in r["detail"] for id in self._broken) for r in blocked), red.text


def _as_planned(planned: Any, fixed: Any) -> None:
    """Hold that whatever was remedied was remedied as it had been planned."""
    for plan in planned.report["results"]:
        done = fixed.result(plan["requirement"], plan["host"])
        if plan["outcome"] == "failed" and done["outcome"] == "fixed":
            before, after = ([Action(**action) for action in each["actions"]] for each in (plan, done))
            assert (found := differences(before, after)) == [], f"{plan['requirement']}: {found}\n{fixed.text}"


def groups(directory: Path, most: int = _TOGETHER) -> list[Group]:
    """Return the scenarios below a directory, in groups that may be played at once; the catalog is loaded."""
    found: list[Group] = []
    scenarios = map(Scenario, sorted(directory.glob("*/*.sh")))
    for scenario in sorted(scenarios, key=lambda each: not each.flag("peers")):  # while their hosts are alike
        number = next((n for n, group in enumerate(found) if group.takes(scenario, most)), None)
        if number is None:
            found.append(Group((scenario,)))
        else:
            found[number] = Group((*found[number].scenarios, scenario))
    return found


def cases(found: Iterable[Group]) -> list[Any]:
    """Return groups as pytest's parameters; those of scenarios that are for ``make test-long`` alone are marked so."""
    return [pytest.param(group, marks=pytest.mark.long if group.flag("long") else ()) for group in found]


def every_requirement_is_proven(
    played: Iterable[Group], reasons: Mapping[str, str], profile: Path, beside: Path
) -> None:
    """Hold that what a profile selects, and another one does not, has a scenario each, or a reason why it has none."""
    broken = {id for group in played if not group.flag("long") for each in group.scenarios for id in each.broken}
    ours, others = (
        {each.id for each in filter(load(str(path)).selects, catalog.requirements.values())}
        for path in (profile, beside)
    )
    assert not ours - others - broken - reasons.keys()
    assert not broken - set(catalog.requirements)
    assert not reasons.keys() - set(catalog.requirements)
