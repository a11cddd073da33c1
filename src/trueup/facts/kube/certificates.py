"""The certificates that a node of a cluster lives by, and until when they are valid."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from trueup.facts.kube.preflight import KUBERNETES
from trueup.model.fact import Fact

T = TypeVar("T")
PKI = f"{KUBERNETES}/pki"
KUBELETS = "/var/lib/kubelet/pki"
KUBELET_CLIENT = f"{KUBELETS}/kubelet-client-current.pem"
_KUBELETS_OWN = (KUBELET_CLIENT, f"{KUBELETS}/kubelet-server-current.pem", f"{KUBELETS}/kubelet.crt")
# kubeadm's name of a certificate that it renews -> its file, and the key of the authority that signs it
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
# Who holds a renewed certificate in its memory; the others are read each time that they are used.
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

# Only what is between the two lines of a certificate leaves the host: a PEM file may hold a key too, a kubeconfig does.
# Any other BEGIN ends it, so that a certificate that was cut off does not take the key after it along.
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
    """One certificate in a file."""

    path: str
    subject: str  # its common name
    begins: datetime
    ends: datetime
    authority: bool


@dataclass(frozen=True)
class Certificates:
    """All that there are on a host."""

    now: datetime  # by the host's own clock
    found: tuple[Certificate, ...]
    unreadable: dict[str, str]  # path to the reason
    keys: frozenset[str]  # of the authorities that may sign here

    def short(self, days: int) -> list[Certificate]:
        """Return those that are not valid now, or not for so many days."""
        until = self.now + timedelta(days=days)
        return [each for each in self.found if each.begins > self.now or each.ends < until]

    def said(self, certificate: Certificate) -> str:
        """Return in words until when one is valid."""
        if certificate.begins > self.now:
            return f"not valid before {certificate.begins:%Y-%m-%d %H:%M} UTC"
        left = certificate.ends - self.now
        end = f"{certificate.ends:%Y-%m-%d %H:%M} UTC"
        if left < timedelta(0):
            return f"expired {-left // timedelta(days=1)} days ago, {end}"
        return f"{left // timedelta(days=1)} days, until {end}"


def load(pem: bytes) -> x509.Certificate:
    """Return a certificate.

    Raises:
        ValueError: it is none.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the serial number 0, which Kubernetes' own authorities had
        return x509.load_pem_x509_certificate(pem)


# what cryptography raises of bytes that are no certificate, or one of which it cannot read a part
_BROKEN = (ValueError, TypeError, OverflowError, x509.InvalidVersion, x509.DuplicateExtension, UnsupportedAlgorithm)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]{1,200000}-----END CERTIFICATE-----")


def read(pem: bytes, make: Callable[[x509.Certificate], T]) -> list[T]:
    """Return what is made of each certificate of a file, in order.

    Raises:
        ValueError: there is none, or one is broken.
    """
    blocks = _PEM.findall(pem)
    if not blocks:
        raise ValueError("no certificate in it")
    if len(blocks) != pem.count(b"-----BEGIN CERTIFICATE-----"):
        raise ValueError("a certificate in it is cut off")
    try:
        return [make(load(block)) for block in blocks]
    except _BROKEN as error:
        raise ValueError(f"not a certificate: {' '.join(str(error).split())[:160]}") from None


def _certificate(path: str, found: x509.Certificate) -> Certificate:
    names = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    subject = str(names[0].value) if names else found.subject.rfc4514_string()
    return Certificate(path, subject, found.not_valid_before_utc, found.not_valid_after_utc, _is_authority(found))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False


def parse(text: str) -> Certificates:
    """Return the certificates from rows of the time, and of each file the lines of its certificates.

    Raises:
        ValueError: no time, or a row that is none of the probe's.
    """
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
            found += read("\n".join(lines).encode(errors="replace"), partial(_certificate, path))
        except ValueError as error:
            unreadable[path] = str(error)
    return Certificates(datetime.fromtimestamp(int(match[1]), UTC), tuple(found), unreadable, frozenset(keys))


CERTIFICATES = Fact("certificates", _PROBE, parse, timeout=30)
