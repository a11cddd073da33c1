"""Section 2 of the catalogue: where containerd pulls from."""

from collections.abc import Iterator

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.facts.runtime import config_keys as dialect
from trueup.facts.runtime.containerd import CONFIG, DUMP
from trueup.facts.runtime.mirrors import HOSTS, REACHABLE, Hosts, certificate, mistake
from trueup.model.view import HostFacts
from trueup.profiles.keys.runtime import Registry
from trueup.profiles.schema import Spec


@requirement(
    "runtime.containerd.registry_mirrors",
    key="runtime.containerd.registry.mirrors",
    reads=(CONFIG, DUMP, HOSTS),
    needs=("runtime.containerd.config",),
    layers=("declared", "effective"),
    controls=("NIST SP 800-190 4.2.1",),
)
def test_registry_mirrors(facts: HostFacts, spec: Spec) -> None:
    """containerd pulls through the mirrors that the profile names, in their order, in the one way that it reads."""
    effective, wanted, found = facts[DUMP] or {}, spec.runtime.containerd.registry, facts[HOSTS]
    version = dialect.version_of(effective)
    config_path, mirrors, configs = (dialect.key(name, version) for name in ("config_path", "mirrors", "configs"))
    for registry, endpoints in wanted.mirrors.items():
        for endpoint in endpoints:
            if wrong := mistake(endpoint):
                where = f"the profile's mirrors of {registry}"
                unmet(Deviation("a URL", f"{endpoint}: {wrong}", where, "declared", "correct it in the profile"))
    searched = str(dialect.at(effective, config_path) or "").split(":")
    files = [(registry, found.of(registry)) for registry in wanted.mirrors]
    expect(
        equal(
            ", ".join(dialect.at(effective, mirrors) or {}) or "none",
            "none",
            where=dialect.dotted(mirrors),
            layer="effective",
            hint="mirrors and config_path exclude each other: the CRI plugin does not load with both",
        ),
        equal(
            ", ".join(dialect.with_tls(effective)) or "none",
            "none",
            where=f"tls in {dialect.dotted(configs)}",
            layer="effective",
            hint="containerd refuses it beside config_path: CA, client certificate and skip_verify go to hosts.toml",
        ),
        equal(
            wanted.config_path if wanted.config_path in searched else ":".join(searched) or None,
            wanted.config_path,
            where=dialect.dotted(config_path),
            layer="effective",
            hint="without it containerd before 2.2 never looks for a hosts.toml",
        ),
        *(claim for registry, file in files for claim in _file(registry, file, wanted, found.certificates)),
    )


def _file(registry: str, file: Hosts | None, wanted: Registry, certificates: dict[str, str]) -> Iterator[Deviation]:
    """Yield what is wrong with the hosts.toml of a registry."""
    endpoints = wanted.mirrors[registry]
    if file is None:
        path = f"{wanted.config_path}/{registry}/hosts.toml"
        yield Deviation(", ".join(endpoints), "no such file", path, "declared")
        return
    if file.mistake:
        yield Deviation("a TOML document", file.mistake, file.path, "declared", "containerd uses nothing of it")
        return
    if file.endpoints != endpoints:
        yield Deviation(", ".join(endpoints), ", ".join(file.endpoints) or "no host", file.path, "declared")
    for endpoint in file.useless:
        where = f'capabilities of [host."{endpoint}"] in {file.path}'
        yield Deviation("pull and resolve", "not both", where, "declared", "containerd passes it over")
    for endpoint in (endpoint for endpoint in file.endpoints if endpoint in wanted.ca):
        if file.unverified(endpoint):
            where = f'skip_verify of [host."{endpoint}"] in {file.path}'
            yield Deviation("verified by the profile's CA", "not verified", where, "declared")
        elif wrong := _authority(file, endpoint, wanted.ca[endpoint], certificates):
            yield wrong


def _authority(file: Hosts, endpoint: str, wanted: str, certificates: dict[str, str]) -> Deviation | None:
    """Return what is wrong with the CA that containerd verifies a mirror by: none, a missing file, or another one."""
    where = f'ca of [host."{endpoint}"] in {file.path}'
    if not (paths := file.authorities(endpoint)):
        return Deviation("the CA of the profile", "not set", where, "declared", "only public CAs are trusted there")
    if missing := [path for path in paths if path not in certificates]:
        return Deviation("a file", f"no such file: {missing[0]}", where, "declared", "no pull through it works")
    held = {one for path in paths for one in certificate(certificates[path])}
    if not held.issuperset(certificate(wanted)):
        return Deviation("the CA of the profile", f"another certificate in {', '.join(paths)}", where, "declared")
    return None


@requirement(
    "runtime.containerd.registry_reachable",
    key="runtime.containerd.registry.mirrors",
    reads=(REACHABLE,),
    needs=("runtime.containerd.registry_mirrors",),
    severity="medium",
    active=True,
)
def test_registry_reachable(facts: HostFacts, spec: Spec) -> None:
    """Every mirror answers to the host as a registry does."""
    found = facts[REACHABLE]
    expect(
        *(
            Deviation("HTTP 200 or 401", found.get(endpoint) or "no answer", f"{endpoint}/v2/", "effective")
            for endpoints in spec.runtime.containerd.registry.mirrors.values()
            for endpoint in endpoints
            if found.get(endpoint) not in ("200", "401")
        )
    )
