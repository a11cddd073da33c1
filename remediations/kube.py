"""Remedies for section 3 of the catalogue: Kubernetes' packages and images."""

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.host import packages
from trueup.facts.kube import kubelet, preflight
from trueup.facts.kube.kubeadm import IMAGES, known_images
from trueup.facts.runtime import images
from trueup.remediations.repositories import list_source

_SOURCES = "/etc/apt/sources.list.d/trueup-kubernetes.sources"


@remedy("kube.apt.repository", disruption="none")
def list_repository(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the key and the repository's entry, comment out its other entries, fetch its index alone."""
    wanted = spec.kube.apt.repository
    assert wanted
    list_source(change, wanted, spec.artifacts, _SOURCES, indexed=bool(facts[kubelet.REPOSITORY].indexes))


@remedy("kube.packages.version", disruption="restart")
def install_packages(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the packages in the profile's version and hold them; on a member of a cluster missing ones only."""
    wanted, found = spec.kube.packages, facts[packages.PACKAGES]
    wrong = [
        name
        for name in wanted.names
        if (version := found.version(name)) and not packages.within(version, wanted.version, found.manager)
    ]
    if wrong and preflight.member(facts[preflight.FILES]):
        names = ", ".join(wrong)
        raise ChangeFailed(
            f"this host is part of a cluster: {names} is upgraded by `kubeadm upgrade`; nothing was changed"
        )
    change.packages(wanted.names, wanted.version)


@remedy("kube.packages.held", disruption="none")
def hold_packages(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Put the packages on hold."""
    change.packages(spec.kube.packages.names, spec.kube.packages.version)


@remedy("kube.kubelet.service", disruption="restart")
def start_kubelet(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Enable kubelet, and start it on a member of a cluster."""
    member = preflight.member(facts[preflight.FILES])
    change.service("kubelet.service", active=member, enabled=spec.kube.kubelet.enabled)


# https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/configure-cgroup-driver/
@remedy("kube.kubelet.cgroup_driver", disruption="drain")
def set_cgroup_driver(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set cgroupDriver in kubelet's configuration, restart kubelet, which recreates its pods."""
    set_driver(change, spec.kube.kubelet.cgroup_driver)


def set_driver(change: Change, driver: str) -> None:
    """Set kubelet's cgroup driver, which must be containerd's, and restart kubelet if it changed.

    Raises:
        ChangeFailed: a flag, or a file that trueup does not edit, sets another driver.
    """
    config = change.ask(kubelet.KUBELET_CONFIG)
    if config.flag and config.flag != driver:
        raise ChangeFailed(f"kubelet is started with --cgroup-driver={config.flag}: remove the flag where it is set")
    file, _ = config.winner("cgroupDriver")
    if file != config.path:
        raise ChangeFailed(f"{file} sets cgroupDriver: remove or correct it there; nothing was changed")
    if config.exists and change.edit_yaml(config.path, {("cgroupDriver",): driver}):
        change.restart("kubelet.service")


@remedy("kube.images.present", disruption="none")
def bring_images(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Copy each image into k8s.io from another namespace, or import it from the artifacts, or pull it."""
    wanted = facts[IMAGES] or known_images(spec.kube.version, spec.kube.images.repository) or []
    for image in sorted(wanted):  # kubeadm's list and trueup's table differ in order
        if not images.usable(facts[images.PRESENT], image):
            change.image(image, archives=spec.artifacts, hosts_dir=spec.runtime.containerd.registry.config_path)
