"""Section 7 of the catalogue: Docker, and Harbor with a certificate of a private authority."""

from functools import partial

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.checks.claims.repositories import listed
from trueup.facts.edge import issued_certificates as issued
from trueup.facts.edge.certificate_files import FILES
from trueup.facts.edge.handshakes import FROM_RUNNER, SEEN, SERVED, distrusted, unserved
from trueup.facts.edge.harbor import CONFIG, HEALTH, host_name, local
from trueup.facts.host import apt
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.runtime import config_keys as dialect
from trueup.facts.runtime import docker
from trueup.facts.runtime.containerd import DUMP
from trueup.facts.runtime.mirrors import HOSTS, Directory
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

_ON = ("registry",)
_CERTIFICATE = "registry.tls.server.certificate"
_SIGNED = ("registry.tls.ca",)
_WHOLE = tuple(
    f"registry.tls.{name}"
    for name in (
        "server.subject", "server.key", "server.validity", "server.signature", "server.san", "server.basic_constraints",
        "server.key_usage", "server.extended_key_usage", "server.authority_key_id", "chain",
    )
)  # fmt: skip


@requirement(
    "registry.docker.apt_repository",
    key="registry.docker.repository",
    reads=(apt.SOURCES, docker.DISTRIBUTION, docker.REPOSITORY),
    severity="medium",
    layers=("declared", "effective"),
    roles=_ON,
)
def test_docker_repository(facts: HostFacts, spec: Spec) -> None:
    """apt lists Docker's repository for this host's distribution, has its key, and has fetched its index.

    A repository for another distribution has no packages for this host: the seed document lists linux/debian on Ubuntu,
    and its installation fails.
    """
    wanted, sources, distribution = spec.registry.docker.repository, facts[apt.SOURCES], facts[docker.DISTRIBUTION]
    assert wanted
    here = f"for {distribution} {sources.release}"
    if wrong := docker.foreign(wanted.uri, wanted.suites, distribution, sources.release):
        unmet(Deviation(here, wrong, "the profile's repository", "declared", "correct it in the profile"))
    others = ((entry.where, docker.of_another(entry, distribution, sources.release)) for entry in sources.entries)
    expect(
        *listed(wanted, spec.registry.docker.package, sources, facts[docker.REPOSITORY]),
        *(Deviation(here, wrong, where, "declared") for where, wrong in others if wrong),
    )


@requirement(
    "registry.docker.version",
    key="registry.docker.package",
    reads=(PACKAGES,),
    needs=("registry.docker.apt_repository",),
    roles=_ON,
)
def test_docker_version(facts: HostFacts, spec: Spec) -> None:
    """Docker is installed in the profile's version.

    Harbor's installer starts Harbor's components as Docker containers (Harbor docs, Installation Prerequisites).
    """
    wanted, found = spec.registry.docker, facts[PACKAGES]
    version = found.version(wanted.package)
    if version is None or not within(version, wanted.version, found.manager):
        where = f"package {wanted.package}"
        unmet(Deviation(wanted.version or "any version", version or "not installed", where, "effective"))


@requirement(
    "registry.tls.ca", key="registry.tls.ca", reads=(FILES,), severity="critical", layers=("declared",), roles=_ON
)
def test_ca(facts: HostFacts, spec: Spec) -> None:
    """The authority's certificate is valid and matches the profile, and only its owner can read its key.

    Every certificate of the registry depends on this authority, and whoever reads its key can issue one that all nodes
    trust.
    """
    found = facts[FILES]
    expect(*issued.authority(found, spec.registry), issued.exposed(found.ca_key))


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
    expect(issued.absent(facts[FILES].server, spec.registry.tls.server.certificate))


# one field of the server's certificate, as it is on disk
_field = partial(requirement, reads=(FILES,), layers=("declared",), needs=(_CERTIFICATE,), after=_SIGNED, roles=_ON)


def _pair(facts: HostFacts, spec: Spec) -> issued.Pair:
    found = facts[FILES]
    if wrong := issued.absent(found.server, spec.registry.tls.server.certificate):
        unmet(wrong)
    pair = issued.of_server(found, spec.registry)
    assert pair
    return pair


@_field("registry.tls.server.subject", key="registry.tls.server.subject", severity="low")
def test_subject(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's subject.

    Administrators know a certificate by its subject. Clients do not verify it: they compare alternative names only (RFC
    9525).
    """
    expect(*issued.subject(_pair(facts, spec)))


@_field("registry.tls.server.key", key="registry.tls.server.key", severity="critical")
def test_key(facts: HostFacts, spec: Spec) -> None:
    """The server's key is as strong as the profile asks, matches the certificate, and only its owner can read it.

    With a key that does not match, TLS cannot be served; whoever reads the key can impersonate the registry.
    """
    expect(*issued.key(_pair(facts, spec)), issued.exposed(facts[FILES].server_key))


@_field("registry.tls.server.validity", key="registry.tls.server.days", severity="critical")
def test_validity(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is valid for the profile's days_left, and was issued for the profile's days.

    After its last day every pull from the registry fails at once.
    """
    expect(*issued.validity(_pair(facts, spec)))


@_field("registry.tls.server.signature", key="registry.tls.server.hash", severity="high")
def test_signature(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is signed over the profile's hash, or a stronger one.

    A signature over a weak hash can be forged, and clients refuse it: Go, in which containerd is written, rejects SHA-1
    (Go 1.18 release notes).
    """
    expect(*issued.signature(_pair(facts, spec)))


@_field("registry.tls.server.san", key="registry.tls.server.dns", severity="critical")
def test_san(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's alternative names, DNS names and IP addresses each as their type.

    containerd rejects a certificate that has the registry's name in its common name only (containerd#7039), and
    compares an IP address with IP entries only (RFC 5280, 4.2.1.6).
    """
    expect(*issued.san(_pair(facts, spec)))


@_field("registry.tls.server.basic_constraints", key="registry.tls.server", severity="high")
def test_basic_constraints(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate is no authority (CA:FALSE).

    With CA:TRUE its key could sign certificates for any name (RFC 5280, 4.2.1.9).
    """
    expect(*issued.basic_constraints(_pair(facts, spec)))


@_field("registry.tls.server.key_usage", key="registry.tls.server.key_usage", severity="medium")
def test_key_usage(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's key usages.

    Clients may refuse a key for a use that its certificate does not list (RFC 5280, 4.2.1.3).
    """
    expect(*issued.key_usage(_pair(facts, spec)))


@_field("registry.tls.server.extended_key_usage", key="registry.tls.server.extended_key_usage", severity="high")
def test_extended_key_usage(facts: HostFacts, spec: Spec) -> None:
    """The server's certificate has the profile's extended key usages.

    Clients refuse a server whose certificate is for other purposes only: it needs serverAuth (RFC 5280, 4.2.1.12).
    """
    expect(*issued.extended_key_usage(_pair(facts, spec)))


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
    expect(*issued.authority_key_id(_pair(facts, spec)))


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
    expect(*issued.chain(_pair(facts, spec)))


@requirement(
    "registry.harbor.config",
    key="registry.harbor.directory",
    reads=(CONFIG,),
    layers=("declared",),
    after=("registry.docker.version", *_WHOLE),
    roles=_ON,
)
def test_harbor_config(facts: HostFacts, spec: Spec) -> None:
    """harbor.yml has a hostname that the certificate contains, and the profile's port, certificate and key.

    Clients use Harbor under this hostname (Harbor docs, Configure the Harbor YML File): one that the certificate lacks
    fails their verification.
    """
    wanted, found = spec.registry, facts[CONFIG]
    server = wanted.tls.server
    if not found.exists or found.mistake:
        where = found.path if found.installer else f"{found.path}; Harbor's installer is missing, too"
        unmet(Deviation("Harbor's configuration", found.mistake or "no such file", where, "declared"))
    names = [*server.dns, *server.ip]
    expect(
        None
        if found.hostname in names
        else Deviation(
            f"one of {', '.join(names)}", found.hostname or "not set", f"hostname in {found.path}", "declared"
        ),
        *(
            equal(getattr(found, name), value, where=f"https.{name} in {found.path}", layer="declared")
            for name, value in (
                ("port", str(wanted.harbor.port)),
                ("certificate", server.certificate),
                ("private_key", server.private_key),
            )
        ),
    )


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


@requirement(
    "registry.harbor.health",
    key="registry.harbor.directory",
    reads=(HEALTH,),
    severity="critical",
    needs=("registry.tls.chain", "registry.tls.served"),
    roles=_ON,
    eventually=True,
)
def test_harbor_health(facts: HostFacts, spec: Spec) -> None:
    """Harbor's health API reports over verified TLS that Harbor and all its components are healthy.

    Harbor can answer while its database, registry or job service is down: pushes and pulls then fail.
    """
    found, where = facts[HEALTH], f"https://{host_name(spec.registry)}:{spec.registry.harbor.port}/api/v2.0/health"
    if found.problem:
        unmet(Deviation("Harbor's health", found.problem, where, "effective"))
    if not found.components:
        unmet(
            Deviation(
                "the health of each component", f"{found.status or 'no status'}, without components", where, "effective"
            )
        )
    sick = {name: state for name, state in found.components.items() if state != "healthy"}
    hint = "see `docker compose ps` and the logs in /var/log/harbor"
    expect(
        *(Deviation("healthy", state, f"{name} of Harbor", "effective", hint) for name, state in sick.items()),
        None if sick else equal(found.status, "healthy", where=where, layer="effective"),
    )


@requirement(
    "registry.tls.trusted",
    key="registry.endpoints",
    reads=(HOSTS, DUMP, SEEN),
    severity="critical",
    layers=("declared", "effective"),
    needs=("lb.vip.health",),  # a load balancer may be in front of the registry
    after=("registry.harbor.health",),
    eventually=True,
)
def test_trusted(facts: HostFacts, spec: Spec) -> None:
    """containerd trusts the registry's certificate under each HOST:PORT of the profile's endpoints.

    Otherwise each pull fails with `x509: certificate signed by unknown authority`. containerd reads the CA from the
    hosts.toml of that name (containerd, docs/hosts.md).
    """
    found, effective = facts[SEEN], facts[DUMP] or {}
    config_path, key = (
        spec.runtime.containerd.registry.config_path,
        dialect.key("config_path", dialect.version_of(effective)),
    )
    searched = str(dialect.at(effective, key) or "")
    in_use = config_path in searched.split(":")
    directory = facts[HOSTS] if in_use else Directory({}, {})
    wrong = (distrusted(at, found.of(at), directory, found.now) for at in spec.registry.endpoints)
    if claims := [*filter(None, wrong)]:
        hint = "runtime.containerd.registry_mirrors sets it; without it containerd ignores every hosts.toml"
        lacking = Deviation(config_path, searched or "not set", dialect.dotted(key), "effective", hint)
        expect(*claims, None if in_use else lacking)
