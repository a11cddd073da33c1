"""The clock: whether it is synchronised, and by which service."""

from __future__ import annotations

from trueup.facts.host import systemd
from trueup.model.fact import Fact

# Debian's and RHEL's names of chrony, systemd's own, and the generations of ntpd.
SERVICES = ("chrony", "chronyd", "systemd-timesyncd", "ntpsec", "ntp", "ntpd", "openntpd")

# Without rtcsync, chrony knows that the clock is right and the kernel does not; one answer of the two is enough.
_PROBE = """
said=$(timedatectl show -p NTPSynchronized 2>&1); rc=$?
[ $rc -ne 0 ] || echo "$said"
chronyc -n tracking 2>/dev/null && exit 0
[ $rc -eq 0 ] || { echo "$said" >&2; exit $rc; }
"""


def parse(text: str) -> bool:
    """Return whether the kernel (``timedatectl show``) or chrony (``chronyc tracking``) says it is synchronised."""
    said = {name.strip(): value.strip() for name, _, value in (row.partition("=") for row in text.splitlines())}
    leap = {name.strip(): value.strip() for name, _, value in (row.partition(":") for row in text.splitlines())}
    kernel, chrony = said.get("NTPSynchronized"), leap.get("Leap status")
    if kernel not in ("yes", "no") and not chrony:
        raise ValueError(f"neither NTPSynchronized nor a leap status in {text[:80]!r}")
    return kernel == "yes" or chrony in ("Normal", "Insert second", "Delete second")


SYNCHRONISED = Fact("clock.synchronised", _PROBE, parse)
TIME_SERVICES = Fact(
    "clock.services",
    "systemctl show -p Id,LoadState,ActiveState,UnitFileState -- " + " ".join(f"{name}.service" for name in SERVICES),
    systemd.parse_units,
    condition=systemd.RUNS,
)

# Shell that waits for it: a time service that has just started needs some answers from its servers first.
WAIT = f"""
for second in $(seq 60); do
  said=$({_PROBE.strip()}
  ) && echo "$said" | grep -qE '^NTPSynchronized=yes|^Leap status *: (Normal|Insert|Delete)' && exit 0
  sleep 1
done
echo 'not synchronised after a minute: are there time servers that answer?'
exit 1
"""
