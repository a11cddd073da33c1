"""Emptying a node of its pods before a remedy disturbs them, and taking it back into service afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trueup.api import MANAGER, Api, ApiError, Object
from trueup.errors import ChangeFailed, CouldNotLook, Unreachable
from trueup.fact import ask
from trueup.facts.cluster import SELF, keep_node, parse_nodes
from trueup.facts.preflight import FILES, member
from trueup.redact import redact
from trueup.verdict import Action, Deviation, Outcome, Result

if TYPE_CHECKING:
    from trueup.catalog import Remedy
    from trueup.change import Change
    from trueup.cluster import Cluster
    from trueup.fleet import Host

CORDONED_BY = "trueup.io/cordoned-by"  # the run
CORDONED_FOR = "trueup.io/cordoned-for"  # the requirement, whose being met ends it
_MERGE = "application/merge-patch+json"
_PAUSE, _LONGEST = 0.5, 5.0  # seconds between two looks: at first, and at most
_NAMED = 8  # pods
_GONE, _CONFLICT, _BUDGET = 404, 409, 429
_GREEN = (Outcome.PASSED, Outcome.FIXED, Outcome.NOT_IDEMPOTENT)


@dataclass(frozen=True)
class Pod:
    """A pod, as far as it matters to whoever drains its node."""

    name: str  # with its namespace
    uid: str
    controller: str  # kind of the object that makes it anew, or nothing
    mirror: bool  # of a static pod, which is kubelet's own
    local: bool  # has data in an emptyDir
    over: bool
    ending: bool
    ready: bool

    @property
    def moves(self) -> bool:
        """Whether it has to leave; what a DaemonSet makes, or kubelet itself, belongs to the node."""
        return not (self.mirror or self.over or self.controller == "DaemonSet")


def keep_pod(pod: Object) -> Pod:
    """Return of a Pod what draining needs."""
    meta, status = pod["metadata"], pod.get("status", {})
    owners = [owner["kind"] for owner in meta.get("ownerReferences", ()) if owner.get("controller")]
    return Pod(
        f"{meta['namespace']}/{meta['name']}",
        meta.get("uid", ""),
        next(iter(owners), ""),
        "kubernetes.io/config.mirror" in meta.get("annotations", {}),
        any("emptyDir" in volume for volume in pod["spec"].get("volumes", ())),
        status.get("phase") in ("Succeeded", "Failed"),
        "deletionTimestamp" in meta,
        any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())),
    )


def is_node(host: Host) -> bool:
    """Whether a host is part of a cluster, so that there may be pods on it; who cannot say is taken for one."""
    host.look([FILES])
    try:
        return member(host.facts[FILES])
    except CouldNotLook:
        return True


def owed(node: Object) -> str:
    """Return the requirement for which we have cordoned a node that still is; nothing where it was somebody else.

    An annotation outlives an uncordon by hand, so whoever set the field last has to be us, too.
    """
    meta = node["metadata"]
    owners = {
        entry.get("manager")
        for entry in meta.get("managedFields", ())
        if "f:unschedulable" in (entry.get("fieldsV1") or {}).get("f:spec", {})
    }
    ours = MANAGER in owners if owners else True
    return meta.get("annotations", {}).get(CORDONED_FOR, "") if node["spec"].get("unschedulable") and ours else ""


def left(cluster: Cluster, say: Callable[[str], None]) -> frozenset[str]:
    """Return the requirements for which an earlier run has left a node cordoned."""
    if not cluster.present:
        return frozenset()
    try:
        api = cluster.api()
    except CouldNotLook:  # there is no cluster yet
        return frozenset()
    try:
        return frozenset(api.list("/api/v1/nodes", owed)) - {""}
    except CouldNotLook as error:
        say(f"whether an earlier run has left nodes cordoned is not known: {redact(str(error))}")
        return frozenset()


class Drain:
    """One node that a remedy finds empty, and that takes pods again when all is well.

    Args:
        requirement: the id of what is remedied.
        run: the run's id, by which a later run knows the node that this one could not uncordon.
        apply: do it; otherwise only say what would be done.
        destructive: let pods go whose data, or who themselves, do not come back.
        say: takes a line that tells what is waited for.
    """

    def __init__(
        self, cluster: Cluster, host: Host, requirement: str, *, run: str, apply: bool, destructive: bool,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.actions: list[Action] = []
        self._cluster, self._host, self._requirement = cluster, host, requirement
        self._run, self._apply, self._destructive, self._say = run, apply, destructive, say
        self._name = ""
        self._ours = False  # to uncordon
        self._ready = False  # before anything was done
        self._idle: set[str] = set()  # static pods that were not ready before
        self._change: Change | None = None

    def around(self, remedy: Remedy, hand: Callable[[], Any]) -> Remedy:
        """Return the remedy with the draining before it, and with the wait for the node after it.

        Args:
            hand: makes a hand that only plans: a remedy that refuses, or finds nothing to do, costs no pod its place.
        """

        def fix(change: Change, spec: Any, facts: Any) -> None:
            rehearsal = hand()
            remedy.fix(rehearsal, spec, facts)
            if rehearsal.actions and not self._name:
                self._begin()
            if change.apply:
                self._change = change
            remedy.fix(change, spec, facts)
            if change.apply and change.actions:
                self._settle()

        return replace(remedy, fix=fix)

    def finish(self, result: Result) -> Result:
        """Return the result with what was done to the node, which is uncordoned if that is ours and all is well."""
        result.actions = [*self.actions, *result.actions]
        if not self._ours:
            return result
        undone = self._change is None or not self._change.actions or self._change.record.undone
        if not self._apply:
            result.actions.append(self._uncordoning())
        elif self._host.gone:
            result.note(self._left_cordoned("its host is gone"))
        elif result.outcome not in _GREEN and not undone:
            result.note(self._left_cordoned("it may be half changed"))
        else:
            self._take_back(result)
        return result

    def resume(self, result: Result) -> Result:
        """Return the result of what holds again, with the node uncordoned that a run before has left for its sake."""
        try:
            self._find()
            node = self._read()
            if owed(node) != self._requirement:
                return result
        except (ChangeFailed, CouldNotLook, Unreachable) as error:
            self._say(f"whether {self._host.id} is still cordoned by an earlier run is not known: {redact(str(error))}")
            return result
        found = f"cordoned by trueup's run {node['metadata']['annotations'].get(CORDONED_BY, '')}"
        result.deviations = [Deviation("schedulable", found, f"node {self._name}", "effective")]
        result.outcome = Outcome.FIXED if self._apply else Outcome.FAILED
        if self._apply:
            self._take_back(result)
        else:
            result.actions = [self._uncordoning()]
        return result

    def _take_back(self, result: Result) -> None:
        try:
            if self._change and self._change.actions and result.outcome not in _GREEN:
                self._settle()  # it is as before: kubelet has to say so
            self._uncordon()
        except (ChangeFailed, CouldNotLook) as error:
            result.outcome = Outcome.FIX_FAILED
            result.note(self._left_cordoned(redact(str(error))))
        else:
            result.actions = [*result.actions, self._uncordoning()]

    def _uncordoning(self) -> Action:
        return Action("uncordon", self._name, f"uncordon {self._name}")

    def _left_cordoned(self, why: str) -> str:
        again = f"--fix uncordons it once {self._requirement} holds, or `kubectl uncordon {self._name}`"
        return f"node {self._name} is left cordoned: {why}; {again}"

    def _begin(self) -> None:
        """Empty the node, or only say what that would be.

        Raises:
            ChangeFailed: it must not be, or could not be in time; says which pods and budgets are in the way.
            CouldNotLook: the API went away in the middle.
        """
        if missing := self._cluster.missing:
            raise ChangeFailed(
                f"{', '.join(missing)} did not come back: no node is drained in this run any more; nothing was changed"
            )
        self._find()
        node, present = self._read(), self._present()
        pods = [pod for pod in present if pod.moves]
        if why := self._precious(pods):
            raise ChangeFailed(f"node {self._name} is not drained: {why}; nothing was changed")
        self._ready = parse_nodes([keep_node(node)])[0].ready == "True"
        self._idle = _idle(present)
        stays = bool(node["spec"].get("unschedulable")) and owed(node) != self._requirement
        summary = f"drain {self._name} first: {len(pods)} pod{'' if len(pods) == 1 else 's'}"
        summary += "; it is cordoned already, and stays so" if stays else ""
        self.actions = [Action("drain", self._name, summary, "".join(f"-{pod.name}\n" for pod in pods))]
        if self._apply:
            self._ours = self._cordon()
            self._empty()
        else:
            self._ours = not stays

    def _api(self) -> Api:
        return self._cluster.api()  # another one where the way there was lost

    def _find(self) -> None:
        """Learn the name of the host's node."""
        try:
            own = ask(self._host.transport, SELF, self._host.timeout)
            nodes = parse_nodes(self._api().list("/api/v1/nodes", keep_node))
        except CouldNotLook as error:
            raise ChangeFailed(
                f"this host is part of a cluster, and pods on it are not disturbed undrained: {error}; "
                "nothing was changed"
            ) from None
        if (node := own.among(nodes)) is None:
            raise ChangeFailed(
                f"this host is part of a cluster, but of {', '.join(n.name for n in nodes) or 'no node'} that the API "
                "has none is it: whose it is, and what runs on it, is not for a guess; nothing was changed"
            )
        self._name = node.name

    def _read(self) -> Object:
        node: Object | None = self._api().get(f"/api/v1/nodes/{self._name}")
        if node is None:
            raise ChangeFailed(f"node {self._name} is gone")
        return node

    def _present(self) -> list[Pod]:
        """Return the pods on the node, as the API has them now."""
        api = self._api()
        api.begin()
        return api.list("/api/v1/pods", keep_pod, fieldSelector=f"spec.nodeName={self._name}")

    def _precious(self, pods: Iterable[Pod]) -> str:
        """Return what would be lost with pods, unless the operator allows that: kubectl drain has the same rules."""
        if self._destructive:
            return ""
        alone = [pod.name for pod in pods if not pod.controller]
        local = [pod.name for pod in pods if pod.local and pod.controller]
        words = [f"nothing would make {_some(alone)} anew"] if alone else []
        words += [f"{_some(local)} would lose the data in an emptyDir"] if local else []
        return "; ".join([*words, "see to it, or allow it by --fix-allow=destructive"]) if words else ""

    def _cordon(self) -> bool:
        """Let no pod come any more, and return whether it is for us to let them again."""
        notes = {CORDONED_BY: self._run, CORDONED_FOR: self._requirement}
        while not (node := self._read())["spec"].get("unschedulable"):
            if self._patch(node, True, notes):
                return True
        return owed(node) == self._requirement

    def _uncordon(self) -> None:
        while owed(node := self._read()) == self._requirement:
            if self._patch(node, None, {CORDONED_BY: None, CORDONED_FOR: None}):
                return

    def _patch(self, node: Object, unschedulable: bool | None, notes: Object) -> bool:
        """Return whether the node was as it had been read, and so could be changed."""
        version = node["metadata"].get("resourceVersion")
        body = {
            "metadata": {"annotations": notes} | ({"resourceVersion": version} if version else {}),
            "spec": {"unschedulable": unschedulable},
        }
        try:
            self._api().write("PATCH", f"/api/v1/nodes/{self._name}", body, kind=_MERGE)
        except ApiError as error:
            if error.status == _CONFLICT:
                return False
            raise ChangeFailed(f"node {self._name}: {redact(str(error))}") from None
        return True

    def _empty(self) -> None:
        """Evict pods, and wait until they are gone."""
        seconds = self._host.spec.kube.drain.seconds
        until, pause, said = time.monotonic() + seconds, _PAUSE, ""
        version = self._eviction()
        while pods := [pod for pod in self._present() if pod.moves]:
            if why := self._precious(pods):
                raise ChangeFailed(f"node {self._name} is not drained: {why}")
            whys = [f"{pod.name} {'does not end' if pod.ending else self._evict(pod, version)}" for pod in pods]
            words = _some(whys, "; ")
            if time.monotonic() >= until:
                unready = "" if self._ready else "; the node was not Ready before, so that kubelet may end none"
                raise ChangeFailed(f"node {self._name} could not be drained in {seconds:g} s: {words}{unready}")
            if words != said:
                self._say(f"draining {self._name}: {words}")
            said = words
            time.sleep(min(pause, max(until - time.monotonic(), 0)))
            pause = min(pause * 1.5, _LONGEST)

    def _eviction(self) -> str:
        """Return the version of evictions that the server takes, which it says beside the subresource."""
        served = (self._api().get("/api/v1") or {}).get("resources", [])
        for each in served:
            if each["name"] == "pods/eviction":
                return f"{each.get('group', 'policy')}/{each.get('version', 'v1')}"
        raise ChangeFailed("the API server evicts no pods: it serves no pods/eviction")

    def _evict(self, pod: Pod, version: str) -> str:
        """Ask a pod to end, and return what came of it."""
        namespace, _, name = pod.name.partition("/")
        body = {
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": pod.uid}},  # not its successor of the same name, elsewhere
        }
        try:
            self._api().write("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body, patient=False)
        except ApiError as error:
            words = redact(str(error))
            if 400 <= error.status < 500 and error.status not in (_GONE, _CONFLICT, _BUDGET):
                raise ChangeFailed(f"evict {pod.name}: {words}") from None
            return f"is gone ({words})" if error.status == _GONE else f"may not be evicted: {words}"
        return "is asked to end"

    def _settle(self) -> None:
        """Wait until the node and its static pods are ready again, by what kubelet has said since.

        The next control plane may have its turn after that: etcd keeps its majority.

        Raises:
            ChangeFailed: it is not by the profile's ``wait``.
        """
        if not self._ready:
            return
        until, pause, first = time.monotonic() + self._host.spec.wait, _PAUSE, None
        while True:
            try:
                renewed, why = self._pulse()
                first = first or renewed
                if not why and renewed != first:
                    return
                why = why or "kubelet has not renewed its lease"
            except (ChangeFailed, CouldNotLook) as error:
                why = redact(str(error))
            if time.monotonic() >= until:
                raise ChangeFailed(f"node {self._name} is not Ready after {self._host.spec.wait:g} s: {why}")
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)

    def _pulse(self) -> tuple[str, str]:
        """Return when kubelet has last renewed its lease, and why the node is not as ready as it was, if it is not."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{self._name}"
        lease = self._api().get(path) or {"spec": {}}
        node = parse_nodes([keep_node(self._read())])[0]
        idle = ", ".join(sorted(_idle(self._present()) - self._idle))
        why = f"{idle} not ready" if idle else ""
        return lease["spec"].get("renewTime", ""), why if node.ready == "True" else f"{node.ready}: {node.why}"


def _idle(pods: Iterable[Pod]) -> set[str]:
    """Return the static pods that are not ready."""
    return {pod.name for pod in pods if pod.mirror and not pod.ready}


def _some(names: list[str], between: str = ", ") -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return between.join(names[:_NAMED]) + more
