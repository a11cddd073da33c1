"""The certificates of a cluster's node, and their expiry."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trueup.facts.kube.preflight import KUBERNETES
from trueup.model.fact import Fact

PKI = f"{KUBERNETES}/pki"
KUBELETS = "/var/lib/kubelet/pki"
KUBELET_CLIENT = f"{KUBELETS}/kubelet-client-current.pem"
_KUBELETS_OWN = (KUBELET_CLIENT, f"{KUBELETS}/kubelet-server-current.pem", f"{KUBELETS}/kubelet.crt")
# kubeadm's name of a certificate that it renews -> its file, and the key of the signing authority
MANAGED = {
    "etcd-server": (f"{PKI}/etcd/server.crt", f"{PKI}/etcd/ca.key"),
    "etcd-peer": (f"{PKI}/etcd/peer.crt", f"{PKI}/etcd/ca.key"),
    "etcd-healthcheck-client": (f"{PKI}/etcd/healthcheck-client.crt", f"{PKI}/etcd/ca.key"),
    "apiserver-etcd-client": (f"{PKI}/apiserver-etcd-client.crt", f"{PKI}/etcd/ca.key"),
    "apiserver": (f"{PKI}/apiserver.crt", f"{PKI}/ca.key"),
    "apiserver-kubelet-client": (f"{PKI}/apiserver-kubelet-client.crt", f"{PKI}/ca.key"),
    "front-proxy-client": (f"{PKI}/front-proxy-client.crt", f"{PKI}/front-proxy-ca.key"),
    "admin.conf": (f"{KUBERNETES}/admin.conf", f"{PKI}/ca.key"),
    "super-admin.conf": (f"{KUBERNETES}/super-admin.conf", f"{PKI}/ca.key"),
    "controller-manager.conf": (f"{KUBERNETES}/controller-manager.conf", f"{PKI}/ca.key"),
    "scheduler.conf": (f"{KUBERNETES}/scheduler.conf", f"{PKI}/ca.key"),
}
# The component that must restart to use a renewed certificate; the other certificates are read at each use.
USED_BY = {
    "etcd-server": "etcd",
    "etcd-peer": "etcd",
    "apiserver-etcd-client": "kube-apiserver",
    "apiserver": "kube-apiserver",
    "apiserver-kubelet-client": "kube-apiserver",
    "front-proxy-client": "kube-apiserver",
    "controller-manager.conf": "kube-controller-manager",
    "scheduler.conf": "kube-scheduler",
}

# Only the lines of a certificate leave the host: a PEM file may contain a key too, and a kubeconfig does.
# Any other BEGIN line ends the output, so that a truncated certificate does not expose a key after it.
CUT_OUT = """\
may() { if [ -d "$1" ] && [ ! -x "$1" ]; then echo "$1: permission denied" >&2; exit 1; fi; }
cut_out() { head -c 262144 | awk '
  { sub(/\\r$/, "") }
  /-----BEGIN / { on = /^[ \\t]*-----BEGIN CERTIFICATE-----[ \\t]*$/ }
  on && /^[ \\t]*(-----(BEGIN|END) CERTIFICATE-----|[A-Za-z0-9+\\/=]*)[ \\t]*$/ { print "|" $0 }
  /-----END / { on = 0 }'
}
"""
_PROBE = f"""
{CUT_OUT}
may {KUBERNETES}; may {PKI}; may {KUBELETS}
file() {{
  [ -r "$1" ] || {{ echo "$1: permission denied" >&2; exit 1; }}
  printf '@%s\\n' "$1"; cut_out <"$1"
}}
printf 'now\\t%s\\n' "$(date +%s)"
[ ! -d {PKI} ] || {{
  found=$(find -L {PKI} -type f ! -name '*.key' ! -name '*.pub') || exit
  printf '%s\\n' "$found" | LC_ALL=C sort | while read -r path; do
    [ -n "$path" ] || continue
    case $path in
    *.crt|*.pem) file "$path";;
    *) ! grep -q -e '-----BEGIN CERTIFICATE-----' "$path" || file "$path";;
    esac
  done || exit
}}
for path in {" ".join(_KUBELETS_OWN)}; do [ ! -e "$path" ] || file "$path"; done
for path in {KUBERNETES}/*.conf; do
  [ -e "$path" ] || continue
  [ -r "$path" ] || {{ echo "$path: permission denied" >&2; exit 1; }}
  sed -n "s/.*client-certificate-data[\\"']*: *[\\"']*\\([^\\"', }}]*\\).*/\\1/p" "$path" | while read -r data; do
    printf '@%s\\n' "$path"
    printf '%s\\n' "$data" | base64 -d 2>/dev/null | cut_out
  done
done
for path in {PKI}/ca.key {PKI}/etcd/ca.key {PKI}/front-proxy-ca.key; do
  [ ! -e "$path" ] || printf 'key\\t%s\\n' "$path"
done
"""


@dataclass(frozen=True)
class Certificate:
    """A certificate in a file."""

    path: str
    subject: str  # its common name
    begins: datetime
    ends: datetime
    authority: bool


@dataclass(frozen=True)
class Certificates:
    """All certificates of a host."""

    now: datetime  # by the host's own clock
    found: tuple[Certificate, ...]
    unreadable: dict[str, str]  # path to the reason
    keys: frozenset[str]  # paths of the authorities' keys on this host

    def short(self, days: int) -> list[Certificate]:
        """Return those that are not valid now, or that expire within this number of days."""
        until = self.now + timedelta(days=days)
        return [each for each in self.found if each.begins > self.now or each.ends < until]

    def said(self, certificate: Certificate) -> str:
        """Return the validity of a certificate as a phrase."""
        if certificate.begins > self.now:
            return f"not valid before {certificate.begins:%Y-%m-%d %H:%M} UTC"
        left = certificate.ends - self.now
        end = f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
        if left < timedelta(0):
            return f"expired {-left // timedelta(days=1)} days ago, {end}"
        return f"{left // timedelta(days=1)} days, until {end}"


def parse(text: str) -> Certificates:
    """Return the certificates from a row with the time, and rows of each file with the lines of its certificates.

    Raises:
        ValueError: the time is missing, or a row is unknown.
    """
    from trueup.pki import reading  # cryptography is slow to load

    rows = text.split("\n")
    match = re.fullmatch(r"now\t(\d{1,11})", rows[0])
    if not match:
        raise ValueError(f"no time: {rows[0][:80]!r}")
    keys: set[str] = set()
    files: list[tuple[str, list[str]]] = []
    for row in rows[1:]:
        if row.startswith("@"):
            files.append((row[1:], []))
        elif row.startswith("|") and files:
            files[-1][1].append(row[1:])
        elif row.startswith("key\t"):
            keys.add(row[4:])
        elif row:
            raise ValueError(f"unknown row {row[:80]!r}")
    found: list[Certificate] = []
    unreadable: dict[str, str] = {}
    for path, lines in files:
        try:
            found += [Certificate(path, *brief) for brief in reading.briefs("\n".join(lines))]
        except ValueError as error:
            unreadable[path] = str(error)
    return Certificates(datetime.fromtimestamp(int(match[1]), UTC), tuple(found), unreadable, frozenset(keys))


CERTIFICATES = Fact("certificates", _PROBE, parse, timeout=30)
