"""Each exit code, and the line that says why the run ended with it."""

from pathlib import Path

import pytest
from fakes import OWN, Fakes

from trueup.plugin.exit_codes import MEANINGS


@pytest.fixture(scope="module", autouse=True)
def fleet(fakes: Fakes) -> None:
    fakes.host("good")
    fakes.host("bad", "bad")
    fakes.host("down", behave="echo 'ssh: connect to host down port 22: No route to host' >&2; exit 255")
    (fakes.host("blind") / "state").unlink()
    fakes.test("plain.py", "def test_plain():\n    pass\n")


@pytest.mark.parametrize(
    ("hosts", "code", "words"),
    [
        ("good", 0, "compliant: 2 passed on 1 host"),
        ("good,bad", 1, "not compliant: 1 blocked, 1 failed, 2 passed on 2 hosts"),
        ("good,down", 3, "could not look at everything: 2 passed, 2 unreachable on 2 hosts"),
        ("blind", 3, "could not look at everything: 1 blocked, 1 could-not-look on 1 host"),
        ("bad,down", 1, "not compliant: 1 blocked, 1 failed, 2 unreachable on 2 hosts"),
    ],
)
def test_the_outcomes_decide_the_code_and_the_last_words(fakes: Fakes, hosts: str, code: int, words: str) -> None:
    done = fakes.run(f"--hosts={hosts}")
    assert done.code == code, done.text
    assert f"\n{words}\n" in done.out
    assert "Traceback" not in done.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hosts="], "--hosts is empty: name hosts"),
        (["--hosts=shh://good"], "unknown connection 'shh'; did you mean 'ssh'?"),
        (["--hosts=@gone"], "--hosts=@gone: cannot read the file"),
        (["--hosts=ansible://all"], "ansible-inventory is not installed"),
        (["--hosts=good", "--profile=bsae"], "no profile 'bsae'; did you mean 'base'?"),
        (["--hosts=good", "--profile=broken.yaml"], "broken.yaml:2: host.sysctls: unknown key; did you mean 'sysctl'?"),
        (
            ["--hosts=good", "--profile=misspelt.yaml"],
            "select: 'own.stat' matches no requirement; did you mean 'own.state'",
        ),
        (["--hosts=good", "--profile=poor.yaml"], "selects own.state but has no value for host.modules; set it, or"),
        (["--hosts=good", "--report=run.jsn"], "--report=run.jsn: no report format for '.jsn'; did you mean '.json'?"),
        (["--hosts=good", "--report=gone/run.json"], "--report=gone/run.json: the directory does not exist"),
        (["--hosts=good", "--forks=0"], "'0' is not a whole number above 0"),
        (["--hosts=good", "--host-timeout=soon"], "'soon' is not a whole number above 0"),
        (["--hosts=good", "--ssh-config=gone"], "--ssh-config=gone: not readable (no such file)"),
        ([], "no hosts: give --hosts=node1,node2, --hosts=@FILE, or --hosts=local://"),
    ],
)
def test_bad_input_ends_the_run_in_words_before_any_login(fakes: Fakes, arguments: list[str], said: str) -> None:
    fakes.test("broken.yaml", "host:\n  sysctls: {}\n")
    fakes.test("misspelt.yaml", "extends: base\nselect: [own.stat]\n")
    fakes.test("poor.yaml", "name: poor\n")
    done = fakes.run("test_own.py", *arguments)
    assert done.code == 4, done.text
    assert said in done.text
    assert "Traceback" not in done.text
    assert "INTERNALERROR" not in done.text
    assert fakes.logins() == []


def test_a_need_that_leads_nowhere_ends_the_run_with_the_nearest_id(fresh: Fakes) -> None:
    fresh.host("good")
    fresh.test("test_own.py", OWN.replace('needs=("own.state",)', 'needs=("own.sate",)'))
    done = fresh.run("--hosts=good")
    assert done.code == 4, done.text
    assert "unknown 'own.sate'; did you mean 'own.state'?" in done.text
    assert "INTERNALERROR" not in done.text


def test_a_remedy_that_leads_nowhere_ends_the_run(fresh: Fakes) -> None:
    fresh.host("good")
    fresh.test("test_own.py", OWN.replace('@remedy("own.state"', '@remedy("own.sate"'))
    done = fresh.run("--hosts=good")
    assert done.code == 4, done.text
    assert "no requirement 'own.sate'; did you mean 'own.state'?" in done.text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'Fact("own.where"', 'Fact("own.state"',
            "test_own.py:5: fact 'own.state' is already defined at {}/test_own.py:4",
        ),
        (
            'key="host.modules", reads=(STATE,),', 'key="host.moduls", reads=(STATE,),',
            "test_own.py:20: no such profile key 'host.moduls'; did you mean 'host.modules'?",
        ),
        ('"good\\n")', 'spec.host.swop)', "test_own.py:17: no such profile key 'host.swop'; did you mean 'host.swap'?"),
    ],
)  # fmt: skip
def test_a_fact_or_a_key_that_leads_nowhere_ends_the_run_before_any_login(
    fresh: Fakes, old: str, new: str, said: str
) -> None:
    fresh.host("bad", "bad")
    assert old in OWN
    fresh.test("test_own.py", OWN.replace(old, new))
    done = fresh.run("--hosts=bad", "--fix")
    assert done.code == 4, done.text
    assert said.format(fresh.directory) in done.text
    assert "INTERNALERROR" not in done.text
    assert fresh.logins() == []


def test_tests_that_are_not_ours_need_no_hosts(fakes: Fakes) -> None:
    done = fakes.run("plain.py")
    assert done.code == 0, done.text
    assert "trueup" not in done.out.replace("trueup-0", "").split("test session starts")[1].split("collected")[1]


def test_a_failing_test_of_the_user_fails_a_compliant_run(fakes: Fakes) -> None:
    fakes.test("failing.py", "def test_mine():\n    assert 1 == 2\n")
    done = fakes.run("test_own.py", "failing.py", "--hosts=good")
    assert done.code == 1, done.text
    assert "assert 1 == 2" in done.out
    assert "1 failed" in done.out.splitlines()[-1]


def test_a_selection_of_nothing_is_said(fakes: Fakes) -> None:
    done = fakes.run("test_own.py", "--hosts=good", "-k", "nothing")
    assert done.code == 5, done.text
    assert "exit code 5: no requirement was selected" in done.out


def test_a_file_that_cannot_be_imported_is_not_a_verdict(fresh: Fakes) -> None:
    fresh.host("good")
    fresh.test("test_broken.py", "import nothing_of_that_name\n")
    done = fresh.run("--hosts=good")
    assert done.code == 70, done.text
    assert "exit code 70: trueup, a plugin or a test file broke: test_broken.py: see the traceback above" in done.out


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("trueup.model.catalog.Catalog.load", "trueup broke while it started"),
        ("trueup.engine.audit.Audit.verdict", "exit code 70: trueup, a plugin or a test file broke: test_own.py::"),
        ("trueup.hosts.fleet.Fleet.gather", "exit code 70: trueup, a plugin or a test file broke: pytest or a plugin"),
        ("trueup.reports.write", "exit code 70"),
    ],
)
def test_a_crash_has_a_code_that_no_verdict_has(fresh: Fakes, broken: str, said: str) -> None:
    fresh.host("good")
    module, _, name = broken.rpartition(".")
    lines = "import pkgutil\ndef crash(*a, **k):\n    raise ImportError('a defect')\n"
    crash = f"{lines}setattr(pkgutil.resolve_name({module!r}), {name!r}, crash)\n"
    fresh.test("conftest.py", (fresh.directory / "conftest.py").read_text() + crash)
    done = fresh.run("test_own.py", "--hosts=good", "--report=run.json")
    assert done.code == 70, done.text
    assert said in done.text
    assert "a defect" in done.text


def test_help_lists_every_code(fakes: Fakes) -> None:
    words = " ".join(fakes.run("--help").out.split())
    for code, meaning in MEANINGS.items():
        assert f"{code} {meaning}" in words


def test_a_machine_without_ssh_is_told_so(fakes: Fakes, tmp_path: Path) -> None:
    done = fakes.run("test_own.py", "--hosts=good", PATH=str(tmp_path))
    assert done.code in (3, 4), done.text
    assert "ssh" in done.text
    assert "INTERNALERROR" not in done.text
