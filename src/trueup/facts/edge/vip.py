"""The virtual address: its holder, firewall rules that drop VRRP, and the services behind it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.facts.host import kernel, packages
from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.load_balancer import Listen
    from trueup.profiles.schema import Spec

NONLOCAL = "net.ipv4.ip_nonlocal_bind"
BIND = Fact("lb.nonlocal_bind", kernel.sysctl(NONLOCAL).probe(None), kernel.parse_sysctl)
PACKAGES = Fact("lb.packages", lambda spec: packages.package(*spec.lb.packages).probe(None), packages.parse)


@dataclass(frozen=True)
class Held:
    """An address of an interface."""

    address: str
    prefix: str
    interface: str
    label: str


@dataclass(frozen=True)
class Addresses:
    """The interfaces of a host and their addresses."""

    links: dict[str, bool]  # interface to whether it is up
    held: tuple[Held, ...]

    def of(self, address: str) -> Held | None:
        """Return an address of the host with its interface, or ``None``."""
        return next((each for each in self.held if each.address == address), None)


_LINK = re.compile(r"\d+: ([^\s:@]+)(?:@\S+)?: <([^>]*)>")
_ADDRESS = re.compile(r"\d+: +(\S+) +inet6? +([0-9a-fA-F:.]+)(?:/(\d+))?(.*)")


def parse(text: str) -> Addresses:
    """Return links and addresses of ``ip -o link`` and ``ip -o addr``."""
    links: dict[str, bool] = {}
    held = []
    for row in text.splitlines():
        if link := _LINK.match(row):
            flags = link[2].split(",")
            links[link[1]] = "UP" in flags and "NO-CARRIER" not in flags
        elif found := _ADDRESS.match(row):
            words = found[4].partition("\\")[0].split()
            label = words[words.index("scope") + 2 :] if "scope" in words else []
            name = next((word for word in label if word.startswith(found[1])), found[1])
            held.append(Held(found[2], found[3] or "", found[1], name))
    if not links:
        raise ValueError("ip shows no interface")
    return Addresses(links, tuple(held))


ADDRESSES = Fact("lb.addresses", "ip -o link show && ip -o addr show", parse)


def elected(address: str) -> Fact[str]:
    """Return a fact that waits for an election: until the host gets or loses the address, at most 6 s."""
    return Fact(
        "lb.elected",
        f"""has() {{ ip -o addr show | grep -qF ' {address}/' && echo yes || echo no; }}
first=$(has)
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
  now=$(has); [ "$now" = "$first" ] || break; sleep 0.5
done
echo "$now"
""",
        str.strip,
    )


# Only a hint: VRRP may also be dropped by a filter that neither tool shows.
FIREWALL = Fact(
    "lb.firewall",
    r"""{ ! command -v iptables >/dev/null || iptables -S | sed 's/^/iptables: /'
  ! command -v nft >/dev/null || nft list ruleset | sed 's/^[[:space:]]*/nft: /'; } 2>/dev/null |
grep -iE '(vrrp|-p 112|protocol 112|224\.0\.0\.18)' | grep -iE 'drop|reject' | head -n 5; exit 0""",
    lambda text: [row.strip() for row in text.splitlines() if row.strip()],
)

_ATTEMPT = r"""
attempt() {
  host=${1%:*}; port=${1##*:}
  case $2 in
  tcp) timeout 5 bash -c ': <"/dev/tcp/$1/$2"' - "$host" "$port";;
  tls) said=$(timeout 5 openssl s_client -connect "$1" </dev/null 2>&1); rc=$?
       printf '%s\n' "$said" | grep -q '^ *Server certificate\|^-----BEGIN CERTIFICATE\|^New, TLS' || {
         printf '%s\n' "$said" | grep -i 'errno\|error\|refused\|timed' | head -n 1 | sed 's/^[0-9A-F]*://'
         [ $rc -ne 124 ] || echo 'no answer within 5 s'; false; };;
  *) curl -ksS -o /dev/null --noproxy '*' --max-time 5 "$2://$1/";;
  esac 2>&1
}
"""


def _probe(spec: Spec) -> str:
    rows = [f"try {shlex.quote(each.bind)} {each.speaks}" for each in spec.lb.listens]
    return f"""{_ATTEMPT}
try() {{ said=$(attempt "$1" "$2") && echo "$1 ok" || echo "$1 failed $(printf '%s' "$said" | tail -n 1)"; }}
for tool in {" ".join(sorted({tool(each) for each in spec.lb.listens}))}; do
  command -v "$tool" >/dev/null || {{ echo "$tool: not found" >&2; exit 127; }}
done
""" + "\n".join(rows)


def tool(listen: Listen) -> str:
    """Return the program of the host that can test the protocol."""
    return {"tcp": "bash", "tls": "openssl"}.get(listen.speaks, "curl")


def parse_health(text: str) -> dict[str, str]:
    """Return address and port to the problem, which is empty if the service answers."""
    found = {}
    for row in text.splitlines():
        where, _, rest = row.partition(" ")
        state, _, why = rest.partition(" ")
        if state in ("ok", "failed"):
            found[where] = "" if state == "ok" else why or "no answer"
    return found


HEALTH = Fact("lb.vip.health", _probe, parse_health, timeout=30)
