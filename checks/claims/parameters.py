"""What checks of kernel parameters have in common."""

from trueup import equal, expect
from trueup.facts.host.kernel import Persistent, proc_path


def persistent_parameter(key: str, wanted: str, now: dict[str, str], files: Persistent) -> None:
    """Assert that a kernel parameter has a value now, and will have it after a reboot.

    Raises:
        Unmet: it has not, or will not.
    """
    boot, legacy = files.winner(key), files.legacy(key)
    expect(
        equal(now.get(key), wanted, where=proc_path(key), layer="effective"),
        equal(boot and boot.value, wanted, where=boot.where if boot else "sysctl.d", layer="persistent"),
        equal(
            legacy.value if legacy else wanted,
            wanted,
            where=legacy.where if legacy else "",
            layer="persistent",
            hint="no boot reads this file here, but `sysctl -p` and `sysctl --system` do, last of all",
        ),
    )
