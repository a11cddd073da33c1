"""Remedies for the first half of section 4 of the catalogue: initialise the cluster, join hosts to it."""

from __future__ import annotations

import base64
import shlex
from contextlib import nullcontext
from typing import NamedTuple

from trueup import Change, ChangeFailed, ClusterChange, Fact, FleetFacts, HostFacts, Spec, remedy
from trueup.facts.kube import kubeconfigs, kubelet, nodes, preflight
from trueup.hosts.cluster import ADMIN_CONF
from trueup.remediations import kubeadm_config, static_pods
from trueup.results.action import Action, later

_CONFIG = "/var/lib/trueup/kubeadm-init.yaml"
_TOKEN_LIFE = "15m"  # noqa: S105 - a lifetime, no token; a join takes a minute
_JOINED = (
    *(f"{preflight.KUBERNETES}/{name}" for name in ("bootstrap-kubelet.conf", "kubelet.conf", "pki/ca.crt")),
    *(f"/var/lib/kubelet/{name}" for name in ("config.yaml", "kubeadm-flags.env")),
)  # what kubeadm join writes on a worker
_KUBECTL = f"kubectl --kubeconfig {preflight.KUBERNETES}/admin.conf"
_NOT_YET = "Unauthorized|etcdserver: |ServiceUnavailable"  # temporary answers of an API server
_CA = "/etc/kubernetes/pki/ca.crt"


def _kubeadm(host: Change) -> str:
    """Return the version of the kubeadm on a host.

    Raises:
        ChangeFailed: it is not installed.
    """
    found = host.ask(kubelet.PROGRAMS).get("kubeadm")
    if found is None:
        raise ChangeFailed("kubeadm is not installed; nothing was changed")
    return found.version


def _blank(found: frozenset[str]) -> None:
    """Stop unless a host has no files of a cluster, since trueup never deletes any.

    Raises:
        ChangeFailed: it has some.
    """
    if found:
        some = ", ".join(sorted(found)[:3])
        raise ChangeFailed(
            f"the host is not blank, it has {some}: check whose that is; `kubeadm reset` removes what an earlier "
            "attempt left; nothing was changed"
        )


@remedy("kube.init", disruption="restart", can_undo=False)
def initialise(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Run kubeadm init on the first control-plane host, if it is blank, with a configuration made from the profile."""
    found, first = facts.each(preflight.FILES), change.control_planes[0]
    if any(map(preflight.initialised, found.values())):
        return
    if first in facts.silent:
        raise ChangeFailed(
            f"{first}, the first control-plane host, is not ready: {facts.silent[first]}; nothing was changed"
        )
    host = change.on(first)
    _blank(found[first])
    text = kubeadm_config.init(change.spec(first), _kubeadm(host))
    host.write(_CONFIG, text, mode="600")
    why = f"kubeadm init on {first}"
    command = ("kubeadm", "init", "--config", _CONFIG, "--skip-token-print")
    host.run(*command, why=why, disruption="restart", stays="`kubeadm reset` on it ends the cluster")


class _Way(NamedTuple):
    endpoint: str
    token: str
    ca_hash: str


def _parse_way(text: str) -> _Way:
    """Return endpoint, token and CA hash of a join command, whose hash must be that of the cluster's CA certificate.

    Raises:
        ValueError: the hashes differ, or the text is no join command.
    """
    from trueup.pki.reading import key_hash  # cryptography is slow to load

    command, _, pem = text.partition("\n--\n")
    words = shlex.split(command.strip().splitlines()[-1])
    way = _Way(
        words[words.index("join") + 1],
        words[words.index("--token") + 1],
        words[words.index("--discovery-token-ca-cert-hash") + 1],
    )
    own = key_hash(pem)
    if way.ca_hash != f"sha256:{own}":
        raise ValueError(f"the join command trusts a CA with {way.ca_hash}, {_CA} has sha256:{own}")
    return way


_WAY = Fact(
    "kubeadm.way",
    f"kubeadm token create --ttl {_TOKEN_LIFE} --print-join-command && echo -- && cat {_CA}",
    _parse_way,
    timeout=120,
)
_CERTIFICATE_KEY = Fact(
    "kubeadm.certificate_key",
    "kubeadm init phase upload-certs --upload-certs",
    lambda text: text.strip().splitlines()[-1],
    timeout=120,
)


_ETCDS = Fact(  # by nodes, because they exist before the mirror pods
    "kubeadm.etcds",
    f"[ ! -e {preflight.KUBERNETES}/manifests/etcd.yaml ] || "
    f"{_KUBECTL} get nodes -l node-role.kubernetes.io/control-plane -o name",
    lambda text: len(text.split()),
    timeout=120,
)


@remedy("kube.join", disruption="restart", can_undo=False)
def join(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Run kubeadm join with a fresh token and a verified CA hash; a control-plane host joins as one."""
    node = facts[nodes.SELF].among(facts[nodes.NODES])
    if node and preflight.member(facts[preflight.FILES]):
        if node.kubelet != spec.kube.version:
            raise ChangeFailed(f"{node.name} is a member already: `kubeadm upgrade` changes its version")
        return
    _blank(facts[preflight.FILES])
    if node and node.ready == "True":
        raise ChangeFailed(
            f"a node {node.name} is Ready, but this host is not a member: another machine may have its name. If it was "
            "this host, the node becomes not ready within a minute: run again then; nothing was changed"
        )
    version = _kubeadm(change)
    control = change.host in change.cluster.control_planes
    with change.one_at_a_time if control else nullcontext():  # etcd takes one new member at a time
        alone = control and change.control_plane.ask(_ETCDS) == 1
        text = _configuration(change.control_plane, spec, version, control) if change.apply else ""  # creates a token
        _run(change, text, control, spec.wait)
        if alone:
            _watch_anew(change.control_plane)


def _configuration(seat: Change, spec: Spec, version: str, control: bool) -> str:
    key = seat.ask(_CERTIFICATE_KEY) if control else ""
    way = seat.ask(_WAY)
    return kubeadm_config.join(
        spec, version, endpoint=way.endpoint, token=way.token, ca_hash=way.ca_hash, certificate_key=key
    )


def _watch_anew(control_plane: Change) -> None:
    """Restart the clients that watch the first API server.

    etcd has no leader until its second member runs, and the API server ends all watches. In the lab (v1.20.2) watches
    of Services that were started again at that moment stayed silent: new Services got no endpoints, and nodes no rules
    for them.
    """
    controllers = ("kube-controller-manager", "kube-scheduler")
    body = "\n".join(static_pods.restart(name, controllers) for name in controllers)
    proxies = f"{_KUBECTL} -n kube-system delete pod -l k8s-app=kube-proxy"
    lone = later("where etcd had one member, and so was without a leader")
    summary = f"restart kube-proxy and, on {control_plane.host}, {' and '.join(controllers)} {lone}"
    control_plane.act(
        Action("restart", control_plane.host, summary, undo=":"), f"{body}\n{proxies} --wait=false", "restart"
    )


def _run(change: Change, text: str, control: bool, wait: float) -> None:
    # The token arrives on stdin with the script, and is in a file that only root can read while kubeadm runs.
    # A worker that could not join is made blank again, so that the next run can try: these files are all new.
    # An API server may see a new token late, for example while etcd adds a member: a join that failed so in kubeadm's
    # preflight, which changes nothing, is repeated.
    undo = "" if control else f"systemctl stop kubelet || :; rm -f {' '.join(_JOINED)}"
    body = f"""umask 077
config=$(mktemp -p /run trueup-join.XXXXXX)
trap 'rm -f "$config"' EXIT
base64 -d >"$config" <<'TRUEUP-CONTENT'
{base64.encodebytes(text.encode()).decode()}TRUEUP-CONTENT
log=$(mktemp -p /run trueup-join.XXXXXX)
trap 'rm -f "$config" "$log"' EXIT
until=$(($(date +%s) + {wait:.0f}))
while :; do
  rc=0
  kubeadm join --config "$config" >"$log" 2>&1 || rc=$?
  [ $rc != 0 ] && grep -q 'error execution phase preflight' "$log" && grep -qE '{_NOT_YET}' "$log" || break
  [ "$(date +%s)" -lt $until ] || break
  sleep 1
done
cat "$log"
[ $rc = 0 ] || {{ {undo or ":"}; exit $rc; }}
"""
    as_what = "another control plane" if control else "a worker"
    action = Action(
        "join", change.host, f"kubeadm join as {as_what}", f"+member of the cluster, {as_what}\n",
        stays="`kubectl drain` it, `kubectl delete node`, then `kubeadm reset` on it",
    )  # fmt: skip
    change.act(action, body, "restart")


@remedy("kube.admin_kubeconfig", disruption="none")
def give_kubeconfig(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the cluster's admin.conf to ~/.kube/config of each administrator, mode 600, and keep the old file."""
    content = change.ask(ADMIN_CONF) or change.control_plane.ask(ADMIN_CONF)
    for user, home in facts[kubeconfigs.HOMES].items():
        if home is None:
            raise ChangeFailed(f"there is no user {user}: create it, or remove it from kube.admin.users")
        change.directory(f"{home.path}/.kube", mode="700", owner=home.owner)
        change.write(f"{home.path}/.kube/config", content, mode="600", owner=home.owner)
