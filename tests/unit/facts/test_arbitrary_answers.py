"""An unexpected answer of a host is could-not-look: it never crashes a parser, and never makes it slow."""

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from every_fact import FACTS
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import CouldNotLook
from trueup.facts.host import kernel
from trueup.model.fact import Fact
from trueup.model.snapshot import Raw, Snapshot
from trueup.model.view import HostFacts

CAPTURED = Path(__file__).parent / "captured"
# Inputs for each parser: its own captured answers, and those of other facts.
CAPTURES = {path: path.read_text(encoding="utf-8") for path in sorted(CAPTURED.glob("*/*.txt"))}


def captured(fact: Fact[Any]) -> list[str]:
    directory = "unit" if fact.name.startswith("unit.") else fact.name
    return [text for path, text in CAPTURES.items() if path.parent.name == directory]


@st.composite
def mutated(draw: st.DrawFn, texts: list[str]) -> str:
    """A captured answer with slices removed, repeated, or replaced by slices of another one."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        other = draw(st.sampled_from(texts))
        first = draw(st.integers(0, len(other)))
        put = draw(st.sampled_from(["", text[start:end] * 2, other[first : first + 40], "\x00", "\ufffd", "\r\n"]))
        text = text[:start] + put + text[end:]
    return text


# Words that the probes print, so that the text gets past the first branch of a parser.
WORDS = st.sampled_from(
    ["@/etc/sysctl.d/1.conf\t/x\n", "@", "\t", "|", "|net.ipv4.*=1\n", "|-\n", "|=\n", "dpkg\n", "rpm\n", "ii \t",
     "=", "\n", "LoadState=loaded\n", "RestartUSec=", "1.2.3 min", "TasksMax=", "path=/x\n", "changed=1e999\n",
     "\n--\n", "version = ", "[plugins]\n", "stopped", "absent", "nan ", "0 ", "1 ", "overlay ", "runc\t", "v", " | ",
     "Filename\n", "/dev/zram0 ", " none swap sw\n", "\n\n", "Id=a.swap\n", "UnitFileState=generated\n", "jammy\n",
     "@/etc/apt/sources.list\n", "@/etc/apt/sources.list.d/a.sources\n", "|deb ", "http://x/ubuntu ", "focal main\n",
     "|Types: deb\n", "|URIs:", "[", "] ", "# ", "|\n", "NTPSynchronized=yes\n", "Leap status : Normal\n"]
)  # fmt: skip
ANSWERS = st.text() | st.lists(WORDS | st.text(max_size=4), max_size=12).map("".join)


def read(fact: Fact[Any], out: str) -> None:
    facts = HostFacts(Snapshot("h", raws={fact.name: Raw(0, out)}))
    with suppress(CouldNotLook):
        assert facts[fact] is facts[fact]


@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
@settings(max_examples=60)
@given(out=ANSWERS)
def test_a_parser_reads_any_text_or_says_that_it_cannot(fact: Fact[Any], out: str) -> None:
    read(fact, out)


@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
@settings(max_examples=60)
@given(data=st.data())
def test_a_parser_reads_what_is_left_of_a_capture_or_says_that_it_cannot(fact: Fact[Any], data: st.DataObject) -> None:
    read(fact, data.draw(mutated(captured(fact) or list(CAPTURES.values()))))


@pytest.mark.parametrize("fact", FACTS.values(), ids=list(FACTS))
def test_a_parser_takes_its_time_from_the_length_of_an_answer_alone(fact: Fact[Any]) -> None:
    began = time.monotonic()
    for character in "a1 \t=[]{}\"'\\-:./|@#~,\n":
        for text in ["", *captured(fact)[:2]]:
            read(fact, text + character * 100_000)
            read(fact, f"{character} " * 50_000 + text)
    assert time.monotonic() - began < 60, "quadratic?"  # a fraction of a second each, on a machine that is busy


@given(out=ANSWERS, key=st.text(max_size=12) | st.sampled_from(["net.ipv4.ip_forward", "a/b.c"]))
def test_questions_about_any_drop_ins_have_an_answer(out: str, key: str) -> None:
    found = kernel.SYSCTL_FILES.parse(out)
    winner = found.winner(key)
    assert winner is None or winner.line in found.boot.lines


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (Raw(124, "", ""), "timed out"),
        (Raw(137, "", ""), "killed"),
        (Raw(-1, "", ""), "cut off"),
        (Raw(127, "", "sh: 1: rpm: not found\n"), "tool missing ('sh: 1: rpm: not found')"),
        (Raw(1, "", "cat: /etc/shadow: Permission denied\n\n"), "permission denied"),
        (Raw(3, "", ""), "exit code 3"),
        (Raw(3, "", "one\nlast words\n"), "exit code 3 ('last words')"),
    ],
)
def test_a_probe_that_failed_is_never_an_empty_answer(raw: Raw, why: str) -> None:
    facts = HostFacts(Snapshot("h", raws={"kernel.sysctl": raw}))
    with pytest.raises(CouldNotLook) as caught:
        facts[kernel.SYSCTL]
    assert str(caught.value).startswith("kernel.sysctl: ")
    assert why in str(caught.value)


def test_a_fact_that_was_not_asked_for_is_no_empty_answer() -> None:
    with pytest.raises(CouldNotLook, match="not in the snapshot"):
        HostFacts(Snapshot("h"))[kernel.SYSCTL]


def test_a_check_may_not_read_what_its_requirement_does_not_declare() -> None:
    facts = HostFacts(Snapshot("h", raws={"kernel.sysctl": Raw(0, "")})).view([kernel.MODULES])
    with pytest.raises(TypeError, match=r"kernel\.sysctl is read but not declared"):
        facts[kernel.SYSCTL]


def test_what_a_check_read_is_noted_for_the_evidence() -> None:
    facts = HostFacts(Snapshot("h", raws={"kernel.sysctl": Raw(0, "a=1"), "kernel.modules": Raw(0, "")}))
    view = facts.view([kernel.SYSCTL, kernel.MODULES])
    view[kernel.SYSCTL]
    assert view.read == {"kernel.sysctl": Raw(0, "a=1")}
    assert not facts.read
