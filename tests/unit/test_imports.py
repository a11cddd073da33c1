"""What is slow to load is loaded when it is needed: where trueup is installed, each pytest loads its plugin."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = ("allure", "cryptography", "kubernetes", "testinfra")
_ALL = """
import importlib, pkgutil
for room in ("trueup.facts", "trueup.change", "trueup.hosts", "trueup.remediations", "trueup.checks"):
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(module.name)
"""
_START = "import pytest; assert pytest.main(['-VV', '-p', 'trueup.plugin', '-p', 'no:cacheprovider']) == 0"


def loaded(code: str, directory: Path) -> set[str]:
    """Return which of the slow ones a process has loaded after running this code, without pytest's other plugins."""
    code += f"\nimport json, sys; print(json.dumps([name for name in {SLOW} if name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_facts_verbs_remedies_and_checks_load_nothing_slow(tmp_path: Path) -> None:
    assert loaded(_ALL, tmp_path) == set()


@pytest.mark.parametrize("code", ["import trueup.plugin", _START], ids=["plugin", "pytest --version"])
def test_the_plugin_loads_nothing_slow(code: str, tmp_path: Path) -> None:
    assert loaded(code, tmp_path) - {"allure"} == set()


def test_the_plugin_loads_no_allure(tmp_path: Path) -> None:
    assert loaded(_START, tmp_path) == set()


@pytest.mark.parametrize("name", SLOW)
def test_what_is_loaded_is_seen(name: str, tmp_path: Path) -> None:
    assert name in loaded(f"import {name}", tmp_path)
