"""Debian's mirror: apt's sources of the hosts' suite, from those of a machine that may have another."""

from pathlib import Path

import pytest
from debian.deb822 import Deb822

from lab import LabUnavailable, mirror

STANZAS = """# the installer's own
Types: deb deb-src
URIs: http://mirror.test/debian
Suites: trixie trixie-updates trixie-backports
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp

Types: deb
URIs: http://mirror.test/debian-security
Suites: trixie-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
Enabled: no
URIs: http://disabled.test/debian
Suites: trixie
Components: main
"""
LINES = """# deb http://old.test/debian trixie main
deb [arch=amd64,arm64 signed-by=/k.gpg] http://mirror.test/debian trixie main contrib # since 2026
deb-src http://mirror.test/debian trixie main
deb http://mirror.test/debian-security trixie-security main
"""
VENDORS = """deb https://vendor.test/apt cloud-sdk-trixie main
deb https://vendor.test/apt stable main
deb https://vendor.test/linux/debian trixie stable
"""


@pytest.fixture(autouse=True)
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The apt configuration of a machine with Debian 13, beside other vendors' sources."""
    monkeypatch.delenv("TRUEUP_LAB_MIRROR", raising=False)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "trixie"})
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/vendor.list").write_text(VENDORS)
    (tmp_path / "sources.list.d/debian.sources.dpkg-old").write_text(STANZAS)
    return tmp_path


def sources(etc: Path, *, types: str = "deb") -> list[Deb822]:
    return list(Deb822.iter_paragraphs(mirror.sources("bookworm", types, etc), use_apt_pkg=False))


def test_the_suite_of_stanzas_is_exchanged_and_all_else_is_kept(etc: Path) -> None:
    (etc / "sources.list.d/debian.sources").write_text(STANZAS)
    debian, security = sources(etc)
    assert dict(debian) == {
        "Types": "deb",
        "URIs": "http://mirror.test/debian",
        "Suites": "bookworm bookworm-updates",
        "Components": "main non-free-firmware",
        "Signed-By": "/usr/share/keyrings/debian-archive-keyring.pgp",
    }
    assert security["Suites"] == "bookworm-security"
    assert security["Signed-By"].splitlines()[1:] == [
        " -----BEGIN PGP PUBLIC KEY BLOCK-----",
        " .",
        " mDMEZ",
        " -----END PGP PUBLIC KEY BLOCK-----",
    ]


def test_the_suite_of_lines_is_exchanged_and_their_options_are_kept(etc: Path) -> None:
    (etc / "sources.list").write_text(LINES)
    debian, security = sources(etc)
    assert dict(debian) == {
        "Types": "deb",
        "URIs": "http://mirror.test/debian",
        "Suites": "bookworm",
        "Components": "main contrib",
        "Architectures": "amd64 arm64",
        "signed-by": "/k.gpg",
    }
    assert (security["URIs"], security["Suites"]) == ("http://mirror.test/debian-security", "bookworm-security")


def test_sources_of_source_packages_are_of_the_same_places(etc: Path) -> None:
    (etc / "sources.list").write_text(LINES)
    assert [entry["Types"] for entry in sources(etc, types="deb deb-src")] == ["deb deb-src", "deb deb-src"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://given.test/debian", {"URIs": "http://given.test/debian", "Suites": "bookworm", "Components": "main"}),
        (
            "deb [signed-by=/k.gpg] http://given.test/debian sid main contrib",
            {
                "URIs": "http://given.test/debian",
                "Suites": "bookworm",
                "Components": "main contrib",
                "signed-by": "/k.gpg",
            },
        ),
        (
            "deb http://given.test/debian trixie-security main",
            {"URIs": "http://given.test/debian", "Suites": "bookworm-security", "Components": "main"},
        ),
    ],
    ids=["url", "line", "security"],
)
def test_a_mirror_that_is_given_is_taken(
    etc: Path, monkeypatch: pytest.MonkeyPatch, given: str, expected: dict[str, str]
) -> None:
    (etc / "sources.list").write_text(LINES)
    monkeypatch.setenv("TRUEUP_LAB_MIRROR", given)
    assert [dict(entry) for entry in sources(etc)] == [{"Types": "deb", **expected}]


def test_a_machine_without_a_source_of_its_suite_is_told_what_to_set(etc: Path) -> None:
    with pytest.raises(LabUnavailable, match=r"no apt source of its own suite, trixie: .* TRUEUP_LAB_MIRROR"):
        sources(etc)
