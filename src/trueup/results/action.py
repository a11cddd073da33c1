"""One change to a host or to an object of the Kubernetes API, planned or done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

OPEN = "(decided in the run"


def later(what: str) -> str:
    """Return the placeholder of a plan for a value that only the run can decide."""
    return f"{OPEN}: {what})"


Internal = Annotated[str, Field(exclude=True)]  # for the journal only


@dataclass
class Action:
    """One change to a host, planned or done.

    Args:
        undo: shell that restores the previous state; ``:`` if there is nothing to restore.
        settle: shell that makes running services load the restored state.
        intact: shell that fails with the reason if the state is neither the one before nor the one after.
        before: the previous state, if the verb knows it.
        stays: why it cannot be undone.
        precondition: digest of the previous state, if the diff does not show all of it.
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
