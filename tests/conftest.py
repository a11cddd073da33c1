"""Runs trueup as an operator would, and gives what it printed and reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import warm
from shared_lab import SharedLab

from lab import Lab

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """A finished run."""

    code: int
    text: str
    report: dict[str, Any]

    @property
    def outcomes(self) -> dict[tuple[str, str], str]:
        """Return (requirement, host) to outcome."""
        return {(r["requirement"], r["host"]): r["outcome"] for r in self.report["results"]}

    @property
    def changes(self) -> list[str]:
        """Return what was done, or planned."""
        return [f"{r['host']}: {a['summary']}" for r in self.report["results"] for a in r["actions"]]

    def result(self, requirement: str, host: str) -> dict[str, Any]:
        """Return one result."""
        return next(r for r in self.report["results"] if (r["requirement"], r["host"]) == (requirement, host))


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Real hosts; where there can be none, the test fails with the reason: a lab that is skipped proves nothing."""
    made = SharedLab()
    made.check()
    return made


@pytest.fixture(scope="session")
def trueup(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Done]:
    """Run the suite in a process of its own; arguments are pytest's."""

    def run(
        *args: str,
        env: dict[str, str] | None = None,
        cwd: Path = ROOT,
        timeout: float = 300,
        within: Sequence[str] = (),
    ) -> Done:
        directory = tmp_path_factory.mktemp("run")
        report, out = directory / "report.json", directory / "out"
        words = [
            str(ROOT / "checks"),
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            f"--report={report}",
            *args,
        ]
        environment = os.environ | (env or {})
        if within:
            with out.open("wb") as file:
                code = subprocess.run(
                    [*within, sys.executable, "-m", "pytest", *words], cwd=cwd, env=environment, timeout=timeout,
                    stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                ).returncode  # fmt: skip
        else:
            code = warm.run(words, cwd, environment, out, timeout=timeout)
        return Done(code, out.read_text(), json.loads(report.read_text()) if report.exists() else {})

    return run
