"""Measure what trueup costs a pytest that has no hosts: ``pytest -VV`` with the plugin and without it, in pairs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 20
BAR = 60  # milliseconds
_PYTEST = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-VV"]


def took(*options: str) -> float:
    """Return the seconds that one pytest takes, which must succeed."""
    began = time.perf_counter()
    subprocess.run([*_PYTEST, *options], check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Run the pairs in turn, and print the median difference."""
    took()
    pairs = [(took(), took("-p", "no:trueup.plugin")) for _ in range(ROUNDS)]
    more = [(with_it - without) * 1000 for with_it, without in pairs]
    plain = statistics.median(without for _, without in pairs) * 1000
    median = statistics.median(more)
    print(f"pytest -VV: {plain:.0f} ms; with trueup {median:+.0f} ms (median of {ROUNDS} pairs, bar {BAR} ms)")


if __name__ == "__main__":
    main()
