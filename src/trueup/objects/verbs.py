"""The verbs for Kubernetes objects: server-side apply and patches, each with a server-side dry run first."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from trueup.errors import ChangeFailed
from trueup.hosts.cluster import Cluster
from trueup.journal.on_host import Entry, State
from trueup.journal.record import Draft, Record
from trueup.kubeapi.client import Api, ApiError, Object
from trueup.objects import state
from trueup.redact import digest, redact
from trueup.results.action import Action, later
from trueup.waiting import Patience

APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"  # the only patch type for custom resources
_GONE = (404, 409)
# kind to the name by which other objects refer to it
_FIRST: dict[str, Callable[[Object], str]] = {
    "Namespace": lambda manifest: str(manifest["metadata"]["name"]),
    "CustomResourceDefinition": lambda manifest: str(manifest["spec"]["group"]),
}


def altering(*resources: str) -> tuple[str, ...]:
    """Return the API rights of a remedy that alters such objects and may undo that."""
    return tuple(f"{verb} {each}" for each in resources for verb in ("patch", "update"))


def making(*resources: str) -> tuple[str, ...]:
    """Return the API rights of a remedy that creates or alters such objects and may undo that."""
    return tuple(f"{verb} {each}" for each in resources for verb in ("create", "patch", "update", "delete"))


class Objects:
    """Writes objects of a cluster with our own field manager."""

    def __init__(self, cluster: Cluster, *, apply: bool, record: Record, draft: Draft) -> None:
        self.apply = apply
        self.record = record
        self._draft = draft
        self._cluster = cluster

    @property
    def actions(self) -> list[Action]:
        """Return the recorded actions."""
        return self.record.actions

    def rollback(self) -> list[str]:
        """Undo the actions; see :class:`Record`."""
        return self.record.rollback()

    def api(self) -> Api:
        """Return the connection to the cluster.

        Raises:
            CouldNotLook: no connection.
        """
        return self._cluster.api()

    def put(self, *manifests: Object) -> None:
        """Apply manifests by server-side apply; fields that they do not name stay.

        The server dry-runs each one first, so that a refusal changes nothing.

        Raises:
            ChangeFailed: refused, in the server's words.
        """
        made: set[str] = set()  # objects whose dry run needs an earlier object
        untried = []
        for manifest in manifests:
            needs = {manifest["metadata"].get("namespace", ""), manifest["apiVersion"].partition("/")[0]}
            if made & needs:
                untried.append(manifest)
            else:
                self._write("PATCH", manifest, manifest, APPLY, dry=True)
            if manifest["kind"] in _FIRST and self.api().get(self._path(manifest)) is None:
                made.add(_FIRST[manifest["kind"]](manifest))
        for manifest in manifests:
            if manifest in untried and not self.apply:
                self._note(manifest, None, manifest)
            else:
                self._change(manifest, manifest, APPLY)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        patch: Object,
        *,
        namespace: str = "",
        why: str = "",
        varying: str = "",
    ) -> bool:
        """Patch an existing object by strategic merge, or a custom resource by a merge patch; return whether it
        changed. ``varying`` is text in the patch that differs each time.

        Raises:
            ChangeFailed: refused, in the server's words, or absent.
        """
        whom = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}
        builtin = "." not in api_version.partition("/")[0] or ".k8s.io/" in api_version
        return self._change(whom, patch, STRATEGIC if builtin else MERGE, why, varying)

    def restart(self, kind: str, name: str, namespace: str) -> None:
        """Restart the pods of a Deployment or DaemonSet, as ``kubectl rollout restart`` does."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        annotation = {"kubectl.kubernetes.io/restartedAt": now}
        patch = {"spec": {"template": {"metadata": {"annotations": annotation}}}}
        why = f"restart the pods of {kind} {name}"
        self.patch("apps/v1", kind, name, patch, namespace=namespace, why=why, varying=now)

    def _change(self, whom: Object, body: Object, how: str, why: str = "", varying: str = "") -> bool:
        live = self.api().get(self._path(whom))
        if live is None and how != APPLY:
            raise ChangeFailed(f"there is no {state.name(whom)}")
        planned = self._write("PATCH", whom, body, how, dry=True)
        if live is not None and state.significant(live) == state.significant(planned):
            return False
        action = self._note(whom, live, planned if live else whom, why, varying)
        if self.apply:
            self._do(action, live or whom, live is None, body, how)
        return True

    def _do(self, action: Action, whom: Object, new: bool, body: Object, how: str) -> None:
        before, stays = state.image(whom, new)
        entry = self.record.begin(self._cluster.id, replace(action, before=before, stays=stays), whole=True)
        self.record.undo_with(entry.place, partial(self._take_back, whom, new, entry))
        try:
            written = self._write("PATCH", whom, body, how)
        except ChangeFailed:
            self.record.mark(entry, State.FAILED)
            raise
        self.record.mark(entry, State.DONE, **({} if stays else {"before": {"left": state.form(written)}}))

    def _take_back(self, whom: Object, new: bool, entry: Entry) -> None:
        self.put_back(whom, new)
        for each in self.record.entries:
            if each.place == entry.place:
                self.record.mark(each, State.UNDONE)

    def _note(self, whom: Object, live: Object | None, planned: Object, why: str = "", varying: str = "") -> Action:
        name, old, new = state.name(whom), state.rows(live), state.rows(planned)
        if varying:
            new = [row.replace(varying, later("the time")) for row in new]
        rows = difflib.unified_diff(old, new, "live" if live else "/dev/null", name)
        # The server cannot dry-run on top of an earlier planned change.
        precondition = "" if (self._cluster.id, name) in self._draft else digest("".join(old))
        self._draft[self._cluster.id, name] = planned
        summary = why or f"{'change' if live else 'create'} {name}"
        action = Action("apply", name, summary, "".join(rows), undo=":", precondition=precondition)  # the API undoes it
        self.record.add(action)
        return action

    def _write(self, method: str, whom: Object, body: Object, how: str, *, dry: bool = False) -> Object:
        try:
            answer: Object = self.api().write(method, self._path(whom), body, kind=how, dry=dry)
        except ApiError as error:
            nothing = "; nothing was changed" if dry and not self.actions else ""
            raise ChangeFailed(f"{state.name(whom)}: {redact(str(error))}{nothing}") from None
        return answer

    def put_back(self, whom: Object, new: bool) -> None:
        """Delete an object that is new, or restore its previous state.

        Args:
            whom: the previous object, or the identity of the ``new`` one.

        Raises:
            ChangeFailed: refused, in the server's words, or not gone within the profile's ``wait``.
        """
        if new:
            self._delete(whom)
        else:
            self._restore(whom)

    def changed_since(self, whom: Object, new: bool, left: str) -> bool:
        """Whether an object differs from the one that a change left; a ``new`` one may be gone."""
        now = self.api().get(self._path(whom))
        return not new if now is None else state.form(now) != left

    def _delete(self, whom: Object) -> None:
        """Delete an object, and wait until it is gone; a namespace is emptied first."""
        try:
            self.api().write("DELETE", self._path(whom), None)
        except ApiError as error:
            if error.status not in _GONE:
                raise ChangeFailed(f"delete {state.name(whom)}: {redact(str(error))}") from None
        limit = Patience(self._cluster.spec.wait)
        while self.api().get(self._path(whom)) is not None:
            if limit.ended:
                raise ChangeFailed(f"delete {state.name(whom)}: it is being deleted, but not gone {limit.ended}")
            limit.rest()

    def _restore(self, before: Object) -> None:
        now = self.api().get(self._path(before)) or {"metadata": {}}
        again = copy.deepcopy(before)
        again["metadata"]["resourceVersion"] = now["metadata"].get("resourceVersion", "")
        again["metadata"].pop("managedFields", None)
        self._write("PUT", before, again, "application/json")

    def _path(self, whom: Object) -> str:
        meta = whom["metadata"]
        return self.api().path(whom["apiVersion"], whom["kind"], meta.get("namespace", ""), meta["name"])
