"""Test hosts on this machine.

setup           install missing tools, build the hosts' base and the files that are served to them
kubernetes      only build Kubernetes, and print the directory of its programs
up WHAT...      bring up hosts: N (one control plane, the rest workers), ROLE=N (cp, w, lb, reg), or names
down [HOST...]  remove hosts, or the whole lab
status          list the hosts that are up, and print the path of this lab's profile
ssh HOST [CMD]  ssh to a host; ssh's options may come first
sh HOST SCRIPT  run a shell script as root in a host, without ssh
reset HOST...   reset hosts to the bare base
doctor          check whether this machine can run the lab
"""

import os
import sys
from argparse import REMAINDER, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable

from lab import mirror, network
from lab.host import ENV, Host
from lab.lab import Lab
from lab.machine import LabUnavailable


def hosts(words: list[str]) -> list[str]:
    """Return the host names for the arguments of `up`."""
    parts = [p.partition("=") for w in words for p in (f"cp=1 w={int(w) - 1}" if w.isdecimal() else w).split()]
    return [r + i for r, _, n in parts for i in (map(str, range(1, int(n) + 1)) if n.isdecimal() else [""])]


def status(lab: Lab) -> list[str]:
    """Print the hosts that are up, and the path of the lab's profile."""
    up = [f"{name} {network.address(name)} {lab.root(name)}" for name in lab.hosts()]
    profiles = [lab.profile, lab.cluster, lab.edge]
    return [*up, *(f"--profile={profile}" for profile in profiles if profile.exists())]


def main() -> None:
    """Run one command; an obstacle is one line on stderr and exit code 4."""
    lab = Lab()
    commands: dict[str, Callable[[list[str]], object]] = {
        "setup": lambda _: lab.setup(),
        "kubernetes": lambda _: print(lab.kubernetes()),
        "up": lambda words: print(*lab.up(hosts(words))),
        "down": lambda names: lab.down(names or None),
        "status": lambda _: print(*status(lab), sep="\n"),
        "ssh": lambda words: os.execvp("ssh", ["ssh", "-F", str(lab.ssh_config), *words]),
        "sh": lambda words: os.execvpe("sh", Host(lab.state, "".join(words[:1])).inside(" ".join(words[1:])), ENV),
        "reset": lab.reset,
        "doctor": lambda _: (
            lab.check() or print("this machine can run the lab, built from", mirror.sources(mirror.SUITE), sep="\n")
        ),
    }
    parser = ArgumentParser("python3 -m lab", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=list(commands))
    parser.add_argument("words", nargs=REMAINDER, metavar="WHAT")
    options = parser.parse_args()
    try:
        commands[options.command](options.words)
    except LabUnavailable as error:
        print(f"lab: {error}", file=sys.stderr)
        sys.exit(4)


if __name__ == "__main__":
    main()
