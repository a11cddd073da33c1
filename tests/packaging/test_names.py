"""A wheel, an editable install and a checkout know everything by the same names, and site-packages gains one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ["trueup.checks.test_host", "trueup.remediations.host", "trueup.profiles.schema", "trueup.reports.json"]
IMPORT = f"import importlib; [importlib.import_module(name) for name in {NAMES}]"


def _run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd="/", env=clean | env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and the packages of this one, which the lock names, but for trueup."""
    scratch = tmp_path_factory.mktemp("wheel")
    # a copy: setuptools would put what an earlier build left behind into the wheel
    skip = shutil.ignore_patterns(".*", "node_modules", "build", "*.egg-info", "__pycache__")
    source = shutil.copytree(ROOT, scratch / "source", symlinks=True, ignore=skip)
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", scratch, source).check_returncode()
    venv.create(scratch / "venv")
    python = scratch / "venv/bin/python"
    site = _site(python)
    for package in _site(Path(sys.executable)).iterdir():
        if "trueup" not in package.name:
            (site / package.name).symlink_to(package)
    (wheel,) = scratch.glob("*.whl")
    before = _top_level(site)
    _run(python, "-m", "pip", "install", "-q", "--no-deps", wheel).check_returncode()
    assert _top_level(site) - before == {"trueup"}
    return python


def _site(python: Path) -> Path:
    return Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())


def _top_level(site: Path) -> set[str]:
    return {path.name for path in site.iterdir() if not path.name.endswith(".dist-info")}


def test_a_wheel(installed: Path) -> None:
    _run(installed, "-c", IMPORT).check_returncode()
    done = _run(installed, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "trueup.checks", "--hosts=local://")
    assert done.returncode in (0, 1)
    assert "by requirement" in done.stdout
    assert "host.sysctl.ip_forward" in done.stdout


def test_an_editable_install() -> None:
    _run(sys.executable, "-c", IMPORT).check_returncode()


def test_a_checkout_that_was_not_installed(installed: Path) -> None:
    _run(installed, "-m", "pip", "uninstall", "-q", "-y", "trueup").check_returncode()
    _run(installed, "-c", IMPORT, PYTHONPATH=str(ROOT / "src")).check_returncode()
    done = _run(installed, "-m", "pytest", "-p", "no:cacheprovider", f"{ROOT}/checks", "--hosts=local://")
    assert "by requirement" in done.stdout
