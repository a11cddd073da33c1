"""Certificates as a client sees them: what is in one, and whether a client that trusts certain authorities takes it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from trueup.facts.kube import certificates

E = TypeVar("E", bound=x509.ExtensionType)
_EMAIL = "1.2.840.113549.1.9.1"  # for which RFC 4514 has no word
PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
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
_OTHERS = 8  # certificates beside its own that a server may send, of those that are looked at


@dataclass(frozen=True)
class Certificate:
    """One certificate."""

    subject: tuple[str, ...]  # such as CN=harbor.example, in order
    issuer: tuple[str, ...]
    serial: str
    begins: datetime
    ends: datetime
    kind: str  # of its key: RSA, EC, or another's own name
    bits: int
    hash: str  # what is signed; nothing for a signature that has none of its own
    dns: tuple[str, ...]
    ip: tuple[str, ...]
    other: tuple[str, ...]  # names of other types, such as URI:…
    authority: bool | None  # basicConstraints; None: not in it
    key_usage: tuple[str, ...] | None
    purposes: tuple[str, ...] | None  # extendedKeyUsage
    key_id: str
    issuer_key_id: str  # authorityKeyIdentifier; nothing where it has no keyid
    issuer_serial: str  # what may be there instead; 0 for none
    public: str  # its key, as the middle of a PEM file
    fingerprint: str
    x509: x509.Certificate = field(compare=False, repr=False)

    @property
    def names(self) -> list[str]:
        """Return all names in it by type, as openssl writes them."""
        return [*(f"DNS:{name}" for name in self.dns), *(f"IP:{address}" for address in self.ip), *self.other]

    @property
    def common_name(self) -> str:
        """Return its common name, or nothing."""
        return next((part[3:] for part in self.subject if part.startswith("CN=")), "")

    @property
    def days(self) -> int:
        """Return for how many days it was issued."""
        return round((self.ends - self.begins) / timedelta(days=1))

    @property
    def pem(self) -> str:
        """Return it as a PEM file."""
        return self.x509.public_bytes(Encoding.PEM).decode()

    def __str__(self) -> str:
        return f"{self.common_name or ', '.join(self.subject)!r}, serial {self.serial[:16]}, until {self.ends:%Y-%m-%d}"

    def since(self, now: datetime) -> str:
        """Return why it is not valid now, or nothing."""
        if self.begins > now:
            return f"not valid before {self.begins:%Y-%m-%d %H:%M} UTC"
        return f"expired on {self.ends:%Y-%m-%d %H:%M} UTC" if self.ends < now else ""


def read(text: str) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file.

    Raises:
        ValueError: there is none, or one is broken.
    """
    return tuple(certificates.read(text.encode(errors="replace"), _certificate))


def body(pem: str) -> str:
    """Return what a PEM file has between the lines that frame it."""
    return "".join(row.strip() for row in pem.splitlines() if "-" not in row)


def _extension(found: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return found.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _plain(text: str) -> str:
    """Quote what would do more to a terminal than show."""
    return text if text.isprintable() else repr(text)


def _name(name: x509.Name) -> tuple[str, ...]:
    parts = ((part.rfc4514_attribute_name, _plain(str(part.value))) for part in name)
    return tuple(f"{'emailAddress' if kind == _EMAIL else kind}={value}" for kind, value in parts)


def _key(found: x509.Certificate) -> tuple[str, int]:
    key = found.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    return type(key).__name__.removesuffix("PublicKey").lstrip("_"), 0


def _certificate(found: x509.Certificate) -> Certificate:
    names = _extension(found, x509.SubjectAlternativeName) or ()
    dns = tuple(_plain(name.value) for name in names if isinstance(name, x509.DNSName))
    ip = tuple(str(name.value) for name in names if isinstance(name, x509.IPAddress))
    other = tuple(
        f"{type(name).__name__}:{_plain(str(getattr(name, 'value', '')))}"
        for name in names
        if not isinstance(name, x509.DNSName | x509.IPAddress)
    )
    basic, usage = _extension(found, x509.BasicConstraints), _extension(found, x509.KeyUsage)
    purposes, own = _extension(found, x509.ExtendedKeyUsage), _extension(found, x509.SubjectKeyIdentifier)
    issuer = _extension(found, x509.AuthorityKeyIdentifier)
    kind, bits = _key(found)
    algorithm = found.signature_hash_algorithm
    return Certificate(
        subject=_name(found.subject),
        issuer=_name(found.issuer),
        serial=f"{found.serial_number:x}",
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
        kind=kind,
        bits=bits,
        hash=algorithm.name if algorithm else "",
        dns=dns,
        ip=ip,
        other=other,
        authority=basic.ca if basic else None,
        key_usage=tuple(word for name, word in USAGES.items() if getattr(usage, name)) if usage else None,
        purposes=tuple(PURPOSES.get(oid, oid.dotted_string) for oid in purposes) if purposes else None,
        key_id=own.digest.hex() if own else "",
        issuer_key_id=(issuer.key_identifier or b"").hex() if issuer else "",
        issuer_serial=f"{issuer.authority_cert_serial_number or 0:x}" if issuer else "",
        public=body(found.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        x509=found,
    )  # fmt: skip


def refused(chain: Sequence[Certificate], authorities: Iterable[Certificate], name: str, now: datetime) -> str:
    """Return why a client that trusts these authorities, and no others, refuses a server's certificate; or nothing.

    The rules are those of Go's crypto/x509, by which containerd goes. ``cryptography.x509.verification`` is stricter:
    it refuses authorities without a key usage, and weaker keys, which Go and openssl take. Not looked at, because an
    authority of one's own has none: name constraints, and the length of the path.

    Args:
        chain: the server's own certificate, and what it sends along.
    """
    if why := misnamed(chain[0], name):
        return why
    return _path(chain[0], chain[1 : _OTHERS + 1], list(authorities), now)


def misnamed(certificate: Certificate, name: str) -> str:
    """Return why a certificate is not for a name or address, or nothing (RFC 6125; common names are not looked at)."""
    number, wanted = address(name), name.rstrip(".").lower()
    if number in certificate.ip if number else any(_matches(each.lower(), wanted) for each in certificate.dns):
        return ""
    if not certificate.names:
        return "it has no subject alternative names, and clients do not look at the common name"
    if number and name in certificate.dns:
        return f"{name} is in it as a DNS name, and not as an IP address"
    return f"it is for {', '.join(certificate.names)}, not for {name}"


def address(name: str) -> str:
    """Return an IP address as it is written for comparing, or nothing for what is none."""
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
    """Return why no path leads from a certificate to an authority, or nothing."""
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
    """Return why a certificate does not count as signed by another, or nothing."""
    name = issuer.common_name
    if issuer.authority is False or (issuer.authority is None and issuer.x509.version is x509.Version.v3):
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
