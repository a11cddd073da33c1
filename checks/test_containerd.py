"""Section 2 of the catalogue: containerd."""

from trueup import CouldNotLook, Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.programs import installed
from trueup.facts.host.packages import PACKAGES
from trueup.facts.kube.kubeadm import IMAGES, known_pause, tag
from trueup.facts.runtime import config_keys, containers
from trueup.facts.runtime.containerd import BINARIES, CONFIG, CRI_PLUGINS, DUMP, PLUGINS, RUNNING, STARTED, UNIT

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
    """containerd is installed from the profile's package or release, in the profile's version.

    Every pod of the node runs by this program, and Kubernetes supports each release with certain versions of it only
    (containerd, RELEASES.md).
    """
    installed(spec.runtime.containerd, "containerd", facts, facts[BINARIES].containerd)


@requirement(
    "runtime.containerd.source",
    key="runtime.containerd.package",
    reads=(BINARIES, UNIT),
    needs=("runtime.containerd.version",),
)
def test_containerd_source(facts: HostFacts, spec: Spec) -> None:
    """The host has one containerd: the profile's, which is also the one that systemd starts.

    With two installations /usr/local/bin shadows /usr/bin: the program that an administrator sees and upgrades is not
    the one that serves kubelet.
    """
    found, unit, wanted = facts[BINARIES], facts[UNIT], spec.runtime.containerd
    started, binary = unit.directive("ExecStart").partition(" ")[0], found.containerd
    path, real = (binary.path, binary.real) if binary else ("none", "none")
    owner = "no package" if wanted.binary else wanted.package
    hint = "two installations: remove the one that is not the profile's" if len(found.copies) > 1 else ""
    expect(
        equal((binary and binary.package) or "no package", owner, where=f"owner of {path}", layer="effective"),
        equal(started, path, where="ExecStart of containerd.service", layer="effective")
        if unit.loaded == "loaded" and started != real  # otherwise runtime.containerd.unit reports it
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
    """containerd's configuration file exists, is TOML in a version that it reads, and leaves the CRI plugin on.

    containerd starts without a file, but its defaults do not fit kubeadm. Docker's package disables the CRI plugin, and
    an older containerd cannot read a newer version of the file (containerd, RELEASES.md).
    """
    config, binary = facts[CONFIG], facts[BINARIES].containerd
    if not config.exists or not config.text.strip():
        found = "an empty file" if config.exists else "no file"
        unmet(Deviation("a configuration", found, config.path, "declared", "containerd accepts that, kubeadm does not"))
    if (document := config.document) is None:
        unmet(Deviation("a TOML document", config.mistake, config.path, "declared"))
    oldest, newest = config_keys.readable(binary.version if binary else "")
    version = config_keys.version_of(document)
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
        equal(config_keys.cri_disabled(document), [], where=f"disabled_plugins in {config.path}", layer="declared"),
    )


def _setting(name: str, wanted: object, facts: HostFacts, hint: str = "") -> Deviation | None:
    effective = facts[DUMP]
    if effective is None:
        return Deviation(str(wanted), "containerd is not installed", name, "effective")
    path = config_keys.key(name, config_keys.version_of(effective))
    where = f"{config_keys.dotted(path)} (`containerd config dump`)"
    if not hint and facts[CONFIG].imports:
        hint = f"imported files can set it too: {facts[CONFIG].imports}"
    return equal(config_keys.at(effective, path), wanted, where=where, layer="effective", hint=hint)


@requirement(
    "runtime.containerd.sandbox_image",
    key="runtime.containerd.sandbox_image",
    reads=(DUMP, CONFIG),
    needs=("runtime.containerd.config",),
)
def test_sandbox_image(facts: HostFacts, spec: Spec) -> None:
    """containerd creates pods with the profile's pause image.

    Each pod starts with this image: where a host cannot pull it, no pod starts.
    """
    expect(_setting("sandbox_image", spec.runtime.containerd.sandbox_image, facts))


@requirement(
    "runtime.containerd.sandbox_image_matches_kubeadm",
    key="kube.version",
    reads=(DUMP, IMAGES),
    needs=("runtime.containerd.sandbox_image",),
    severity="medium",
)
def test_sandbox_image_matches_kubeadm(facts: HostFacts, spec: Spec) -> None:
    """The pause image is the one that this version of kubeadm expects.

    Otherwise a node holds two pause images, and a host without internet access that has only kubeadm's list of images
    cannot start a pod (kubeadm#2698).
    """
    own = facts[IMAGES]
    wanted = next((tag(image) for image in own or () if "/pause:" in image), None) or known_pause(spec.kube.version)
    says = "kubeadm config images list" if own else "by trueup's own table: kubeadm is not installed yet"
    if wanted is None:
        raise CouldNotLook(
            f"kubeadm is not installed, and trueup's own table has no pause image for {spec.kube.version}"
        )
    effective = facts[DUMP] or {}
    image = config_keys.at(effective, config_keys.key("sandbox_image", config_keys.version_of(effective)))
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
    """Each runtime of containerd that works as runc does has the profile's SystemdCgroup, and runc its type.

    With different cgroup drivers in kubelet and containerd two managers control the same processes, and the node
    becomes unstable under resource pressure (Kubernetes docs, Container Runtimes).
    """
    wanted, effective = spec.runtime.containerd, facts[DUMP]
    hint = "a [runc] table in the file replaces containerd's whole default table: without runtime_type no pod starts"
    others = {name: table for name, table in config_keys.runtimes(effective or {}).items() if name != "runc"}
    tables = config_keys.dotted(config_keys.key("runtimes", config_keys.version_of(effective or {})))
    expect(
        _setting("systemd_cgroup", wanted.systemd_cgroup, facts),
        _setting("runtime_type", wanted.runtime_type, facts, hint),
        *(
            equal(
                config_keys.at(table, ("options", "SystemdCgroup")) or False,
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
    after=("runtime.containerd.config",),  # its remedy restarts containerd, which must be able to read its file
    layers=("effective", "persistent"),
)
def test_containerd_unit(facts: HostFacts, spec: Spec) -> None:
    """containerd.service has the profile's directives, as systemd has loaded them.

    KillMode=process and Delegate=yes keep containers alive when containerd restarts (systemd.kill(5),
    systemd.resource-control(5)). Drop-ins override the unit file, so the loaded unit is judged.
    """
    unit = facts[UNIT]
    if unit.loaded != "loaded":
        unmet(Deviation("loaded", unit.loaded, "containerd.service", "effective"))
    stale = (
        Deviation("no", "yes", f"daemon-reload needed for {unit.files}", "persistent") if unit.needs_reload else None
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
    """containerd runs and starts at boot.

    Without it kubelet has no runtime: no pod starts, and the node is NotReady after a reboot.
    """
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
    """The running containerd was started after its configuration last changed.

    containerd reads its configuration at start only: until a restart it works by the old one.
    """
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
    """The running containerd is the installed program.

    An upgrade replaces the file only: the old program, with its faults, runs until the service restarts.
    """
    running, binary = facts[RUNNING], facts[BINARIES].containerd
    if running is None:
        unmet(Deviation("a running containerd", "it is not running", "containerd.service", "effective"))
    expect(
        equal(running.path, binary and binary.real, where="program of the running process", layer="effective"),
        equal("replaced" if running.replaced else "unchanged", "unchanged", where=running.path, layer="effective"),
    )


@requirement(
    "runtime.containerd.cri_plugin",
    key="runtime.containerd.config",
    reads=(PLUGINS,),
    needs=("runtime.containerd.config_loaded", "host.preflight.CRI"),
    after=(
        "runtime.containerd.registry_mirrors",
    ),  # its mirrors table, beside config_path, keeps the plugin from loading
    severity="critical",
)
def test_cri_plugin(facts: HostFacts, spec: Spec) -> None:
    """containerd has loaded its CRI plugin.

    kubelet speaks to containerd by CRI alone. Without the plugin kubeadm reports `unknown service RuntimeService`, and
    no pod starts (kubespray#9741).
    """
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
    reads=(containers.DEPRECATIONS,),
    needs=("runtime.containerd.config_loaded", "host.preflight.CRI"),
    severity="medium",
)
def test_deprecations(facts: HostFacts, spec: Spec) -> None:
    """containerd reports no deprecated feature in use.

    A later release removes the feature, and the upgrade to it would break the node (`ctr deprecations list`, since
    containerd 1.6.27 and 1.7.12).
    """
    found = facts[containers.DEPRECATIONS]
    expect(
        *(
            Deviation("none", each.message, each.id, "effective", "change the setting, or waive this requirement")
            for each in found
        )
    )
