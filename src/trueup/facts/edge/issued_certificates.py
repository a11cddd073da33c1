"""Comparison of a certificate with the one that the profile wants: one function for each part.

A certificate with any deviation is issued again as a whole, so check and remedy both use these functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from trueup.facts.edge.certificate_files import File, Files
from trueup.model.claims import Deviation, equal
from trueup.pki.certificate import Certificate, address, refused

if TYPE_CHECKING:
    from trueup.profiles.keys.registry import Issued, Registry, ServerCertificate

    Claims = Iterator[Deviation | None]
    Aspect = Callable[["Pair"], Claims]

_HASHES = {"md5": 0, "sha1": 1, "sha224": 2, "sha256": 3, "sha384": 4, "sha512": 5}


class Pair(NamedTuple):
    """The server's certificate, and the data to judge it by."""

    file: File
    leaf: Certificate
    found: Files
    wanted: Registry

    @property
    def server(self) -> ServerCertificate:
        """Return the profile's values for it."""
        return self.wanted.tls.server


def absent(file: File | None, path: str) -> Deviation | None:
    """Return a deviation if there is no readable certificate."""
    if file is None:
        return Deviation("a certificate", "no such file", path, "declared")
    return Deviation("a certificate", file.mistake, path, "declared") if file.mistake else None


def subject(pair: Pair) -> Claims:
    """Yield deviations of its subject."""
    yield _subject(pair.file, pair.leaf, pair.server)


def key(pair: Pair) -> Claims:
    """Yield deviations of its key: too weak, absent, or not the key of the certificate."""
    yield _strength(pair.file, pair.leaf, pair.server)
    yield from _half(pair.found.server_key, pair.leaf, pair.server.private_key)


def validity(pair: Pair) -> Claims:
    """Yield deviations of its validity, by the clock of its host."""
    server = pair.server
    left = (pair.leaf.ends - pair.found.now).days
    if why := pair.leaf.since(pair.found.now):
        yield Deviation("valid now", why, pair.file.path, "declared")
    elif left < server.days_left:
        until = f"{left} days, until {pair.leaf.ends:%Y-%m-%d %H:%M} UTC"
        yield Deviation(f"valid for {server.days_left} days more", until, pair.file.path, "declared")
    yield _days(pair.file, pair.leaf, server)


def signature(pair: Pair) -> Claims:
    """Yield deviations of its signature's hash."""
    yield _hash(pair.file, pair.leaf, pair.server)


def san(pair: Pair) -> Claims:
    """Yield deviations of its subject alternative names."""
    server = pair.server
    names = [*(f"DNS:{name}" for name in server.dns), *(f"IP:{address(each)}" for each in server.ip)]
    if set(names) == set(pair.leaf.names):
        return
    found, hint = pair.leaf.names, ""
    if misplaced := [name for name in pair.leaf.dns if address(name)]:
        hint = f"{', '.join(misplaced)} is an IP address in a DNS name: clients do not look for it there"
    elif not pair.leaf.names:
        hint = "containerd refuses a certificate that has only a common name"
    said = []
    for word, one, other in (("without", names, found), ("with", found, names)):
        if odd := [name for name in one if name not in other]:
            said.append(f"{word} {', '.join(odd)}")
    words = " and ".join(said) if found else "none"
    yield Deviation(", ".join(names), words, _of(pair.file, "SAN"), "declared", hint)


def basic_constraints(pair: Pair) -> Claims:
    """Yield deviations of its basic constraints."""
    said = {None: "not set", True: "CA:TRUE", False: "CA:FALSE"}[pair.leaf.authority]
    hint = "whoever has its key can issue certificates that clients trust" if pair.leaf.authority else ""
    yield equal(said, "CA:FALSE", where=_of(pair.file, "basicConstraints"), layer="declared", hint=hint)


def key_usage(pair: Pair) -> Claims:
    """Yield deviations of its key usage."""
    yield _same(pair.leaf.key_usage, pair.server.key_usage, _of(pair.file, "keyUsage"))


def extended_key_usage(pair: Pair) -> Claims:
    """Yield deviations of its extended key usage."""
    yield _same(pair.leaf.purposes, pair.server.extended_key_usage, _of(pair.file, "extendedKeyUsage"))


def authority_key_id(pair: Pair) -> Claims:
    """Yield deviations of its authority key identifier; an authority without an identifier is named by its subject."""
    issuer = pair.found.ca.certificate if pair.found.ca else None
    if issuer is None:
        yield absent(pair.found.ca, pair.wanted.tls.ca.certificate)
    elif issuer.key_id:
        where = _of(pair.file, "authorityKeyIdentifier")
        yield equal(
            pair.leaf.issuer_key_id or None, issuer.key_id, where=where, layer="declared", hint="that of the CA's key"
        )
    elif pair.leaf.issuer_serial not in ("0", issuer.serial):
        yield Deviation(issuer.serial, pair.leaf.issuer_serial, _of(pair.file, "authorityKeyIdentifier"), "declared")


def chain(pair: Pair) -> Claims:
    """Yield a deviation for each name of the registry for which a client that trusts the authority rejects it."""
    authorities = pair.found.ca.certificates if pair.found.ca else ()
    for name in pair.wanted.names:
        if why := refused(pair.file.certificates, authorities, name, pair.found.now):
            yield Deviation(f"verified for {name} by {pair.wanted.tls.ca.certificate}", why, pair.file.path, "declared")


ASPECTS: tuple[Aspect, ...] = (
    subject, key, validity, signature, san, basic_constraints, key_usage, extended_key_usage, authority_key_id, chain,
)  # fmt: skip


def of_server(found: Files, wanted: Registry) -> Pair | None:
    """Return the server's certificate, or ``None`` if it cannot be read."""
    leaf = found.server.certificate if found.server else None
    return Pair(found.server, leaf, found, wanted) if found.server and leaf else None


def due(found: Files, wanted: Registry) -> bool:
    """Return whether the server's certificate must be issued again."""
    known = of_server(found, wanted)
    return not known or any(claim for aspect in ASPECTS for claim in aspect(known))


def exposed(file: File | None) -> Deviation | None:
    """Return a deviation if others than its owner can read a key."""
    if file is None or not file.mode & 0o077:
        return None
    hint = "others could read this key until now; to replace it, move it away and run --fix"
    return Deviation("600", f"{file.mode:o}", f"mode of {file.path}", "declared", hint)


def authority(found: Files, wanted: Registry) -> Claims:
    """Yield deviations of the authority's certificate, and of its key if it signs on this host."""
    ca, settings = found.ca, wanted.tls.ca
    root = ca.certificate if ca else None
    if ca is None or root is None:
        yield absent(ca, settings.certificate)
        return
    yield _subject(ca, root, settings)
    yield _strength(ca, root, settings)
    yield _hash(ca, root, settings)
    yield _days(ca, root, settings)
    if root.authority is not True:
        yield Deviation("CA:TRUE", "not an authority", _of(ca, "basicConstraints"), "declared")
    if why := root.since(found.now):
        yield Deviation("valid now", why, ca.path, "declared")
    if wanted.tls.signing == "host":
        yield from _half(found.ca_key, root, settings.private_key)


def _of(file: File, part: str) -> str:
    return f"{part} of {file.path}"


def _subject(file: File, found: Certificate, wanted: Issued) -> Deviation | None:
    return equal(", ".join(found.subject), ", ".join(wanted.subject), where=_of(file, "subject"), layer="declared")


def _strength(file: File, found: Certificate, wanted: Issued) -> Deviation | None:
    if found.kind == wanted.key.kind and found.bits >= wanted.key.bits:
        return None
    words = f"{wanted.key.kind} of {wanted.key.bits} bits or more"
    return Deviation(words, f"{found.kind} of {found.bits} bits", _of(file, "key"), "declared")


def _hash(file: File, found: Certificate, wanted: Issued) -> Deviation | None:
    if _HASHES.get(found.hash, 0) >= _HASHES[wanted.hash]:
        return None
    return Deviation(f"{wanted.hash} or better", found.hash or "none", _of(file, "hash of the signature"), "declared")


def _days(file: File, found: Certificate, wanted: Issued) -> Deviation | None:
    where = _of(file, "days from the first to the last")
    return None if abs(found.days - wanted.days) <= 1 else equal(found.days, wanted.days, where=where, layer="declared")


def _half(file: File | None, found: Certificate, path: str) -> Claims:
    """Yield deviations of a key, judged by its public half."""
    if file is None:
        yield Deviation("the certificate's key", "no such file", path, "declared")
    elif file.mistake or file.public != found.public:
        words = file.mistake or "the key of another certificate"
        yield Deviation("the certificate's key", words, path, "declared", "a server does not start with this pair")


def _same(found: tuple[str, ...] | None, wanted: Iterable[str], where: str) -> Deviation | None:
    said = None if found is None else ", ".join(sorted(found))
    return equal(said, ", ".join(sorted(wanted)) or None, where=where, layer="declared")
