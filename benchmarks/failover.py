"""Run N failover drills; print the time without an answer and the lost connections of each, median and worst.

python -m benchmarks.failover N --hosts=… --profile=… [--ssh-config=…] [--sudo], with trueup's options
"""

from __future__ import annotations

import statistics
import sys
from argparse import ArgumentParser

from trueup.drills.failover import FAILOVER, Failover
from trueup.engine.drill import Trial
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection, read
from trueup.model.catalog import catalog
from trueup.model.profile import load


def drill(fleet: Fleet, number: int) -> Failover:
    """Run one drill.

    Raises:
        SystemExit: the drill could not run, or the previous state was not restored.
    """
    requirement = catalog.requirements["lb.vip.failover"]
    trial = Trial(fleet, f"bench-{number}", lambda _: None, requirement)
    answer = trial.carry_out(FAILOVER)
    if answer.rc:
        sys.exit(f"drill {number}: {answer.why()}")
    found = FAILOVER.parse(answer.out)
    if len(found.after) != 1:
        sys.exit(f"drill {number}: held by {found.after or 'nobody'} afterwards")
    return found


def main() -> None:
    """Run the drills, and print each result, the median and the worst."""
    parser = ArgumentParser("benchmarks.failover", description=__doc__)
    parser.add_argument("number", type=int)
    parser.add_argument("--hosts", required=True)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--ssh-config")
    parser.add_argument("--sudo", action="store_true")
    options = parser.parse_args()
    catalog.load("trueup.checks")
    connection = Connection(ssh_config=options.ssh_config, sudo=options.sudo)
    fleet = Fleet(read(options.hosts, connection), load(options.profile), connection, shared=True)
    found = []
    try:
        for number in range(1, options.number + 1):
            found.append(drill(fleet, number))
            print(f"{number}: {found[-1]}; in the end {found[-1].after[0]} holds it", flush=True)
    finally:
        fleet.close()
    seconds, lost = [each.seconds for each in found], [each.lost for each in found]
    print(f"without an answer: median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s")
    print(f"connections lost: median {statistics.median(lost):g}, worst {max(lost)}, of about {found[0].tried} each")


if __name__ == "__main__":
    main()
