"""What tells one host from another: cloned machines have it in common."""

from __future__ import annotations

from trueup.fact import Fact

# Of network devices, those with hardware behind them, or in a container the one that leads out: bridges, tunnels and
# the hosts' ends of pods' cables have addresses that many hosts share.
_PROBE = """
printf 'hostname\\t%s\\n' "$(cat /proc/sys/kernel/hostname)"
printf 'machine-id\\t%s\\n' "$(cat /etc/machine-id 2>/dev/null)"
if [ -e /sys/class/dmi/id/product_uuid ]; then
  uuid=$(cat /sys/class/dmi/id/product_uuid) && printf 'product_uuid\\t%s\\n' "$uuid"
fi
found=
for device in /sys/class/net/*; do
  case $(readlink -f "$device") in */virtual/*) continue;; esac
  found=1; printf 'MAC\\t%s\\n' "$(cat "$device/address")"
done
[ -n "$found" ] || {
  device=$(ip -o route show default 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)
  [ -n "$device" ] || device=$(ip -o -4 addr show scope global | awk 'NR == 1 { print $2 }')
  [ -z "$device" ] || printf 'MAC\\t%s\\n' "$(cat "/sys/class/net/$device/address")"
}
"""


def parse(text: str) -> dict[str, frozenset[str]]:
    """Return kind (``hostname``, ``machine-id``, ``product_uuid``, ``MAC``) to the host's values; empty ones are none.

    Raises:
        ValueError: no host name in it.
    """
    found: dict[str, set[str]] = {}
    for row in text.splitlines():
        kind, _, value = row.partition("\t")
        if value.strip():
            found.setdefault(kind, set()).add(value.strip().lower())
    if "hostname" not in found:
        raise ValueError("no host name")
    return {kind: frozenset(values) for kind, values in found.items()}


IDENTITY = Fact("host.identity", _PROBE, parse)
