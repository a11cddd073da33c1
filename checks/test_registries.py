"""Section 2 of the catalogue: the registries and mirrors that containerd pulls from."""

from collections.abc import Iterator

from trueup import Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.facts.runtime import config_keys
from trueup.facts.runtime.containerd import CONFIG, DUMP
from trueup.facts.runtime.mirrors import HOSTS, REACHABLE, Hosts, certificate, mistake
from trueup.profiles.keys.runtime import Registry


@requirement(
    "runtime.containerd.registry_mirrors",
    key="runtime.containerd.registry.mirrors",
    reads=(CONFIG, DUMP, HOSTS),
    needs=("runtime.containerd.config",),
    layers=("declared", "effective"),
    controls=("NIST SP 800-190 4.2.1",),
)
def test_registry_mirrors(facts: HostFacts, spec: Spec) -> None:
    """containerd pulls through the profile's mirrors, in their order, by hosts.toml files.

    `mirrors` and `config_path` together keep the CRI plugin from loading (kubespray#9741). Without `config_path`,
    containerd before 2.2 ignores every hosts.toml and pulls from the registry itself.
    """
    effective, wanted, found = facts[DUMP] or {}, spec.runtime.containerd.registry, facts[HOSTS]
    version = config_keys.version_of(effective)
    config_path, mirrors, configs = (config_keys.key(name, version) for name in ("config_path", "mirrors", "configs"))
    for registry, endpoints in wanted.mirrors.items():
        for endpoint in endpoints:
            if wrong := mistake(endpoint):
                where = f"the profile's mirrors of {registry}"
                unmet(Deviation("a URL", f"{endpoint}: {wrong}", where, "declared", "correct it in the profile"))
    searched = str(config_keys.at(effective, config_path) or "").split(":")
    files = [(registry, found.of(registry)) for registry in wanted.mirrors]
    expect(
        equal(
            ", ".join(config_keys.at(effective, mirrors) or {}) or "none",
            "none",
            where=config_keys.dotted(mirrors),
            layer="effective",
            hint="mirrors and config_path exclude each other: the CRI plugin does not load with both",
        ),
        equal(
            ", ".join(config_keys.with_tls(effective)) or "none",
            "none",
            where=f"tls in {config_keys.dotted(configs)}",
            layer="effective",
            hint="containerd refuses it beside config_path: put CA, client certificate and skip_verify in hosts.toml",
        ),
        equal(
            wanted.config_path if wanted.config_path in searched else ":".join(searched) or None,
            wanted.config_path,
            where=config_keys.dotted(config_path),
            layer="effective",
            hint="without it containerd before 2.2 ignores every hosts.toml",
        ),
        *(claim for registry, file in files for claim in _file(registry, file, wanted, found.certificates)),
    )


def _file(registry: str, file: Hosts | None, wanted: Registry, certificates: dict[str, str]) -> Iterator[Deviation]:
    """Yield a deviation for each fault in the hosts.toml of a registry."""
    endpoints = wanted.mirrors[registry]
    if file is None:
        path = f"{wanted.config_path}/{registry}/hosts.toml"
        yield Deviation(", ".join(endpoints), "no such file", path, "declared")
        return
    if file.mistake:
        yield Deviation("a TOML document", file.mistake, file.path, "declared", "containerd ignores the whole file")
        return
    if file.endpoints != endpoints:
        yield Deviation(", ".join(endpoints), ", ".join(file.endpoints) or "no host", file.path, "declared")
    for endpoint in file.useless:
        where = f'capabilities of [host."{endpoint}"] in {file.path}'
        yield Deviation("pull and resolve", "not both", where, "declared", "containerd does not pull from it")
    for endpoint in (endpoint for endpoint in file.endpoints if endpoint in wanted.ca):
        if file.unverified(endpoint):
            where = f'skip_verify of [host."{endpoint}"] in {file.path}'
            yield Deviation("verified by the profile's CA", "not verified", where, "declared")
        elif wrong := _authority(file, endpoint, wanted.ca[endpoint], certificates):
            yield wrong


def _authority(file: Hosts, endpoint: str, wanted: str, certificates: dict[str, str]) -> Deviation | None:
    """Return a deviation where the CA of a mirror is not set, is a missing file, or is another certificate."""
    where = f'ca of [host."{endpoint}"] in {file.path}'
    if not (paths := file.authorities(endpoint)):
        return Deviation("the CA of the profile", "not set", where, "declared", "only public CAs are trusted there")
    if missing := [path for path in paths if path not in certificates]:
        return Deviation(
            "a file", f"no such file: {missing[0]}", where, "declared", "every pull through this mirror fails"
        )
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
    """Every mirror answers this host as a registry does.

    A mirror that does not answer delays each pull until its time-out, or leaves the node without images. A registry
    answers /v2/ with 200 or 401 (OCI Distribution Specification).
    """
    found = facts[REACHABLE]
    expect(
        *(
            Deviation("HTTP 200 or 401", found.get(endpoint) or "no answer", f"{endpoint}/v2/", "effective")
            for endpoints in spec.runtime.containerd.registry.mirrors.values()
            for endpoint in endpoints
            if found.get(endpoint) not in ("200", "401")
        )
    )
