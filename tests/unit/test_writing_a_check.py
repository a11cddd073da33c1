"""The page on writing a check, followed to the letter in an empty directory: what it builds is red, fixed and green."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import trueup

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/writing-a-check.md").read_text(encoding="utf-8")
PARTS = (
    "src", "checks", "remediations", "profiles", "reports", "lab", "docs", "examples", "tests/unit", "tests/scenarios",
    "tests/cluster/scenarios", "tests/edge/scenarios", "CHANGELOG.md", "Makefile", "conftest.py", "pyproject.toml",
)  # fmt: skip
# A host that is this machine, but for its parameters, their files, and what trueup keeps there.
_OWN = r"proc/sys/(vm|fs)|etc/sysctl\.(d|conf)|(usr/(local/)?|)lib/sysctl\.d|run/sysctl\.d|var/lib/trueup"
SSH = f"""#!/bin/sh
case " $* " in *" -O "*) exit 0;; esac
sed -E "s#(^|[^A-Za-z0-9_./-])/({_OWN})#\\1$HOST/\\2#g" | PATH=$HOST/bin:$PATH sh
"""
SYSCTL = r"""#!/bin/sh
echo "${2#*=}" >"$HOST/proc/sys/$(echo "${2%%=*}" | tr . /)"
"""


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def diffs(title: str) -> list[tuple[str, list[list[str]]]]:
    """File and hunks of each block of a section."""
    blocks = re.findall(r"^```diff\n\+\+\+ (\S+)\n(.*?)^```$", section(title), re.M | re.S)
    return [(file, [hunk.splitlines() for hunk in body.split("@@\n")]) for file, body in blocks]


def apply(root: Path, title: str) -> dict[str, int]:
    """Do what the page says; return file to the lines that it adds or removes."""
    counts: dict[str, int] = {}
    for name, hunks in diffs(title):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        for hunk in hunks:
            assert {row[0] for row in hunk} <= set("+- "), (name, hunk)
            before = "".join(f"{row[1:]}\n" for row in hunk if row[0] != "+")
            after = "".join(f"{row[1:]}\n" for row in hunk if row[0] != "-")
            assert text.count(before) == 1 or not text + before, f"{name} has no such place, or several:\n{before}"
            text = text.replace(before, after, 1) if before else after
            counts[name] = counts.get(name, 0) + sum(row[0] != " " for row in hunk)
        file.write_text(text, encoding="utf-8")
    return counts


@dataclass
class Workplace:
    """A copy of the checkout, and a host."""

    root: Path

    @property
    def host(self) -> Path:
        return self.root / "host"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a module of Python here, with trueup as it is here."""
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.root, env=self._environment(), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=300, check=False,
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        path = f"{self.root}/bin:{os.environ['PATH']}"
        given = {"PATH": path, "PYTHONPATH": f"{self.root}/src", "HOST": str(self.host), "COLUMNS": "200"}
        return {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TRUEUP", "FORCE_COLOR"))} | given

    def make(self, *targets: str) -> None:
        """Run targets of the Makefile, with the Python of these tests."""
        command = ["make", "-s", "-o", ".venv/ready", f"BIN={Path(sys.executable).parent}", *targets]
        subprocess.run(command, cwd=self.root, env=self._environment(), check=True, timeout=120)

    def trueup(self, id: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("pytest", "-p", "no:cacheprovider", "checks", "--hosts=h", "-k", id, *arguments)

    def tool(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        (self.root / path).chmod(0o755)


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tmp_path / part, symlinks=True, ignore=skip)
        else:
            shutil.copy(ROOT / part, tmp_path / part)
    made = Workplace(tmp_path)
    made.tool("bin/ssh", SSH)
    made.tool("host/bin/sysctl", SYSCTL)
    (made.host / "etc/sysctl.d").mkdir(parents=True)
    return made


def parameter(work: Workplace, path: str, value: str) -> Path:
    file = work.host / "proc/sys" / path
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    return file


EXAMPLES = [
    ("A kernel parameter", "host.sysctl.vm_overcommit_memory", "vm/overcommit_memory", "0", "1", 25, 5),
    ("A new fact and a new key", "host.limits.inotify", "fs/inotify/max_user_instances", "128", "8192", 60, 12),
]


@pytest.mark.parametrize(
    ("title", "id", "path", "bad", "good", "lines", "files"), EXAMPLES, ids=[e[1] for e in EXAMPLES]
)
def test_what_the_page_builds_is_red_and_fixed_and_green(
    work: Workplace, title: str, id: str, path: str, bad: str, good: str, lines: int, files: int
) -> None:
    counts = apply(work.root, title)
    assert sum(counts.values()) <= lines, counts
    assert len(counts) <= files, counts
    value = parameter(work, path, bad)

    (work.root / "new.yaml").write_text('extends: base\ncatalogue: "2027.01"\n')

    red = work.trueup(id, "--profile=new.yaml")
    assert red.returncode == 1, red.stdout + red.stderr
    assert f"found     {bad}" in red.stdout
    assert "effective" in red.stdout
    assert "persistent" in red.stdout
    assert "newer than" not in red.stdout

    fixed = work.trueup(id, "--profile=new.yaml", "--fix")
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    assert "1 fixed" in fixed.stdout
    assert value.read_text() == f"{good}\n"
    kept = (work.host / "etc/sysctl.d/zz-trueup.conf").read_text()
    assert kept.endswith(f"{path.replace('/', '.')} = {good}\n")

    again = work.trueup(id, "--profile=new.yaml", "--fix")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "compliant: 1 passed on 1 host; 0 changes" in again.stdout


def test_what_is_newer_than_a_profile_is_off_and_named(work: Workplace) -> None:
    apply(work.root, EXAMPLES[0][0])
    done = work.trueup("host.sysctl", "--profile=base", "--collect-only", "-q", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "host.sysctl.ip_forward[h]" in done.stdout
    assert "host.sysctl.vm_overcommit_memory[h]" not in done.stdout
    assert (
        "1 requirement is newer than the profile's catalogue 2026.12, and off: host.sysctl.vm_overcommit_memory; "
        'a profile turns them on by catalogue: "2027.01", or one by its id in select'
    ) in done.stdout


def test_the_tests_that_the_page_names_are_green_with_what_it_builds(work: Workplace) -> None:
    """They fail where something is missing: a value, a capture, a page that was not renewed, a sentence."""
    for title, *_ in EXAMPLES:
        apply(work.root, title)
    for check in (("check",), ("format", "--check")):
        done = work.run("ruff", *check, "checks", "remediations", "profiles", "src", "tests")
        assert done.returncode == 0, done.stdout
    named = re.findall(r"tests/unit/\S+\.py", "".join(section(title) for title, *_ in EXAMPLES))
    work.make("schema", "catalogue")
    done = work.run("pytest", "-p", "no:cacheprovider", "-q", "-n", "0", *dict.fromkeys(named))
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_that_an_author_imports_comes_from_trueup() -> None:
    assert set(trueup.__all__) - {"__version__"} == set(trueup._HOMES)
    for name in trueup.__all__:
        assert getattr(trueup, name) is not None
    with pytest.raises(AttributeError, match="module 'trueup' has no attribute 'nothing'"):
        trueup.nothing  # noqa: B018 - it is the look that fails


def test_importing_trueup_costs_none_of_what_is_slow() -> None:
    slow = ("kubernetes", "cryptography", "allure_commons", "pydantic", "ruamel.yaml", "trueup.model", "trueup.change")
    text = f"import sys, trueup; print(*(name for name in {slow} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
