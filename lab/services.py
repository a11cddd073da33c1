"""The lab's services: files by HTTP, and an image registry over HTTP and TLS."""

import json
import sys
from pathlib import Path

from lab.authority import authority
from lab.cache import base
from lab.host import DETACH
from lab.images import images
from lab.machine import pids, run, wrap
from lab.network import MANAGEMENT, SERVICES
from lab.repository import repository

LISTENS = """for _ in $(seq 100); do { exec 3<>/dev/tcp/$0/$1; } 2>/dev/null && exit; sleep 0.05; done
echo "nothing listens at $0:$1, see $2" >&2; exit 1"""


def prepare(cache: Path) -> None:
    """Build everything that is served."""
    repository(cache)
    authority(cache)


def start(state: Path, cache: Path) -> None:
    """Serve the cache; running servers switch to new content at once."""
    run("ln", "-sfnT", repository(cache), state / "repository")
    run("ln", "-sfnT", images(cache) / "registry", state / "registry")
    server = [sys.executable, "-m", "http.server", "--bind", SERVICES, "--directory", str(state / "repository")]
    serve(state, "repository", 8000, [*server, "8000"])
    certificate = authority(cache)
    tls = {"certificate": f"{certificate}/server.crt", "key": f"{certificate}/server.key"}
    registry = str(base(cache) / "tools/usr/bin/docker-registry")
    for name, port, extra in ("registry-http", 5000, {}), ("registry-tls", 5443, {"tls": tls}):
        storage = {"filesystem": {"rootdirectory": f"{state}/registry"}, "maintenance": {"readonly": {"enabled": True}}}
        http = {"addr": f"{SERVICES}:{port}", "secret": "lab", **extra}
        config = state / f"{name}.yml"
        config.write_text(json.dumps({"version": "0.1", "storage": storage, "http": http}))
        serve(state, name, port, [registry, "serve", str(config)])


def serve(state: Path, name: str, port: int, command: list[str]) -> None:
    """Start a server on the management address unless it runs, and wait until it listens."""
    if not pids(name):
        log = f"{state}/{name}.log"
        run(*wrap(name, *DETACH, log, *MANAGEMENT, *command))
        run(*MANAGEMENT, "bash", "-c", LISTENS, SERVICES, str(port), log)
