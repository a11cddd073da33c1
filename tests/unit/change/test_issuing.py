"""Keys and certificates on a scratch host, by its real openssl: made, signed in either place, kept, and put back."""

import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from scratch import Changes, Rooted

from trueup.errors import ChangeFailed
from trueup.facts.edge import issued_certificates
from trueup.facts.edge.certificate_files import FILES, Files, parse_files
from trueup.pki import signing
from trueup.profiles.keys.registry import Controller, Issued, PrivateKey, Registry, ServerCertificate, Tls

EC = PrivateKey(kind="EC", bits=256)
ODD = 'O=a "b" $HOME \\ #c; `d`, e = f'  # all that a configuration of openssl has a meaning for
PRIVATE = re.compile(r"PRIVATE KEY|^[A-Za-z0-9+/=]{60,}$", re.M)


@pytest.fixture
def wanted(tmp_path: Path) -> Registry:
    ca = Issued(
        certificate=f"{tmp_path}/pki of ours/ca.crt", private_key=f"{tmp_path}/private/ca.key", key=EC,
        subject=["C=CN", ODD, "OU=one", "OU=two", "CN=例 CA"],
    )  # fmt: skip
    server = ServerCertificate(
        certificate=f"{tmp_path}/pki of ours/server.crt", private_key=f"{tmp_path}/pki of ours/server.key", key=EC,
        subject=["O=example", "CN=harbor.example"], dns=["harbor.example"], ip=["10.0.0.5", "2001:db8::5"],
        key_usage=["digitalSignature", "keyEncipherment"], extended_key_usage=["serverAuth"],
    )  # fmt: skip
    return Registry(names=["harbor.example", "10.0.0.5", "2001:db8::5"], tls=Tls(ca=ca, server=server))


@pytest.fixture
def look(transport: Rooted) -> Callable[[Registry], Files]:
    def look(wanted: Registry) -> Files:
        from trueup.profiles.schema import Spec

        done = subprocess.run(
            ["sh", "-c", FILES.probe(Spec(registry=wanted))],
            capture_output=True,
            text=True,
            check=True,
        )
        return parse_files(done.stdout)

    return look


Look = Callable[[Registry], Files]


def test_an_authority_and_what_it_signs_are_as_the_profile_says(changes: Changes, wanted: Registry, look: Look) -> None:
    change = changes()
    change.authority(wanted.tls.ca)
    assert [*issued_certificates.authority(look(wanted), wanted)] == [None] * 4
    change.server_certificate(wanted.tls.server, wanted.tls.ca)
    found = look(wanted)
    assert not issued_certificates.due(found, wanted)
    assert found.server_key
    assert found.ca_key
    assert (found.server_key.mode, found.ca_key.mode) == (0o600, 0o600)
    assert ODD in found.ca.certificate.subject  # type: ignore[union-attr]
    said = "".join(f"{action.summary}{action.diff}{action.undo}" for action in change.actions)
    assert not PRIVATE.search(said)
    assert not [*Path(wanted.tls.server.certificate).parent.glob(".trueup*")]


def test_an_authority_is_never_replaced(changes: Changes, wanted: Registry) -> None:
    key = Path(wanted.tls.ca.private_key)
    key.parent.mkdir()
    key.write_text("precious")
    with pytest.raises(ChangeFailed, match="an authority is never replaced"):
        changes().authority(wanted.tls.ca)
    assert (key.read_text(), Path(wanted.tls.ca.certificate).exists()) == ("precious", False)


def pair(wanted: Registry) -> list[str]:
    return [Path(path).read_text() for path in (wanted.tls.server.certificate, wanted.tls.server.private_key)]


def test_a_new_pair_is_undone_by_the_old_one(changes: Changes, wanted: Registry, look: Look) -> None:
    first, second = changes(), changes()
    first.authority(wanted.tls.ca)
    first.server_certificate(wanted.tls.server, wanted.tls.ca)
    old = pair(wanted)
    second.server_certificate(wanted.tls.server, wanted.tls.ca)
    assert set(old).isdisjoint(pair(wanted))
    assert second.rollback() == []
    assert pair(wanted) == old
    assert first.rollback() == []
    found = look(wanted)  # once: the time is in it
    assert found == Files(found.now, None, None, None, None)


def test_what_cannot_be_signed_leaves_the_old_pair(changes: Changes, wanted: Registry, tmp_path: Path) -> None:
    changes().authority(wanted.tls.ca)
    changes().server_certificate(wanted.tls.server, wanted.tls.ca)
    old = pair(wanted)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-out", wanted.tls.ca.private_key], check=True)  # fmt: skip
    change = changes()
    with pytest.raises(ChangeFailed):
        change.server_certificate(wanted.tls.server, wanted.tls.ca)
    assert (pair(wanted), change.rollback(), pair(wanted)) == (old, [], old)
    assert not [*Path(wanted.tls.server.certificate).parent.glob(".trueup*")]


def by_controller(wanted: Registry, tmp_path: Path, changes: Changes) -> Registry:
    """Move the authority to where only the controller has it."""
    changes().authority(wanted.tls.ca)
    key = Path(wanted.tls.ca.private_key).rename(tmp_path / "controllers.key")
    given = Controller(certificate=wanted.tls.ca.certificate, private_key=str(key))
    return wanted.model_copy(
        update={"tls": wanted.tls.model_copy(update={"signing": "controller", "controller": given})}
    )


def test_the_controller_signs_a_request_and_sees_no_key(
    changes: Changes, wanted: Registry, tmp_path: Path, look: Look
) -> None:
    wanted = by_controller(wanted, tmp_path, changes)
    asked: list[str] = []

    def sign(request: str) -> str:
        asked.append(request)
        return signing.sign(request, wanted.tls.controller, wanted.tls.server)

    change = changes()
    change.server_certificate(wanted.tls.server, wanted.tls.ca, sign)
    assert not issued_certificates.due(look(wanted), wanted)
    assert "PRIVATE" not in asked[0]
    assert [*(tmp_path / "kept/incoming").iterdir()] == []
    done = subprocess.run(
        [
            "openssl",
            "verify",
            "-CAfile",
            wanted.tls.ca.certificate,
            "-verify_ip",
            "2001:db8::5",
            wanted.tls.server.certificate,
        ],
        check=False,
    )
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("rm {key}", "No such file"),
        ("echo x >{key}", "the profile's authority on the controller"),
        ("openssl pkey -in {key} -aes128 -passout pass:x -out {key}.x; mv {key}.x {key}", "the key has a passphrase"),
        ("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {key}", "is not the key of"),
    ],
)
def test_an_authority_of_the_controller_that_cannot_sign_changes_nothing(
    changes: Changes, wanted: Registry, tmp_path: Path, spoil: str, says: str
) -> None:
    wanted = by_controller(wanted, tmp_path, changes)
    subprocess.run(["sh", "-ec", spoil.format(key=wanted.tls.controller.private_key)], check=True)
    change = changes()
    with pytest.raises(ChangeFailed, match=says):
        change.server_certificate(
            wanted.tls.server,
            wanted.tls.ca,
            partial(signing.sign, given=wanted.tls.controller, wanted=wanted.tls.server),
        )
    assert change.rollback() == []
    assert not Path(wanted.tls.server.private_key).exists()
    assert [*(tmp_path / "kept/incoming").iterdir()] == []


def test_a_request_that_is_none_is_refused(changes: Changes, wanted: Registry, tmp_path: Path) -> None:
    wanted = by_controller(wanted, tmp_path, changes)
    with pytest.raises(ChangeFailed, match="the host's request for a certificate"):
        signing.sign("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n", wanted.tls.controller, wanted.tls.server)


def test_a_plan_makes_nothing(changes: Changes, wanted: Registry, tmp_path: Path) -> None:
    planned = changes(apply=False)
    planned.authority(wanted.tls.ca)
    planned.server_certificate(wanted.tls.server, wanted.tls.ca, lambda request: pytest.fail("nothing is signed"))
    assert [action.verb for action in planned.actions] == ["issue", "key", "issue"]
    assert not Path(wanted.tls.ca.certificate).parent.exists()


def test_a_mode_is_set_and_put_back_without_a_look_at_the_file(changes: Changes, tmp_path: Path) -> None:
    file = tmp_path / "a key"
    file.write_text("precious")
    file.chmod(0o644)
    change = changes()
    assert change.mode(str(file), "600")
    assert file.stat().st_mode & 0o777 == 0o600
    assert not change.mode(str(file), "600")
    assert not change.mode(str(tmp_path / "none"), "600")
    assert change.rollback() == []
    assert file.stat().st_mode & 0o777 == 0o644
