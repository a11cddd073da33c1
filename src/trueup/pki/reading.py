"""Reading certificates from PEM text."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from trueup.pki.certificate import PURPOSES, USAGES, Brief, Certificate, body

E = TypeVar("E", bound=x509.ExtensionType)
T = TypeVar("T")
_EMAIL = "1.2.840.113549.1.9.1"  # RFC 4514 has no short name for it
# raised by cryptography for invalid certificates or fields
_BROKEN = (ValueError, TypeError, OverflowError, x509.InvalidVersion, x509.DuplicateExtension, UnsupportedAlgorithm)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]{1,200000}-----END CERTIFICATE-----")


def read(text: str) -> tuple[Certificate, ...]:
    """Return the certificates of a PEM file.

    Raises:
        ValueError: there is none, or one is broken.
    """
    return tuple(_read(text, _certificate))


def briefs(text: str) -> list[Brief]:
    """Return the basic fields of each certificate in a PEM file, also of one with invalid extensions.

    Raises:
        ValueError: there is none, or one is broken.
    """
    return _read(text, _brief)


def key_hash(pem: str) -> str:
    """Return the SHA-256 of the public key of a certificate, in hexadecimal: ``kubeadm join`` pins a CA by it.

    Raises:
        ValueError: it is none.
    """
    key = _load(pem.encode()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _read(text: str, make: Callable[[x509.Certificate], T]) -> list[T]:
    """Return the result of ``make`` for each certificate in a file, in order.

    Raises:
        ValueError: there is none, or one is broken.
    """
    pem = text.encode(errors="replace")
    blocks = _PEM.findall(pem)
    if not blocks:
        raise ValueError("no certificate in it")
    if len(blocks) != pem.count(b"-----BEGIN CERTIFICATE-----"):
        raise ValueError("a certificate in it is cut off")
    try:
        return [make(_load(block)) for block in blocks]
    except _BROKEN as error:
        raise ValueError(f"not a certificate: {' '.join(str(error).split())[:160]}") from None


def _load(pem: bytes) -> x509.Certificate:
    """Return a certificate; raises the exceptions in :data:`_BROKEN`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about serial number 0, which Kubernetes' own authorities had
        return x509.load_pem_x509_certificate(pem)


def _brief(found: x509.Certificate) -> Brief:
    names = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    subject = str(names[0].value) if names else found.subject.rfc4514_string()
    return Brief(subject, found.not_valid_before_utc, found.not_valid_after_utc, _is_authority(found))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False


def _extension(found: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return found.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _plain(text: str) -> str:
    """Quote text with control characters, which could act on a terminal."""
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
        purposes=tuple(PURPOSES.get(oid.dotted_string, oid.dotted_string) for oid in purposes) if purposes else None,
        key_id=own.digest.hex() if own else "",
        issuer_key_id=(issuer.key_identifier or b"").hex() if issuer else "",
        issuer_serial=f"{issuer.authority_cert_serial_number or 0:x}" if issuer else "",
        public=body(found.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()),
        pem=found.public_bytes(Encoding.PEM).decode(),
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        x509=found,
    )  # fmt: skip
