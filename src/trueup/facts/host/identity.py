"""The identifiers of a host that must be unique; cloned machines share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

_HOSTNAME = "printf 'hostname\\t%s\\n' \"$(cat /proc/sys/kernel/hostname)\"\n"
_MACHINE_ID = """
id=; [ ! -e /etc/machine-id ] || id=$(cat /etc/machine-id) || exit
printf 'machine-id\\t%s\\n' "$id"
"""
_PRODUCT_UUID = """
uuid=; [ ! -e /sys/class/dmi/id/product_uuid ] || uuid=$(cat /sys/class/dmi/id/product_uuid) || exit
printf 'product_uuid\\t%s\\n' "$uuid"
"""
# Only network devices with hardware, or in a container the device of the default route, count: bridges, tunnels and
# the host ends of veth pairs have MAC addresses that many hosts share.
_MAC = """
found=
for device in /sys/class/net/*; do
  [ -e "$device/address" ] || continue
  case $(readlink -f "$device") in */virtual/*) continue;; esac
  found=1; printf 'MAC\\t%s\\n' "$(cat "$device/address")"
done
[ -n "$found" ] || {
  command -v ip >/dev/null 2>&1 || { echo 'ip: not found, and no network device has hardware behind it' >&2; exit 127; }
  device=$(ip -o route show default | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | head -n 1)
  [ -n "$device" ] || device=$(ip -o -4 addr show scope global | awk 'NR == 1 { print $2 }')
  [ -z "$device" ] || printf 'MAC\\t%s\\n' "$(cat "/sys/class/net/$device/address")"
}
"""
_PROBES = {"machine-id": _MACHINE_ID, "product_uuid": _PRODUCT_UUID, "MAC": _MAC}


def _probe(spec: Spec) -> str:
    """Return a probe for the kinds that the profile compares; a refused permission for another kind does not matter."""
    return _HOSTNAME + "".join(text for kind, text in _PROBES.items() if kind in spec.host.identity)


def parse(text: str) -> dict[str, frozenset[str]]:
    """Return kind (``hostname``, ``machine-id``, ``product_uuid``, ``MAC``) to the host's values, without empty ones.

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


IDENTITY = Fact("host.identity", _probe, parse)
