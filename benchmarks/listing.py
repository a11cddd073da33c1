"""Measure time and memory to list a cluster of 5,000 nodes, against the same requests without trueup.

The API is a server in this script that returns pages of realistic Nodes and Leases; both sides read the same pages.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from trueup.facts.kube.nodes import LEASES, NODES
from trueup.hosts.fleet import Fleet
from trueup.hosts.inventory import Connection
from trueup.model import profile

NUMBER = 5000
PAGE = 500
ROUNDS = 5
PATHS = ("/api/v1/nodes", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")


def node(number: int) -> dict[str, Any]:
    """Return a Node of realistic size; most of it is the list of images."""
    name = f"node-{number:05}"
    images = [{"names": [f"registry.example/team/image-{i}@sha256:{'0' * 64}"], "sizeBytes": i} for i in range(50)]
    conditions = [
        {"type": kind, "status": "True" if kind == "Ready" else "False", "message": f"kubelet: {kind}"}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    ]
    return {
        "metadata": {"name": name, "labels": {f"example.com/label-{i}": "value" for i in range(20)}},
        "spec": {"podCIDR": "10.100.0.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}],
            "conditions": conditions,
            "nodeInfo": {"kubeletVersion": "v1.33.4", "containerRuntimeVersion": "containerd://2.1.3"},
            "images": images,
        },
    }


def serve(port: Any) -> None:
    """Serve prepared pages, so that the server's own work does not count."""
    pages: dict[tuple[str, str], bytes] = {}
    for first in range(0, NUMBER, PAGE):
        rest = str(first + PAGE) if first + PAGE < NUMBER else ""
        kinds = {
            PATHS[0]: [node(n) for n in range(first, first + PAGE)],
            PATHS[1]: [
                {"metadata": {"name": f"node-{n:05}"}, "spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
                for n in range(first, first + PAGE)
            ],
        }
        for path, items in kinds.items():
            answer = {"items": items, "metadata": {"continue": rest}}
            pages[path, str(first) if first else ""] = json.dumps(answer).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            page = pages.get((parts.path, parse_qs(parts.query).get("continue", [""])[0]), b"{}")
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.put(server.server_address[1])
    server.serve_forever()


def floor(port: int) -> None:
    """Read and parse the same pages, and nothing else."""
    pool = urllib3.PoolManager()
    for path in PATHS:
        token = ""
        while True:
            query = f"?limit={PAGE}" + (f"&continue={token}" if token else "")
            answer = json.loads(pool.request("GET", f"http://127.0.0.1:{port}{path}{query}").data)
            token = answer["metadata"]["continue"]
            if not token:
                break


def look(kubeconfig: Path) -> Fleet:
    """Read the cluster's facts as an audit does."""
    fleet = Fleet([], profile.load("base"), Connection(), kubeconfig=str(kubeconfig))
    fleet.cluster.gather([NODES, LEASES])
    assert len(fleet.cluster.facts[NODES]) == NUMBER
    assert len(fleet.cluster.facts[LEASES]) == NUMBER
    return fleet


def seconds(action: Any, *args: Any) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    action(*args)
    return time.perf_counter() - began


def main() -> None:
    """Measure both in turns, and print the ratio of each round."""
    port: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    number = port.get()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": f"http://127.0.0.1:{number}"}}],
        "users": [{"name": "it", "user": {}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as directory:
        kubeconfig = Path(directory, "kubeconfig")
        kubeconfig.write_text(json.dumps(config))
        look(kubeconfig).close()
        rounds = [(seconds(look, kubeconfig), seconds(floor, number)) for _ in range(ROUNDS)]
        tracemalloc.start()
        fleet = look(kubeconfig)
        kept, peak = tracemalloc.get_traced_memory()
        fleet.close()
    server.terminate()
    for ours, bare in rounds:
        print(f"trueup {ours:.2f} s, bare requests {bare:.2f} s, ratio {ours / bare:.2f}")
    ratio = statistics.median(ours / bare for ours, bare in rounds)
    print(f"median ratio {ratio:.2f} for {NUMBER} nodes and their leases")
    print(f"memory: {kept / 2**20:.0f} MiB kept, {peak / 2**20:.0f} MiB at most")


if __name__ == "__main__":
    main()
