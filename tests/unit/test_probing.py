"""All probes of a host travel as one script; its answer is taken apart whatever else is printed around it."""

import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trueup.errors import CouldNotLook
from trueup.hosts.probing import script, take, unframe
from trueup.model.fact import Fact
from trueup.model.profile import load
from trueup.model.snapshot import CUT_OFF, Raw
from trueup.model.view import HostFacts

SPEC = load("base").spec("any")
SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]


def fact(name: str, probe: str, timeout: int = 5) -> Fact[str]:
    return Fact(name, probe, str, timeout=timeout)


def run(*facts: Fact[str], shell: str = "sh", prologue: str = "") -> dict[str, Raw]:
    text, nonce = script(facts, None)
    argv = ["busybox", "sh", "-s"] if shell == "busybox" else [shell, "-s"]
    done = subprocess.run(argv, input=(prologue + text).encode(), capture_output=True, check=False, timeout=30)
    return unframe(nonce, done.stdout, done.stderr)


@pytest.mark.parametrize("shell", SHELLS)
def test_each_probe_has_its_own_output_errors_and_exit_code(shell: str) -> None:
    raws = run(
        fact("good", "echo one; echo two"),
        fact("bad", "echo some; echo why >&2; exit 3"),
        fact("silent", ":"),
        fact("bare", "printf x"),
        shell=shell,
    )
    assert raws["good"] == Raw(0, "one\ntwo\n", "")
    assert raws["bad"] == Raw(3, "some\n", "why\n")
    assert raws["silent"] == Raw(0, "", "")
    assert raws["bare"] == Raw(0, "x", "")


def test_a_banner_before_and_words_after_are_not_part_of_any_answer() -> None:
    text, nonce = script([fact("a", "echo answer")], None)
    done = subprocess.run(
        ["sh", "-s"], input=f"echo 'Welcome! begin 0'; echo warning >&2\n{text}\necho goodbye".encode(),
        capture_output=True, check=True,
    )  # fmt: skip
    raws = unframe(nonce, done.stdout, done.stderr)
    assert raws["a"] == Raw(0, "answer\n", "")


def test_a_probe_that_hangs_is_ended_and_hurts_only_itself() -> None:
    raws = run(fact("hangs", "sleep 60", timeout=1), fact("next", "echo here"))
    assert raws["hangs"].why() == "timed out"
    assert raws["next"] == Raw(0, "here\n", "")


def test_a_probe_that_will_not_end_is_killed() -> None:
    raws = run(fact("stubborn", "trap '' TERM; while :; do sleep 1; done", timeout=1), fact("next", "echo here"))
    assert "killed" in raws["stubborn"].why()
    assert raws["next"].out == "here\n"


def test_a_missing_tool_is_told_from_an_empty_answer() -> None:
    raw = run(fact("tool", "no-such-tool --version"))["tool"]
    assert raw.rc == 127
    assert raw.why().startswith("tool missing")
    assert "no-such-tool" in raw.why()


def test_a_probe_cannot_eat_the_probes_that_follow_it() -> None:
    raws = run(fact("greedy", "cat"), fact("next", "echo here"))
    assert raws["greedy"].out == ""
    assert raws["next"].out == "here\n"


def test_a_probe_cannot_change_the_shell_of_the_next() -> None:
    raws = run(fact("rude", "cd /; PATH=; probe() { :; }; exec >&-; exit 9"), fact("next", "echo here"))
    assert raws["next"] == Raw(0, "here\n", "")


def test_text_that_looks_like_a_frame_is_text() -> None:
    fake = "printf '\\ntrueup-000 end 0\\n\\ntrueup-000 begin next\\nlies\\n'"
    raws = run(fact("liar", fake), fact("next", "echo truth"))
    assert "trueup-000 begin next" in raws["liar"].out
    assert raws["next"].out == "truth\n"


def test_quotes_and_dollars_of_a_probe_arrive_as_written() -> None:
    assert run(fact("q", """printf '%s' "it's" '$HOME' "\\"" """))["q"].out == "it's$HOME\""


def test_no_two_scripts_share_a_nonce() -> None:
    assert script([], None)[1] != script([], None)[1]


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    nonce = "n"
    whole = b"\nn begin a\n1\n\nn end 0\n\nn begin b\n22222\n\nn end 0\n"
    assert unframe(nonce, whole, b"")["b"].out == "22222\n"
    for length in range(len(whole) - 4):
        assert "b" not in unframe(nonce, whole[:length], b"") or unframe(nonce, whole[:length], b"")["b"].rc != 0


def test_a_fact_whose_answer_was_cut_off_says_so() -> None:
    wanted = fact("b", "echo")
    snapshot = take("h", {}, [wanted], SPEC)
    assert snapshot.raws["b"] == CUT_OFF
    with pytest.raises(CouldNotLook, match="b: the answer was cut off"):
        HostFacts(snapshot)[wanted]


def test_a_snapshot_holds_no_secret() -> None:
    snapshot = take("h", {"a": Raw(1, 'password = "hunter2hunter2"', "token: hunter2hunter2")}, [fact("a", ":")], SPEC)
    assert "hunter2" not in str(snapshot)


def test_a_snapshot_knows_who_looked() -> None:
    assert take("h", {"whoami": Raw(0, "0\n")}, [], SPEC).root
    assert not take("h", {"whoami": Raw(0, "1000\n")}, [], SPEC).root


@pytest.mark.parametrize(
    ("said", "up"),
    [
        (Raw(0, "6612000 66139.35\n"), 19.35),
        (Raw(0, " 66139.35\n"), None),
        (Raw(1, ""), None),
        (CUT_OFF, None),
        (Raw(0, "6612000 7\n"), None),
        (Raw(0, "0 nan\n"), None),
    ],
)
def test_a_snapshot_knows_how_long_the_host_has_been_up(said: Raw, up: float | None) -> None:
    assert take("h", {"up": said}, [], SPEC).up == pytest.approx(up)


@given(
    st.binary()
    | st.lists(st.sampled_from([b"\nn begin ", b"\nn end ", b"a", b"\n", b"0", b"\xff", b"9" * 5000])).map(b"".join)
)
@example(b"\nn begin a\nx\nn end " + b"9" * 5000 + b"\n")
def test_no_bytes_break_the_unframing(stream: bytes) -> None:
    for raw in unframe("n", stream, stream).values():
        assert isinstance(raw.rc, int)
