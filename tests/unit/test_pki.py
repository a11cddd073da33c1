"""Reading and verifying certificates, compared with openssl's verdict on the same files."""

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_certificates import authority, openssl, server

from trueup.pki import reading
from trueup.pki.certificate import Certificate, address, body, refused


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a good authority and some unusual ones."""
    made = tmp_path_factory.mktemp("pki")
    authority(made)
    authority(made, "other")
    authority(made, "none", basicConstraints="CA:FALSE")
    authority(made, "mute", keyUsage="digitalSignature")
    authority(made, "plain", keyUsage="", subjectKeyIdentifier="none")
    authority(made, "late")
    openssl(made, "x509", "-in", "late.crt", "-signkey", "late.key", "-days", "-1", "-out", "late.crt")
    return made


def later() -> datetime:
    """Return a time at which the new certificates are valid."""
    return datetime.now(UTC) + timedelta(seconds=2)


def read(pki: Path, name: str) -> Certificate:
    return reading.read((pki / f"{name}.crt").read_text())[0]


def test_what_openssl_wrote_is_read_by_type(pki: Path) -> None:
    server(pki, subjectAltName="DNS:harbor.example,IP:10.0.0.5,IP:2001:db8::5,DNS:10.0.0.6,URI:https://x,email:a@b.c")
    found, ca = read(pki, "server"), read(pki, "ca")
    assert (found.subject, found.issuer) == (("O=example", "CN=harbor.example"), ("O=example", "CN=example CA"))
    assert (found.dns, found.ip) == (("harbor.example", "10.0.0.6"), ("10.0.0.5", "2001:db8::5"))
    assert found.other == ("UniformResourceIdentifier:https://x", "RFC822Name:a@b.c")
    assert (found.kind, found.bits, found.hash, found.serial, found.days) == ("EC", 256, "sha512", "7", 3650)
    assert (found.authority, ca.authority) == (False, True)
    assert found.key_usage == ("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment")
    assert found.purposes == ("serverAuth",)
    assert found.issuer_key_id == ca.key_id != ""
    assert found.public == body(openssl(pki, "pkey", "-in", "server.key", "-pubout"))
    assert reading.read(found.pem) == (found,)


def test_what_is_not_in_it_is_told_from_what_is_empty(pki: Path) -> None:
    odd = ("basicConstraints", "keyUsage", "extendedKeyUsage", "subjectAltName", "authorityKeyIdentifier")
    server(pki, **dict.fromkeys(odd, ""))
    found = read(pki, "server")
    assert (found.authority, found.key_usage, found.purposes, found.names, found.issuer_key_id) == (
        None,
        None,
        None,
        [],
        "",
    )


# change to the server's certificate -> the requested name, and why it is refused, or an empty string
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "right": ({}, "harbor.example", ""),
    "upper case": ({}, "HARBOR.example", ""),
    "wildcard": ({}, "a.pull.example", ""),
    "two labels for one": ({}, "b.a.pull.example", "not for b.a.pull.example"),
    "none for one": ({}, "pull.example", "not for pull.example"),
    "address": ({}, "10.0.0.5", ""),
    "another name": ({}, "other.example", "it is for DNS:harbor.example, DNS:*.pull.example, IP:10.0.0.5, not for"),
    "another address": ({}, "10.0.0.6", "not for 10.0.0.6"),
    "address as name": ({"subjectAltName": "DNS:10.0.0.5"}, "10.0.0.5", "as a DNS name, not as an IP address"),
    "for clients": ({"extendedKeyUsage": "clientAuth"}, "harbor.example", "it is for clientAuth, not for servers"),
    "for nothing named": ({"extendedKeyUsage": "", "keyUsage": ""}, "harbor.example", ""),
    "an authority itself": ({"basicConstraints": "CA:TRUE"}, "harbor.example", ""),
    "another's": ({"ca": "other"}, "harbor.example", "its signature is not by the key of example CA"),
    "expired": ({"days": -1}, "harbor.example", "expired on"),
    "by no authority": ({"ca": "none"}, "harbor.example", "is no authority: basicConstraints"),
    "by one that may not": ({"ca": "mute"}, "harbor.example", "may not sign certificates: keyUsage"),
    "by one without identifier and usage": ({"ca": "plain", "authorityKeyIdentifier": ""}, "harbor.example", ""),
    "by an expired one": ({"ca": "late"}, "harbor.example", "expired on"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_client_takes_what_openssl_takes(pki: Path, case: str) -> None:
    odd, name, why = CASES[case]
    odd = dict(odd)
    signer = odd.get("ca", "ca")
    server(pki, **odd)
    trusted = "ca" if signer == "other" else signer
    said = refused([read(pki, "server")], [read(pki, trusted)], name, later())
    kind = "-verify_ip" if address(name) else "-verify_hostname"
    done = subprocess.run(
        ["openssl", "verify", "-purpose", "sslserver", "-CAfile", f"{trusted}.crt",
         kind, name, "server.crt"],
        cwd=pki, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (said == "") is (done.returncode == 0), (said, done.stderr)
    assert why in said
    assert bool(why) is bool(said)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        # openssl falls back to the common name, and verifies SHA-1; Go does neither
        ({"subjectAltName": ""}, "it has no subject alternative names, and clients ignore the common name"),
        ({"digest": "sha1"}, "signed over sha1, which clients refuse"),
    ],
)
def test_what_openssl_takes_and_containerd_does_not(pki: Path, odd: dict[str, Any], why: str) -> None:
    server(pki, **odd)
    assert why in refused([read(pki, "server")], [read(pki, "ca")], "harbor.example", later())


def test_a_certificate_for_any_purpose_is_for_servers_too_as_go_has_it(pki: Path) -> None:
    server(pki, extendedKeyUsage="anyExtendedKeyUsage")
    assert refused([read(pki, "server")], [read(pki, "ca")], "harbor.example", later()) == ""


def test_what_a_server_sends_along_leads_to_the_authority(pki: Path) -> None:
    server(pki, "middle", basicConstraints="CA:TRUE", keyUsage="keyCertSign", extendedKeyUsage="", subjectAltName="")
    middle = (pki / "middle.crt").read_text()
    openssl(pki, "req", "-new", "-subj", "/CN=leaf", "-key", "ca.key", "-out", "r", "-config", "bare.cnf")
    (pki / "e").write_text("subjectAltName=DNS:harbor.example\n")
    openssl(pki, "x509", "-req", "-sha256", "-days", "9", "-CA", "middle.crt", "-CAkey", "middle.key",
            "-set_serial", "9", "-extfile", "e", "-in", "r", "-out", "leaf.crt")  # fmt: skip
    leaf, now = read(pki, "leaf"), later()
    chain = [leaf, *reading.read(middle)]
    assert refused(chain, [read(pki, "ca")], "harbor.example", now) == ""
    assert "which is none of the authorities" in refused(chain[:1], [read(pki, "ca")], "harbor.example", now)
    assert refused(chain[:1], chain[:1], "harbor.example", now) == ""
    assert refused([*chain, *chain, *chain * 9], [], "harbor.example", now) != ""


PEM = """-----BEGIN CERTIFICATE-----
MIIBgzCCASmgAwIBAgIUeokWoGSxjiBJVa3PjikRRpFSBBMwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDbGFiMCAXDTI2MTEyNzA0MDUwMloYDzIxMjYxMTAzMDQwNTAy
WjAOMQwwCgYDVQQDDANsYWIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQr6KJM
-----END CERTIFICATE-----
"""


@given(text=st.text() | st.binary().map(lambda data: PEM.replace("MIIB", data.hex()[:400])) | st.just(PEM * 3))
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"no certificate in it|cut off|not a certificate"):
        reading.read(text)


@pytest.mark.parametrize("cut", range(20, 600, 80))
def test_one_that_is_cut_off_or_overlong_is_none(pki: Path, cut: int) -> None:
    whole = (pki / "ca.crt").read_text()
    with pytest.raises(ValueError, match=r"no certificate in it|cut off|not a certificate"):
        reading.read(whole[:cut])
    with pytest.raises(ValueError, match=r"no certificate in it|cut off|not a certificate"):
        reading.read(whole[:cut] + "A" * 300_000 + whole[cut:])
