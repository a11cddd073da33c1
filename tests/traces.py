"""Whether a secret shows: in process lists while something runs, and on hosts afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

from lab import Lab

# where a host could keep what it has seen; journalctl's files are compressed, so it is asked as well
TRACES = """grep -rlF -f - /var/log /tmp /var/tmp /run/log /var/lib/trueup /home /root 2>/dev/null || :"""
JOURNAL = "journalctl --no-pager -o cat"


class Sampler:
    """Reads what all processes of this machine show, those of its test hosts too, until it is told to stop."""

    def __init__(self, *words: str) -> None:
        self.words = [word.encode() for word in words]
        self.seen: set[str] = set()
        self.samples = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self) -> None:
        while not self._over.wait(0.005):
            self.samples += 1
            for process in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        text = (process / name).read_bytes()
                    except OSError:  # it has ended
                        continue
                    if any(word in text for word in self.words):
                        self.seen.add(f"{name}: {text[:200]!r}")

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def traces(lab: Lab, word: str, *hosts: str) -> str:
    """Return what of a secret is on hosts, where it should not be."""
    found = "".join(lab.sh(host, TRACES, input=f"{word}\n").stdout for host in hosts)
    return found + "".join(row for host in hosts for row in lab.sh(host, JOURNAL).stdout.splitlines() if word in row)
