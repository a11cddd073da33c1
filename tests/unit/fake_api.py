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
    port: int = 0

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
            return 200, {"resources": [*rows, {"kind": "Status", "name": "deployments/status", "namespaced": True}]}
        if method == "GET" and "limit" in query:
            self.lists.add(path)
            return 200, self.page(path, query)
        if method == "GET":
            found = self.objects.get(path)
            return (200, found) if found else (404, {"kind": "Status", "message": f"{path} not found"})
        if method == "DELETE":
            return (200, {}) if self.objects.pop(path, None) else (404, {"message": "not found"})
        if "/namespaces/" in path and path.count("/namespaces/") and path.split("/namespaces/")[1].count("/"):
            namespace = "/api/v1/namespaces/" + path.split("/namespaces/")[1].partition("/")[0]
            if namespace not in self.objects:
                return 404, {"message": f'namespaces "{namespace.rpartition("/")[2]}" not found'}
        merged = body if method == "PUT" else merge(self.objects.get(path, {}), body)
        if "dryRun" not in query:
            self.objects[path] = merged
        return 200, merged

    def page(self, path: str, query: dict[str, str]) -> Any:
        items = [self.objects[key] for key in sorted(self.objects) if key.startswith(f"{path}/")]
        first, limit = int(query.get("continue", 0)), int(query["limit"])
        rest = str(first + limit) if len(items) > first + limit else ""
        return {"items": items[first : first + limit], "metadata": {"continue": rest}}


def merge(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return copy.deepcopy(new)
    return {**old, **{key: merge(old.get(key), value) for key, value in new.items()}}


@contextmanager
def serving() -> Iterator[FakeApi]:
    """Serve an API on a free port of this machine until the block ends."""
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

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
