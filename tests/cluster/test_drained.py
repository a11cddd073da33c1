"""A real node is drained before a remedy disturbs its pods, within disruption budgets, and then uncordoned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from accounts import kubeconfig
from standing import Standing

from lab.network import MANAGEMENT

pytestmark = pytest.mark.lab
ID = "runtime.containerd.systemd_cgroup"
# A second runtime without SystemdCgroup: the requirement fails, and no pod is affected.
BREAK = """
cat >>/etc/containerd/config.toml <<'X'
# scenario
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]
  runtime_type = "io.containerd.runc.v2"
X
systemctl restart containerd
"""
MEND = "sed -i '/^# scenario$/,$d' /etc/containerd/config.toml; systemctl restart containerd"
HELD = """
kubectl apply -f - <<'X'
apiVersion: v1
kind: Namespace
metadata: {name: drained}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: held-budget, namespace: drained}
spec: {minAvailable: 1, selector: {matchLabels: {app: held}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: held, namespace: drained}
spec:
  selector: {matchLabels: {app: held}}
  template:
    metadata: {labels: {app: held}}
    spec:
      terminationGracePeriodSeconds: 2
      affinity:
        nodeAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
          - weight: 100
            preference: {matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [w1]}]}
      containers: [{name: held, image: "docker.io/library/nginx:1.22"}]
X
kubectl -n drained rollout status deployment held --timeout=90s
"""


@pytest.fixture
def broken(well: Standing) -> Iterator[Standing]:
    """Yield the cluster with a wrong runtime on w1."""
    well.sh(BREAK, "w1")
    yield well
    well.sh("kubectl uncordon w1")
    well.sh(MEND, "w1")


@pytest.fixture
def held(broken: Standing) -> Iterator[Standing]:
    """Yield the same cluster with a pod on w1 that its disruption budget keeps there."""
    broken.sh(HELD)
    yield broken
    broken.sh("kubectl delete namespace drained --wait=false")


def node(cluster: Standing) -> Any:
    return json.loads(cluster.sh("kubectl get node w1 -o json"))


def where(cluster: Standing) -> str:
    """Return the node of the pod after it became ready."""
    cluster.sh("kubectl -n drained rollout status deployment held --timeout=90s")
    return cluster.sh("kubectl -n drained get pods -o 'jsonpath={.items[*].spec.nodeName}'").strip()


def fix(cluster: Standing, directory: Path, *args: str, seconds: int = 240, **how: Any) -> Any:
    profile = directory / "drain.yaml"
    profile.write_text(f"extends: {cluster.profile}\nkube: {{drain: {{seconds: {seconds}}}}}\n")
    return cluster.run(
        "--fix", "--max-disruption=drain", "-k", "systemd_cgroup or schedulable", *args, profile=profile, **how
    )


def test_a_budget_is_kept_and_when_it_allows_the_node_is_drained_remedied_and_taken_back(
    held: Standing, tmp_path: Path
) -> None:
    assert where(held) == "w1"
    refused = fix(held, tmp_path, seconds=6)
    assert refused.result(ID, "w1")["outcome"] == "fix-failed", refused.text
    assert "w1 could not be drained in 6 s: drained/held-" in refused.text
    assert "The disruption budget held-budget needs 1 healthy pods and has 1 currently" in refused.text
    assert refused.result("kube.nodes.schedulable", "w1")["outcome"] == "passed", refused.text
    assert "runtimes.nvidia" in held.sh("cat /etc/containerd/config.toml", "w1")
    assert where(held) == "w1"

    held.sh('kubectl -n drained patch pdb held-budget -p \'{"spec": {"minAvailable": 0}}\'')
    done = fix(held, tmp_path)
    assert done.result(ID, "w1")["outcome"] == "fixed", done.text
    changes = [change for change in done.changes if change.startswith("w1: ")]
    assert changes[0].startswith("w1: drain w1 first (")
    assert changes[-1] == "w1: uncordon w1"
    assert done.result("kube.nodes.schedulable", "w1")["outcome"] == "passed", done.text
    assert "trueup.io/cordoned-by" not in node(held)["metadata"]["annotations"]
    assert where(held) != "w1"
    assert fix(held, tmp_path).changes == []


@pytest.mark.long
def test_a_node_that_somebody_cordoned_stays_cordoned(broken: Standing, tmp_path: Path) -> None:
    broken.sh("kubectl cordon w1")
    done = fix(broken, tmp_path)
    assert done.result(ID, "w1")["outcome"] == "fixed", done.text
    assert "it is cordoned already, and stays so" in done.text
    assert node(broken)["spec"]["unschedulable"] is True


def test_a_node_that_a_killed_run_left_cordoned_is_taken_back(well: Standing, tmp_path: Path) -> None:
    notes = {"trueup.io/cordoned-by": "20260101T000000Z-0000", "trueup.io/cordoned-for": ID}
    patch = json.dumps({"metadata": {"annotations": notes}, "spec": {"unschedulable": True}})
    well.sh(f"kubectl patch node w1 --field-manager=trueup -p '{patch}'")
    done = fix(well, tmp_path)
    assert done.changes == ["w1: uncordon w1"], done.text
    assert "cordoned by trueup's run 20260101T000000Z-0000" in done.text
    assert "unschedulable" not in node(well)["spec"]


def test_the_role_for_fixing_may_drain_and_who_may_not_changes_nothing(broken: Standing, tmp_path: Path) -> None:
    reader = f"--kubeconfig={kubeconfig(broken, tmp_path, 'no-drainer', fixes=False)}"
    refused = fix(broken, tmp_path, reader, within=MANAGEMENT)
    assert refused.code == 4, refused.text
    assert f"create pods/eviction (for {ID})" in refused.text

    drainer = f"--kubeconfig={kubeconfig(broken, tmp_path, 'drainer', fixes=True)}"
    done = fix(broken, tmp_path, drainer, within=MANAGEMENT)
    assert done.result(ID, "w1")["outcome"] == "fixed", done.text
    assert "w1: uncordon w1" in done.changes
