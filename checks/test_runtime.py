"""Section 2 of the catalogue: containerd and runc."""

from trueup import Deviation, equal, expect, requirement, unmet
from trueup.fact import HostFacts
from trueup.facts import containerd
from trueup.facts.containerd import BINARIES, CONFIG, DUMP, STARTED, UNIT
from trueup.facts.packages import PACKAGES, within
from trueup.profiles.schema import Package, Spec

_CLOCKS = 0.05  # seconds by which a process start can be off: three clocks with a resolution of 0.01 s


def _package(wanted: Package, facts: HostFacts, binary: containerd.Binary | None) -> None:
    """The package is in range, and it is what answers: another copy earlier on the path would shadow it."""
    found = facts[PACKAGES].version(wanted.package)
    where = f"package {wanted.package}"
    if found is None:
        hint = f"{binary.path} is there, version {binary.version}, not from this package" if binary else ""
        unmet(Deviation(wanted.version, "not installed", where, "effective", hint))
    if not within(found, wanted.version, facts[PACKAGES].manager):
        unmet(Deviation(wanted.version, found, where, "effective"))
    expect(
        equal(
            binary and binary.package,
            wanted.package,
            where=f"package that owns {binary.path}" if binary else "the program on containerd's PATH",
            layer="effective",
            hint="another copy comes before the package's on PATH",
        )
    )


@requirement(
    "runtime.containerd.version", key="runtime.containerd.version", reads=(PACKAGES, BINARIES), severity="critical"
)
def test_containerd_version(facts: HostFacts, spec: Spec) -> None:
    """containerd is installed as a package, in the version that the profile asks for."""
    _package(spec.runtime.containerd, facts, facts[BINARIES].containerd)


@requirement("runtime.runc.version", key="runtime.runc.version", reads=(PACKAGES, BINARIES), severity="critical")
def test_runc_version(facts: HostFacts, spec: Spec) -> None:
    """The runc that containerd calls is installed as a package, in the version that the profile asks for."""
    _package(spec.runtime.runc, facts, facts[BINARIES].runc)


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
    newest = containerd.newest_config(binary.version if binary else "")
    version = containerd.version_of(document)
    expect(
        equal(
            config.path, spec.runtime.containerd.config, where="--config of the running containerd", layer="effective"
        ),
        equal(
            1 <= version <= newest or document.get("version"),
            True,
            where=f"version in {config.path} (this containerd reads 1 to {newest})",
            layer="declared",
        ),
        equal(containerd.cri_disabled(document), [], where=f"disabled_plugins in {config.path}", layer="declared"),
    )


def _setting(name: str, wanted: object, facts: HostFacts, hint: str = "") -> Deviation | None:
    effective = facts[DUMP]
    if effective is None:
        return Deviation(str(wanted), "containerd is not installed", name, "effective")
    path = containerd.key(name, containerd.version_of(effective))
    where = f"{containerd.dotted(path)} (`containerd config dump`)"
    return equal(containerd.at(effective, path), wanted, where=where, layer="effective", hint=hint)


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
    "runtime.containerd.systemd_cgroup",
    key="runtime.containerd.systemd_cgroup",
    reads=(DUMP, CONFIG),
    needs=("runtime.containerd.config",),
    severity="critical",
)
def test_systemd_cgroup(facts: HostFacts, spec: Spec) -> None:
    """runc leaves cgroups to systemd where kubelet does: with two managers, pods die at random."""
    wanted = spec.runtime.containerd
    hint = "a [runc] table in the file replaces containerd's default one, type and all: no pod starts without it"
    expect(
        _setting("systemd_cgroup", wanted.systemd_cgroup, facts),
        _setting("runtime_type", wanted.runtime_type, facts, hint),
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
