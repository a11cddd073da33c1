"""Prints the tables of docs/faults.md from the rows of a run: python -m tests.faults.figures FILE…"""

from __future__ import annotations

import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def table(head: str, rows: Iterable[tuple[str, list[Row]]]) -> Iterable[str]:
    """Yield the lines of a table with one row for each group of faults."""
    yield f"| {head} | faults | first run ended red | next fix made changes | problems |"
    yield "|---|---|---|---|---|"
    for name, each in rows:
        red, left, bad = (sum(bool(row[key]) for row in each) for key in ("first", "changes", "problems"))
        yield f"| {name} | {len(each)} | {red} | {left} | {bad} |"


def by(rows: list[Row], *keys: str) -> list[tuple[str, list[Row]]]:
    """Return the faults in groups with equal values of these keys."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(", ".join(str(row[key]) for key in keys), []).append(row)
    return sorted(found.items())


def main(files: list[str]) -> None:
    """Print all tables."""
    rows = [json.loads(line) for file in files for line in Path(file).read_text().splitlines()]
    for head, keys in (("kind", ["kind"]), ("moment", ["moment"]), ("hosts", ["site"]), ("verb", ["verb"])):
        print("\n".join(table(head, [*by(rows, *keys), ("all", rows)])), end="\n\n")
    seconds = [row["seconds"] for row in rows]
    remedies = {row["requirement"] for row in rows if row["requirement"]}
    print(f"{len(remedies)} remedies: {', '.join(sorted(remedies))}")
    print(f"a fault and its next fix: median {statistics.median(seconds):.1f} s, at most {max(seconds):.1f} s")
    print(Counter(row["scenario"] for row in rows).most_common(3))
    for row in filter(lambda row: row["problems"], rows):
        print(json.dumps(row))


if __name__ == "__main__":
    main(sys.argv[1:])
