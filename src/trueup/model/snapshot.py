"""The raw answers of one host, in memory and on disk."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from trueup.errors import UsageError

SCHEMA = 1
_MISSING = 127
_TIMED_OUT = 124
_KILLED = 137
_CUT_OFF = -1
_DENIED = ("permission denied", "operation not permitted", "access denied")


@dataclass(frozen=True)
class Raw:
    """The answer of a probe, unchanged except for secrets.

    Args:
        asked, answered: Unix time; None if unknown.
    """

    rc: int
    out: str
    err: str = ""
    asked: float | None = None
    answered: float | None = None

    def why(self) -> str:
        """Return why there is no answer."""
        last = next((line for line in reversed(self.err.splitlines()) if line.strip()), "").strip()
        if self.rc == _CUT_OFF:
            return "the answer was cut off" + (f" ({last})" if last else "")
        if self.rc == _TIMED_OUT:
            return "timed out"
        if self.rc == _KILLED:
            return "killed: it did not stop when its time was up, or memory ran out"
        if any(word in self.err.lower() for word in _DENIED):
            return f"permission denied ({last!r})"
        if self.rc == _MISSING:
            return f"tool missing ({last!r})"
        return f"exit code {self.rc}" + (f" ({last!r})" if last else "")


def dated(raws: Mapping[str, Raw], asked: float) -> dict[str, Raw]:
    """Return answers that came now, with the time when they were asked for."""
    return {name: replace(raw, asked=asked, answered=time.time()) for name, raw in raws.items()}


CUT_OFF = Raw(_CUT_OFF, "")


@dataclass
class Snapshot:
    """All raw answers of one host; serves as evidence, test fixture and drift baseline."""

    host: str
    taken: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    raws: dict[str, Raw] = field(default_factory=dict)
    problem: str = ""  # why the whole host could not be looked at
    unreachable: bool = False
    root: bool = True
    up: float | None = None  # seconds since the host booted, if known

    @property
    def blank(self) -> bool:
        """Whether nothing was gathered yet."""
        return not self.raws and not self.problem

    def save(self, path: Path) -> None:
        """Write the snapshot as JSON with its schema version, readable by its owner only."""
        path.touch(mode=0o600)
        path.write_text(json.dumps({"schema": SCHEMA} | asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Snapshot:
        """Read a snapshot.

        Raises:
            UsageError: not a snapshot, or of another schema version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise UsageError(f"{path}: snapshot schema {schema!r}, this trueup reads {SCHEMA}; record it again")
            return cls(**data | {"raws": {name: Raw(**raw) for name, raw in data["raws"].items()}})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{path}: not a snapshot of trueup ({error}); record it again") from None
