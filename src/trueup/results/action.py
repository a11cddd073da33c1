"""One change to a host or to an object of the Kubernetes API, planned or done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

OPEN = "(decided in the run"


def later(what: str) -> str:
    """Return the words that a plan has where only the run can decide; in a summary, whether the action is done."""
    return f"{OPEN}: {what})"


Internal = Annotated[str, Field(exclude=True)]  # for the journal; no report has it


@dataclass
class Action:
    """One change to a host, recorded whether it was planned or done.

    Args:
        undo: shell that restores the previous state; ``:`` where there is nothing to restore.
        settle: shell that makes running services load the restored state.
        intact: shell that fails, with the reason, where the state is neither the one before nor the one after.
        before: the previous state, as far as the verb knows it.
        stays: why it cannot be undone.
        precondition: digest of the state that it starts from, where the diff does not show all of that.
    """

    verb: str
    target: str
    summary: str
    diff: str = ""
    undo: Internal = ""
    settle: Internal = ""
    intact: Internal = ""
    before: Annotated[dict[str, Any], Field(exclude=True)] = field(default_factory=dict)
    stays: str = ""
    precondition: str = ""
