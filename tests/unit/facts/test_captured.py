"""Every parser on captured answers: one pair of files a case, see README.md."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from every_fact import FACTS, MADE_UP

from trueup.drills import failover
from trueup.facts.across import fingerprint, reachability
from trueup.facts.edge import certificate_files, handshakes, haproxy, harbor, keepalived, vip
from trueup.facts.host import apt, boot, clock, dropins, identity, kernel, package_removal, packages, swap, systemd
from trueup.facts.kube import (
    calico,
    certificates,
    control_plane,
    etcd,
    kubeadm,
    kubeconfigs,
    kubelet,
    network,
    nodes,
    preflight,
    static_pods,
)  # fmt: skip
from trueup.facts.runtime import cni, config_keys, containerd, containers, docker, images, mirrors
from trueup.model.fact import CLOCK, ApiFact, Drill
from trueup.model.profile import load

CAPTURED = Path(__file__).parent / "captured"
CASES = sorted(CAPTURED.glob("*/*.txt"))
ASKED = load("aliyun-kubeadm-1.24").spec("any").runtime.containerd.unit


def _lines(found: dict[str, dropins.Line], _: Any) -> Any:
    return [f"{name} at {line.where}" for name, line in found.items()]


def _settings(found: kernel.Persistent, expected: Any) -> Any:
    def said(setting: kernel.Setting | None) -> str | None:
        return f"{setting.value} at {setting.where}" if setting else None

    return {
        "boot": {key: said(found.winner(key)) for key in expected["boot"]},
        "legacy": {key: said(found.legacy(key)) for key in expected["legacy"]},
    }


def _unit(found: systemd.Unit, _: Any) -> Any:
    return {
        "loaded": found.loaded,
        "active": found.active,
        "enabled": found.enabled,
        "needs_reload": found.needs_reload,
        "files": found.files,
        "differs": {name: found.directive(name) for name, value in ASKED.items() if not found.satisfies(name, value)},
    }


def _keys(document: dict[str, Any]) -> dict[str, Any]:
    version = config_keys.version_of(document)
    settings = ("sandbox_image", "systemd_cgroup") if version else ()
    return {"version": version} | {name: config_keys.at(document, config_keys.key(name, version)) for name in settings}


def _config(found: containerd.Config, _: Any) -> Any:
    document = found.document
    assert bool(found.mistake) is (document is None)
    known = {"path": found.path, "exists": found.exists, "changed": found.changed, "is_toml": document is not None}
    if document is None:
        return known
    return known | _keys(document) | {"cri_disabled": config_keys.cri_disabled(document)}


def _dump(found: dict[str, Any] | None, _: Any) -> Any:
    return None if found is None else _keys(found)


def _as_is(found: Any, _: Any) -> Any:
    return found


def _fields(found: Any, _: Any) -> Any:
    return json.loads(json.dumps(asdict(found)))  # tuples as lists


def _plain(found: Any, _: Any) -> Any:
    return json.loads(
        json.dumps(found, default=lambda value: sorted(value) if isinstance(value, frozenset) else asdict(value))
    )


def _sources(found: apt.Sources, _: Any) -> Any:
    return {
        "release": found.release,
        "entries": [" ".join((e.where, *e.types, *e.uris, *e.suites, *e.components)) for e in found.entries],
        "problems": {entry.where: entry.problem for entry in found.entries if entry.problem},
        "foreign": {entry.where: suites for entry in found.entries if (suites := entry.foreign(found.release))},
    }


def _states(found: dict[str, systemd.Unit], _: Any) -> Any:
    return {name: f"{unit.loaded} {unit.active} {unit.enabled}" for name, unit in found.items()}


def _container(found: containers.Container | None, _: Any) -> Any:
    kept = {"image", "status", "answer"}
    return found and {key: value for key, value in asdict(found).items() if key in kept} | {"restarts": found.restarts}


def _kubelet(found: kubelet.KubeletConfig, _: Any) -> Any:
    driver = found.document.get("cgroupDriver") if found.exists else None
    return {"path": found.path, "exists": found.exists, "flag": found.flag, "cgroupDriver": driver}


def _health(found: control_plane.Health, _: Any) -> Any:
    return {
        "standing": found.standing,
        "answers": {answer.url: [answer.code, answer.problem, answer.failing] for answer in found.answers},
        "reasons": {f"{path}/{name}": why for (path, name), why in found.reasons.items()},
    }


def _certificates(found: certificates.Certificates, _: Any) -> Any:
    return {
        "found": [f"{each.path} {each.subject}: {found.said(each)}" for each in found.found],
        "authorities": [each.subject for each in found.found if each.authority],
        "unreadable": found.unreadable,
        "keys": sorted(found.keys),
    }


def _reached(found: network.Attempts, _: Any) -> Any:
    return {f"{address} {port}": said for (address, port), said in found.items()}


def _registry_files(found: certificate_files.Files, _: Any) -> Any:
    files = {"ca": found.ca, "ca_key": found.ca_key, "server": found.server, "server_key": found.server_key}
    return {
        name: file and [file.path, f"{file.mode:o}", file.owner, *map(str, file.certificates), bool(file.public)]
        for name, file in files.items()
    }


def _meetings(found: handshakes.Handshakes, _: Any) -> Any:
    return {at: [*map(str, met.chain), met.problem, met.system] for at, met in found.met.items()}


def _addresses(found: list[network.Address], _: Any) -> Any:
    return [f"{each}{' of pods' if each.of_pods else ''}" for each in found]


def _load(found: list[failover.Attempt], _: Any) -> Any:
    return {
        "tried": len(found),
        "lost": sum(attempt.lost for attempt in found),
        "in order": found == sorted(found, key=began),
    }


def began(attempt: failover.Attempt) -> float:
    return attempt.began


# directory under captured/ -> parser, and the part of its value that the expected file has
READERS: dict[str, tuple[Callable[[str], Any], Callable[[Any, Any], Any]]] = {
    "kernel.modules": (kernel.MODULES.parse, _as_is),
    "kernel.modules_load": (kernel.MODULES_LOAD.parse, _lines),
    "kernel.sysctl": (kernel.SYSCTL.parse, _as_is),
    "kernel.sysctl_files": (kernel.SYSCTL_FILES.parse, _settings),
    "packages": (packages.PACKAGES.parse, _fields),
    "package": (packages.package("x").parse, _fields),
    "download": (packages.download("x").parse, lambda found, _: found.decode()),
    "package.offered": (packages.offered("x").parse, _as_is),
    "package.removal": (package_removal.of(["x"], []).parse, _fields),
    "package.manager": (packages.MANAGER.parse, _as_is),
    "unit": (systemd.unit("x").parse, _unit),
    "containerd.config": (containerd.CONFIG.parse, _config),
    "containerd.dump": (containerd.DUMP.parse, _dump),
    "containerd.binaries": (containerd.BINARIES.parse, _fields),
    "containerd.running": (containerd.RUNNING.parse, lambda found, _: asdict(found) if found else None),
    "containerd.plugins": (containerd.PLUGINS.parse, _as_is),
    "containerd.hosts": (
        mirrors.HOSTS.parse,
        lambda found, _: {name: file.endpoints for name, file in found.hosts.items()},
    ),
    "containerd.default": (lambda text: tomllib.loads(containerd.DEFAULT.parse(text)), _dump),
    "cni.plugins": (cni.PLUGINS.parse, _plain),
    "ctr.deprecations": (containers.DEPRECATIONS.parse, _plain),
    "ctr.pull": (containers.PULL.parse, _as_is),
    "ctr.run": (containers.RUN.parse, _as_is),
    "images.present": (images.PRESENT.parse, _plain),
    "kube.programs": (kubelet.PROGRAMS.parse, _plain),
    "kube.kubelet_config": (kubelet.KUBELET_CONFIG.parse, _kubelet),
    "kube.repository": (kubelet.REPOSITORY.parse, _plain),
    "host.identity": (identity.IDENTITY.parse, _plain),
    "containerd.reachable": (mirrors.REACHABLE.parse, _as_is),
    "kubeadm.images": (kubeadm.IMAGES.parse, _as_is),
    "preflight.user": (preflight.USER.parse, _plain),
    "preflight.machine": (preflight.MACHINE.parse, _plain),
    "preflight.files": (preflight.FILES.parse, _plain),
    "preflight.ports": (preflight.PORTS.parse, _plain),
    "preflight.tools": (preflight.TOOLS.parse, _plain),
    "preflight.hostname": (preflight.HOSTNAME.parse, _plain),
    "preflight.kernel": (preflight.KERNEL.parse, _plain),
    "preflight.cri": (preflight.CRI.parse, _plain),
    "preflight.proxy": (preflight.PROXY.parse, _plain),
    "swap.active": (swap.ACTIVE.parse, _as_is),
    "swap.fstab": (swap.FSTAB.parse, lambda found, _: [f"{line.what} at {line.where}" for line in found]),
    "systemd.runs": (systemd.RUNS.parse, _as_is),
    "swap.units": (swap.UNITS.parse, _states),
    "apt.sources": (apt.SOURCES.parse, _sources),
    "clock.synchronised": (clock.SYNCHRONISED.parse, _as_is),
    "clock.services": (clock.TIME_SERVICES.parse, _states),
    "containerd.started": (containerd.STARTED.parse, _as_is),
    "nerdctl.web": (containers.WEB.parse, _container),
    "certificates": (certificates.CERTIFICATES.parse, _certificates),
    "cluster.self": (nodes.SELF.parse, _plain),
    "admin.homes": (kubeconfigs.HOMES.parse, _plain),
    "control_plane.manifests": (static_pods.MANIFESTS.parse, _plain),
    "control_plane.processes": (static_pods.PROCESSES.parse, _plain),
    "control_plane.etcd_access": (etcd.ETCD_ACCESS.parse, _plain),
    **{fact.name: (fact.parse, _health) for fact in control_plane.HEALTH.values()},
    "network.addresses": (network.ADDRESSES.parse, _addresses),
    "network.proxy_mode": (network.PROXY_MODE.parse, _as_is),
    "network.rules": (network.RULES.parse, _as_is),
    "network.ipvs": (network.IPVS.parse, lambda found, _: sorted(f"{address} {port}" for address, port in found)),
    "network.dns": (network.DNS.parse, _as_is),
    "network.nodeport": (network.NODEPORT.parse, _reached),
    "calico.bird": (calico.BIRD.parse, _plain),
    "registry.files": (certificate_files.FILES.parse, _registry_files),
    "registry.served": (handshakes.SERVED.parse, _meetings),
    "registry.seen": (handshakes.SEEN.parse, _meetings),
    "registry.from_runner": (handshakes.FROM_RUNNER.parse, _meetings),
    "registry.harbor_config": (harbor.CONFIG.parse, _plain),
    "registry.health": (harbor.HEALTH.parse, _plain),
    "docker.distribution": (docker.DISTRIBUTION.parse, _as_is),
    "docker.repository": (docker.REPOSITORY.parse, _plain),
    "uniform.versions": (fingerprint.VERSIONS.parse, _fields),
    "uniform.sysctl": (fingerprint.SYSCTL.parse, _as_is),
    "reach.listening": (reachability.LISTENING.parse, _plain),
    "reach.reached": (reachability.REACHED.parse, _plain),
    "failover.holding": (failover.parse_holding, _fields),
    "failover.answers": (failover.answers("10.0.0.9", "443").parse, _as_is),
    "failover.load": (failover.parse_load, _load),
    "lb.packages": (vip.PACKAGES.parse, _fields),
    "lb.nonlocal_bind": (vip.BIND.parse, _as_is),
    "lb.elected": (vip.elected("x").parse, _as_is),
    "lb.addresses": (vip.ADDRESSES.parse, _fields),
    "lb.firewall": (vip.FIREWALL.parse, _as_is),
    "lb.vip.health": (vip.HEALTH.parse, _as_is),
    "lb.haproxy.conf": (haproxy.CONF.parse, _fields),
    "lb.haproxy.stats": (haproxy.STATS.parse, _fields),
    "lb.keepalived.conf": (keepalived.CONF.parse, _fields),
    "lb.keepalived.journal": (keepalived.JOURNAL.parse, _as_is),
    "boot.pending": (boot.PENDING.parse, _fields),
    "boot.id": (boot.ID.parse, _as_is),
    "boot.started": (boot.STARTED.parse, _as_is),
    "clock.offset": (CLOCK.parse, lambda found, _: [round(bound, 6) for bound in found]),
}


@pytest.mark.parametrize("answer", CASES, ids=[f"{case.parent.name}-{case.stem}" for case in CASES])
def test_a_captured_answer_reads_as_expected(answer: Path) -> None:
    expected = json.loads(answer.with_suffix(".expected.json").read_text(encoding="utf-8"))
    parse, show = READERS[answer.parent.name]
    assert show(parse(answer.read_text(encoding="utf-8")), expected) == expected


def test_every_reader_has_captures() -> None:
    assert {case.parent.name for case in CASES} == set(READERS)


def test_every_fact_of_a_host_has_captures() -> None:
    """What the API says is no text of a host's: the tests of checks make up its objects."""
    probed = {name for name, fact in FACTS.items() if not isinstance(fact, ApiFact | Drill) and name != MADE_UP}
    named = {"unit" if name.startswith("unit.") else name for name in probed}
    assert len(named) > 70
    assert sorted(named - set(READERS)) == [], "each needs captured/NAME and a line in READERS, see README.md"


def test_every_expectation_has_its_capture() -> None:
    expected = {path.name.removesuffix(".expected.json") for path in CAPTURED.glob("*/*.json")}
    assert expected == {case.stem for case in CASES}
