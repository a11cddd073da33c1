"""Compare the wall time of an audit with the same script sent by plain ssh to the same hosts.

    python -m benchmarks.audit [HOSTS]

Boots HOSTS lab hosts (default 10). Each round measures, one after the other:

- ``audit``: pytest with trueup, from start to end;
- ``ssh``: ``xargs -P10 ssh`` with the script that the audit sends;
- ``pytest``: pytest with the same number of empty items, the cost of any suite of this size;
- ``cpu``: the CPU seconds of all processes on a host during one audit (from its cgroup).

The limit is ``audit <= 1.5 x ssh + pytest``. It is printed with the median. Missing it is no error: machines are noisy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import Lab
from trueup.hosts import probing
from trueup.model import fact, profile
from trueup.model.catalog import catalog

ROUNDS = 5
BAR = 1.5
CPU = 1.0  # seconds
_PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
_ROOT = Path(__file__).parents[1]


def _seconds(*command: str, stdin: str = "") -> float:
    began = time.perf_counter()
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, cwd=_ROOT)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def main(count: int) -> None:
    """Print each round and the result."""
    lab = Lab()
    hosts = lab.reset(["cp1", *(f"w{n}" for n in range(1, count))])
    fixed = (f"--hosts={','.join(hosts)}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--fix")
    _seconds(*_PYTEST, "checks", *fixed)  # on a bare host most probes would find nothing and cost nothing
    catalog.load("trueup.checks")
    facts = {f.name: f for r in catalog.requirements.values() for f in r.reads if not fact.of_api(f)}
    script, _ = probing.script(facts.values(), profile.load(str(lab.profile)).spec(hosts[0]))
    with tempfile.TemporaryDirectory() as scratch:
        sent = Path(scratch, "probes.sh")
        sent.write_text(script)
        empty = Path(scratch, "test_empty.py")
        items = len(catalog.requirements) * len(hosts)
        empty.write_text(
            f"import pytest\n@pytest.mark.parametrize('n', range({items}))\ndef test_nothing(n):\n    pass\n"
        )
        each = f"ssh -o BatchMode=yes -F {lab.ssh_config} {{}} exec sh -s <{sent}"
        options = (f"--hosts={','.join(hosts)}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}")
        ratios, costs = [], []
        print(f"{len(hosts)} hosts, {items} items, script of {len(script)} bytes")
        print("   audit     ssh  pytest  (audit - pytest) / ssh  CPU of a host: median, most")
        for n in range(-1, ROUNDS):  # the first round warms up and is not counted
            used = {host: lab.cpu(host) for host in hosts}
            audit = _seconds(*_PYTEST, "checks", *options)
            spent = [lab.cpu(host) - used[host] for host in hosts]
            ssh = _seconds("xargs", "-P10", "-I{}", "sh", "-c", each, stdin="\n".join(hosts))
            floor = _seconds(*_PYTEST, "-p", "no:trueup.plugin", str(empty))
            if n >= 0:
                ratios.append((audit - floor) / ssh)
                costs += spent
                cpu = f"{statistics.median(spent):.2f} s, {max(spent):.2f} s"
                print(f"{audit:8.2f}{ssh:8.2f}{floor:8.2f}  {ratios[-1]:.2f}{cpu:>40}")
    ratio = statistics.median(ratios)
    print(f"median {ratio:.2f}, limit {BAR}: {'met' if ratio <= BAR else 'MISSED'}")
    cost = statistics.median(costs)
    print(f"CPU of a host for one audit: median {cost:.2f} s, limit {CPU}: {'met' if cost < CPU else 'MISSED'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
