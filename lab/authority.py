"""The lab's certificate authority, and the registry's certificate."""

from pathlib import Path

from lab.cache import made
from lab.machine import run
from lab.network import SERVED, SERVICES

REQUEST = "openssl req -x509 -days 36500 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256"
CA = "-subj /CN=lab -addext keyUsage=critical,keyCertSign"
NAMES = ",".join([*(f"DNS:{name}" for name in SERVED), f"IP:{SERVICES}"])
SERVER = f"-subj /CN={SERVED[0]} -addext subjectAltName={NAMES} -addext basicConstraints=critical,CA:FALSE"


def authority(cache: Path) -> Path:
    """Return a directory with the CA's `ca.crt`, and the registry's `server.crt` and `server.key`."""

    def make(new: Path) -> None:
        ca, ca_key = new / "ca.crt", new / "ca.key"
        run(*REQUEST.split(), *CA.split(), "-out", ca, "-keyout", ca_key)
        signed = [*REQUEST.split(), *SERVER.split(), "-CA", str(ca), "-CAkey", str(ca_key)]
        run(*signed, "-out", new / "server.crt", "-keyout", new / "server.key")

    return made(cache, "authority", [REQUEST, CA, SERVER], make)
