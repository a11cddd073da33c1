"""The exit codes of a run with hosts, and the reason that is printed with each."""

from __future__ import annotations

OK, NOT_COMPLIANT, INTERRUPTED, COULD_NOT_LOOK, USAGE, NOTHING_SELECTED, BROKEN = 0, 1, 2, 3, 4, 5, 70
MEANINGS = {
    OK: "compliant, or all changes undone",
    NOT_COMPLIANT: "not compliant, or not all changes undone",
    INTERRUPTED: "interrupted",
    COULD_NOT_LOOK: "could not look at everything",
    USAGE: "wrong usage or input, and nothing was done",
    NOTHING_SELECTED: "no requirement was selected",
    BROKEN: "trueup, a plugin or a test file broke",  # EX_SOFTWARE of sysexits(3); pytest's own 3 has a meaning above
}
