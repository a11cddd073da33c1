"""Manifests: files of YAML documents, each an object of the Kubernetes API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from trueup.errors import UsageError

Object = dict[str, Any]
_PODS = {"Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}
_TEMPLATE = "spec", "template", "spec"  # the path of all other kinds with pods


def read(path: str, where: str = "") -> list[Object]:
    """Return the objects in a file, with each List flattened; ``where`` begins error messages.

    A port without a protocol gets TCP, the API's default.

    Raises:
        UsageError: unreadable, not YAML, or a document that is not an object; says file and line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}{path}: {error}") from None
    found: list[Object] = []
    try:
        for node in YAML(pure=True).compose_all(text):
            document = YAML(typ="safe", pure=True).constructor.construct_document(node)
            line = node.start_mark.line + 1
            if document is None:
                continue
            for each in document.get("items") or [] if _is_list(document) else [document]:
                if problem := _problem(each):
                    raise UsageError(f"{where}{path}:{line}: {problem}")
                for port in _ports(each):
                    # For servers before 1.21: https://github.com/kubernetes-sigs/structured-merge-diff/issues/183
                    port.setdefault("protocol", "TCP")
                found.append(each)
    except MarkedYAMLError as error:
        row = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{where}{path}:{row}: not YAML: {error.problem or error.context}") from None
    except (YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{where}{path}: not YAML: {' '.join(str(error).split())}") from None
    if not found:
        raise UsageError(f"{where}{path}: no manifest in it")
    return found


def _is_list(document: Any) -> bool:
    return isinstance(document, dict) and document.get("kind") == "List"


def _ports(manifest: Object) -> Iterator[Object]:
    """Yield the ports of a Service, or of the containers of pods."""
    pod = _PODS.get(manifest["kind"], _TEMPLATE)
    containers = [each for part in ("containers", "initContainers") for each in _items(manifest, *pod, part)]
    ports = [port for container in containers for port in _items(container, "ports")]
    if manifest["kind"] == "Service":
        ports = _items(manifest, "spec", "ports")
    yield from (port for port in ports if isinstance(port, dict))


def _items(node: Any, *path: str) -> list[Any]:
    """Return the list at a path; empty if absent."""
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node if isinstance(node, list) else []


def _problem(document: Any) -> str:
    """Return why a document cannot be applied as an object; empty if it can."""
    if not isinstance(document, dict):
        return "not a mapping"
    for key in ("apiVersion", "kind"):
        if not (isinstance(value := document.get(key), str) and value):
            return f"no {key}: not a manifest"
    meta = document.get("metadata")
    if not (isinstance(meta, dict) and isinstance(name := meta.get("name"), str) and name):
        return f"{document['kind']} without a metadata.name"
    try:
        json.dumps(document)
    except (TypeError, ValueError) as error:
        return f"{document['kind']} {meta['name']}: {error}; put it in quotes"  # a date, which JSON does not know
    return ""
