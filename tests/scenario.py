"""One way for a good host to be wrong, as its script and the head of that say, and what must be seen of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.catalog import catalog
from trueup.cluster import Cluster
from trueup.profile import load


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

    def head(self, key: str) -> list[str]:
        """Return what lines such as ``# key: text`` say."""
        marker = f"# {key}:"
        return [row[len(marker) :].strip() for row in self.script.read_text().splitlines() if row.startswith(marker)]

    def flag(self, name: str) -> bool:
        """Whether there is a line such as ``# name``."""
        return f"# {name}" in self.script.read_text().splitlines()

    def play(
        self,
        run: Callable[..., Any],
        sh: Callable[[str], object],
        host: str,
        prelude: str = "",
        settled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Break → red for that reason and no other → fix → green → a second fix changes nothing.

        ``settled`` waits until all is well: pods of a kubelet that was started are not ready for a moment, later on.
        """
        if catalog.requirements[self.requirement].across:
            host = Cluster.id
        options = [word for row in self.head("options") for word in row.split()]
        try:
            sh(f"set -e\n{prelude}\n{self.script.read_text()}")
            self._red(run(), host)
            fixed = run("--fix", *options)
            outcome = fixed.result(self.requirement, host)["outcome"]
            for text in self.head("refuses"):
                assert text in fixed.text, fixed.text
            if self.flag("advice"):
                assert outcome in ("failed", "fix-failed"), fixed.text
                assert fixed.changes == []
                return
            assert (fixed.code, outcome) == (0, "fixed"), fixed.text
            if self.head("profile"):
                again = run("--fix", *options)
                assert (again.code, again.changes) == (0, []), again.text
                return
        finally:
            for text in self.head("after"):
                sh(text)
        again = run("--fix", *options)
        if again.code == 1 and not again.changes and settled():
            again = run("--fix", *options)
        assert (again.code, again.changes) == (0, []), again.text

    def _red(self, red: Any, host: str) -> None:
        assert red.code == 1, red.text
        result = red.result(self.requirement, host)
        assert result["outcome"] == "failed", red.text
        assert {d["layer"] for d in result["deviations"]} == {
            layer for line in self.head("red") for layer in line.split()
        }
        for text in self.head("says"):
            assert text in red.text, red.text
        also = {self.requirement, *self.head("also")}
        others = {outcome for (id, _), outcome in red.outcomes.items() if id not in also}
        assert others <= {"passed", "blocked"}, red.text
        blocked = [r for r in red.report["results"] if r["outcome"] == "blocked"]
        assert all(any(id in r["detail"] for id in also) for r in blocked), red.text


def scenarios(directory: Path) -> list[Scenario]:
    """Return the scenarios below a directory, in order."""
    return [Scenario(script) for script in sorted(directory.glob("*/*.sh"))]


def every_requirement_is_proven(
    played: Iterable[Scenario], reasons: Mapping[str, str], profile: Path, beside: Path
) -> None:
    """Hold that what a profile selects, and another one does not, has a scenario each, or a reason why it has none."""
    broken = {id for scenario in played for id in (scenario.requirement, *scenario.head("also"))}
    ours, others = (set(filter(load(str(path)).selects, catalog.requirements)) for path in (profile, beside))
    assert ours - others <= broken | reasons.keys()
    assert broken | reasons.keys() <= set(catalog.requirements)
