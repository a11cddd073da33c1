"""Section 7 of the catalogue: Docker, Harbor, and the trust of nodes in its certificate."""

from trueup import Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.repositories import listed
from trueup.facts.edge.handshakes import SEEN, distrusted
from trueup.facts.edge.harbor import CONFIG, HEALTH, host_name
from trueup.facts.host import apt
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.runtime import config_keys, docker
from trueup.facts.runtime.containerd import DUMP
from trueup.facts.runtime.mirrors import HOSTS, Directory

_ON = ("registry",)
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
        config_keys.key("config_path", config_keys.version_of(effective)),
    )
    searched = str(config_keys.at(effective, key) or "")
    in_use = config_path in searched.split(":")
    directory = facts[HOSTS] if in_use else Directory({}, {})
    wrong = (distrusted(at, found.of(at), directory, found.now) for at in spec.registry.endpoints)
    if claims := [*filter(None, wrong)]:
        hint = "runtime.containerd.registry_mirrors sets it; without it containerd ignores every hosts.toml"
        lacking = Deviation(config_path, searched or "not set", config_keys.dotted(key), "effective", hint)
        expect(*claims, None if in_use else lacking)
