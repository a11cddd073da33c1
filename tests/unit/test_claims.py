"""What several checks claim of a kernel parameter: at least a number, now and after a reboot."""

import pytest

from trueup import at_least
from trueup.checks.claims.parameters import persistent_parameter
from trueup.facts.host.kernel import SYSCTL_FILES
from trueup.model.claims import Unmet

KEY = "fs.inotify.max_user_instances"


def deviations(now: str | int | None, *files: str) -> list[tuple[str, str, str]]:
    """Layer, place and found value of what deviates from at least 64."""
    rows = [
        row for name, value in (file.split("=") for file in files) for row in (f"@{name}\t{name}", f"|{KEY}={value}")
    ]
    try:
        persistent_parameter(KEY, 64, now, SYSCTL_FILES.parse("\n".join(rows)), at_least=True)
    except Unmet as unmet:
        return [(each.layer, each.where, each.found) for each in unmet.deviations if each.expected == "at least 64"]
    return []


PROC = "/proc/sys/fs/inotify/max_user_instances"
FILE = "/etc/sysctl.d/9.conf"


@pytest.mark.parametrize("now", ["64", "1024", 64, 1024])
@pytest.mark.parametrize("files", [(), (f"{FILE}=64",), (f"{FILE}=1024",), (f"{FILE}=1024", "/etc/sysctl.conf=64")])
def test_more_will_do(now: str | int, files: tuple[str, ...]) -> None:
    assert deviations(now, *files) == []


@pytest.mark.parametrize(
    ("now", "files", "found"),
    [
        ("63", (), [("effective", PROC, "63"), ("persistent", "sysctl.d", "not set")]),
        (None, (), [("effective", PROC, "not set"), ("persistent", "sysctl.d", "not set")]),
        (63, (f"{FILE}=64",), [("effective", PROC, "63")]),
        ("128", (f"{FILE}=63",), [("persistent", f"{FILE}:1", "63")]),
        ("128", (f"{FILE}=many",), [("persistent", f"{FILE}:1", "many")]),
        ("128", (f"{FILE}=128", "/etc/sysctl.d/99.conf=8"), [("persistent", "/etc/sysctl.d/99.conf:1", "8")]),
        ("128", ("/etc/sysctl.conf=8",), [("persistent", "/etc/sysctl.conf:1", "8")]),
    ],
)
def test_what_is_less_deviates_where_it_is(now: str | int | None, files: tuple[str, ...], found: list[object]) -> None:
    assert deviations(now, *files) == found


@pytest.mark.parametrize("found", ["", "x", "1.5", "1_0", "٣", None, -1])
def test_what_is_no_whole_number_is_not_enough(found: object) -> None:
    assert at_least(found, 0, where="there", layer="effective")
