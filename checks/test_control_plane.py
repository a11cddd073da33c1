"""Section 4 of the catalogue: the running control plane on each of its hosts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trueup import CouldNotLook, Deviation, HostFacts, Spec, equal, expect, requirement, unmet
from trueup.facts.kube.certificates import CERTIFICATES, MANAGED
from trueup.facts.kube.control_plane import HEALTH, Answer, Health
from trueup.facts.kube.etcd import ETCD_ACCESS
from trueup.facts.kube.static_pods import MANIFESTS, MANIFESTS_DIR, PROCESSES, duration, minor

if TYPE_CHECKING:
    from trueup.model.catalog import Check

_ROLES = ("control-plane",)
_PODS = "kube.control_plane.static_pods"
_INIT = ("kube.init",)
_JOIN = ("kube.join",)  # another control plane runs nothing before it has joined
_ETCD = re.compile(r'"health"\s*:\s*"?(true|false)"?(?:.*"reason"\s*:\s*"([^"]{1,300})")?', re.S)


def _asleep(health: Health) -> Deviation | None:
    if health.manifest or health.processes:
        return None
    path = f"{MANIFESTS_DIR}/{health.component}.yaml"
    return Deviation("a static pod", "no manifest and no process", path, "declared", health.standing)


def _unwell(health: Health, answer: Answer) -> list[Deviation]:
    path = urlsplit(answer.url).path
    if answer.code == 0:
        return [Deviation("an answer", answer.problem or "none", answer.url, "effective", health.standing)]
    if answer.code in (401, 403):
        raise CouldNotLook(
            f"{answer.url}: {answer.code} without credentials, and the host has no kubectl with admin.conf"
        )
    rows = [
        Deviation("ok", health.reasons.get((path, name)) or why, f"{name} at {answer.url}", "effective")
        for name, why in answer.failing.items()
    ]
    if health.component == "etcd" and (match := _ETCD.search(answer.text)):
        why = match[2] or "health is false"
        return [] if match[1] == "true" else [Deviation("healthy", why, answer.url, "effective", health.standing)]
    first = answer.text.strip().partition("\n")[0][:200]
    if not rows and answer.code != 200:
        rows = [Deviation("200", f"{answer.code} {first}".strip(), answer.url, "effective")]
    return rows


def _health(name: str, component: str, sentence: str, why: str) -> Check:
    """Register the requirement that a component reports its own health; ``why`` is its reason."""

    def check(facts: HostFacts, spec: Spec) -> None:
        health = facts[HEALTH[component]]
        expect(_asleep(health), *(deviation for answer in health.answers for deviation in _unwell(health, answer)))

    check.__doc__ = f"{sentence}\n\n{why}"
    return requirement(
        f"kube.{name}.health", key=_PODS, reads=(HEALTH[component],), needs=_INIT, after=_JOIN, severity="critical",
        roles=_ROLES, eventually=True,
    )(check)  # fmt: skip


test_etcd_health = _health(
    "etcd",
    "etcd",
    "etcd on this host reports that it is healthy.",
    "Without a majority of etcd's members nothing in the cluster can be changed (etcd docs, Failure modes).",
)
test_apiserver_health = _health(
    "apiserver",
    "kube-apiserver",
    "The API server of this host is live and ready, and passes each of its own checks.",
    "Clients reach the cluster by it, and the name of the check that fails tells the cause (Kubernetes docs, "
    "Kubernetes API health endpoints).",
)
test_scheduler_health = _health(
    "scheduler",
    "kube-scheduler",
    "The scheduler of this host reports that it is healthy.",
    "Without a scheduler new pods stay Pending.",
)
test_controller_manager_health = _health(
    "controller_manager",
    "kube-controller-manager",
    "The controller manager of this host reports that it is healthy.",
    "Without one no lost pod is replaced, and no lost node is noticed.",
)


@requirement(
    "kube.control_plane.static_pods",
    key=_PODS,
    reads=(MANIFESTS, PROCESSES),
    needs=_INIT,
    after=_JOIN,
    severity="high",
    layers=("declared", "effective"),
    roles=_ROLES,
    controls=tuple(f"CIS 1.1.{number}" for number in range(1, 9)),
    eventually=True,
)
def test_static_pods(facts: HostFacts, spec: Spec) -> None:
    """Each component of the control plane runs, from a manifest that only root can read (mode 600).

    kubelet runs whatever these files describe: who can write one is root on the host, and without one its component
    stops (CIS Kubernetes Benchmark, 1.1.1 to 1.1.8).
    """
    manifests, processes = facts[MANIFESTS], facts[PROCESSES]
    claims: list[Deviation | None] = []
    for name in spec.kube.control_plane.static_pods:
        if (manifest := manifests.get(name)) is None:
            hint = (
                "kubeadm writes it; if kubelet is not to run this here, remove it from kube.control_plane.static_pods"
            )
            claims.append(Deviation("a manifest", "none", f"{MANIFESTS_DIR}/{name}.yaml", "declared", hint))
        elif not manifest.strict:
            found = f"{manifest.mode} {manifest.owner}"
            claims.append(Deviation("600 root:root, or stricter", found, manifest.path, "declared"))
        if name not in processes:
            claims.append(Deviation("a process", "none", name, "effective"))
    expect(*claims)


_GUARDS = {
    "client-cert-auth": ("trusted-ca-file", "--listen-client-urls"),
    "peer-client-cert-auth": ("peer-trusted-ca-file", "--listen-peer-urls"),
}
_TRUE = ("true", "1", "t", "T", "TRUE", "True")  # what Go's strconv.ParseBool takes
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - all interfaces


def _addresses(urls: str) -> list[tuple[str, str, int]]:
    """Return scheme, address and port of each URL in a flag of etcd; scheme empty and port 0 for a malformed one."""
    found = []
    for url in urls.split(","):
        try:
            parts = urlsplit(url.strip())
            host = (parts.hostname or "").replace("localhost", "127.0.0.1")
            found.append((parts.scheme, host, parts.port or 0))
        except ValueError:
            found.append(("", url[:80], 0))
    return found


@requirement(
    "kube.etcd.access",
    key=_PODS,
    reads=(PROCESSES, ETCD_ACCESS),
    needs=("kube.etcd.health",),
    severity="critical",
    layers=("effective",),
    roles=_ROLES,
    controls=("CIS 1.1.11", "CIS 2.2", "CIS 2.5"),
)
def test_etcd_access(facts: HostFacts, spec: Spec) -> None:
    """etcd accepts only holders of a certificate of its authority, on the addresses that it was given.

    Whoever reaches etcd without a certificate reads and writes all objects and Secrets, past the API server (CIS
    Kubernetes Benchmark, 2.2 and 2.5).
    """
    seen, running = facts[ETCD_ACCESS], facts[PROCESSES].get("etcd")
    if seen is None or not running:
        unmet(Deviation("a process", "none", "etcd", "effective", "its access can be judged only while it runs"))
    process, flags = running[0], running[0].flags
    if "config-file" in flags:
        raise CouldNotLook(f"etcd is started with --config-file={flags['config-file']}, which overrides its flags")
    where = f"of etcd (process {process.pid})"
    claims: list[Deviation | None] = []
    told: set[tuple[str, int]] = set()
    for guard, (authority, listen) in _GUARDS.items():
        if flags.get(guard) not in _TRUE:
            claims.append(Deviation("true", flags.get(guard, "not given"), f"--{guard} {where}", "effective"))
        if not flags.get(authority):
            claims.append(Deviation("an authority", "not given", f"--{authority} {where}", "effective"))
        default = "http://localhost:2379" if guard == "client-cert-auth" else "http://localhost:2380"
        for scheme, address, port in _addresses(flags.get(listen[2:], default)):
            told.add((address, port))
            at = f"{listen} {where}"
            claims.append(equal(scheme, "https", where=f"{at}, {address}:{port}", layer="effective"))
            if address in _ANYWHERE:
                claims.append(Deviation("single addresses of this host", f"{address}:{port}", at, "effective"))
    ports = {port for _, port in told}
    given = ", ".join(f"{address}:{port}" for address, port in sorted(told) if address not in _ANYWHERE)
    claims += [
        Deviation(f"only {given}", f"{address}:{port}", f"sockets {where}", "effective")
        for address, port in seen.listens
        if port in ports and (address in _ANYWHERE or (address, port) not in told)
    ]
    claims += [
        Deviation("refused", f"answered {answer.code}", f"{answer.url}, without a certificate", "effective")
        for answer in seen.answers
        if answer.code
    ]
    if seen.mode and int(seen.mode, 8) & 0o077:
        claims.append(
            Deviation("700, or stricter", seen.mode, seen.directory, "effective", f"chmod 700 {seen.directory}")
        )
    expect(*claims)


def _differs(found: str, wanted: str, where: str, hint: str = "") -> Deviation | None:
    try:
        same = duration(found) == duration(wanted)
    except ValueError as error:
        return Deviation(wanted, str(error), where, "effective", hint)
    return None if same else Deviation(wanted, found, where, "effective", hint)


@requirement(
    "kube.controller_manager.node_monitoring",
    key="kube.control_plane.node_monitoring",
    reads=(PROCESSES, MANIFESTS),
    needs=("kube.controller_manager.health",),
    severity="medium",
    roles=_ROLES,
)
def test_node_monitoring(facts: HostFacts, spec: Spec) -> None:
    """A silent node is noticed, becomes not ready and loses its pods after the profile's times.

    With short times a network fault evicts pods, with long ones the pods of a lost node stay down. Kubernetes raised
    the default grace period from 40s to 50s in 1.32.
    """
    running, wanted = facts[PROCESSES], spec.kube.control_plane.node_monitoring
    if "kube-controller-manager" not in running:
        unmet(Deviation("a process", "none", "kube-controller-manager", "effective"))
    flags = running["kube-controller-manager"][0].flags
    manifest = facts[MANIFESTS].get("kube-controller-manager")
    version = (minor(manifest.image) if manifest else None) or minor(spec.kube.version)
    grace = "50s" if version is not None and version >= 32 else "40s"

    def said(name: str, default: str, wanted: str) -> Deviation | None:
        if name in flags:
            return _differs(flags[name], wanted, f"--{name} of kube-controller-manager")
        if version is None:
            raise CouldNotLook(
                f"--{name} is not set, and its default depends on kube-controller-manager's version, which is unknown"
            )
        where = f"--{name} of kube-controller-manager, by default in 1.{version}"
        return _differs(default, wanted, where)

    claims = [
        said("node-monitor-period", "5s", wanted.period),
        said("node-monitor-grace-period", grace, wanted.grace_period),
    ]
    if version is not None and version < 13:
        expect(*claims, said("pod-eviction-timeout", "5m0s", wanted.eviction))
        return
    # since 1.13 the API server writes into each pod how long it tolerates the taints of a lost node
    if "kube-apiserver" not in running:
        expect(*claims, Deviation("a process", "none", "kube-apiserver", "effective"))
        return
    flags = running["kube-apiserver"][0].flags
    for state in ("not-ready", "unreachable"):
        name = f"default-{state}-toleration-seconds"
        by_default = "" if name in flags else ", by default"
        where = f"--{name} of kube-apiserver{by_default}"
        claims.append(_differs(f"{flags.get(name, '300')}s", wanted.eviction, where))
    if "DefaultTolerationSeconds" in flags.get("disable-admission-plugins", "").split(","):
        where = "--disable-admission-plugins of kube-apiserver"
        claims.append(Deviation(wanted.eviction, "at once: DefaultTolerationSeconds is off", where, "effective"))
    expect(*claims)


@requirement(
    "kube.certificates.expiry",
    key="kube.control_plane.certificate_days",
    reads=(CERTIFICATES,),
    after=_JOIN,
    severity="critical",
    layers=("declared",),
)
def test_certificates_expiry(facts: HostFacts, spec: Spec) -> None:
    """Every certificate of the cluster on this host is valid for the profile's number of days.

    kubeadm's certificates last one year: after that kubelets, kubectl and the control plane refuse each other
    (Kubernetes docs, Certificate Management with kubeadm).
    """
    found, days = facts[CERTIFICATES], spec.kube.control_plane.certificate_days
    names = {path: name for name, (path, _) in MANAGED.items()}
    expect(
        *(
            Deviation(
                f"valid for {days} days",
                found.said(certificate),
                f"{certificate.path} ({certificate.subject})",
                "declared",
                f"kubeadm certs renew {names[certificate.path]}" if certificate.path in names else "",
            )
            for certificate in found.short(days)
        ),
        *(Deviation("a certificate", why, path, "declared") for path, why in found.unreadable.items()),
    )
