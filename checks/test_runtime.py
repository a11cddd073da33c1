"""Section 2 of the catalogue: programs that work with containerd."""

from trueup import Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.programs import installed, released
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.runtime import cni, config_keys, containers
from trueup.facts.runtime.containerd import BINARIES, CONFIG, DUMP


@requirement(
    "runtime.runc.version",
    key="runtime.runc.version",
    reads=(PACKAGES, BINARIES),
    after=("host.apt.sources",),
    severity="critical",
    controls=("NIST SP 800-190 4.4.1",),
)
def test_runc_version(facts: HostFacts, spec: Spec) -> None:
    """The runc that containerd calls is installed from the profile's package or release, in its version.

    runc starts every container. By faults of old versions a container can write to the host (CVE-2025-31133,
    CVE-2025-52565 and CVE-2025-52881, fixed in 1.3.3).
    """
    wanted, binary = spec.runtime.runc, facts[BINARIES].runc
    installed(wanted, "runc", facts, binary)
    if wanted.binary:
        return
    where = f"owner of {binary.path if binary else 'runc'}, which containerd calls"
    hint = "another copy comes before the package's on containerd's PATH: remove it"
    expect(equal(binary and binary.package, wanted.package, where=where, layer="effective", hint=hint))


@requirement(
    "runtime.runc.called",
    key="runtime.runc.version",
    reads=(BINARIES, DUMP),
    needs=("runtime.runc.version", "runtime.containerd.config"),
)
def test_runc_called(facts: HostFacts, spec: Spec) -> None:
    """containerd's configuration names no other runc than the one that runtime.runc.version judges.

    A runtime's BinaryName overrides the search on PATH: an old runc named there would still start the containers.
    """
    effective, binary = facts[DUMP] or {}, facts[BINARIES].runc
    tables = config_keys.dotted(config_keys.key("runtimes", config_keys.version_of(effective)))
    good = {"", "runc", binary.path, binary.real} if binary else {"", "runc"}
    expect(
        *(
            Deviation(binary.path if binary else "runc", named, f"{tables}.{name}.options.BinaryName", "effective")
            for name, table in config_keys.runtimes(effective).items()
            if (named := str(config_keys.at(table, ("options", "BinaryName")) or "")) not in good and name == "runc"
        )
    )


@requirement("runtime.nerdctl.version", key="runtime.nerdctl.binary", reads=(BINARIES,), severity="low")
def test_nerdctl_version(facts: HostFacts, spec: Spec) -> None:
    """nerdctl is installed from the profile's release, in its version.

    Administrators start and inspect containers with it; the seed document uses 1.0.0.
    """
    assert spec.runtime.nerdctl.binary
    released(spec.runtime.nerdctl.binary, "nerdctl", facts[BINARIES].nerdctl)


@requirement(
    "runtime.cni.plugins",
    key="runtime.cni.plugins",
    reads=(cni.PLUGINS, PACKAGES, DUMP, CONFIG),
    needs=("runtime.containerd.config",),
    severity="critical",
)
def test_cni_plugins(facts: HostFacts, spec: Spec) -> None:
    """All CNI plugins of the profile are installed, executable, and in the directory where containerd looks.

    Without a plugin that the network configuration names no pod starts. Debian's package puts them in /usr/lib/cni,
    containerd looks in /opt/cni/bin unless it is configured otherwise.
    """
    wanted, found = spec.runtime.cni, facts[cni.PLUGINS]
    effective = facts[DUMP]
    searched = config_keys.cni_directories(effective or {})
    missing = [name for name in wanted.plugins if name not in found]
    locked = [name for name in wanted.plugins if name in found and not found[name].executable]
    other = {
        name: plugin.version
        for name, plugin in found.items()
        if wanted.binary and plugin.executable and not within(plugin.version or "0", wanted.binary.version, "upstream")
    }
    packaged = None if wanted.binary else facts[PACKAGES].version(wanted.package)
    where = f"CNI plugins in {wanted.directory}"
    expect(
        Deviation(wanted.version, packaged, f"package {wanted.package}", "effective")
        if packaged and not within(packaged, wanted.version, facts[PACKAGES].manager)
        else None,
        Deviation("all of the profile", f"without {', '.join(missing)}", where, "effective") if missing else None,
        Deviation("executable", f"not executable: {', '.join(locked)}", where, "effective") if locked else None,
        *(
            Deviation(wanted.binary.version, said or "no version printed", f"{wanted.directory}/{name}", "effective")
            for name, said in other.items()
            if wanted.binary
        ),
        Deviation(wanted.directory, ", ".join(searched), "containerd's directories of CNI plugins", "effective")
        if searched and wanted.directory not in searched
        else None,
    )


@requirement(
    "runtime.ctr.pull",
    key="runtime.ctr.image",
    reads=(containers.PULL,),
    needs=("runtime.containerd.service", "runtime.containerd.registry_mirrors"),
    severity="medium",
    active=True,
)
def test_ctr_pull(facts: HostFacts, spec: Spec) -> None:
    """containerd pulls an image by its full reference, through the mirrors where there are any.

    Only a pull shows that mirror, certificate, proxy and disk work together. containerd's own client knows no short
    names.
    """
    expect(equal(facts[containers.PULL], "", where=f"ctr images pull {spec.runtime.ctr.image}", layer="effective"))


@requirement(
    "runtime.ctr.run",
    key="runtime.ctr.image",
    reads=(containers.RUN,),
    needs=("runtime.ctr.pull", "runtime.runc.version"),
    severity="medium",
    active=True,
)
def test_ctr_run(facts: HostFacts, spec: Spec) -> None:
    """A container on the host's network starts and exits with 0.

    It shows that containerd, shim, runc, snapshotter and cgroups work together, without a pod network.
    """
    expect(equal(facts[containers.RUN], "", where=f"ctr run --net-host {spec.runtime.ctr.image}", layer="effective"))


@requirement(
    "runtime.nerdctl.web",
    key="runtime.nerdctl.web",
    reads=(containers.WEB,),
    needs=("runtime.nerdctl.version", "runtime.containerd.service"),
    after=("runtime.containerd.registry_mirrors", "runtime.cni.plugins"),
    severity="low",
    active=True,
)
def test_nerdctl_web(facts: HostFacts, spec: Spec) -> None:
    """The profile's web container runs, restarts whenever it ends, and answers on its port.

    The seed document proves the runtime with this container; without restart=always it is gone after a reboot.
    """
    wanted, found = spec.runtime.nerdctl.web, facts[containers.WEB]
    where = f"container {wanted.name}"
    if found is None:
        unmet(Deviation("running", "no such container", where, "effective"))
    expect(
        equal(found.image, wanted.image, where=f"image of {where}", layer="effective"),
        equal(found.status or "no task", "RUNNING", where=where, layer="effective"),
        equal("always" if found.restarts else "not always", "always", where=f"restart of {where}", layer="effective"),
        equal(found.answer, "200", where=f"http://127.0.0.1:{wanted.port}/", layer="effective"),
    )


@requirement(
    "runtime.docker.absent",
    key="runtime.docker.absent",
    reads=(PACKAGES,),
    severity="medium",
    controls=("NIST SP 800-190 4.5.1",),
)
def test_docker_absent(facts: HostFacts, spec: Spec) -> None:
    """None of Docker's old packages is installed.

    They bring a containerd of their own, or replace files of the one that Kubernetes uses (Docker docs, Install on
    Debian: uninstall old versions).
    """
    found = {name: facts[PACKAGES].version(name) for name in spec.runtime.docker.absent}
    expect(
        *(
            Deviation("not installed", version, f"package {name}", "effective")
            for name, version in found.items()
            if version
        )
    )
