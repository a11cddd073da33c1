"""Reports: one writer per file, each a pure function of the run."""

from collections.abc import Iterable
from pathlib import Path

from trueup.errors import UsageError, nearest
from trueup.model.run import Run
from trueup.reports import json, markdown

FORMATS = {".json": json.render, ".md": markdown.render}


def check(paths: Iterable[str]) -> None:
    """Refuse a report that could not be written, before anything is done.

    Raises:
        UsageError: an unknown ending, or a directory that is not there.
    """
    for path in map(Path, paths):
        if path.suffix not in FORMATS:
            known = nearest(path.suffix, FORMATS) or f"; endings: {', '.join(FORMATS)}"
            raise UsageError(f"--report={path}: no report format for {path.suffix!r}{known}")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"--report={path}: the directory does not exist")


def write(path: Path, run: Run) -> None:
    """Write one report."""
    path.write_text(FORMATS[path.suffix](run), encoding="utf-8")
