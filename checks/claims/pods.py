"""Claims about objects that consist of pods."""

from collections.abc import Iterable

from trueup import Deviation
from trueup.facts.kube import troubled_pods, workloads

MEMBERS = ("control-plane", "worker")  # the roles of a cluster's nodes
API_NEEDS = ("kube.api.answers",)  # what each requirement needs that is judged by the Kubernetes API


def available(found: workloads.Workload | None, name: str) -> Deviation | None:
    """Return a deviation unless the workload has pods, and all run its current template and are ready."""
    if found is None:
        return Deviation("ready", "not there", name, "effective")
    if not found.rolled_out:
        return Deviation(f"{found.wanted} pods ready", found.state, str(found), "effective", found.why)
    if not found.wanted:
        why = "it selects no node" if found.kind == "DaemonSet" else "it is scaled to 0"
        return Deviation("a pod", f"none: {why}", str(found), "effective")
    return None


def troubles(pods: Iterable[troubled_pods.Troubled], hints: dict[str, str] | None = None) -> list[Deviation]:
    """Return a deviation for each pod that is not well; ``hints`` maps a pod's name to its hint."""
    return [
        Deviation(
            "ready", pod.words, f"pod {pod.namespace}/{pod.name} on {pod.node or 'no node'}", "effective",
            (hints or {}).get(pod.name, ""),
        )
        for pod in pods
    ]  # fmt: skip
