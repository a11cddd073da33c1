"""Runs pytest in a process that is forked from one with its imports behind it: a run costs a second less."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHOWN = 16_000  # characters of a run that took too long
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["trueup.plugin.session", "kubernetes.client", "cryptography.x509"])


def run(
    words: Sequence[str], cwd: Path, env: Mapping[str, str], out: Path, err: Path | None = None, *, timeout: float
) -> int:
    """Run ``python -m pytest`` with arguments and return its exit code; what it prints is written to files.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``timeout`` seconds, and was killed; its notes are the last
            output and the stack of each thread.
    """
    process = _SERVER.Process(target=_pytest, args=(list(words), str(cwd), dict(env), str(out), str(err or out)))
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        assert process.pid
        os.kill(process.pid, signal.SIGUSR1)
        process.join(1)
        process.kill()
        process.join()
        late = subprocess.TimeoutExpired(["pytest", *words], timeout)
        late.add_note(out.read_text(errors="replace")[-_SHOWN:])
        raise late
    return process.exitcode


def _pytest(words: list[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    for path, stream in (out, sys.stdout), (err, sys.stderr):
        with Path(path).open("ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    # a copy, since pytest captures the stream itself
    faulthandler.register(signal.SIGUSR1, os.dup(sys.stdout.fileno()))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # TMPDIR may be another one
    installed = [path for path in sys.path if Path(path).name == "site-packages" or path.startswith(sys.base_prefix)]
    sys.path[:] = [cwd, *installed]
    sys.argv = ["pytest", *words]
    runpy.run_module("pytest", run_name="__main__", alter_sys=True)
