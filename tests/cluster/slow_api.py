"""A slow HTTP proxy in front of an API server: ``slow_api.py PORT URL ADMIN_CONF SECONDS LOG``."""

from __future__ import annotations

import base64
import http.client
import ssl
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ruamel.yaml import YAML


def context(admin_conf: Path) -> ssl.SSLContext:
    """Return the TLS context of an administrator's kubeconfig."""
    config = YAML(typ="safe").load(admin_conf)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    made = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:
        for key in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[key]))
        pair.flush()
        made.load_cert_chain(pair.name)
    return made


def main(port: str, server: str, admin_conf: str, seconds: str, log: str) -> None:
    """Serve until killed: log the path of each GET, wait, and forward it."""
    tls, asked = context(Path(admin_conf)), Path(log)

    class Slow(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with asked.open("a") as rows:
                rows.write(f"{self.path}\n")
            time.sleep(float(seconds))
            upstream = http.client.HTTPSConnection(server, context=tls, timeout=60)
            upstream.request("GET", self.path, headers={"Accept": self.headers["Accept"] or "*/*"})
            answer = upstream.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type", "text/plain"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    ThreadingHTTPServer(("127.0.0.1", int(port)), Slow).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
