"""Reports: one writer per file, each a pure function of the run."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import UsageError, nearest

if TYPE_CHECKING:
    from trueup.results.run import Run

FORMATS = {".json": "json", ".md": "markdown"}  # file ending to the module with `render(run) -> str | bytes`


def check(paths: Iterable[str]) -> None:
    """Check before the run that the reports can be written.

    Raises:
        UsageError: an unknown ending, or a directory that does not exist.
    """
    for path in map(Path, paths):
        if path.suffix not in FORMATS:
            known = nearest(path.suffix, FORMATS) or f"; endings: {', '.join(FORMATS)}"
            raise UsageError(f"--report={path}: no report format for {path.suffix!r}{known}")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"--report={path}: the directory does not exist")


def write(path: Path, run: Run) -> None:
    """Write one report."""
    made: str | bytes = importlib.import_module(f"{__name__}.{FORMATS[path.suffix]}").render(run)
    path.write_bytes(made.encode() if isinstance(made, str) else made)
