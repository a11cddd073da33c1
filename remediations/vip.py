"""Remedies for section 8 of the catalogue: the virtual IP address (VIP) that clients use."""

from trueup import ChangeFailed, ClusterChange, FleetFacts, Spec, remedy
from trueup.facts.edge import vip, vrrp_election
from trueup.facts.edge.keepalived import CONF, UNIT

SERVICE = "keepalived.service"


@remedy("lb.vip.single_holder", disruption="restart")
def settle_holder(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Start keepalived where it does not run; where two hosts keep the address, restart it on the wrong holder."""
    address, conf = spec.lb.vip.address, facts.each(CONF)
    for host in conf:
        if change.on(host).ask(UNIT).active != "active":
            change.on(host).service(SERVICE, active=True, enabled=False)
    holders = _holders(change, list(conf), address)
    if len(holders) < 2:
        return  # without a holder an election may be under way, which the engine waits for
    if dropped := [f"{host}: {rule}" for host in conf for rule in change.on(host).ask(vip.FIREWALL)]:
        raise ChangeFailed(f"VRRP, which is protocol 112, is dropped by {'; '.join(dropped)}; nothing was changed")
    level = vrrp_election.priorities(conf, spec.lb.vrrp.instance)
    right = max(holders, key=lambda host: level.get(host, 0))
    for host in holders:
        if host != right:
            change.on(host).restart(SERVICE)


def _holders(change: ClusterChange, hosts: list[str], address: str) -> list[str]:
    """Return the hosts that still hold the address after the time of an election."""
    first = [host for host in hosts if change.on(host).ask(vip.ADDRESSES).of(address)]
    if len(first) == 1:
        return first
    change.on(hosts[0]).ask(vip.elected(address))
    return [host for host in hosts if change.on(host).ask(vip.ADDRESSES).of(address)]
