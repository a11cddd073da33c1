"""Section 9 of the catalogue: what must hold across hosts."""

from trueup import Deviation, expect, requirement
from trueup.fact import CLOCK, FleetFacts
from trueup.profiles.schema import Spec


@requirement("cluster.time.skew", key="host.time.skew", reads=(CLOCK,), across=True, roles=())
def test_time_skew(facts: FleetFacts, spec: Spec) -> None:
    """No two clocks differ by more than the profile allows: leases, certificates and etcd go by them."""
    found, limit = facts.each(CLOCK), spec.host.time.skew
    if len(found) < 2:
        return
    # What is known is the least and the most by which each is ahead of ours: only what is beyond doubt counts.
    ahead = max(found, key=lambda host: found[host][0])
    behind = min(found, key=lambda host: found[host][1])
    skew = found[ahead][0] - found[behind][1]
    if skew > limit:
        words = f"at least {skew:.1f} s: {ahead} is ahead of {behind}"
        expect(Deviation(f"at most {limit:g} s", words, "difference of two clocks", "effective"))
    for host, (least, most) in found.items():
        if most - least > limit:
            words = f"its clock is known only to ±{(most - least) / 2:.1f} s, so long did the login take; look again"
            facts.silent[host] = words
