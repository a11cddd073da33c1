"""What is on a host's disk after a fault: whole files only, every original, and a journal that can be read."""

from __future__ import annotations

from dataclasses import dataclass

from lab import Lab
from trueup.change.verbs import STATE
from trueup.journal import on_host

_FILES = "/etc /usr/local /opt /apps/harbor /var/lib/kubelet/config.yaml"
_FEWEST = 50  # files that any host has there
_SUMS = f"""
find {_FILES} -xdev -type f ! -name '*.dpkg-*' ! -name '.trueup.*' -print0 2>/dev/null | xargs -0 sha256sum
"""
_KEPT = f"""
cd {STATE}/runs 2>/dev/null || exit 0
find . -path '*/backup/*' -type f -print0 | xargs -0r sha256sum | cut -c1-64
find . -path '*/backup/*.left' -exec cat {{}} +
"""
_OTHERS = f"find {STATE}/runs -path '*/journal/*' -type f ! -name '*.json' ! -name '.*.new' 2>/dev/null || :"
_RUNS = f"ls {STATE}/runs 2>/dev/null || :"


@dataclass(frozen=True)
class Evidence:
    """Files with their checksums, the checksums of all that is kept of them, and what is wrong with journals."""

    files: dict[str, str]
    kept: frozenset[str]
    unreadable: tuple[str, ...]
    written: frozenset[str]

    @classmethod
    def of(cls, lab: Lab, host: str) -> Evidence:
        """Return what is on a host now."""

        def said(script: str) -> str:
            return lab.sh(host, script).stdout

        rows = [line.split("  ", 1) for line in said(_SUMS).splitlines()]
        assert len(rows) > _FEWEST, f"{host}: only {len(rows)} files were seen"
        unreadable, written = said(_OTHERS).splitlines(), set()
        for run in said(_RUNS).split():
            for entry in on_host.parse(said(on_host.reading(STATE, run))).entries:
                if entry.requirement == "unknown":
                    unreadable.append(f"{run} {entry.target}: {entry.stays}")
                elif entry.verb == "write" and entry.state is not on_host.State.FAILED:
                    written.add(entry.target)
        return cls(
            {path: sum for sum, path in rows}, frozenset(said(_KEPT).split()), tuple(unreadable), frozenset(written)
        )

    def problems(self, good: Evidence, broken: Evidence, later: Evidence) -> list[str]:
        """Return what a fault has lost or left half done, where these are the states before and after it."""
        whole = (
            self.kept | later.kept | set(good.files.values()) | set(broken.files.values()) | set(later.files.values())
        )
        half = [f"{path} is half written" for path, sum in self.files.items() if sum not in whole]
        lost = [
            f"the original of {path} is lost"
            for path, sum in broken.files.items()
            if path in self.written and self.files.get(path) != sum and sum not in self.kept
        ]
        return [*half, *lost, *(f"the journal cannot be read: {words}" for words in self.unreadable)]
