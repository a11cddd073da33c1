"""Remedies for section 4 of the catalogue: manifests and certificates of a running control plane."""

import shlex
from pathlib import PurePosixPath

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.facts.host.upstream_version import minors
from trueup.facts.kube import kubelet
from trueup.facts.kube.certificates import CERTIFICATES, KUBELETS, MANAGED, USED_BY, Certificates
from trueup.facts.kube.preflight import KUBERNETES
from trueup.facts.kube.static_pods import MANIFESTS, PROCESSES
from trueup.remediations import static_pods
from trueup.results.action import Action
from trueup.shell import scripts

_NOTHING = "nothing was changed"


@remedy("kube.control_plane.static_pods", disruption="none")
def guard_manifests(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Give the manifests to root alone (mode 600); refused where one is missing or its component does not run."""
    manifests = change.ask(MANIFESTS)
    processes = change.ask(PROCESSES)
    for name in spec.kube.control_plane.static_pods:
        if name not in manifests:
            raise ChangeFailed(f"there is no manifest of {name}: `kubeadm init phase` writes it; {_NOTHING}")
        if name not in processes:
            raise ChangeFailed(f"{name} does not run: see its health; {_NOTHING}")
    for manifest in (manifests[name] for name in spec.kube.control_plane.static_pods):
        path = shlex.quote(manifest.path)
        if manifest.owner != "root:root":
            undo = f"chown {shlex.quote(manifest.owner)} {path}"
            change.run("chown", "root:root", manifest.path, why=f"give {manifest.path} to root", undo=undo)
        if int(manifest.mode, 8) & 0o177:
            undo = f"chmod {manifest.mode} {path}"
            change.run("chmod", "600", manifest.path, why=f"let only root read {manifest.path}", undo=undo)


def _ways(found: Certificates, days: int) -> list[str]:
    """Return kubeadm's names of the certificates to renew.

    Raises:
        ChangeFailed: kubeadm does not renew a certificate that runs out; the text says who does.
    """
    names = {path: name for name, (path, _) in MANAGED.items()}
    due, refused = set(), []
    for certificate in found.short(days):
        name, path = names.get(certificate.path), certificate.path
        if certificate.authority and not path.startswith(KUBELETS):
            refused.append(f"{path} is an authority: replace it, and all that it signed, on every host by hand")
        elif path.startswith(f"{KUBELETS}/kubelet-"):
            refused.append(
                f"{path} is kubelet's own, and kubelet rotates it: see `journalctl -u kubelet` for the cause"
            )
        elif path.startswith(KUBELETS):
            refused.append(
                f"{path} is kubelet's own: remove it and its key, and restart kubelet, which creates new ones"
            )
        elif path == f"{KUBERNETES}/kubelet.conf":
            refused.append(
                f"{path}: set client-certificate and client-key in it to {KUBELETS}/kubelet-client-current.pem"
            )
        elif name is None:
            refused.append(f"{path} is not kubeadm's: its owner must renew it")
        elif MANAGED[name][1] not in found.keys:
            refused.append(
                f"{name}: {MANAGED[name][1]} is not on this host: the external authority must sign a new one"
            )
        else:
            due.add(name)
    refused += [f"{path}: {why}" for path, why in found.unreadable.items()]
    if refused:
        raise ChangeFailed("\n".join([*refused, _NOTHING]))
    return [name for name in MANAGED if name in due]


def _renew(change: Change, name: str, verb: str) -> None:
    path = MANAGED[name][0]
    paths = [path, f"{path.removesuffix('.crt')}.key"] if path.endswith(".crt") else [path]
    kept = {path: change.backup_path(path) for path in paths}
    quoted = [f"{shlex.quote(path)} {shlex.quote(copy)}" for path, copy in kept.items()]
    body = "\n".join([
        "umask 077", scripts.KEEPING, f"mkdir -p {shlex.quote(str(PurePosixPath(kept[path]).parent))}",
        *(f"keep {pair}" for pair in quoted), f"kubeadm {verb} renew {name}", *(f"taken {pair}" for pair in quoted),
    ])  # fmt: skip
    action = Action(
        "certificate", name, f"kubeadm {verb} renew {name}", f"-{path}\n+{path}, renewed\n",
        undo="".join(f"( {scripts.restore(path, copy)})\n" for path, copy in kept.items()),
        intact="\n".join(scripts.unchanged(path, copy) for path, copy in kept.items()), before={"kept": kept},
    )  # fmt: skip
    change.act(action, body)


@remedy("kube.certificates.expiry", disruption="restart")
def renew_certificates(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Renew expiring certificates with kubeadm, keep the old files, restart the static pods that use them."""
    due = _ways(change.ask(CERTIFICATES), spec.kube.control_plane.certificate_days)
    if not due:
        return
    program = change.ask(kubelet.PROGRAMS).get("kubeadm")
    if program is None:
        raise ChangeFailed(f"there is no kubeadm on this host to renew {', '.join(due)}; {_NOTHING}")
    users = [name for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
             if name in {USED_BY.get(renewed) for renewed in due}]  # fmt: skip
    processes = change.ask(PROCESSES)
    if idle := [name for name in users if name not in change.ask(MANIFESTS)]:
        raise ChangeFailed(
            f"{', '.join(idle)} is no static pod here: renew and restart it as it was set up; {_NOTHING}"
        )
    verb = "alpha certs" if minors(program.version) < 20 else "certs"
    with change.one_at_a_time:  # one control plane after the other: etcd keeps its majority
        for name in due:
            _renew(change, name, verb)
        for name in users:
            if name in processes:
                body = static_pods.restart(name, processes)
                action = Action("restart", name, f"restart {name} by ending its process", settle=body)
                change.act(action, body, "restart")
