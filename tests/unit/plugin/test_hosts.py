"""Whatever a host does, it is told in one block and hurts no other host."""

import time

import pytest
from fakes import Fakes, Finished

BEHAVE = {
    "banner": "echo '*** AUTHORISED USE ONLY ***'; echo 'begin 0'; printf '\\377\\376'",
    "changed": "echo '@@@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @@@' >&2; "
    "echo 'Host key verification failed.' >&2; exit 255",
    "stranger": "echo 'jo@stranger: Permission denied (publickey).' >&2; exit 255",
    "hangs": "sleep 600",
    "closed": "echo 'ssh: connect to host closed port 22: Connection refused' >&2; exit 255",
    "silent": "exit 255",
    "no-shell": "echo 'This account is currently not available.'; exit 1",
}


@pytest.fixture(scope="module")
def fleet(fakes: Fakes) -> Fakes:
    for name in ("good-a", "good-b"):
        fakes.host(name)
    for name, behave in BEHAVE.items():
        fakes.host(name, behave=behave)
    fakes.host("asks", sudo="echo 'sudo: a password is required' >&2; exit 1")
    fakes.host("lacks", sudo="echo 'jo is not in the sudoers file.' >&2; echo 'sudo: denied' >&2; exit 1")
    return fakes


@pytest.fixture(scope="module")
def done(fleet: Fakes) -> Finished:
    hosts = ",".join(["good-a", "good-b", *BEHAVE, "nowhere", "ssh://asks?sudo=true", "ssh://lacks?sudo=true"])
    began = time.monotonic()
    finished = fleet.run(f"--hosts={hosts}", "--host-timeout=2", "--report=run.json")
    finished.took = time.monotonic() - began
    return finished


@pytest.mark.parametrize(
    ("host", "outcome", "words"),
    [
        ("changed", "unreachable", "ssh: Host key verification failed.; the host key is not the known one"),
        ("stranger", "unreachable", "Permission denied (publickey).; login refused: check the user and the key"),
        ("hangs", "unreachable", "no answer in 2 s, gave up"),
        ("closed", "unreachable", "Connection refused; nothing listens there"),
        ("silent", "unreachable", "ssh: connection lost"),
        ("nowhere", "unreachable", "Could not resolve hostname nowhere: Name or service not known; the name does not"),
        ("asks", "could-not-look", "sudo refused: sudo: a password is required; allow NOPASSWD for this user"),
        ("lacks", "could-not-look", "sudo refused: sudo: denied; allow NOPASSWD"),
    ],
)
def test_what_keeps_us_from_a_host_is_said_once_with_what_to_do(
    done: Finished, host: str, outcome: str, words: str
) -> None:
    block = done.block(f"{outcome.upper()}  2 requirements  on {host}")
    assert words in block, done.out
    assert done.out.count(words) == 1


@pytest.mark.parametrize("host", ["good-a", "good-b", "banner"])
def test_the_other_hosts_are_judged_as_ever(done: Finished, fleet: Fakes, host: str) -> None:
    assert {r["outcome"] for r in fleet.json()["results"] if r["host"] == host} == {"passed"}


def test_a_host_that_gives_no_answer_at_all_is_not_compliant_nor_failed(done: Finished, fleet: Fakes) -> None:
    outcomes = {r["requirement"]: r["outcome"] for r in fleet.json()["results"] if r["host"] == "no-shell"}
    assert outcomes["own.state"] == "could-not-look"


def test_a_host_that_hangs_is_not_waited_for(done: Finished) -> None:
    assert done.took < 300  # it sleeps for 600


def test_each_host_is_logged_in_to_once(done: Finished, fleet: Fakes) -> None:
    assert sorted(fleet.logins()) == sorted(set(fleet.logins()))
    assert len(fleet.logins()) == len(BEHAVE) + 5


def test_nothing_known_to_be_wrong_but_not_all_looked_at_is_exit_code_3(done: Finished) -> None:
    assert done.code == 3
    assert "Traceback" not in done.text
