"""The dashboard: the Deployments in its manifest, and their pods in trouble."""

from __future__ import annotations

from typing import Any

from trueup.facts.kube.troubled_pods import troubled_in
from trueup.kubeapi import manifests
from trueup.model.fact import ApiFact
from trueup.profiles.schema import Spec


def _dashboard(spec: Spec) -> list[tuple[str, str]]:
    metas = [
        each["metadata"] for each in manifests.read(spec.workload.dashboard.manifest) if each["kind"] == "Deployment"
    ]
    return [(meta.get("namespace", "default"), meta["name"]) for meta in metas]


def parse_names(data: Any) -> list[tuple[str, str]]:
    """Return the namespace and name of each Deployment."""
    return [(str(namespace), str(name)) for namespace, name in data]


DASHBOARD = ApiFact("workloads.dashboard", lambda _, spec: _dashboard(spec), parse_names)  # Deployments in its manifest
DASHBOARD_TROUBLE = troubled_in("workloads.dashboard_trouble", lambda spec: sorted(dict(_dashboard(spec))))
