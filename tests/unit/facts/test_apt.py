"""apt's package sources: entries that apt rejects, that belong to another release, or that are missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from trueup.facts.host import apt
from trueup.profiles.keys.section import AptSource

LINES = [
    "deb http://x/debian bookworm main",
    "deb http://x",
    "dbe http://x a main",
    "rpm http://x a main",
    "deb x bookworm main",
    "deb http://x bookworm",
    "deb http://x ./",
    "deb http://x ./ main",
    "deb-src [arch=amd64 trusted=yes] http://x a main",
    "deb [ arch=amd64 ] http://x a main # [c",
    "deb [] http://x a main",
    "deb [arch] http://x a main",
    "deb [arch=amd64 http://x a main",
    "deb [signed-by=/a#b] http://x a main",
    "deb cdrom:[Debian 12 #1]/ a main",
    "  # deb http://x",
    "deb # http://x a main",
]
STANZAS = [
    "Types: deb\nURIs: http://x\nSuites: a\nComponents: main\n",
    "types: deb\nuris: http://x\nsuites: a\n# c\ncomponents:\n main\n contrib\n",
    "Types: deb\nURIs: http://x\nSuites: ./\n",
    "Types: deb\nURIs: http://x\nSuites: a\n",
    "Types: deb\nSuites: a\nComponents: main\n",
    "URIs: http://x\nSuites: a\nComponents: main\n",
    "Types: deb\nURIs: http://x\nSuites: ./\nComponents: main\n",
    "Types: deb\nURIs: http://x\nSuites: a ./\nComponents: main\n",
    "Types: deb\nURIs: http://x\nSuites: a\nComponents: main\ngarbage\n",
    "Types: deb\nURIs: http://x\nSuites: a\nComponents: main\nEnabled: no\ngarbage\n",
    "Types: deb\nEnabled: no\n",
    "Types: deb\nEnabled: yes\n",
    "Enabled: no\nURIs: http://x\n",
    "Types: deb\nURIs: x\nSuites: a\nComponents: main\n",
    "Types: dbe\nURIs: http://x\nSuites: a\nComponents: main\n",
    "Types: deb\nURIs: http://x\n \t\nSuites: a\nComponents: main\n",
    "# Types: deb\n# URIs: http://x\n",
    "Types: deb\nURIs: http://x\nSuites: ./\n\n\n\n# c\n\nTypes: deb\n",
]


def parsed(text: str, name: str = "a.list") -> apt.Sources:
    rows = "".join(f"|{row}\n" for row in text.splitlines())
    return apt.SOURCES.parse(f"jammy\n@/etc/apt/sources.list.d/{name}\n{rows}\n")


def subject_to_apt(root: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    for directory in ("etc/sources.list.d", "state/lists/partial", "cache"):
        (root / directory).mkdir(parents=True)
    for name, text in files.items():
        (root / "etc/sources.list.d" / name).write_text(f"{text}\n")
    options = [f"-oDir::{n}={root}/{d}" for n, d in (("Etc", "etc"), ("State", "state"), ("Cache", "cache"))]
    return subprocess.run(["apt-get", *options, "indextargets"], capture_output=True, text=True, check=False)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is the oracle")
@pytest.mark.parametrize(
    ("name", "text"), [*(("a.list", line) for line in LINES), *(("a.sources", stanza) for stanza in STANZAS)]
)
def test_an_entry_is_well_formed_where_apt_says_so(tmp_path: Path, name: str, text: str) -> None:
    said = subject_to_apt(tmp_path, {name: text})
    assert any(entry.problem for entry in parsed(text, name).entries) is (said.returncode != 0), said.stderr


def test_a_uri_with_its_scheme_twice_is_malformed_though_apt_takes_it() -> None:
    assert parsed("deb https://https://x a main").bad()[0].problem == "'https://https://x' is not a URI"


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("deb http://mirrors.tuna.tsinghua.edu.cn/ubuntu/ focal main universe", ["focal"]),
        ("deb http://ports.ubuntu.com/ubuntu-ports focal-security main", ["focal-security"]),
        ("deb http://security.example/debian-security buster/updates main", ["buster/updates"]),
        ("deb http://mirror.example/debian bookworm-backports main", ["bookworm-backports"]),
        ("deb http://archive.ubuntu.com/ubuntu jammy-proposed main", []),
        ("deb http://mirror.example/debian stable main", []),
        ("deb https://download.docker.com/linux/ubuntu focal stable", []),
        ("deb https://mirrors.aliyun.com/kubernetes/apt/ kubernetes-xenial main", []),
        ("deb https://packages.icinga.com/ubuntu icinga-focal main", []),
        ("deb http://10.77.0.254:8000 ./", []),
        ("# deb http://archive.ubuntu.com/ubuntu focal main", []),
    ],
)
def test_only_a_mirror_of_the_distribution_can_be_of_another_release(line: str, foreign: list[str]) -> None:
    assert [suite for entry in parsed(line).entries for suite in entry.foreign("jammy")] == foreign


WANTED = AptSource(uri="http://m/ubuntu", suites=["jammy", "jammy-updates"], components=["main", "universe"])


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("", [("jammy", ["main", "universe"]), ("jammy-updates", ["main", "universe"])]),
        ("deb http://m/ubuntu/ jammy universe main\ndeb http://m/ubuntu jammy-updates main universe restricted", []),
        ("deb http://m/ubuntu jammy main\ndeb [arch=amd64] http://m/ubuntu jammy universe", [("jammy-updates", 2)]),
        ("deb http://m/ubuntu jammy main", [("jammy", ["universe"]), ("jammy-updates", ["main", "universe"])]),
        ("deb-src http://m/ubuntu jammy main universe", [("jammy", 2), ("jammy-updates", 2)]),
        ("deb http://other/ubuntu jammy main universe", [("jammy", 2), ("jammy-updates", 2)]),
    ],
)
def test_what_no_good_entry_offers_is_missing(lines: str, missing: list[tuple[str, object]]) -> None:
    found = [(suite, lacking) for _, suite, lacking in parsed(lines).missing([WANTED])]
    assert [suite for suite, _ in found] == [suite for suite, _ in missing]
    assert all(lacking == want or len(lacking) == want for (_, lacking), (_, want) in zip(found, missing, strict=True))


def test_what_is_written_is_no_longer_missing() -> None:
    flat = AptSource(uri="http://lab", suites=["./"], signed_by="/etc/apt/keyrings/lab.gpg")
    text = apt.render(parsed("").missing([WANTED, flat]))
    written = parsed(text, "trueup.sources")
    assert not written.bad()
    assert not list(written.missing([WANTED, flat]))
    assert "Suites: ./\nSigned-By: /etc/apt/keyrings/lab.gpg\n" in text


KEY = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n Comment: of a mirror\n .\n mQENBF\n -----END PGP PUBLIC KEY BLOCK-----"
STOCK = "Types: deb\nURIs: http://m/ubuntu/\nSuites: {}\nComponents: main\nSigned-By: {}\n"


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is the oracle")
@pytest.mark.parametrize(
    ("name", "listed", "wanted", "written"),
    [
        ("a.sources", STOCK.format("jammy", "/stock.gpg"), "", "/stock.gpg"),
        ("a.sources", STOCK.format("jammy", "/a.gpg /b.gpg"), "", "/a.gpg /b.gpg"),
        ("a.list", "deb [signed-by=/a.gpg,/b.gpg] http://m/ubuntu jammy main", "", "/a.gpg /b.gpg"),
        ("a.sources", STOCK.format("jammy", KEY), "", KEY),
        ("a.sources", STOCK.format("jammy-security", "/stock.gpg"), "", "/stock.gpg"),
        ("a.sources", STOCK.format("jammy-security", "/stock.gpg"), "/own.gpg", "/own.gpg"),
        ("a.sources", STOCK.format("jammy", "/stock.gpg"), "/own.gpg", "/stock.gpg"),
        ("a.list", "deb http://m/ubuntu jammy main", "/own.gpg", ""),
    ],
)
def test_apt_takes_what_is_written_beside_what_is_listed_for_the_same_place(
    tmp_path: Path, name: str, listed: str, wanted: str, written: str
) -> None:
    source = AptSource(uri="http://m/ubuntu", suites=["jammy"], components=["main", "universe"], signed_by=wanted)
    text = apt.render(parsed(listed, name).missing([source]))
    assert text.endswith(f"\nSigned-By: {written}\n" if written else "universe\n")
    assert subject_to_apt(tmp_path, {name: listed, "trueup.sources": text}).stderr == ""


def test_a_suite_of_another_release_is_never_to_be_written() -> None:
    focal = AptSource(uri="http://m/ubuntu", suites=["focal"], components=["main"])
    assert not list(parsed("").missing([focal]))
    assert apt.as_entry(focal).foreign("jammy") == ["focal"]
