"""The CNI plugins that containerd calls."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec


@dataclass(frozen=True)
class Plugin:
    """One plugin."""

    executable: bool
    version: str  # upstream's, without v; empty for a build without a version


# Without a command, a plugin prints its name and version.
def _probe(spec: Spec) -> str:
    wanted = spec.runtime.cni
    return f"""
dir={shlex.quote(wanted.directory)}
for plugin in {shlex.join(wanted.plugins)}; do
  file=$dir/$plugin
  [ -e "$file" ] || continue
  [ -x "$file" ] || {{ printf '%s\\t-\\t\\n' "$plugin"; continue; }}
  printf '%s\\tx\\t%s\\n' "$plugin" "$(CNI_COMMAND= timeout 5 "$file" 2>&1 </dev/null | head -n 1)"
done
"""


def parse(text: str) -> dict[str, Plugin]:
    """Return name to plugin, from rows of name, mode and first line; absent plugins are left out."""
    found = {}
    for row in text.splitlines():
        name, mode, said = row.split("\t", 2)
        last = said.split()[-1:] or [""]
        version = last[0].removeprefix("v")
        found[name] = Plugin(mode == "x", version if version[:1].isdigit() else "")
    return found


PLUGINS = Fact("cni.plugins", _probe, parse)
