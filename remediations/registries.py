"""Remedies for the registries and mirrors that containerd pulls from."""

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.runtime import config_keys, mirrors
from trueup.facts.runtime.containerd import CONFIG
from trueup.profiles.keys.runtime import Registry
from trueup.remediations.containerd import edit


@remedy("runtime.containerd.registry_mirrors", disruption="restart")
def set_registry_mirrors(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write a hosts.toml for each registry, set config_path, remove the mirrors table, restart containerd."""
    wanted, config = spec.runtime.containerd.registry, facts[CONFIG]
    document = config.document or {}
    _refuse(wanted, document)
    found = change.ask(mirrors.hosts(wanted.config_path))
    files = {registry: found.of(registry) for registry in wanted.mirrors}
    for registry, file in files.items():
        if file and (lost := file.more_than(wanted.mirrors[registry])):
            raise ChangeFailed(f"{file.path} has {', '.join(lost)}, which a profile cannot express: edit it yourself")
    for registry, endpoints in wanted.mirrors.items():
        file = files[registry]
        for endpoint in (endpoint for endpoint in endpoints if endpoint in wanted.ca):
            change.write(mirrors.authority(registry, endpoint, wanted.config_path), wanted.ca[endpoint])
        if file is None or file.deviates(registry, wanted):
            path = file.path if file else f"{wanted.config_path}/{registry}/hosts.toml"
            change.write(path, mirrors.render(registry, wanted))
    version = config_keys.version_of(document)
    values: dict[tuple[str, ...], object] = {config_keys.key("mirrors", version): None}
    searched = config_keys.key("config_path", version)
    if wanted.config_path not in str(config_keys.at(document, searched) or "").split(":"):
        values[searched] = wanted.config_path
    edit(change, config.path, values)


def _refuse(wanted: Registry, document: dict[str, object]) -> None:
    for endpoints in wanted.mirrors.values():
        for endpoint in endpoints:
            if wrong := mirrors.mistake(endpoint):
                raise ChangeFailed(f"the profile's mirror {endpoint!r} is no URL: {wrong}; nothing was changed")
    if names := config_keys.with_tls(document):
        raise ChangeFailed(
            f"registry.configs has tls of {', '.join(names)}, which containerd refuses beside config_path: move CA, "
            "client certificate and skip_verify to hosts.toml first; nothing was changed"
        )
