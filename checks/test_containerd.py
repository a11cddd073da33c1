"""Section 2 of the catalogue: containerd."""

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.checks.claims.programs import installed
from trueup.errors import CouldNotLook
from trueup.facts.host.packages import PACKAGES
from trueup.facts.kube.kubeadm import IMAGES, known_pause, tag
from trueup.facts.runtime import config_keys as dialect
from trueup.facts.runtime import containers as ctr
from trueup.facts.runtime.containerd import BINARIES, CONFIG, CRI_PLUGINS, DUMP, PLUGINS, RUNNING, STARTED, UNIT
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

_CLOCKS = 0.05  # seconds by which a process start can be off: three clocks with a resolution of 0.01 s


@requirement(
    "runtime.containerd.version",
    key="runtime.containerd.version",
    reads=(PACKAGES, BINARIES),
    after=("host.apt.sources",),
    severity="critical",
    controls=("NIST SP 800-190 4.4.1",),
)
def test_containerd_version(facts: HostFacts, spec: Spec) -> None:
    """containerd is installed as the profile asks for it: from a package or as released, and in that version."""
    installed(spec.runtime.containerd, "containerd", facts, facts[BINARIES].containerd)


@requirement(
    "runtime.containerd.source",
    key="runtime.containerd.package",
    reads=(BINARIES, UNIT),
    needs=("runtime.containerd.version",),
)
def test_containerd_source(facts: HostFacts, spec: Spec) -> None:
    """There is one containerd on the host, it is the profile's, and it is the one that systemd starts."""
    found, unit, wanted = facts[BINARIES], facts[UNIT], spec.runtime.containerd
    started, binary = unit.directive("ExecStart").partition(" ")[0], found.containerd
    path, real = (binary.path, binary.real) if binary else ("none", "none")
    owner = "no package" if wanted.binary else wanted.package
    hint = "two installations: remove the one that is not the profile's" if len(found.copies) > 1 else ""
    expect(
        equal((binary and binary.package) or "no package", owner, where=f"owner of {path}", layer="effective"),
        equal(started, path, where="ExecStart of containerd.service", layer="effective")
        if unit.loaded == "loaded" and started != real  # else runtime.containerd.unit says so
        else None,
        equal(", ".join(found.copies), real, where="containerd on PATH", layer="effective", hint=hint),
    )


@requirement(
    "runtime.containerd.config",
    key="runtime.containerd.config",
    reads=(CONFIG, BINARIES),
    needs=("runtime.containerd.version",),
    severity="critical",
    layers=("declared",),
)
def test_containerd_config(facts: HostFacts, spec: Spec) -> None:
    """containerd's configuration file exists, is TOML of a version that it reads, and leaves the CRI plugin on."""
    config, binary = facts[CONFIG], facts[BINARIES].containerd
    if not config.exists or not config.text.strip():
        found = "an empty file" if config.exists else "no file"
        unmet(Deviation("a configuration", found, config.path, "declared", "enough for containerd, not for kubeadm"))
    if (document := config.document) is None:
        unmet(Deviation("a TOML document", config.mistake, config.path, "declared"))
    oldest, newest = dialect.readable(binary.version if binary else "")
    version = dialect.version_of(document)
    expect(
        equal(
            config.path, spec.runtime.containerd.config, where="--config of the running containerd", layer="effective"
        ),
        None
        if oldest <= version <= newest
        else Deviation(
            f"{oldest} to {newest}, which this containerd uses",
            str(document.get("version", 1)),
            f"version in {config.path}",
            "declared",
        ),
        equal(dialect.cri_disabled(document), [], where=f"disabled_plugins in {config.path}", layer="declared"),
    )


def _setting(name: str, wanted: object, facts: HostFacts, hint: str = "") -> Deviation | None:
    effective = facts[DUMP]
    if effective is None:
        return Deviation(str(wanted), "containerd is not installed", name, "effective")
    path = dialect.key(name, dialect.version_of(effective))
    where = f"{dialect.dotted(path)} (`containerd config dump`)"
    if not hint and facts[CONFIG].imports:
        hint = f"imported files count too: {facts[CONFIG].imports}"
    return equal(dialect.at(effective, path), wanted, where=where, layer="effective", hint=hint)


@requirement(
    "runtime.containerd.sandbox_image",
    key="runtime.containerd.sandbox_image",
    reads=(DUMP, CONFIG),
    needs=("runtime.containerd.config",),
)
def test_sandbox_image(facts: HostFacts, spec: Spec) -> None:
    """containerd makes pods with the pause image that the profile names."""
    expect(_setting("sandbox_image", spec.runtime.containerd.sandbox_image, facts))


@requirement(
    "runtime.containerd.sandbox_image_matches_kubeadm",
    key="kube.version",
    reads=(DUMP, IMAGES),
    needs=("runtime.containerd.sandbox_image",),
    severity="medium",
)
def test_sandbox_image_matches_kubeadm(facts: HostFacts, spec: Spec) -> None:
    """The pause image is the one that this version of kubeadm wants, so that a node holds one and not two."""
    own = facts[IMAGES]
    wanted = next((tag(image) for image in own or () if "/pause:" in image), None) or known_pause(spec.kube.version)
    says = "kubeadm config images list" if own else "as far as known here: there is no kubeadm on the host yet"
    if wanted is None:
        raise CouldNotLook(f"kubeadm is not installed, and what {spec.kube.version} wants is not known here")
    effective = facts[DUMP] or {}
    image = dialect.at(effective, dialect.key("sandbox_image", dialect.version_of(effective)))
    where = f"pause tag for {spec.kube.version} ({says})"
    hint = "the profile's runtime.containerd.sandbox_image and its kube.version do not fit"
    expect(equal(tag(str(image)), wanted, where=where, layer="effective", hint=hint))


@requirement(
    "runtime.containerd.systemd_cgroup",
    key="runtime.containerd.systemd_cgroup",
    reads=(DUMP, CONFIG),
    needs=("runtime.containerd.config",),
    severity="critical",
)
def test_systemd_cgroup(facts: HostFacts, spec: Spec) -> None:
    """Runtimes leave cgroups to systemd where kubelet does: with two managers, pods die at random."""
    wanted, effective = spec.runtime.containerd, facts[DUMP]
    hint = "a [runc] table in the file replaces containerd's default one, type and all: no pod starts without it"
    others = {name: table for name, table in dialect.runtimes(effective or {}).items() if name != "runc"}
    tables = dialect.dotted(dialect.key("runtimes", dialect.version_of(effective or {})))
    expect(
        _setting("systemd_cgroup", wanted.systemd_cgroup, facts),
        _setting("runtime_type", wanted.runtime_type, facts, hint),
        *(
            equal(
                dialect.at(table, ("options", "SystemdCgroup")) or False,
                wanted.systemd_cgroup,
                where=f"{tables}.{name}.options.SystemdCgroup (`containerd config dump`)",
                layer="effective",
            )
            for name, table in others.items()
        ),
    )


@requirement(
    "runtime.containerd.unit",
    key="runtime.containerd.unit",
    reads=(UNIT,),
    needs=("runtime.containerd.version",),
    after=("runtime.containerd.config",),  # its restart would end a containerd that runs on a file it cannot read again
    layers=("effective", "persistent"),
)
def test_containerd_unit(facts: HostFacts, spec: Spec) -> None:
    """containerd.service has the directives that containers' lives depend on, as systemd has loaded them."""
    unit = facts[UNIT]
    if unit.loaded != "loaded":
        unmet(Deviation("loaded", unit.loaded, "containerd.service", "effective"))
    stale = (
        Deviation("no", "yes", f"a daemon-reload is due for {unit.files}", "persistent") if unit.needs_reload else None
    )
    differing = (
        (name, value) for name, value in spec.runtime.containerd.unit.items() if not unit.satisfies(name, value)
    )
    expect(
        stale,
        *(
            Deviation(value, unit.directive(name) or "not set", name, "effective", unit.files)
            for name, value in differing
        ),
    )


@requirement(
    "runtime.containerd.service",
    key="runtime.containerd.service",
    reads=(UNIT,),
    needs=("runtime.containerd.version",),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_containerd_service(facts: HostFacts, spec: Spec) -> None:
    """containerd runs, and starts at boot."""
    wanted, unit = spec.runtime.containerd.service, facts[UNIT]
    expect(
        equal(unit.active, "active", where="containerd.service", layer="effective") if wanted.active else None,
        Deviation("enabled", unit.enabled, "containerd.service", "persistent")
        if wanted.enabled and not unit.starts_at_boot
        else None,
    )


@requirement(
    "runtime.containerd.config_loaded",
    key="runtime.containerd.config",
    reads=(CONFIG, STARTED),
    needs=("runtime.containerd.config", "runtime.containerd.service"),
)
def test_config_loaded(facts: HostFacts, spec: Spec) -> None:
    """The running containerd was started after its configuration last changed."""
    config, started = facts[CONFIG], facts[STARTED]
    if started is None:
        unmet(Deviation("a running containerd", "it is not running", "containerd.service", "effective"))
    if started + _CLOCKS < config.changed:
        late = f"{config.changed - started:.2f} s before {config.path} changed"
        unmet(Deviation("a start after the last change", f"started {late}", "containerd.service", "effective"))


@requirement(
    "runtime.containerd.running_version",
    key="runtime.containerd.version",
    reads=(RUNNING, BINARIES),
    needs=("runtime.containerd.source", "runtime.containerd.service"),
    controls=("NIST SP 800-190 4.4.1",),
)
def test_running_version(facts: HostFacts, spec: Spec) -> None:
    """The running containerd is the installed program: an upgrade counts only after a restart."""
    running, binary = facts[RUNNING], facts[BINARIES].containerd
    if running is None:
        unmet(Deviation("a running containerd", "it is not running", "containerd.service", "effective"))
    expect(
        equal(running.path, binary and binary.real, where="the program that runs", layer="effective"),
        equal("replaced" if running.replaced else "as it was", "as it was", where=running.path, layer="effective"),
    )


@requirement(
    "runtime.containerd.cri_plugin",
    key="runtime.containerd.config",
    reads=(PLUGINS,),
    needs=("runtime.containerd.config_loaded", "host.preflight.CRI"),
    after=("runtime.containerd.registry_mirrors",),  # the old way of which keeps it from loading
    severity="critical",
)
def test_cri_plugin(facts: HostFacts, spec: Spec) -> None:
    """containerd has loaded its CRI plugin: without it kubelet finds no runtime."""
    plugins = facts[PLUGINS]
    hint = "`ctr plugins ls -d` and containerd's journal say why"
    expect(
        *(
            equal(plugins.get(name), "ok", where=f"plugin {name}", layer="effective", hint=hint)
            for name in CRI_PLUGINS
            if name in plugins or name == CRI_PLUGINS[0]
        )
    )


@requirement(
    "runtime.containerd.deprecations",
    key="runtime.containerd.config",
    reads=(ctr.DEPRECATIONS,),
    needs=("runtime.containerd.config_loaded", "host.preflight.CRI"),
    severity="medium",
)
def test_deprecations(facts: HostFacts, spec: Spec) -> None:
    """containerd warns of nothing in use that a later release will drop."""
    found = facts[ctr.DEPRECATIONS]
    expect(*(Deviation("none", each.message, each.id, "effective", "or waive it") for each in found))
