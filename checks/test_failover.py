"""Section 8 of the catalogue: the failover drill of the load balancers."""

from trueup import Deviation, FleetFacts, Spec, expect, requirement
from trueup.drills.failover import FAILOVER


@requirement(
    "lb.vip.failover",
    key="lb.failover",
    reads=(),
    drill=FAILOVER,
    needs=("lb.vip.single_holder", "lb.vip.health"),
    across=True,
    active=True,
    roles=("load-balancer",),
)
def test_failover(facts: FleetFacts, spec: Spec) -> None:
    """When the holder's keepalived stops, another balancer takes the address in time, and few connections are lost.

    Only a trial shows whether clients survive the loss of a balancer: firewalls, router ids and priorities each look
    right on one host.
    """
    found, allowed = facts[FAILOVER], spec.lb.failover
    where = f"{found.target} from {found.client}, keepalived stopped on {found.holder}"
    claims = []
    if not found.taker:
        claims.append(Deviation("another balancer takes the address", "none took it", where, "effective"))
    if found.seconds > allowed.seconds:
        found_words = f"{found.seconds:.1f} s without an answer"
        claims.append(Deviation(f"{allowed.seconds:g} s at most", found_words, where, "effective"))
    if found.lost > allowed.lost:
        words = f"{found.lost} of {found.tried} connections lost"
        claims.append(Deviation(f"{allowed.lost} at most", words, where, "effective"))
    if len(found.after) != 1:
        words = " and ".join(found.after) or "none"
        claims.append(Deviation("one load balancer holds it", words, f"{found.target} after the drill", "effective"))
    expect(*claims)
