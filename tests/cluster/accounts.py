"""Service accounts with the roles in examples/rbac only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab.network import address

ROLES = Path(__file__).parents[2] / "examples/rbac"
ACCOUNT = """
kubectl -n kube-system create serviceaccount {name}
kubectl create clusterrolebinding {name}-audit --clusterrole=trueup-audit --serviceaccount=kube-system:{name}
for namespace in kube-system kube-node-lease; do
  kubectl -n $namespace create rolebinding {name}-audit --role=trueup-audit --serviceaccount=kube-system:{name}
done
"""
TOKEN = """
secret=$(kubectl -n kube-system get serviceaccount {name} -o 'jsonpath={{.secrets[0].name}}')
kubectl -n kube-system get secret $secret -o 'jsonpath={{.data.token}}' | base64 -d
"""
CONFIG = """
apiVersion: v1
kind: Config
current-context: it
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
clusters: [{{name: it, cluster: {{server: "https://{address}:6443", certificate-authority-data: {ca}}}}}]
users: [{{name: it, user: {{token: {token}}}}}]
"""


def kubeconfig(cluster: Any, directory: Path, name: str, *, fixes: bool) -> Path:
    """Create a service account with a role of the examples, write a kubeconfig for it, return its path."""
    cluster.lab.sh("cp1", "cat >/root/roles.yaml", input=(ROLES / "audit.yaml").read_text())
    cluster.sh("kubectl apply -f /root/roles.yaml" + ACCOUNT.format(name=name))
    if fixes:
        cluster.lab.sh("cp1", "cat >/root/roles.yaml", input=(ROLES / "fix.yaml").read_text())
        bind = f"kubectl create clusterrolebinding {name} --clusterrole=trueup-fix --serviceaccount=kube-system:{name}"
        cluster.sh(f"kubectl apply -f /root/roles.yaml\n{bind}")
    path = directory / name
    path.write_text(
        CONFIG.format(
            address=address("cp1"),
            ca=cluster.sh("base64 -w0 /etc/kubernetes/pki/ca.crt").strip(),
            token=cluster.sh(TOKEN.format(name=name)).strip(),
        )
    )
    return path
