"""Section 8 of the catalogue: the failover of the load balancers, tried."""

from trueup import Deviation, expect, requirement
from trueup.drills.failover import FAILOVER
from trueup.model.view import FleetFacts
from trueup.profiles.schema import Spec


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
    """Without its holder the address soon answers again, few connections are lost, and one holds it in the end."""
    found, allowed = facts[FAILOVER], spec.lb.failover
    where = f"{found.target} from {found.client}, keepalived stopped on {found.holder}"
    claims = []
    if not found.taker:
        claims.append(Deviation("another takes the address", "nobody took it", where, "effective"))
    if found.seconds > allowed.seconds:
        found_words = f"{found.seconds:.1f} s without an answer"
        claims.append(Deviation(f"{allowed.seconds:g} s at most", found_words, where, "effective"))
    if found.lost > allowed.lost:
        words = f"{found.lost} of {found.tried} connections lost"
        claims.append(Deviation(f"{allowed.lost} at most", words, where, "effective"))
    if len(found.after) != 1:
        words = " and ".join(found.after) or "nobody"
        claims.append(Deviation("one load balancer holds it", words, f"{found.target} afterwards", "effective"))
    expect(*claims)
