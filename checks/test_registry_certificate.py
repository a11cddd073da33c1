"""Section 7 of the catalogue: the private authority, and Harbor's certificate field by field."""

from functools import partial

from trueup import Deviation, HostFacts, Spec, expect, requirement, unmet
from trueup.facts.edge import issued_certificates
from trueup.facts.edge.certificate_files import FILES
from trueup.facts.edge.handshakes import FROM_RUNNER, SERVED, unserved
from trueup.facts.edge.harbor import local

_ON = ("registry",)
_CERTIFICATE = "registry.tls.server.certificate"
_SIGNED = ("registry.tls.ca",)


@requirement(
    "registry.tls.ca", key="registry.tls.ca", reads=(FILES,), severity="critical", layers=("declared",), roles=_ON
)
def test_ca(facts: HostFacts, spec: Spec) -> None:
    """The authority's certificate is valid and matches the profile, and only its owner can read its key.

    Every certificate of the registry depends on this authority, and whoever reads its key can issue one that all nodes
    trust.
    """
    found = facts[FILES]
    expect(*issued_certificates.authority(found, spec.registry), issued_certificates.exposed(found.ca_key))


@requirement(
    _CERTIFICATE,
    key="registry.tls.server",
    reads=(FILES,),
    severity="critical",
    layers=("declared",),
    after=_SIGNED,
    roles=_ON,
)
def test_certificate(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate exists and can be read.

    Harbor serves TLS with this file, and the other requirements of registry.tls.server judge it.
    """
    expect(issued_certificates.absent(facts[FILES].server, spec.registry.tls.server.certificate))


# one field of the server's certificate, as it is on disk
_field = partial(requirement, reads=(FILES,), layers=("declared",), needs=(_CERTIFICATE,), after=_SIGNED, roles=_ON)


def _pair(facts: HostFacts, spec: Spec) -> issued_certificates.Pair:
    found = facts[FILES]
    if wrong := issued_certificates.absent(found.server, spec.registry.tls.server.certificate):
        unmet(wrong)
    pair = issued_certificates.of_server(found, spec.registry)
    assert pair
    return pair


@_field("registry.tls.server.subject", key="registry.tls.server.subject", severity="low")
def test_subject(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's subject.

    Administrators know a certificate by its subject. Clients do not verify it: they compare alternative names only (RFC
    9525).
    """
    expect(*issued_certificates.subject(_pair(facts, spec)))


@_field("registry.tls.server.key", key="registry.tls.server.key", severity="critical")
def test_key(facts: HostFacts, spec: Spec) -> None:
    """The server's key is as strong as the profile asks, matches the certificate, and only its owner can read it.

    With a key that does not match, TLS cannot be served; whoever reads the key can impersonate the registry.
    """
    expect(*issued_certificates.key(_pair(facts, spec)), issued_certificates.exposed(facts[FILES].server_key))


@_field("registry.tls.server.validity", key="registry.tls.server.days", severity="critical")
def test_validity(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is valid for the profile's days_left, and was issued for the profile's days.

    After its last day every pull from the registry fails at once.
    """
    expect(*issued_certificates.validity(_pair(facts, spec)))


@_field("registry.tls.server.signature", key="registry.tls.server.hash", severity="high")
def test_signature(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is signed over the profile's hash, or a stronger one.

    A signature over a weak hash can be forged, and clients refuse it: Go, in which containerd is written, rejects SHA-1
    (Go 1.18 release notes).
    """
    expect(*issued_certificates.signature(_pair(facts, spec)))


@_field("registry.tls.server.san", key="registry.tls.server.dns", severity="critical")
def test_san(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's alternative names, DNS names and IP addresses each as their type.

    containerd rejects a certificate that has the registry's name in its common name only (containerd#7039), and
    compares an IP address with IP entries only (RFC 5280, 4.2.1.6).
    """
    expect(*issued_certificates.san(_pair(facts, spec)))


@_field("registry.tls.server.basic_constraints", key="registry.tls.server", severity="high")
def test_basic_constraints(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is no authority (CA:FALSE).

    With CA:TRUE its key could sign certificates for any name (RFC 5280, 4.2.1.9).
    """
    expect(*issued_certificates.basic_constraints(_pair(facts, spec)))


@_field("registry.tls.server.key_usage", key="registry.tls.server.key_usage", severity="medium")
def test_key_usage(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's key usages.

    Clients may refuse a key for a use that its certificate does not list (RFC 5280, 4.2.1.3).
    """
    expect(*issued_certificates.key_usage(_pair(facts, spec)))


@_field("registry.tls.server.extended_key_usage", key="registry.tls.server.extended_key_usage", severity="high")
def test_extended_key_usage(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's extended key usages.

    Clients refuse a server whose certificate is for other purposes only: it needs serverAuth (RFC 5280, 4.2.1.12).
    """
    expect(*issued_certificates.extended_key_usage(_pair(facts, spec)))


@requirement(
    "registry.tls.server.authority_key_id",
    key="registry.tls.ca",
    reads=(FILES,),
    severity="medium",
    layers=("declared",),
    needs=("registry.tls.ca", _CERTIFICATE),
    roles=_ON,
)
def test_authority_key_id(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate names the authority's key as its signer.

    By this id a client finds the right one among several authorities of one name, for example after the authority was
    replaced (RFC 5280, 4.2.1.1).
    """
    expect(*issued_certificates.authority_key_id(_pair(facts, spec)))


@requirement(
    "registry.tls.server.common_name",
    key="registry.tls.server.subject",
    reads=(FILES,),
    severity="low",
    layers=("declared",),
    needs=("registry.tls.server.subject", "registry.tls.server.san"),
    roles=_ON,
)
def test_common_name(facts: HostFacts, spec: Spec) -> None:
    """The common name of the server's certificate is one of its alternative names.

    Clients ignore the common name (RFC 9525), but people take it for a name that works: in the seed document magedu.net
    is not among the alternative names.
    """
    leaf = _pair(facts, spec).leaf
    hint = "correct the profile: people take the common name for a name that the certificate is valid for"
    if leaf.common_name and leaf.common_name not in (*leaf.dns, *leaf.ip):
        where = f"SAN of {spec.registry.tls.server.certificate}"
        unmet(Deviation(f"with {leaf.common_name}, its common name", ", ".join(leaf.names), where, "declared", hint))


@requirement(
    "registry.tls.chain",
    key="registry.names",
    reads=(FILES,),
    severity="critical",
    layers=("declared",),
    needs=("registry.tls.ca", _CERTIFICATE, "registry.tls.server.authority_key_id"),
    roles=_ON,
)
def test_chain(facts: HostFacts, spec: Spec) -> None:
    """A client that trusts the authority accepts the certificate under every name of the registry.

    Each field can be right and verification still fail: by another authority of the same name, or a name that clients
    use and the certificate lacks.
    """
    expect(*issued_certificates.chain(_pair(facts, spec)))


@requirement(
    "registry.tls.served",
    key="registry.harbor.port",
    reads=(FILES, SERVED, FROM_RUNNER),
    severity="critical",
    needs=(_CERTIFICATE, "registry.harbor.config"),
    roles=_ON,
    eventually=True,
)
def test_served(facts: HostFacts, spec: Spec) -> None:
    """Harbor serves the certificate that is on disk, to itself and at the profile's from_runner to the controller.

    Harbor takes a renewed certificate up only when its configuration is applied again, and a proxy on the way may serve
    another one.
    """
    leaf = _pair(facts, spec).leaf
    served, seen, here = facts[SERVED], facts[FROM_RUNNER], local(spec.registry)
    expect(
        unserved(here, served.of(here), leaf),
        *(unserved(f"{at}, from the controller", seen.of(at), leaf) for at in spec.registry.from_runner),
    )
