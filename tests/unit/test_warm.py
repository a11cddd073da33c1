"""Runs of pytest that are forked from a process with its imports behind it: as ``python -m pytest`` would be."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import warm

SHOWS = """
import os, sys
def test_it():
    print("arguments", sys.argv[1:], "path", sys.path, "in", os.getcwd(), os.environ.get("GIVEN"), sys.stdin.read())
    assert os.environ.get("GIVEN") == "yes"
"""


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "test_shows.py").write_text(SHOWS)
    return ["-q", "-s", "-p", "no:cacheprovider", "test_shows.py"]


@pytest.mark.parametrize(("given", "code"), [("yes", 0), ("no", 1)])
def test_it_says_and_returns_the_same_as_a_process_that_begins_anew(
    words: list[str], tmp_path: Path, given: str, code: int
) -> None:
    env = os.environ | {"GIVEN": given}
    command = [sys.executable, "-m", "pytest", *words]
    cold = subprocess.run(command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    out = tmp_path / "out"
    assert (warm.run(words, tmp_path, env, out, timeout=60), cold.returncode) == (code, code)
    said, expected = (re.sub(r" in [0-9.]+s", "", text).splitlines() for text in (out.read_text(), cold.stdout))
    assert said == expected


def test_a_run_that_takes_too_long_is_killed_and_shows_its_threads(tmp_path: Path) -> None:
    (tmp_path / "test_waits.py").write_text("import time, pathlib\ndef test_it():\n    time.sleep(600)\n")
    with pytest.raises(subprocess.TimeoutExpired) as late:
        warm.run(["-p", "no:cacheprovider", "test_waits.py"], tmp_path, os.environ, tmp_path / "out", timeout=3)
    assert re.search(r'test_waits.py", line 3 in test_it', "".join(late.value.__notes__))
