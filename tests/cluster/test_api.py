"""The connection to the API: permissions, a server that restarts, and a slow one."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from accounts import kubeconfig

from lab.network import MANAGEMENT, address

pytestmark = pytest.mark.lab
SLOW = """
apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "http://127.0.0.1:18443"}}]
users: [{name: it, user: {}}]
"""


def test_who_may_only_read_audits_fully_and_fixes_nothing(well: Any, tmp_path: Path) -> None:
    reader = f"--kubeconfig={kubeconfig(well, tmp_path, 'reader', fixes=False)}"
    audit = well.run(reader, within=MANAGEMENT)
    assert audit.code == 0, audit.text
    well.sh("kubectl -n myserver scale deployment myserver-nginx-deployment --replicas=1")
    refused = well.run("--fix", reader, within=MANAGEMENT)
    assert refused.code == 4, refused.text
    assert "patch deployments.apps (for workload.nginx.deployment)" in refused.text
    assert "nothing was changed" in refused.text
    count = well.sh("kubectl -n myserver get deployment myserver-nginx-deployment -o 'jsonpath={.spec.replicas}'")
    assert count == "1"

    fixer = f"--kubeconfig={kubeconfig(well, tmp_path, 'fixer', fixes=True)}"
    fixed = well.run("--fix", fixer, within=MANAGEMENT)
    assert fixed.code == 0, fixed.text
    assert fixed.result("workload.nginx.deployment", "cluster")["outcome"] == "fixed"


def test_nodes_answer_who_runs_trueup_too(well: Any, tmp_path: Path) -> None:
    profile = tmp_path / "runner.yaml"
    profile.write_text(f"extends: {well.lab.cluster}\nworkload: {{nginx: {{from_runner: true}}}}\n")
    done = well.run("-k", "nodeport", profile=profile, within=MANAGEMENT)
    assert done.result("workload.nginx.nodeport", "cluster")["outcome"] == "passed", done.text


def restarting(cluster: Any, seconds: float) -> threading.Thread:
    """End the API server every 2 s for some seconds, in a thread; kubelet restarts it each time."""

    def end() -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            cluster.sh("pkill -KILL -x kube-apiserver || :")
            time.sleep(2)

    thread = threading.Thread(target=end)
    thread.start()
    return thread


@pytest.mark.long
def test_an_api_server_that_restarts_is_waited_for_by_an_audit(well: Any) -> None:
    busy = restarting(well, 3)
    done = well.run("-k", "workload or network", "--host-timeout=90")
    busy.join()
    assert done.code == 0, done.text


def test_an_api_server_that_restarts_is_waited_for_by_a_fix(well: Any) -> None:
    well.sh("kubectl delete namespace myserver")
    busy = restarting(well, 6)
    done = well.run("--fix", "-k", "workload or network", "--host-timeout=120")
    busy.join()
    assert done.code == 0, done.text
    assert done.result("workload.nginx.deployment", "cluster")["outcome"] == "fixed"


def test_a_slow_api_is_asked_once_for_each_kind(well: Any, tmp_path: Path) -> None:
    admin, log, config = tmp_path / "admin.conf", tmp_path / "asked", tmp_path / "slow.conf"
    admin.write_text(well.sh("cat /etc/kubernetes/admin.conf"))
    config.write_text(SLOW)
    script = Path(__file__).with_name("slow_api.py")
    command = [*MANAGEMENT, sys.executable, str(script), "18443", f"{address('cp1')}:6443", str(admin), "1", str(log)]
    slow = subprocess.Popen(command)
    try:
        done = well.run(f"--kubeconfig={config}", within=MANAGEMENT)
    finally:
        slow.kill()
        slow.wait()
    assert done.code == 0, done.text
    asked = Counter(log.read_text().splitlines())
    assert any(path.startswith("/api/v1/nodes?") for path in asked)
    assert {path: times for path, times in asked.items() if times > 1} == {}
