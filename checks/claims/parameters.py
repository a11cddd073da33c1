"""Claims about kernel parameters."""

from functools import partial

from trueup.facts.host.kernel import Persistent, proc_path
from trueup.model import claims


def persistent_parameter(
    key: str, wanted: str | int, now: str | int | None, files: Persistent, *, at_least: bool = False
) -> None:
    """Assert that a kernel parameter has a value now and after a reboot.

    Args:
        key: dotted name of the parameter, such as ``net.ipv4.ip_forward``.
        wanted: expected value.
        now: value in the running kernel; None where the kernel has no such parameter.
        files: values that the files of sysctl.d(5) and /etc/sysctl.conf assign.
        at_least: a larger number passes too. Where no file sets the parameter, a reboot restores the kernel's default,
            and the value now stands for it.

    Raises:
        Unmet: the value differs in the kernel or in the file that wins at boot.
    """
    claim = partial(claims.at_least, least=int(wanted)) if at_least else partial(claims.equal, expected=wanted)
    boot, legacy = files.winner(key), files.legacy(key)
    kernels_own = at_least and not boot and claims.reaches(now, int(wanted))
    where = boot.where if boot else "sysctl.d"
    hint = "this host does not read the file at boot, but `sysctl -p` and `sysctl --system` apply it last"
    claims.expect(
        claim(now, where=proc_path(key), layer="effective"),
        None if kernels_own else claim(boot and boot.value, where=where, layer="persistent"),
        claim(legacy.value, where=legacy.where, layer="persistent", hint=hint) if legacy else None,
    )
