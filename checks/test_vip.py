"""Section 8 of the catalogue: the virtual IP address (VIP) that clients use."""

from trueup import CouldNotLook, Deviation, FleetFacts, HostFacts, Spec, expect, requirement, unmet
from trueup.facts.edge.keepalived import CONF, JOURNAL, UNIT
from trueup.facts.edge.vip import ADDRESSES, FIREWALL, HEALTH
from trueup.facts.edge.vrrp_election import reasons

_BALANCERS = ("load-balancer",)


@requirement(
    "lb.vip.single_holder",
    key="lb.vip.address",
    reads=(ADDRESSES, CONF, UNIT, FIREWALL, JOURNAL),
    roles=_BALANCERS,
    after=("lb.packages", "lb.keepalived.config", "lb.keepalived.check_script", "lb.keepalived.peers"),
    across=True,
    eventually=True,
    severity="critical",
)
def test_single_holder(facts: FleetFacts, spec: Spec) -> None:
    """Exactly one load balancer holds the address.

    Without a holder clients reach nobody. Two holders (split brain) answer each other's clients: VRRP is blocked by a
    firewall, or router ids or passwords differ.
    """
    address = spec.lb.vip.address
    held = {host: at for host, each in facts.each(ADDRESSES).items() if (at := each.of(address))}
    if len(held) == 1:
        return
    if not held and facts.silent:
        raise CouldNotLook(f"no other balancer holds {address}, and {', '.join(facts.silent)} did not answer")
    why = "; ".join(reasons(facts, spec.lb.vrrp.instance, list(held))) or "no cause found on the load balancers"
    found = ", ".join(f"{host} on {at.interface}" for host, at in held.items())
    unmet(Deviation("one holder", f"{len(held)}: {found}" if held else "none", address, "effective", why))


@requirement(
    "lb.vip.health",
    key="lb.listens",
    reads=(HEALTH,),
    roles=_BALANCERS,
    needs=("lb.vip.single_holder", "lb.haproxy.backends"),
    eventually=True,
    active=True,
    severity="critical",
)
def test_vip_health(facts: HostFacts, spec: Spec) -> None:
    """A client gets an answer behind the address, in the protocol that each listen section speaks.

    An address that is held says nothing of haproxy and the servers behind it: a TCP connection can succeed where TLS
    does not.
    """
    found = facts[HEALTH]
    expect(
        *(
            Deviation(f"an answer in {each.speaks}", found.get(each.bind, "not tried"), each.bind, "effective")
            for each in spec.lb.listens
            if found.get(each.bind) != ""
        )
    )
