"""Certificates of one's own authority, right or odd in one way, as openssl makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

SUBJECT = "/O=example/CN=harbor.example"
AUTHORITY = "/O=example/CN=example CA"
RIGHT = {
    "basicConstraints": "CA:FALSE",
    "keyUsage": "digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment",
    "extendedKeyUsage": "serverAuth",
    "subjectAltName": "DNS:harbor.example,DNS:*.pull.example,IP:10.0.0.5",
    "authorityKeyIdentifier": "keyid",
}


def openssl(directory: Path, *args: str) -> str:
    """Run it in a directory, and return what it printed."""
    return subprocess.run(["openssl", *args], cwd=directory, check=True, capture_output=True, text=True).stdout


def key(directory: Path, name: str) -> None:
    """Make one, of a kind that is made in no time."""
    openssl(directory, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


def authority(directory: Path, name: str = "ca", *, days: int = 3650, **extensions: str) -> None:
    """Make an authority's pair."""
    key(directory, name)
    given = {"basicConstraints": "critical,CA:TRUE", "keyUsage": "keyCertSign,cRLSign"} | extensions
    added = [word for kind, value in given.items() if value for word in ("-addext", f"{kind}={value}")]
    openssl(
        directory, "req", "-x509", "-sha512", "-days", str(days), "-subj", AUTHORITY, "-key", f"{name}.key",
        "-out", f"{name}.crt", "-config", _bare(directory), *added,
    )  # fmt: skip


def server(
    directory: Path, name: str = "server", *, ca: str = "ca", days: int = 3650, digest: str = "sha512", **odd: str
) -> None:
    """Make a server's pair, which the authority has signed; an extension that is empty is left out."""
    key(directory, name)
    openssl(
        directory,
        "req",
        "-new",
        "-subj",
        SUBJECT,
        "-key",
        f"{name}.key",
        "-out",
        "request",
        "-config",
        _bare(directory),
    )
    rows = [f"{kind}={value}\n" for kind, value in (RIGHT | odd).items() if value]
    (directory / "extensions").write_text("".join(rows) or "\n")
    openssl(
        directory, "x509", "-req", f"-{digest}", "-days", str(days), "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key",
        "-set_serial", "7", "-extfile", "extensions", "-in", "request", "-out", f"{name}.crt",
    )  # fmt: skip


def _bare(directory: Path) -> str:
    path = directory / "bare.cnf"
    path.write_text("[req]\ndistinguished_name=name\n[name]\n")
    return str(path)
