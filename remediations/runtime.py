"""Remedies for section 2 of the catalogue: programs that work with containerd."""

import shlex

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.host.packages import PACKAGES, within
from trueup.facts.runtime import cni, config_keys
from trueup.facts.runtime.containerd import BINARIES, CONFIG, DUMP
from trueup.facts.runtime.containers import WEB, answers
from trueup.remediations.containerd import edit
from trueup.remediations.programs import install_release


@remedy("runtime.nerdctl.version", disruption="none")
def install_nerdctl(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install the profile's release."""
    if wanted := spec.runtime.nerdctl.binary:
        install_release(change, spec, "nerdctl", wanted, facts[BINARIES].nerdctl, disturbs=False)


@remedy("runtime.cni.plugins", disruption="restart")
def install_cni_plugins(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Make plugins executable, install the release or package if some are missing, set containerd's bin_dir."""
    wanted, found, effective = spec.runtime.cni, facts[cni.PLUGINS], facts[DUMP] or {}
    locked = [name for name, plugin in found.items() if not plugin.executable]
    for path in (f"{wanted.directory}/{name}" for name in locked):
        change.run("chmod", "755", path, why=f"make {path} executable", undo=f"chmod a-x {shlex.quote(path)}")
    if wanted.binary:
        release = wanted.binary
        good = [name for name, plugin in found.items() if within(plugin.version or "0", release.version, "upstream")]
        if set(wanted.plugins) - {*good, *locked}:
            now = ", ".join(sorted({plugin.version or "an unknown version" for plugin in found.values()}))
            change.artifact("CNI plugins", release, source=spec.artifacts, now=now)
    elif set(wanted.plugins) - found.keys() or facts[PACKAGES].version(wanted.package):
        change.package(wanted.package, wanted.version, hold=False)
    searched = config_keys.cni_directories(effective)
    if searched and wanted.directory not in searched:
        several = config_keys.at(effective, config_keys.key("cni_bin_dirs", config_keys.version_of(effective)))
        name, value = ("cni_bin_dirs", [wanted.directory]) if several else ("cni_bin_dir", wanted.directory)
        version = config_keys.version_of(facts[CONFIG].document or {})
        edit(change, facts[CONFIG].path, {config_keys.key(name, version): value})


@remedy("runtime.nerdctl.web", disruption="restart")
def run_web(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Run the container, or start it if it is as the profile describes; another one of its name needs a person."""
    wanted, found = spec.runtime.nerdctl.web, facts[WEB]
    name = shlex.quote(wanted.name)
    if found and found.serves(wanted.image):
        return
    if found is None:
        publish, label = f"{wanted.port}:80", f"--name={wanted.name}"
        run = ("nerdctl", "run", "-d", "-p", publish, label, "--restart=always", wanted.image)
        change.run(*run, why=f"run container {wanted.name}", undo=f"nerdctl rm -f {name}", disruption="restart")
    elif found.image != wanted.image:
        raise ChangeFailed(f"container {wanted.name} runs {found.image}: check what it holds, and remove it yourself")
    elif found.status == "RUNNING":
        raise ChangeFailed(f"container {wanted.name} runs, but does not answer as it should: see its log")
    else:
        why, undo = f"start container {wanted.name}", f"nerdctl stop {name}"
        change.run("nerdctl", "start", wanted.name, why=why, undo=undo, disruption="restart")
    wait = f'{answers(wanted.port)}for n in $(seq 20); do [ "$(answer)" != 200 ] || exit 0; sleep 0.5; done; exit 1'
    change.run("sh", "-c", wait, why=f"wait until port {wanted.port} answers", undo=":")


# https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/change-runtime-containerd/
@remedy("runtime.docker.absent", disruption="drain", destructive=True)
def remove_docker(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Remove the packages; refused if another package, such as containerd, would be removed with them."""
    if found := [name for name in spec.runtime.docker.absent if facts[PACKAGES].version(name)]:
        change.remove_packages(found)
