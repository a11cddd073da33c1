"""Pods that are not ready, with the reason, their last warning and the end of their log."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from trueup.errors import CouldNotLook
from trueup.kubeapi.client import Api, Object
from trueup.model.fact import ApiFact
from trueup.profiles.schema import Spec

_LOGS = 10  # pods whose logs are read
_LINES, _WIDTH = 20, 300  # of a log


@dataclass(frozen=True)
class Troubled:
    """A pod that is not ready."""

    namespace: str
    name: str
    node: str
    labels: dict[str, str]
    reason: str  # such as CrashLoopBackOff
    message: str
    warning: str  # its last warning event, for example with the message of a readiness probe
    log: tuple[str, ...]  # the last lines

    @property
    def words(self) -> str:
        """Return its reason, warning and last log line as a sentence."""
        last = next((line for line in reversed(self.log) if line.strip()), "")
        said = f"its last line is {last.strip()!r}" if last else ""
        return "; ".join(dict.fromkeys(filter(None, [self.reason, self.message, self.warning, said])))

    def fits(self, selector: dict[str, str]) -> bool:
        """Return whether its labels match a selector."""
        return selector.items() <= self.labels.items()

    def says(self, *texts: str) -> bool:
        """Return whether its message, last warning or log contains one of these texts."""
        return any(text in line for text in texts for line in (self.message, self.warning, *self.log))


def prune_pod(pod: Object) -> Object | None:
    """Return why a pod is not ready; ``None`` for one that is ready, completed, or being deleted."""
    meta, status = pod["metadata"], pod.get("status", {})
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    ready = conditions.get("Ready", {})
    phase = status.get("phase", "")
    if phase == "Succeeded" or ready.get("status") == "True" or "deletionTimestamp" in meta:
        return None
    kept = {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "node": pod.get("spec", {}).get("nodeName", ""),
        "labels": meta.get("labels") or {},
        "reason": status.get("reason", ""),
        "message": status.get("message", ""),
        "container": "",
        "restarted": False,
    }
    for each in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = each.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        if each.get("ready") or (ended and ended.get("exitCode") == 0):
            continue
        why = waiting or ended or {"reason": "not ready"}
        return kept | {
            "reason": why.get("reason") or f"exit code {why.get('exitCode', '?')}",
            "message": why.get("message", ""),
            "container": each["name"],
            "restarted": bool(waiting) and each.get("restartCount", 0) > 0,
        }
    scheduled = conditions.get("PodScheduled", {})
    why = scheduled if scheduled.get("status") == "False" else ready
    reason = kept["reason"] or why.get("reason") or phase or "no status"
    return kept | {"reason": reason, "message": kept["message"] or why.get("message", "")}


def _with_words(api: Api, pod: Object) -> Object:
    """Return the pod with its last warning and the end of its log, if it has them."""
    base = f"/api/v1/namespaces/{pod['namespace']}"
    selector = f"involvedObject.name={pod['name']},type=Warning"
    warnings: list[tuple[str, str]] = []
    log = ""
    try:
        warnings = api.list(f"{base}/events", _prune_event, fieldSelector=selector)
        if pod["container"]:
            before = {"previous": "true"} if pod["restarted"] else {}
            path = f"{base}/pods/{pod['name']}/log"
            log = api.text(path, container=pod["container"], tailLines=str(_LINES), **before) or ""
    except CouldNotLook:
        pass  # a container that never ran, or whose node is down, has no log; the reason is known without it
    last = max(warnings, default=("", ""))[1]
    return pod | {"warning": last[:_WIDTH], "log": [line[:_WIDTH] for line in log.splitlines()[-_LINES:]]}


def _prune_event(event: Object) -> tuple[str, str]:
    when = event.get("lastTimestamp") or event.get("eventTime") or ""
    return str(when), " ".join(str(event.get("message", "")).split())


def fetch_troubled(api: Api, namespaces: Iterable[str]) -> list[Object]:
    """Return the pods in some namespaces that are not ready; the first ones with a warning and log lines."""
    pods = [
        pod
        for namespace in namespaces
        for pod in api.list(f"/api/v1/namespaces/{namespace}/pods", prune_pod)
        if pod is not None
    ]
    with ThreadPoolExecutor(_LOGS, thread_name_prefix="logs") as pool:
        heard = list(pool.map(partial(_with_words, api.hasty()), pods[:_LOGS]))
    return heard + [pod | {"warning": "", "log": []} for pod in pods[_LOGS:]]


def parse_troubled(data: Any) -> list[Troubled]:
    """Return the pods that are not ready."""
    return [
        Troubled(
            str(each["namespace"]), str(each["name"]), str(each["node"]), dict(each["labels"]), str(each["reason"]),
            " ".join(str(each["message"]).split()), str(each["warning"]), tuple(map(str, each["log"])),
        )
        for each in data
    ]  # fmt: skip


def troubled_in(name: str, namespaces: Callable[[Spec], Iterable[str]]) -> ApiFact[list[Troubled]]:
    return ApiFact(name, lambda api, spec: fetch_troubled(api, namespaces(spec)), parse_troubled)


SYSTEM_TROUBLE = troubled_in("workloads.system_trouble", lambda _: ("calico-system", "kube-system"))
NGINX_TROUBLE = troubled_in("workloads.nginx_trouble", lambda spec: (spec.workload.nginx.namespace,))
