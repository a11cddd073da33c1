"""Shell text that makes keys and certificates with a host's own openssl; a private key never leaves that host.

Only text, as in :mod:`trueup.shell.scripts`. It contains no key or other secret, not even as a program's argument.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from trueup.profiles.keys.registry import Issued, PrivateKey, ServerCertificate
from trueup.shell import scripts

_AUTHORITY = (
    "basicConstraints = critical, CA:TRUE",
    "keyUsage = critical, keyCertSign, cRLSign",
    "subjectKeyIdentifier = hash",
)


def authority(wanted: Issued, kept: tuple[str, str]) -> str:
    """Return text that makes an authority; it fails if the certificate or the key exists already."""
    certificate, key = shlex.quote(wanted.certificate), shlex.quote(wanted.private_key)
    return f"""for path in {certificate} {key}; do
  [ ! -e "$path" ] || {{ echo "$path is there: an authority is never replaced"; exit 75; }}
done
{_stage(wanted)}
{_new_key(wanted.key)}
{_config(wanted, _AUTHORITY)}
openssl req -new -x509 -{wanted.hash} -days {wanted.days} -set_serial "0x$(openssl rand -hex 16)" \\
  -config "$stage/config" -extensions v3 -key "$stage/key" -out "$stage/certificate"
{_place(kept)}"""


def server(wanted: ServerCertificate, ca: Issued, kept: tuple[str, str]) -> str:
    """Return text that makes a key, signs its certificate with the authority on this host, and installs both."""
    return f"""{_stage(wanted)}
{request(wanted)}
openssl x509 -req -{wanted.hash} -days {wanted.days} -set_serial "0x$(openssl rand -hex 16)" \\
  -CA {shlex.quote(ca.certificate)} -CAkey {shlex.quote(ca.private_key)} -passin pass: \\
  -extfile "$stage/config" -extensions v3 -in "$stage/request" -out "$stage/certificate"
openssl verify -CAfile {shlex.quote(ca.certificate)} "$stage/certificate"
{_place(kept)}"""


def waiting(wanted: ServerCertificate, directory: str) -> str:
    """Return text that makes a key and its certificate request, and leaves both in a directory."""
    return f"""umask 077
stage={shlex.quote(directory)}
mkdir -p "$stage"
{request(wanted)}"""


def signed(wanted: ServerCertificate, directory: str, certificate: str, kept: tuple[str, str]) -> str:
    """Return text that installs the key from a directory, and the certificate that was made from its request."""
    return f"""waits={shlex.quote(directory)}
{_stage(wanted)}
cp -p "$waits/key" "$stage/key"
cat >"$stage/certificate" <<'TRUEUP-CERTIFICATE'
{certificate}TRUEUP-CERTIFICATE
{_place(kept)}
rm -rf "$waits"
"""


def request(wanted: ServerCertificate) -> str:
    """Return text that makes a key and its certificate request in ``$stage``."""
    names = [*(f"DNS:{name}" for name in wanted.dns), *(f"IP:{address}" for address in wanted.ip)]
    extensions = {
        "basicConstraints": "CA:FALSE",
        "keyUsage": ", ".join(wanted.key_usage),
        "extendedKeyUsage": ", ".join(wanted.extended_key_usage),
        "subjectAltName": ", ".join(names),
        "subjectKeyIdentifier": "hash",
        "authorityKeyIdentifier": "keyid, issuer",
    }
    return f"""{_new_key(wanted.key)}
{_config(wanted, (f"{name} = {value}" for name, value in extensions.items() if value))}
openssl req -new -{wanted.hash} -config "$stage/config" -key "$stage/key" -out "$stage/request"
"""


def restore(wanted: Issued, kept: tuple[str, str]) -> str:
    """Return text that undoes the installation of a pair."""
    return "\n".join(f"({scripts.restore(path, old)})" for path, old in zip(_pair(wanted), kept, strict=True))


def unchanged(wanted: Issued, kept: tuple[str, str]) -> str:
    """Return text that fails if a file of the pair is neither the installed one nor the one from before."""
    return "\n".join(scripts.unchanged(path, old) for path, old in zip(_pair(wanted), kept, strict=True))


def _pair(wanted: Issued) -> tuple[str, str]:
    return wanted.certificate, wanted.private_key


def _stage(wanted: Issued) -> str:
    """Return text that makes a directory on the same file system as the pair, so that files can be renamed from it."""
    return f"""umask 077
certificate={shlex.quote(wanted.certificate)}; key={shlex.quote(wanted.private_key)}
for dir in "${{key%/*}}" "${{certificate%/*}}"; do
  [ -d "$dir" ] || (umask 022; mkdir -p "$dir")
  rm -rf "$dir"/.trueup.??????
done
stage=$(mktemp -d "$dir/.trueup.XXXXXX")
trap 'rm -rf "$stage"' EXIT"""


def _new_key(wanted: PrivateKey) -> str:
    kind = (
        f"RSA -pkeyopt rsa_keygen_bits:{wanted.bits}"
        if wanted.kind == "RSA"
        else f"EC -pkeyopt ec_paramgen_curve:P-{wanted.bits} -pkeyopt ec_param_enc:named_curve"
    )
    return f'openssl genpkey -algorithm {kind} -out "$stage/key"'


def _config(wanted: Issued, extensions: Iterable[str]) -> str:
    # The number keeps two parts of the same type apart; openssl ignores it.
    name = "\n".join(
        f"{n}.{kind} = {_escaped(value)}" for n, (kind, _, value) in enumerate(map(_split, wanted.subject))
    )
    body = "\n".join(extensions)
    return f"""cat >"$stage/config" <<'TRUEUP-CONFIG'
[req]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = name
[name]
{name}
[v3]
{body}
TRUEUP-CONFIG"""


def _split(part: str) -> tuple[str, str, str]:
    return part.partition("=")


def _escaped(value: str) -> str:
    return re.sub(r"([\\$#\"'`;])", r"\\\1", value)


# Two files cannot be renamed in one step. Both are complete and on disk before the first rename; the key goes first. If
# the machine goes down between the two renames, the pair does not match. Harbor still serves its own copy of the old
# pair, registry.tls.server.key fails, and the next --fix issues both again.
def _place(kept: tuple[str, str]) -> str:
    certificate, key = map(shlex.quote, kept)
    return f"""of_key=$(openssl pkey -in "$stage/key" -pubout)
[ "$(openssl x509 -in "$stage/certificate" -noout -pubkey)" = "$of_key" ] || {{ echo "not of that key"; exit 1; }}
chmod 600 "$stage/key"; chmod 644 "$stage/certificate"
{scripts.KEEPING}
mkdir -p "$(dirname {certificate})"
keep "$certificate" {certificate}
keep "$key" {key}
taken "$stage/certificate" {certificate}
taken "$stage/key" {key}
sync "$stage/key" "$stage/certificate"
mv -f "$stage/key" "$key"
mv -f "$stage/certificate" "$certificate"
sync "${{key%/*}}" "${{certificate%/*}}"
! command -v restorecon >/dev/null || restorecon "$key" "$certificate"
"""
