"""The kubeconfig files of the users that administer a cluster from a host."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec


@dataclass(frozen=True)
class Home:
    """A user's home directory, and facts about the kubeconfig in it; no secret of the file leaves the host."""

    path: str
    owner: str  # user:group that its files should have
    exists: bool
    mode: str = ""
    has: str = ""  # user:group of the kubeconfig
    current: bool = False  # equal to admin.conf; on a host without that file, for the host's own cluster


# The kubeconfig is compared on the host, because it contains a private key that must not leave it.
_PROBE = r"""
ca() { sed -n 's/^ *certificate-authority-data: *//p' "$1" | head -n 1 | base64 -d 2>/dev/null | sha256sum; }
command -v getent >/dev/null || { echo 'getent: not found' >&2; exit 127; }
for user in %s; do
  row=$(getent passwd "$user") || { printf '%%s\tabsent\n' "$user"; continue; }
  home=$(echo "$row" | cut -d: -f6)
  owner=$(id -un "$user"):$(id -gn "$user")
  file=$home/.kube/config
  if [ ! -e "$file" ]; then
    [ ! -e "$home/.kube" ] || [ -x "$home/.kube" ] || { echo "$home/.kube: permission denied" >&2; exit 1; }
    printf '%%s\t%%s\t%%s\n' "$user" "$home" "$owner"; continue
  fi
  [ -r "$file" ] || { echo "$file: permission denied" >&2; exit 1; }
  if [ -e /etc/kubernetes/admin.conf ]; then
    [ "$(sha256sum </etc/kubernetes/admin.conf)" = "$(sha256sum <"$file")" ] && current=yes || current=no
  elif [ "$(ca "$file")" = "$(sha256sum </etc/kubernetes/pki/ca.crt)" ]; then current=yes; else current=no; fi
  printf '%%s\t%%s\t%%s\t%%s\t%%s\n' "$user" "$home" "$owner" "$(stat -Lc '%%a	%%U:%%G' "$file")" "$current"
done
"""


def _probe(spec: Spec) -> str:
    return _PROBE % shlex.join(spec.kube.admin.users) if spec.kube.admin.users else ":"


def parse(text: str) -> dict[str, Home | None]:
    """Return user to home, ``None`` for a user that does not exist."""
    found: dict[str, Home | None] = {}
    for row in text.splitlines():
        user, *rest = row.split("\t")
        if rest == ["absent"]:
            found[user] = None
        elif len(rest) == 2:
            found[user] = Home(rest[0], rest[1], exists=False)
        else:
            path, owner, mode, has, current = rest
            found[user] = Home(path, owner, True, mode, has, current == "yes")
    return found


HOMES = Fact("admin.homes", _probe, parse)
