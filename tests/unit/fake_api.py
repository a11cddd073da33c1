"""A Kubernetes API of a few objects, by plain HTTP: pages, server-side apply, patches, dry runs, and bad moods."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

KINDS = {
    "/api/v1": {"Namespace": ("namespaces", False), "Node": ("nodes", False), "ConfigMap": ("configmaps", True)},
    "/apis/apps/v1": {"Deployment": ("deployments", True)},
}


@dataclass
class FakeApi:
    """What the API holds by path, what was asked of it, and how it behaves."""

    objects: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    mood: Callable[[str, str], int] = lambda method, path: 0  # a status to answer with in place of the answer
    lists: set[str] = field(default_factory=set)  # paths that were listed
    evict: Callable[[str], int] = lambda pod: 0  # a status to answer with where a pod is not to end
    port: int = 0
    lingers: int = 0  # how often an object that was deleted is still seen, as a namespace that is being emptied is
    leaving: dict[str, int] = field(default_factory=dict)

    def kubeconfig(self, directory: Path) -> Path:
        """Write a kubeconfig that leads here."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "fake", "user": {}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
            "current-context": "fake",
        }
        path = directory / "kubeconfig"
        path.write_text(json.dumps(document))
        return path

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        parts = urlsplit(url)
        path, query = parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.asked.append(f"{method} {path}" + (" dry" if "dryRun" in query else ""))
        if status := self.mood(method, path):
            return status, {"kind": "Status", "message": f"a mood of {status}"}
        if path == "/readyz":
            return 200, "ok"
        if path == "/version":
            return 200, {"gitVersion": "v1.33.4"}
        if path in KINDS and method == "GET":
            rows = [{"kind": k, "name": n, "namespaced": s} for k, (n, s) in KINDS[path].items()]
            parts = [
                {"kind": "Status", "name": "deployments/status", "namespaced": True},
                {
                    "kind": "Eviction",
                    "name": "pods/eviction",
                    "namespaced": True,
                    "group": "policy",
                    "version": "v1beta1",
                },
            ]
            return 200, {"resources": [*rows, *parts]}
        if method == "GET" and "limit" in query:
            self.lists.add(path)
            return 200, self.page(path, query)
        if method == "GET":
            if path in self.leaving:
                self.leaving[path] -= 1
                if self.leaving[path] < 0:
                    del self.leaving[path], self.objects[path]
            found = self.objects.get(path)
            return (200, found) if found else (404, {"kind": "Status", "message": f"{path} not found"})
        if method == "DELETE" and self.lingers and path in self.objects:
            self.leaving.setdefault(path, self.lingers)
            return 200, {}
        if method == "DELETE":
            return (200, {}) if self.objects.pop(path, None) else (404, {"message": "not found"})
        if method == "POST" and path.endswith("/eviction"):
            return self.eviction(path.removesuffix("/eviction"), body)
        if "/namespaces/" in path and path.count("/namespaces/") and path.split("/namespaces/")[1].count("/"):
            namespace = "/api/v1/namespaces/" + path.split("/namespaces/")[1].partition("/")[0]
            if namespace not in self.objects:
                return 404, {"message": f'namespaces "{namespace.rpartition("/")[2]}" not found'}
        merged = body if method == "PUT" else merge(self.objects.get(path, {}), body)
        if "unschedulable" in body.get("spec", {}):
            owned = [{"manager": query["fieldManager"], "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}]
            merged["metadata"]["managedFields"] = owned
        if "dryRun" not in query:
            self.objects[path] = merged
        return 200, merged

    def page(self, path: str, query: dict[str, str]) -> Any:
        base, _, kind = path.rpartition("/")  # of one namespace, or of all
        keys = [key for key in self.objects if key.startswith(f"{path}/")]
        keys += [key for key in self.objects if key.startswith(f"{base}/namespaces/") and key.split("/")[-2] == kind]
        items = [self.objects[key] for key in sorted({*keys})]
        if node := query.get("fieldSelector", "").removeprefix("spec.nodeName="):
            items = [item for item in items if item["spec"].get("nodeName") == node]
        first, limit = int(query.get("continue", 0)), int(query["limit"])
        rest = str(first + limit) if len(items) > first + limit else ""
        return {"items": items[first : first + limit], "metadata": {"continue": rest}}

    def eviction(self, path: str, body: Any) -> tuple[int, Any]:
        if path not in self.objects:
            return 404, {"message": "pod not found"}
        assert (body["apiVersion"], body["kind"]) == ("policy/v1beta1", "Eviction")
        assert body["deleteOptions"]["preconditions"]["uid"] == self.objects[path]["metadata"]["uid"]
        if status := self.evict(path.rpartition("/")[2]):
            causes = [{"reason": "DisruptionBudget", "message": "The disruption budget web-pdb needs 2 healthy pods"}]
            words = "Cannot evict pod as it would violate the pod's disruption budget."
            return status, {"message": words, "details": {"causes": causes}}
        del self.objects[path]
        return 201, {"kind": "Status", "status": "Success"}


def merge(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    merged = {**old, **{key: merge(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in merged.items() if value is not None}


@contextmanager
def serving(port: int = 0) -> Iterator[FakeApi]:
    """Serve an API on a port of this machine, a free one unless told, until the block ends."""
    api = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, answer = api.answer(self.command, self.path, json.loads(body) if body.strip() else None)
            if status < 0:  # hang up
                self.close_connection = True
                return
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = reply

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
