"""Restart of static pods of a control plane."""

from __future__ import annotations

from collections.abc import Iterable

from trueup.facts.kube import control_plane
from trueup.facts.kube.static_pods import COMPONENT

_DEADLINE = 330  # seconds: kubelet waits up to 5 minutes before it restarts a pod that keeps failing
_GRACE = 30  # seconds, as kubelet itself gives a pod: an API server waits twice as long for clients that watch


def _well(component: str, old: str) -> str:
    """Return shell that waits until a static pod has a process other than ``old`` that reports to be healthy."""
    return f"""(
{control_plane.locate(component)}
{control_plane.healthy(component)}
began=$(cut -d. -f1 /proc/uptime)
until new=$(pids {component}) && [ -n "$new" ] && [ "$new" != {old} ] && well "$@"; do
  now=$(cut -d. -f1 /proc/uptime)
  [ $((now - began)) -lt {_DEADLINE} ] || {{
    log=$(ls -t /var/log/pods/kube-system_{component}-*/{component}/*.log 2>/dev/null | head -n 1)
    [ -z "$log" ] || tail -n 15 "$log"
    echo "{component} is not healthy {_DEADLINE} s after its restart"
    exit 1
  }}
  sleep 1
done
)"""


def restart(component: str, running: Iterable[str]) -> str:
    """Return shell that ends a static pod's process and waits until kubelet has started it again, healthy.

    It waits for the other components too: one that lost its lease meanwhile ends itself.
    """
    rest = "\n".join(_well(other, "''") for other in running if other != component)
    return f"""{COMPONENT}
old=$(pids {component})
if [ -n "$old" ]; then
  kill $old
  left={_GRACE}
  while kill -0 $old 2>/dev/null; do
    [ $left -gt 0 ] || {{ kill -KILL $old 2>/dev/null || :; break; }}
    sleep 1
    left=$((left - 1))
  done
fi
{_well(component, '"$old"')}
{rest}"""
