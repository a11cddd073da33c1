"""Where something is written: an error about it names the file and the line."""

from __future__ import annotations

import os
import sys
from types import FrameType

_TOP = "<module>"


def caller(module: str) -> tuple[str, int] | None:
    """Return file and line of the call from the top of a file into a module; ``None`` where a function calls it.

    A helper of the file may stand between, as for the rows of a table: the row counts.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__name__") == module:
        frame = frame.f_back
    if frame and frame.f_code.co_name != _TOP:
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame and frame.f_code.co_name == _TOP else None


def written(file: str, line: int) -> str:
    """Return ``file:line``, the same by whatever name the file was imported."""
    return f"{os.path.realpath(file)}:{line}"
