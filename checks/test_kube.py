"""Section 3 of the catalogue: Kubernetes' packages and images on every node."""

import re

from trueup import CouldNotLook, Deviation, FleetFacts, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.checks.claims.repositories import listed
from trueup.facts.host import apt
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.kube import kubelet, preflight
from trueup.facts.kube.kubeadm import IMAGES, known_images
from trueup.facts.runtime import images

_RELEASE = re.compile(
    r"(?:\d+:)?(\d+\.\d+\.\d+)"
)  # upstream part of a package's version, without the distribution's suffix


@requirement(
    "kube.apt.repository",
    key="kube.apt.repository",
    reads=(apt.SOURCES, kubelet.REPOSITORY),
    severity="high",
    layers=("declared", "effective"),
    controls=("NIST SP 800-190 4.5.3",),
)
def test_apt_repository(facts: HostFacts, spec: Spec) -> None:
    """apt lists Kubernetes' repository, has the key that signs it, and has fetched its index.

    Without the key apt refuses the index, and without the index it installs no version. The legacy repositories stop at
    1.28: each later minor has one of its own (pkgs.k8s.io).
    """
    wanted = spec.kube.apt.repository
    assert wanted
    name = next(iter(spec.kube.packages.names), "kubeadm")
    expect(*listed(wanted, name, facts[apt.SOURCES], facts[kubelet.REPOSITORY]))


@requirement(
    "kube.packages.version",
    key="kube.packages.version",
    reads=(PACKAGES, kubelet.PROGRAMS, preflight.FILES),
    needs=("kube.apt.repository",),
    after=("host.apt.sources",),
    severity="critical",
    controls=("NIST SP 800-190 4.5.3",),
)
def test_packages_version(facts: HostFacts, spec: Spec) -> None:
    """kubeadm, kubelet and kubectl are installed in the profile's version, and are first on PATH.

    A kubeadm of another version makes a cluster of another version, and a copy that comes first on PATH is the one that
    runs, whatever package is installed.
    """
    wanted, found, programs = spec.kube.packages, facts[PACKAGES], facts[kubelet.PROGRAMS]
    claims: list[Deviation | None] = []
    for name in wanted.names:
        version, program = found.version(name), programs.get(name)
        if version is None or not within(version, wanted.version, found.manager):
            claims.append(Deviation(wanted.version, version or "not installed", f"package {name}", "effective"))
        elif program is None:
            claims.append(Deviation("a program", "none", f"{name} on PATH", "effective", "reinstall the package"))
        else:
            hint = "another copy comes first on PATH: remove it"
            release = match[1] if (match := _RELEASE.match(version)) else version
            claims += [
                equal(
                    program.package or "no package",
                    name,
                    where=f"owner of {program.path}",
                    layer="effective",
                    hint=hint,
                ),
                equal(
                    program.version.removeprefix("v"),
                    release,
                    where=f"version that {program.path} prints",
                    layer="effective",
                ),
            ]
    expect(*claims)


@requirement("kube.packages.held", key="kube.packages.names", reads=(PACKAGES,), needs=("kube.packages.version",))
def test_packages_held(facts: HostFacts, spec: Spec) -> None:
    """The packages of kubeadm, kubelet and kubectl are on hold.

    An upgrade of the operating system would otherwise upgrade kubelet without `kubeadm upgrade`, past the API server
    (Kubernetes docs, Installing kubeadm).
    """
    installed = facts[PACKAGES].installed
    loose = [name for name in spec.kube.packages.names if name not in installed or not installed[name].held]
    expect(*(Deviation("on hold", "not on hold", f"package {name}", "declared") for name in loose))


@requirement(
    "kube.kubelet.service",
    key="kube.kubelet.enabled",
    reads=(kubelet.KUBELET, preflight.FILES),
    needs=("kube.packages.version",),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_kubelet_service(facts: HostFacts, spec: Spec) -> None:
    """kubelet starts at boot, and runs on a host that is part of a cluster.

    A node whose kubelet does not start is lost after its next reboot. Before `kubeadm init` or `join` kubelet restarts
    in a loop, which is normal (Kubernetes docs, Installing kubeadm).
    """
    unit = facts[kubelet.KUBELET]
    expect(
        Deviation("enabled", unit.enabled, "kubelet.service", "persistent")
        if spec.kube.kubelet.enabled and not unit.starts_at_boot
        else None,
        equal(unit.active, "active", where="kubelet.service", layer="effective")
        if preflight.member(facts[preflight.FILES])
        else None,
    )


@requirement(
    "kube.kubelet.cgroup_driver",
    key="kube.kubelet.cgroup_driver",
    reads=(kubelet.KUBELET_CONFIG,),
    needs=("kube.packages.version", "runtime.containerd.systemd_cgroup"),
    severity="critical",
    layers=("declared",),
)
def test_cgroup_driver(facts: HostFacts, spec: Spec) -> None:
    """kubelet uses the profile's cgroup driver, which is also containerd's.

    With different drivers the node becomes unstable under resource pressure (Kubernetes docs, Container Runtimes).
    kubelet's configuration exists only after `kubeadm init` or `join`; before, the profile alone is judged.
    """
    config, wanted = facts[kubelet.KUBELET_CONFIG], spec.kube.kubelet.cgroup_driver
    both = "systemd" if spec.runtime.containerd.systemd_cgroup else "cgroupfs"
    hint = "the profile's kube.kubelet.cgroup_driver and runtime.containerd.systemd_cgroup contradict each other"
    expect(equal(wanted, both, where="the profile", layer="declared", hint=hint))
    if not config.exists:
        return
    try:
        file, declared = config.winner("cgroupDriver")
    except ValueError as error:
        unmet(Deviation("a mapping in YAML", str(error), config.path, "declared"))
    where = "--cgroup-driver of the running kubelet" if config.flag else f"cgroupDriver in {file}"
    expect(equal(config.flag or declared or "cgroupfs", wanted, where=where, layer="declared"))  # kubelet's own default


def _wanted_images(facts: HostFacts, spec: Spec) -> tuple[list[str], str]:
    """Return the images that kubeadm needs, and the source of the list in words.

    Raises:
        CouldNotLook: kubeadm is not installed, and trueup's own table lacks its release.
    """
    if own := facts[IMAGES]:
        return own, "kubeadm config images list"
    known = known_images(spec.kube.version, spec.kube.images.repository)
    if known is None:
        raise CouldNotLook(f"kubeadm is not installed, and trueup's own table has no images for {spec.kube.version}")
    return known, "by trueup's own table: kubeadm is not installed yet"


@requirement(
    "kube.images.present",
    key="kube.images.repository",
    reads=(IMAGES, images.PRESENT),
    needs=("host.preflight.CRI",),
    after=("runtime.containerd.registry_mirrors", "kube.packages.version"),
)
def test_images_present(facts: HostFacts, spec: Spec) -> None:
    """Each image that this version of kubeadm needs is in containerd's namespace k8s.io.

    kubelet sees no other namespace: an image that nerdctl or ctr pulled into `default` is pulled again, or is missing
    on a host without internet access.
    """
    wanted, source = _wanted_images(facts, spec)
    found = facts[images.PRESENT]
    claims = []
    for image in wanted:
        if not images.usable(found, image):
            other = images.elsewhere(found, image)
            state = f"present, but in namespace {other}" if other else "absent"
            if image in found.get(images.KUBELETS, {}):
                state = "present, but incomplete"
            claims.append(Deviation(f"in namespace {images.KUBELETS}", state, f"{image} ({source})", "effective"))
    expect(*claims)


@requirement(
    "kube.images.same_digest",
    key="kube.images.repository",
    reads=(images.PRESENT,),
    needs=("host.preflight.CRI",),
    severity="medium",
    across=True,
    controls=("NIST SP 800-190 4.1.5",),
)
def test_images_same_digest(facts: FleetFacts, spec: Spec) -> None:
    """An image of the cluster has the same digest on all hosts that have it.

    A tag can move between two pulls: the same manifest then runs different programs on different nodes.
    """
    digests: dict[str, dict[str, list[str]]] = {}
    prefix = spec.kube.images.repository
    for host, found in facts.each(images.PRESENT).items():
        for name, image in found.get(images.KUBELETS, {}).items():
            if name.startswith(f"{prefix}/" if prefix else ("k8s.gcr.io/", "registry.k8s.io/")) and "@" not in name:
                digests.setdefault(name, {}).setdefault(image.digest, []).append(host)
    claims = []
    for name, by_digest in sorted(digests.items()):
        most, *odd = sorted(by_digest.items(), key=lambda entry: -len(entry[1]))
        claims += [
            Deviation(f"{most[0]} as on {', '.join(most[1])}", f"{digest} on {', '.join(hosts)}", name, "effective")
            for digest, hosts in odd
        ]
    expect(*claims)
