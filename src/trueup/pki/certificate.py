"""The fields of a certificate, and whether a client that trusts certain authorities accepts it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509

PURPOSES = {  # RFC 5280, 4.2.1.12
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
    "1.3.6.1.5.5.7.3.3": "codeSigning",
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.8": "timeStamping",
    "1.3.6.1.5.5.7.3.9": "OCSPSigning",
    "2.5.29.37.0": "anyExtendedKeyUsage",
}
USAGES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}
_FOR_SERVERS = {"serverAuth", "anyExtendedKeyUsage"}
_BROKEN_HASHES = ("md5", "sha1")
_OTHERS = 8  # certificates of a server that are used besides its own


class Brief(NamedTuple):
    """The fields that every certificate has."""

    subject: str  # its common name, or else the whole subject
    begins: datetime
    ends: datetime
    authority: bool


@dataclass(frozen=True)
class Certificate:
    """One certificate."""

    subject: tuple[str, ...]  # such as CN=harbor.example, in order
    issuer: tuple[str, ...]
    serial: str
    begins: datetime
    ends: datetime
    kind: str  # of its key: RSA, EC, or another name
    bits: int
    hash: str  # of the signature; empty for algorithms without a separate hash
    dns: tuple[str, ...]
    ip: tuple[str, ...]
    other: tuple[str, ...]  # names of other types, such as URI:…
    authority: bool | None  # basicConstraints; None if absent
    key_usage: tuple[str, ...] | None
    purposes: tuple[str, ...] | None  # extendedKeyUsage
    key_id: str
    issuer_key_id: str  # authorityKeyIdentifier; empty without a keyid
    issuer_serial: str  # the serial there instead; 0 for none
    public: str  # its key, as the body of a PEM file
    fingerprint: str
    pem: str = field(compare=False, repr=False)
    x509: x509.Certificate = field(compare=False, repr=False)

    @property
    def names(self) -> list[str]:
        """Return all its names with their types, as openssl writes them."""
        return [*(f"DNS:{name}" for name in self.dns), *(f"IP:{address}" for address in self.ip), *self.other]

    @property
    def common_name(self) -> str:
        """Return its common name, or an empty string."""
        return next((part[3:] for part in self.subject if part.startswith("CN=")), "")

    @property
    def days(self) -> int:
        """Return its validity in days."""
        return round((self.ends - self.begins) / timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.common_name or ', '.join(self.subject)!r}, serial {self.serial[:16]}, until {self.ends:%Y-%m-%d}"

    def since(self, now: datetime) -> str:
        """Return why it is not valid now, or an empty string."""
        if self.begins > now:
            return f"not valid before {self.begins:%Y-%m-%d %H:%M} UTC"
        return f"expired on {self.ends:%Y-%m-%d %H:%M} UTC" if self.ends < now else ""


def body(pem: str) -> str:
    """Return the text between the BEGIN and END lines of a PEM file."""
    return "".join(row.strip() for row in pem.splitlines() if "-" not in row)


def refused(chain: Sequence[Certificate], authorities: Iterable[Certificate], name: str, now: datetime) -> str:
    """Return why a client that trusts only these authorities refuses a server's certificate, or an empty string.

    The rules are those of Go's crypto/x509, which containerd uses. ``cryptography.x509.verification`` is stricter: it
    refuses authorities without a key usage, and weak keys that Go and openssl accept. Name constraints and the path
    length are not checked, because private authorities do not use them.

    Args:
        chain: the server's own certificate, and the others that it sends.
    """
    if why := misnamed(chain[0], name):
        return why
    return _path(chain[0], chain[1 : _OTHERS + 1], list(authorities), now)


def misnamed(certificate: Certificate, name: str) -> str:
    """Return why a certificate is not for a name or address, or an empty string (RFC 6125, without common names)."""
    number, wanted = address(name), name.rstrip(".").lower()
    if number in certificate.ip if number else any(_matches(each.lower(), wanted) for each in certificate.dns):
        return ""
    if not certificate.names:
        return "it has no subject alternative names, and clients ignore the common name"
    if number and name in certificate.dns:
        return f"{name} is in it as a DNS name, not as an IP address"
    return f"it is for {', '.join(certificate.names)}, not for {name}"


def address(name: str) -> str:
    """Return an IP address in its normal form, or an empty string if it is none."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return ""


def _matches(pattern: str, name: str) -> bool:
    first, _, rest = name.partition(".")
    return pattern.rstrip(".") == name or (bool(first and rest) and pattern == f"*.{rest}")


def _path(
    certificate: Certificate, others: Sequence[Certificate], authorities: Sequence[Certificate], now: datetime
) -> str:
    """Return why no chain leads from a certificate to an authority, or an empty string."""
    if why := certificate.since(now) or _useless(certificate):
        return f"{certificate.common_name}: {why}"
    if certificate in authorities:
        return ""
    why = f"issued by {', '.join(certificate.issuer)}, which is none of the authorities"
    for issuer in (each for each in (*authorities, *others) if each.x509.subject == certificate.x509.issuer):
        why = _not_signed(certificate, issuer)
        if not why:
            why = _path(issuer, [each for each in others if each is not issuer], authorities, now)
        if not why:
            return ""
    return why


def _useless(certificate: Certificate) -> str:
    if certificate.purposes is not None and _FOR_SERVERS.isdisjoint(certificate.purposes):
        return f"it is for {', '.join(certificate.purposes)}, not for servers"
    return ""


def _not_signed(certificate: Certificate, issuer: Certificate) -> str:
    """Return why a certificate does not count as signed by another, or an empty string."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # slow to load

    name = issuer.common_name
    if issuer.authority is False or (issuer.authority is None and issuer.x509.version.name == "v3"):
        return f"its issuer {name} is no authority: basicConstraints"
    if issuer.key_usage is not None and "keyCertSign" not in issuer.key_usage:
        return f"its issuer {name} may not sign certificates: keyUsage"
    if certificate.hash in _BROKEN_HASHES:
        return f"signed over {certificate.hash}, which clients refuse"
    try:
        certificate.x509.verify_directly_issued_by(issuer.x509)
    except InvalidSignature:
        return f"its signature is not by the key of {name}"
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        return f"its signature by {name} cannot be verified: {error}"
    return ""
