"""The state of an object: for comparisons, for diffs, and for the journal."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from trueup.kubeapi.client import Object
from trueup.redact import HIDDEN, redact, secret

_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")  # the server's
_NOTES = (  # annotations that repeat the object, or count its changes
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.daemonset.template.generation",
    "deployment.kubernetes.io/revision",
)


def form(live: Object) -> str:
    """Return the object's generation, or a digest if it has none, to detect changes by others."""
    meta = live.get("metadata", {})
    if "generation" in meta:
        return f"{meta.get('uid', '')}/{meta['generation']}"
    own = significant(live)
    if own.get("kind") == "ServiceAccount":
        own.pop("secrets", None)  # tokens, which the cluster makes at any time
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def image(whom: Object, new: bool) -> tuple[dict[str, Any], str]:
    """Return the object's state for the journal, and why it cannot be restored from that (else empty)."""
    meta = whom["metadata"]
    name = {"apiVersion": whom["apiVersion"], "kind": whom["kind"]}
    name |= {"metadata": {"name": meta["name"], "namespace": meta.get("namespace", "")}}
    if new:
        return {"object": name, "absent": True}, ""
    whole, hidden = copy.deepcopy(whom), copy.deepcopy(whom)
    _walk(hidden, _hide)
    text = json.dumps(whole, indent=0)  # one key per line, as `redact` needs
    if whom["kind"] == "Secret" or redact(text) != text or hidden != whole:
        return {"object": name}, "it may contain a secret, which the journal does not keep"
    whole["metadata"].pop("managedFields", None)
    return {"object": whole}, ""


def name(whom: Object) -> str:
    meta = whom["metadata"]
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{whom['kind']} {place}{meta['name']}"


def significant(live: Object) -> Object:
    """Return an object without its status and the fields that only the server writes."""
    meta = {key: value for key, value in live.get("metadata", {}).items() if key not in _OWN}
    if any(key in (notes := meta.get("annotations", {})) for key in _NOTES):
        meta["annotations"] = {key: value for key, value in notes.items() if key not in _NOTES}
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": meta}


def rows(live: Object | None) -> list[str]:
    """Return an object as lines of YAML for a diff, its secrets hidden."""
    if live is None:
        return []
    shown = significant(copy.deepcopy(live))
    if shown["kind"] == "Secret":
        for part in ("data", "stringData"):
            shown.update({part: dict.fromkeys(shown[part], HIDDEN)} if part in shown else {})
    _walk(shown, _hide)
    text = StringIO()
    yaml = YAML()
    yaml.width = 200
    yaml.dump(shown, text)
    return text.getvalue().splitlines(keepends=True)


def _hide(node: Object) -> None:
    """Hide the value of an environment variable with a secret name."""
    if isinstance(node.get("name"), str) and isinstance(node.get("value"), str) and secret(node["name"]):
        node["value"] = HIDDEN


def _walk(node: Any, visit: Callable[[Object], None]) -> None:
    if isinstance(node, dict):
        visit(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _walk(child, visit)
