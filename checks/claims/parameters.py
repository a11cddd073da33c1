"""Claims about kernel parameters: now, and after a reboot."""

from functools import partial

from trueup.facts.host.kernel import Persistent, proc_path
from trueup.model import result


def persistent_parameter(
    key: str, wanted: str | int, now: str | int | None, files: Persistent, *, at_least: bool = False
) -> None:
    """Assert that a kernel parameter has a value now, and will have it after a reboot.

    Args:
        now: its value now.
        files: the values that files set.
        at_least: a larger number will do; where no file sets one, a reboot brings the kernel's own, for which the value
            now stands.

    Raises:
        Unmet: it has not, or will not.
    """
    claim = partial(result.at_least, least=int(wanted)) if at_least else partial(result.equal, expected=wanted)
    boot, legacy = files.winner(key), files.legacy(key)
    kernels_own = at_least and not boot and result.reaches(now, int(wanted))
    where = boot.where if boot else "sysctl.d"
    hint = "no boot reads this file here, but `sysctl -p` and `sysctl --system` do, last of all"
    result.expect(
        claim(now, where=proc_path(key), layer="effective"),
        None if kernels_own else claim(boot and boot.value, where=where, layer="persistent"),
        claim(legacy.value, where=legacy.where, layer="persistent", hint=hint) if legacy else None,
    )
