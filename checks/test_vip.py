"""Section 8 of the catalogue: the address that clients use."""

from trueup import Deviation, expect, requirement, unmet
from trueup.errors import CouldNotLook
from trueup.facts.edge.keepalived import CONF, JOURNAL, UNIT
from trueup.facts.edge.vip import ADDRESSES, FIREWALL, HEALTH
from trueup.facts.edge.vrrp_election import reasons
from trueup.model.view import FleetFacts, HostFacts
from trueup.profiles.schema import Spec

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
    """One load balancer holds the address: none serves nobody, and two answer each other's clients."""
    address = spec.lb.vip.address
    held = {host: at for host, each in facts.each(ADDRESSES).items() if (at := each.of(address))}
    if len(held) == 1:
        return
    if not held and facts.silent:
        raise CouldNotLook(f"none of the others holds {address}, and nothing is known of {', '.join(facts.silent)}")
    why = "; ".join(reasons(facts, spec.lb.vrrp.instance, list(held))) or "nothing that is seen from here explains it"
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
    """What is behind the address answers a client there, in the protocol that it speaks."""
    found = facts[HEALTH]
    expect(
        *(
            Deviation(f"an answer by {each.speaks}", found.get(each.bind, "not tried"), each.bind, "effective")
            for each in spec.lb.listens
            if found.get(each.bind) != ""
        )
    )
