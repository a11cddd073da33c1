"""Signs a host's certificate request with an authority on the controller."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID

from trueup.errors import ChangeFailed
from trueup.pki.certificate import PURPOSES, USAGES
from trueup.profiles.keys.registry import Controller, ServerCertificate

_PARTS = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}
_HASHES: dict[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_EARLIER = timedelta(minutes=5)  # validity begins earlier than now, because clients' clocks differ


def authority(given: Controller) -> tuple[x509.Certificate, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]:
    """Return the certificate and the key of the authority.

    Raises:
        ChangeFailed: one cannot be read, the key has a passphrase, or the two are not a pair.
    """
    try:
        certificate = x509.load_pem_x509_certificate(Path(given.certificate).read_bytes())
        key = load_pem_private_key(Path(given.private_key).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        words = "the key has a passphrase" if isinstance(error, TypeError) else str(error)
        raise ChangeFailed(f"the profile's authority on the controller: {words}; nothing was changed") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ChangeFailed(f"{given.private_key}: neither RSA nor EC; nothing was changed")
    if key.public_key() != certificate.public_key():
        raise ChangeFailed(f"{given.private_key} is not the key of {given.certificate}; nothing was changed")
    return certificate, key


def sign(request: str, given: Controller, wanted: ServerCertificate) -> str:
    """Return the certificate, as PEM, that the authority issues for the key of a request.

    All fields come from the profile and only the key from the request, because a host is untrusted.

    Raises:
        ChangeFailed: the request is invalid, or see :func:`authority`.
    """
    certificate, key = authority(given)
    try:
        asked = x509.load_pem_x509_csr(request.encode(errors="replace"))
        public, signed = asked.public_key(), asked.is_signature_valid
    except ValueError as error:
        raise ChangeFailed(f"the host's request for a certificate: {error}") from None
    if not signed or not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ChangeFailed("the host's request for a certificate is not signed by a key of RSA or EC")
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(wanted.subject))
        .issuer_name(certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now - _EARLIER + timedelta(days=wanted.days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_issuer(certificate), critical=False)
    )
    for extension in (_usage(wanted), _purposes(wanted), _names(wanted)):
        builder = builder.add_extension(extension, critical=False) if extension else builder
    return builder.sign(key, _HASHES[wanted.hash]).public_bytes(Encoding.PEM).decode()


def _name(parts: list[str]) -> x509.Name:
    rows = (part.partition("=") for part in parts)
    return x509.Name([x509.NameAttribute(_PARTS[kind], value) for kind, _, value in rows])


def _issuer(certificate: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        names = [x509.DirectoryName(certificate.issuer)]
        return x509.AuthorityKeyIdentifier(None, names, certificate.serial_number)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _names(wanted: ServerCertificate) -> x509.SubjectAlternativeName | None:
    names = [*map(x509.DNSName, wanted.dns), *(x509.IPAddress(ipaddress.ip_address(each)) for each in wanted.ip)]
    return x509.SubjectAlternativeName(names) if names else None


def _usage(wanted: ServerCertificate) -> x509.KeyUsage | None:
    if not wanted.key_usage:
        return None
    given = {name: word in wanted.key_usage for name, word in USAGES.items()}
    return x509.KeyUsage(**given, encipher_only=False, decipher_only=False)


def _purposes(wanted: ServerCertificate) -> x509.ExtendedKeyUsage | None:
    oids = [x509.ObjectIdentifier(oid) for oid, word in PURPOSES.items() if word in wanted.extended_key_usage]
    return x509.ExtendedKeyUsage(oids) if oids else None
