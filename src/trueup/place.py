"""Where something is written: an error about it names the file and the line."""

from __future__ import annotations

import os
import sys
from types import FrameType

_TOP = "<module>"


def caller(module: str) -> tuple[str, int, bool]:
    """Return file and line of the call into a module, and whether a file calls at its top and no function of it.

    A helper may stand between, as for the rows of a table: the row counts.
    """
    frame: FrameType = sys._getframe(1)
    while frame.f_globals.get("__name__") == module and frame.f_back:
        frame = frame.f_back
    if frame.f_code.co_name != _TOP and frame.f_back and frame.f_back.f_code.co_name == _TOP:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name == _TOP


def written(file: str, line: int) -> str:
    """Return ``file:line``, the same by whatever name the file was imported."""
    return f"{os.path.realpath(file)}:{line}"
