"""Many hosts on one machine: a fake ``ssh`` that runs what it is given in a local shell, with a home per host."""

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import warm

SSH = r"""#!/bin/sh
case " $* " in *" -O "*) exit 0;; esac
while :; do
  case $1 in
  -o|-F|-i|-p|-l) shift 2;;
  --) shift; break;;
  -*) shift;;
  *) break;;
  esac
done
host=$1; shift
echo "$host" >>"$FLEET/logins"
HOME=$FLEET/hosts/$host
[ -d "$HOME" ] || { echo "ssh: Could not resolve hostname $host: Name or service not known" >&2; exit 255; }
[ ! -e "$HOME/behave" ] || . "$HOME/behave"
PATH=$HOME/bin:$PATH; export HOME PATH
case $* in *" -s") sed "s#$FLEET/kept#$HOME/kept#g" | sh -c "$*"; exit;; esac  # what a host keeps is its own
exec sh -c "$*"
"""

CONFTEST = """\
import os

import trueup.change.verbs

trueup.change.verbs.STATE = os.environ["FLEET"] + "/kept"
"""

OWN = """\
from trueup import equal, expect, remedy, requirement
from trueup.model.fact import Fact

STATE = Fact("own.state", 'cat "$HOME/state"', str.strip)
WHERE = Fact("own.where", 'echo "$HOME"', str.strip)


@requirement("own.state", key="host.modules", reads=(STATE, WHERE), severity="critical")
def test_state(facts, spec):
    '''The state is good.'''
    expect(equal(facts[STATE], "good", where="the state", layer="effective"))


@remedy("own.state", disruption="reload")
def make_good(change, spec, facts):
    '''Write the state.'''
    change.write(f"{facts[WHERE]}/state", "good\\n")


@requirement("own.uses_state", key="host.modules", reads=(STATE,), needs=("own.state",), severity="low")
def test_uses_state(facts, spec):
    '''What uses the state works.'''
    expect(equal(facts[STATE], "good", where="what uses it", layer="effective"))
"""


@dataclass
class Finished:
    """A pytest run that is over."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that was printed."""
        return self.out + self.err

    def block(self, head: str) -> str:
        """Return the block of output that begins with these words, up to the next block."""
        found = re.search(rf"^{re.escape(head)}.*?(?=^\S|\Z)", self.out, re.M | re.S)
        return found[0] if found else ""


class Fakes:
    """A directory with hosts, tests and reports, in which pytest is run as a user would."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tmp = directory / "tmp"
        for name in ("bin", "hosts", "tmp"):
            (directory / name).mkdir()
        self.tool("ssh", SSH)
        self.test("conftest.py", CONFTEST)
        self.test("test_own.py", OWN)

    def tool(self, name: str, text: str) -> None:
        """Put an executable first on PATH."""
        (self.directory / "bin" / name).write_text(text)
        (self.directory / "bin" / name).chmod(0o755)

    def host(self, name: str, state: str = "good", behave: str = "", **tools: str) -> Path:
        """Make a host, with shell that runs at each login, and tools of its own."""
        home = self.directory / "hosts" / name
        (home / "bin").mkdir(parents=True)
        (home / "state").write_text(f"{state}\n")
        if behave:
            (home / "behave").write_text(behave)
        for tool, body in tools.items():
            path = home / "bin" / tool.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        return home

    def test(self, name: str, text: str) -> None:
        """Write a file of the user's, a test or a profile."""
        (self.directory / name).write_text(text)

    def run(self, *arguments: str, **environment: str) -> Finished:
        """Run pytest in the directory."""
        (self.directory / "logins").write_text("")
        path = f"{self.directory}/bin:{os.environ['PATH']}"
        env = os.environ | {"PATH": path, "FLEET": str(self.directory), "TMPDIR": str(self.tmp)} | environment
        for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "FORCE_COLOR", "PY_COLORS", "PYTEST_XDIST_WORKER"):
            env.pop(name, None)
        with tempfile.TemporaryDirectory() as said:
            out, err = Path(said, "out"), Path(said, "err")
            code = warm.run(["-p", "no:cacheprovider", *arguments], self.directory, env, out, err, timeout=120)
            return Finished(code, out.read_text(), err.read_text())

    def logins(self) -> list[str]:
        """The hosts in the order in which the last run logged in to them."""
        return (self.directory / "logins").read_text().split()

    def json(self, name: str = "run.json") -> dict[str, Any]:
        """A JSON report of the last run."""
        document: dict[str, Any] = json.loads((self.directory / name).read_text())
        return document

    def state(self, host: str) -> str:
        """What a host's state is now."""
        return (self.directory / "hosts" / host / "state").read_text().strip()
