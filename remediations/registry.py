"""Remedies for section 7 of the catalogue: Docker, and Harbor with a certificate of a private authority."""

import shlex
from functools import partial
from pathlib import Path

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.edge import issued_certificates
from trueup.facts.edge.certificate_files import FILES
from trueup.facts.edge.handshakes import SEEN, SERVED, distrusted, name_of, unserved
from trueup.facts.edge.harbor import CONFIG, host_name, local
from trueup.facts.host import apt
from trueup.facts.runtime import docker, mirrors
from trueup.pki.certificate import Certificate, address, refused
from trueup.profiles.keys import runtime
from trueup.profiles.keys.registry import Registry
from trueup.remediations.repositories import list_source
from trueup.results.action import Action

_SOURCES = "/etc/apt/sources.list.d/trueup-docker.sources"
_SERVES = 60  # seconds in which Harbor must serve after its installer has finished
_SAME = "nothing was changed"


@remedy("registry.docker.apt_repository", disruption="none")
def list_docker(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the key and the repository's entry, comment out entries for other distributions, fetch its index."""
    wanted, distribution = spec.registry.docker.repository, facts[docker.DISTRIBUTION]
    assert wanted
    sources = facts[apt.SOURCES]
    if wrong := docker.foreign(wanted.uri, wanted.suites, distribution, sources.release):
        raise ChangeFailed(f"the profile's repository is {wrong}, but the host runs {distribution}; {_SAME}")
    for entry in sources.entries:
        if docker.of_another(entry, distribution, sources.release):
            change.comment_out(entry.path, *entry.lines)
    list_source(change, wanted, spec.artifacts, _SOURCES, indexed=bool(facts[docker.REPOSITORY].indexes))


@remedy("registry.docker.version", disruption="restart")
def install_docker(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install Docker in the profile's version and hold it."""
    change.package(spec.registry.docker.package, spec.registry.docker.version)


@remedy("registry.tls.ca", disruption="none")
def make_authority(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Create the authority if neither its certificate nor its key exists; never replace either."""
    wanted, found = spec.registry.tls, facts[FILES]
    there = [file.path for file in (found.ca, found.ca_key) if file]
    wrong = [*filter(None, issued_certificates.authority(found, spec.registry))]
    if wrong and there:
        raise ChangeFailed(
            f"{' and '.join(there)} exists, and trueup never replaces an authority, since all who trust it depend on "
            "it: correct the profile, or move both files away and let --fix create and distribute a new one"
        )
    if wanted.ca.private_key:
        change.mode(wanted.ca.private_key, "600")
    if not wrong:
        return
    if wanted.signing == "host":
        change.authority(wanted.ca)
    else:
        from trueup.pki import signing  # cryptography is slow to load

        signing.authority(wanted.controller)
        change.write(wanted.ca.certificate, Path(wanted.controller.certificate).read_text(encoding="utf-8"))


def _issue(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Issue key and certificate again if a field deviates, have Harbor serve them, keep the old files."""
    wanted, found = spec.registry, facts[FILES]
    server = wanted.tls.server
    if lacking := [name for name in wanted.names if name not in (*server.dns, *server.ip)]:
        raise ChangeFailed(f"the profile's certificate is not for {', '.join(lacking)} of registry.names; {_SAME}")
    if not issued_certificates.due(found, wanted):
        change.mode(server.private_key, "600")
        return
    sign = None
    if wanted.tls.signing == "controller":
        from trueup.pki import signing  # cryptography is slow to load

        sign = partial(signing.sign, given=wanted.tls.controller, wanted=server)
    if not sign and found.ca and found.ca_key is None:
        raise ChangeFailed(f"{wanted.tls.ca.private_key}: no such file, so nothing can be signed on this host; {_SAME}")
    change.server_certificate(server, wanted.tls.ca, sign)
    config = change.ask(CONFIG.of(spec))
    if config.certificate == server.certificate and change.ask(SERVED.of(spec)).of(local(wanted)).chain:
        _apply(change, wanted)


for _name in (
    "certificate", "subject", "key", "validity", "signature", "san", "basic_constraints", "key_usage",
    "extended_key_usage", "authority_key_id",
):  # fmt: skip
    remedy(f"registry.tls.server.{_name}", disruption="restart")(_issue)
remedy("registry.tls.chain", disruption="restart")(_issue)


def _apply(change: Change, wanted: Registry) -> None:
    """Have Harbor apply its configuration, and fail unless it then serves the certificate that is on disk."""
    directory, command = shlex.quote(wanted.harbor.directory), shlex.join(wanted.harbor.apply)
    run = f"(cd {directory} && {command})"
    certificate = shlex.quote(wanted.tls.server.certificate)
    name = host_name(wanted)
    sni = "" if address(name) else f"-servername {shlex.quote(name)}"
    body = f"""{run}
print() {{ openssl x509 -noout -fingerprint -sha256 2>/dev/null; }}
shown() {{ timeout 5 openssl s_client -connect 127.0.0.1:{wanted.harbor.port} {sni} </dev/null 2>/dev/null | print; }}
second=0
until [ "$(shown)" = "$(print <{certificate})" ]; do
  second=$((second + 1))
  [ $second -le {_SERVES} ] || {{ echo 'Harbor does not serve '{certificate}; exit 1; }}
  sleep 1
done"""
    settle = f"[ ! -e {directory}/harbor.yml ] || {run}"
    summary = f"have Harbor apply its configuration: {command} in {wanted.harbor.directory}"
    change.act(Action("apply", wanted.harbor.directory, summary, settle=settle), body, "restart")


@remedy("registry.harbor.config", disruption="restart")
def configure_harbor(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the keys in harbor.yml, or in a copy of Harbor's template, and have Harbor apply it."""
    wanted, found = spec.registry, facts[CONFIG]
    server, name = wanted.tls.server, host_name(wanted)
    if not found.installer:
        raise ChangeFailed(
            f"no {wanted.harbor.apply[0]} in {wanted.harbor.directory}: unpack Harbor's installer there first; {_SAME}"
        )
    if name not in (*server.dns, *server.ip):
        raise ChangeFailed(f"the profile's certificate is not for its hostname {name or '(none)'}; {_SAME}")
    template = "" if found.exists else change.read(f"{found.path}.tmpl").content.decode(errors="replace")
    values: dict[tuple[str, ...], object] = {
        ("https", "port"): wanted.harbor.port,
        ("https", "certificate"): server.certificate,
        ("https", "private_key"): server.private_key,
    }
    if found.hostname not in (*server.dns, *server.ip):
        values["hostname",] = name
    if change.edit_yaml(found.path, values, default=template):
        _apply(change, wanted)


@remedy("registry.tls.served", disruption="restart")
def serve(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Have Harbor apply its configuration, so that it serves the certificate that is on disk."""
    file = facts[FILES].server
    leaf = file.certificate if file else None
    here = local(spec.registry)
    if leaf and unserved(here, facts[SERVED].of(here), leaf):
        _apply(change, spec.registry)


@remedy("registry.tls.trusted", disruption="none")
def trust(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the registry's CA and a hosts.toml that names it below config_path; containerd reads both at each pull."""
    wanted, found, directory = spec.runtime.containerd.registry, facts[SEEN], facts[mirrors.HOSTS]
    for endpoint in spec.registry.endpoints:
        met = found.of(endpoint)
        if not distrusted(endpoint, met, directory, found.now):
            continue
        if endpoint in wanted.mirrors:
            raise ChangeFailed(
                f"runtime.containerd.registry_mirrors writes the hosts.toml of {endpoint}: give the CA of "
                f"https://{endpoint} in runtime.containerd.registry.ca; {_SAME}"
            )
        ca = _authority(change, spec)
        if met.chain and (why := refused(met.chain, [ca], name_of(endpoint), found.now)):
            raise ChangeFailed(f"the registry's CA does not verify the certificate of {endpoint}: {why}; {_SAME}")
        _write(change, endpoint, ca.pem, directory.of(endpoint), wanted.config_path)


def _authority(change: Change, spec: Spec) -> Certificate:
    """Return the registry's CA, from its host or from the profile's file on the controller.

    Raises:
        ChangeFailed: neither has it.
    """
    for host in change.cluster.having("registry"):
        file = change.cluster.on(host).ask(FILES.of(change.cluster.spec(host))).ca
        if file and file.certificate:
            return file.certificate
    if spec.registry.tls.controller.certificate:
        from trueup.pki.reading import read  # cryptography is slow to load

        return read(Path(spec.registry.tls.controller.certificate).read_text(encoding="utf-8"))[0]
    raise ChangeFailed(
        f"the registry's CA is unknown: no host with the role registry in this run has it, and "
        f"registry.tls.controller.certificate is not set; {_SAME}"
    )


def _write(change: Change, endpoint: str, pem: str, file: mirrors.Hosts | None, config_path: str) -> None:
    url = f"https://{endpoint}"
    only = runtime.Registry(config_path=config_path, mirrors={endpoint: [url]}, ca={url: pem})
    path = mirrors.authority(endpoint, url, config_path)
    change.write(path, pem)
    if file is None:
        change.write(f"{config_path}/{endpoint}/hosts.toml", mirrors.render(endpoint, only))
        return
    values: dict[tuple[str, ...], object] = {
        ("host", url, "ca"): path,
        ("host", url, "capabilities"): ["pull", "resolve"],
        ("host", url, "skip_verify"): None,
    }
    change.edit_toml(file.path, values, default=mirrors.render(endpoint, only))
