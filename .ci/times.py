"""Prints how long each step took, and the slowest files of tests: times.py STEPS DIRECTORY-OF-JUNIT-XML."""

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

SLOWEST = 15


def main(steps: Path, junit: Path) -> None:
    """Print both tables; a step that is missing did not begin, a suite that is missing did not end."""
    print("\nseconds  step")
    for row in steps.read_text().splitlines():
        seconds, name = row.split(maxsplit=1)
        print(f"{seconds:>7}  {name}")
    files: Counter[str] = Counter()
    suites: Counter[str] = Counter()
    for report in sorted(junit.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
            seconds = float(case.get("time", "0"))
            suites[report.stem] += seconds
            files[case.get("classname", "").removeprefix("tests.")] += seconds
    for title, counter in ("suite, its tests one after the other", suites), ("slowest files of tests", files):
        print(f"\nseconds  {title}")
        for name, seconds in counter.most_common(SLOWEST):
            print(f"{seconds:7.0f}  {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
