"""Drains a node before a remedy that disturbs its pods, and uncordons it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from trueup.errors import ChangeFailed, CouldNotLook, Unreachable, some
from trueup.facts.kube.preflight import FILES, member
from trueup.model.claims import Deviation
from trueup.nodes.node import CORDONED_BY, Node, Pod, cordoned, owed
from trueup.redact import redact
from trueup.results.action import Action, later
from trueup.results.result import Outcome, Result
from trueup.waiting import Patience

if TYPE_CHECKING:
    from trueup.change import Change
    from trueup.hosts.cluster import Cluster
    from trueup.hosts.host import Host
    from trueup.model.catalog import Remedy

_GREEN = (Outcome.PASSED, Outcome.FIXED, Outcome.NOT_IDEMPOTENT)


def is_node(host: Host) -> bool:
    """Whether a host is part of a cluster and may have pods; assumed if the fact is missing."""
    host.gather([FILES])
    try:
        return member(host.facts[FILES])
    except CouldNotLook:
        return True


def left(cluster: Cluster, say: Callable[[str], None]) -> frozenset[str]:
    """Return the requirements for which an earlier run left a node cordoned."""
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
    """Drains one node for a remedy, and uncordons it if the requirement holds.

    Args:
        requirement: the id of the requirement to remedy.
        run: the run's id; a later run finds by it a node that this one left cordoned.
        apply: drain; otherwise only record the action.
        destructive: also evict pods that would not be recreated, or would lose data.
        say: prints a line of progress.
    """

    def __init__(
        self, cluster: Cluster, host: Host, requirement: str, *, run: str, apply: bool, destructive: bool,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.actions: list[Action] = []
        self._cluster, self._host, self._requirement = cluster, host, requirement
        self._run, self._apply, self._destructive, self._say = run, apply, destructive, say
        self._node: Node | None = None
        self._ours = False  # the node to uncordon
        self._ready = False  # before anything was done
        self._idle: set[str] = set()  # static pods that were not ready before
        self._change: Change | None = None

    def around(self, remedy: Remedy, verbs: Callable[[], Any]) -> Remedy:
        """Return the remedy, preceded by the drain and followed by the wait for the node.

        Args:
            verbs: makes verbs that only plan: if the remedy fails or changes nothing, no pod is evicted.
        """

        def fix(change: Change, spec: Any, facts: Any) -> None:
            rehearsal = verbs()
            remedy.fix(rehearsal, spec, facts)
            if rehearsal.actions and self._node is None and change.apply == self._apply:
                self._begin()
            if change.apply:
                self._change = change
            remedy.fix(change, spec, facts)
            if change.apply and change.actions and self._node:
                self._settle(self._node)

        return replace(remedy, fix=fix)

    def finish(self, result: Result) -> Result:
        """Uncordon the node if we cordoned it and the requirement holds; return the result with the actions."""
        result.actions = [*self.actions, *result.actions]
        if not self._ours or self._node is None:
            return result
        undone = self._change is None or not self._change.actions or self._change.record.undone
        if not self._apply:
            result.actions.append(_uncordoning(self._node))
        elif self._host.gone:
            result.note(self._left_cordoned(self._node, "its host is gone"))
        elif result.outcome not in _GREEN and not undone:
            result.note(self._left_cordoned(self._node, "it may be half changed"))
        else:
            self._take_back(self._node, result)
        return result

    def resume(self, result: Result) -> Result:
        """Uncordon a node that an earlier run left cordoned for this requirement; return the result with the action."""
        try:
            node = Node.of(self._cluster, self._host)
            now = node.read()
        except (ChangeFailed, CouldNotLook, Unreachable) as error:
            self._say(f"whether {self._host.id} is still cordoned by an earlier run is not known: {redact(str(error))}")
            return result
        if owed(now) != self._requirement:
            return result
        found = f"cordoned by trueup's run {now['metadata']['annotations'].get(CORDONED_BY, '')}"
        result.deviations = [Deviation("schedulable", found, f"node {node.name}", "effective")]
        result.outcome = Outcome.FIXED if self._apply else Outcome.FAILED
        if self._apply:
            self._take_back(node, result)
        else:
            result.actions = [_uncordoning(node)]
        return result

    def _take_back(self, node: Node, result: Result) -> None:
        try:
            if self._change and self._change.actions and result.outcome not in _GREEN:
                self._settle(node)  # undone: wait until kubelet reports ready
            if node.uncordon(self._requirement):
                result.actions = [*result.actions, _uncordoning(node)]
        except (ChangeFailed, CouldNotLook) as error:
            result.outcome = Outcome.FIX_FAILED
            result.note(self._left_cordoned(node, redact(str(error))))

    def _left_cordoned(self, node: Node, why: str) -> str:
        again = f"--fix uncordons it once {self._requirement} holds, or `kubectl uncordon {node.name}`"
        return f"node {node.name} is left cordoned: {why}; {again}"

    def _begin(self) -> None:
        """Drain the node, or only record the action.

        Raises:
            ChangeFailed: not allowed, or not in time; names the pods and budgets that prevent it.
            CouldNotLook: the API stopped answering.
        """
        if missing := self._cluster.missing:
            raise ChangeFailed(
                f"{', '.join(missing)} did not come back: no node is drained in this run any more; nothing was changed"
            )
        node = Node.of(self._cluster, self._host)
        now, present = node.read(), node.present()
        pods = [pod for pod in present if pod.moves]
        if why := self._precious(pods):
            raise ChangeFailed(f"node {node.name} is not drained: {why}; nothing was changed")
        self._node, self._ready, self._idle = node, not node.pulse()[1], _idle(present)
        self._ours = not cordoned(now) or owed(now) == self._requirement
        count = f"{len(pods)} pod{'' if len(pods) == 1 else 's'}"
        summary = f"drain {node.name} first {f'({count})' if self._apply else later(f'{count} now')}"
        summary += "" if self._ours else "; it is cordoned already, and stays so"
        self.actions = [Action("drain", node.name, summary, "".join(f"-{pod.name}\n" for pod in pods))]
        if self._apply:
            node.cordon(self._run, self._requirement)
            self._empty(node)

    def _precious(self, pods: Iterable[Pod]) -> str:
        """Return why pods must not be evicted, by the rules of kubectl drain; empty with --fix-allow=destructive."""
        if self._destructive:
            return ""
        alone = [pod.name for pod in pods if not pod.controller]
        local = [pod.name for pod in pods if pod.local and pod.controller]
        words = [f"nothing would make {some(alone)} anew"] if alone else []
        words += [f"{some(local)} would lose the data in an emptyDir"] if local else []
        return "; ".join([*words, "see to it, or allow it by --fix-allow=destructive"]) if words else ""

    def _empty(self, node: Node) -> None:
        """Evict the pods, and wait until they are gone."""
        patience, said = Patience(self._host.spec.kube.drain.seconds), ""
        while pods := [pod for pod in node.present() if pod.moves]:
            if why := self._precious(pods):
                raise ChangeFailed(f"node {node.name} is not drained: {why}")
            whys = [f"{pod.name} {'does not end' if pod.ending else node.evict(pod)}" for pod in pods]
            words = some(whys, "; ")
            if ended := patience.ended:
                unready = "" if self._ready else "; the node was not Ready before, so that kubelet may end none"
                raise ChangeFailed(f"node {node.name} could not be drained {ended}: {words}{unready}")
            if words != said:
                self._say(f"draining {node.name}: {words}")
            said = words
            patience.rest()

    def _settle(self, node: Node) -> None:
        """Wait until kubelet reports, after the change, that the node and its static pods are ready.

        Only then may the next control plane be changed, so that etcd keeps its quorum.

        Raises:
            ChangeFailed: not ready within the profile's ``wait``.
        """
        if not self._ready:  # a node that was not Ready before need not become Ready
            return
        patience, first = Patience(self._host.spec.wait), ""
        while True:
            try:
                renewed, why = node.pulse()
                first = first or renewed
                idle = ", ".join(sorted(_idle(node.present()) - self._idle))
                why = why or (f"{idle} not ready" if idle else "")
                if not why and renewed != first:
                    return
                why = why or "kubelet has not renewed its lease"
            except (ChangeFailed, CouldNotLook) as error:
                why = redact(str(error))
            if ended := patience.ended:
                raise ChangeFailed(f"node {node.name} did not become Ready {ended}: {why}")
            patience.rest()


def _uncordoning(node: Node) -> Action:
    return Action("uncordon", node.name, f"uncordon {node.name}")


def _idle(pods: Iterable[Pod]) -> set[str]:
    """Return the static pods that are not ready."""
    return {pod.name for pod in pods if pod.mirror and not pod.ready}
