"""The state of an object: what is compared, what a diff shows, what a journal keeps."""

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
_NOTES = (  # annotations that say all again, or how often the object was changed
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.daemonset.template.generation",
    "deployment.kubernetes.io/revision",
)


def form(live: Object) -> str:
    """Return what tells whether somebody has changed an object: its generation, or a digest where it has none."""
    meta = live.get("metadata", {})
    if "generation" in meta:
        return f"{meta.get('uid', '')}/{meta['generation']}"
    own = significant(live)
    if own.get("kind") == "ServiceAccount":
        own.pop("secrets", None)  # tokens, which the cluster makes when it likes
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()


def image(whom: Object, new: bool) -> tuple[dict[str, Any], str]:
    """Return what a journal keeps of an object as it is, and why it cannot be put back by that, or nothing."""
    meta = whom["metadata"]
    name = {"apiVersion": whom["apiVersion"], "kind": whom["kind"]}
    name |= {"metadata": {"name": meta["name"], "namespace": meta.get("namespace", "")}}
    if new:
        return {"object": name, "absent": True}, ""
    whole, hidden = copy.deepcopy(whom), copy.deepcopy(whom)
    _walk(hidden, _hide)
    text = json.dumps(whole, indent=0)  # a line for each key, which is what `redact` goes by
    if whom["kind"] == "Secret" or redact(text) != text or hidden != whole:
        return {"object": name}, "it holds what may be secret, and so the journal does not keep it"
    whole["metadata"].pop("managedFields", None)
    return {"object": whole}, ""


def name(whom: Object) -> str:
    meta = whom["metadata"]
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{whom['kind']} {place}{meta['name']}"


def significant(live: Object) -> Object:
    """Return an object without what the server alone writes, and without its status."""
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
    """Hide the value of an environment variable whose name says that it is secret."""
    if isinstance(node.get("name"), str) and isinstance(node.get("value"), str) and secret(node["name"]):
        node["value"] = HIDDEN


def _walk(node: Any, visit: Callable[[Object], None]) -> None:
    if isinstance(node, dict):
        visit(node)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _walk(child, visit)
