"""The job itself: a bare host becomes a node that kubeadm itself finds nothing wrong with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from lab import Lab
from trueup.model.catalog import catalog

pytestmark = pytest.mark.lab
HOST = "cp5"
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def ready(lab: Lab, trueup: Run) -> Any:
    lab.reset([HOST])
    before = lab.sh(HOST, "command -v containerd runc kubeadm kubelet kubectl || :").stdout
    assert before == ""
    return trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", "--fix", timeout=600)


@pytest.fixture
def run(lab: Lab, trueup: Run, ready: Any) -> Run:
    assert ready.code == 0, ready.text
    return lambda *args: trueup(f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={lab.profile}", *args)


def test_one_fix_does_it_and_a_second_one_changes_nothing(run: Run) -> None:
    again = run("--fix")
    assert (again.code, again.changes) == (0, [])


def test_kubeadm_finds_nothing_that_trueup_did_not(lab: Lab, run: Run) -> None:
    """What kubeadm still warns of must be known to trueup under the same name, and be so little that it passes."""
    done = lab.sh(HOST, f"kubeadm init phase preflight --config /dev/stdin 2>&1 <<'X'\n{INIT}\nX", check=False)
    found = re.findall(r"\[(ERROR|WARNING) ([\w-]+)\]", done.stdout)
    catalog.load("trueup.checks")
    unknown = [name for _, name in found if f"host.preflight.{name}" not in catalog.requirements]
    assert (done.returncode, unknown) == (0, []), done.stdout
    assert [name for kind, name in found if kind == "ERROR"] == []
    outcomes = run().outcomes
    assert [name for _, name in found if outcomes.get((f"host.preflight.{name}", HOST)) == "passed"] == [], done.stdout


INIT = """apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.77.0.12}
nodeRegistration: {criSocket: /run/containerd/containerd.sock}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.20.2
imageRepository: registry.lab:5000/google_containers"""


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("a swap file in fstab", "echo '/swap none swap sw 0 0' >>/etc/fstab"),
        pytest.param(
            "a port that is taken",
            "systemd-run -q -u thief socat TCP-LISTEN:10250,fork,reuseaddr /dev/null",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "a manifest that is left",
            "mkdir -p /etc/kubernetes/manifests; touch /etc/kubernetes/manifests/etcd.yaml",
            marks=pytest.mark.long,
        ),
        ("a tool that is away", "mv /usr/sbin/conntrack /usr/sbin/conntrack.away"),
        ("forwarding that is off", "sysctl -qw net.ipv4.ip_forward=0"),
        pytest.param("kubelet that is not enabled", "systemctl disable kubelet", marks=pytest.mark.long),
    ],
)
def test_what_kubeadm_finds_trueup_finds_too(lab: Lab, run: Run, what: str, command: str) -> None:
    """Both are asked about a host that is wrong in one way; whatever kubeadm names, trueup has as a failure."""
    undo = (
        "sed -i '/ swap sw /d' /etc/fstab; systemctl stop thief; rm -f /etc/kubernetes/manifests/etcd.yaml; "
        "[ ! -e /usr/sbin/conntrack.away ] || mv /usr/sbin/conntrack.away /usr/sbin/conntrack"
    )
    try:
        lab.sh(HOST, command)
        preflight = "kubeadm init phase preflight --config /dev/stdin"
        said = lab.sh(HOST, f"{preflight} 2>&1 <<'X'\n{INIT}\nX", check=False).stdout
        outcomes = run().outcomes
        same = {  # said by another requirement, which the profile selects instead
            "FileContent--proc-sys-net-ipv4-ip_forward": "host.sysctl.ip_forward",
            "Service-Kubelet": "kube.kubelet.service",
            "Swap": "host.swap",
            "ImagePull": "kube.images.present",
        }
        for name in re.findall(r"\[(?:ERROR|WARNING) ([\w-]+)\]", said):
            id = same.get(name, f"host.preflight.{name}")
            assert outcomes[id, HOST] in ("failed", "blocked"), (what, said)
        assert "failed" in outcomes.values(), what
    finally:
        lab.sh(HOST, undo, check=False)
        assert run("--fix").code == 0
