"""haproxy.cfg: parsing, and edits that change only the named lines."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.edit.haproxy import Words, parse, put, split

MANY = settings(max_examples=int(os.environ.get("TRUEUP_FUZZ", "150")), deadline=None)
CFG = """# by hand
global
	log /dev/log local0 # here
	stats socket /run/haproxy/admin.sock mode 660

defaults
    option  httplog
    errorfile 400 "/etc/a b.http"

listen harbor_6443
    bind 192.168.2.110:6443
    mode tcp
    # the registry
    server one 192.168.2.100:443 check inter 2000 # keep
    timeout client 1h

  listen other
    bind :81
"""
HEAD: Words = ("listen", "harbor_6443")


def test_sections_begin_at_their_words_wherever_these_stand() -> None:
    found = parse(CFG)
    assert [section.words for section in found] == [(), ("global",), ("defaults",), HEAD, ("listen", "other")]
    assert found[3].of(("server",)) == [("server", "one", "192.168.2.100:443", "check", "inter", "2000")]
    assert found[2].of(("errorfile",)) == [("errorfile", "400", "/etc/a b.http")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r"a\ b c\#d", ("a b", "c#d")), ("'a b'c \"d\\\" e\"", ("a bc", 'd" e')), ("a#b", ("a",)), ("  ", ()),
        ("a 'b", None), ('a "b', None), ("a \\", None),
    ],
)  # fmt: skip
def test_quotes_escapes_and_comments(text: str, words: Words | None) -> None:
    if words is None:
        with pytest.raises(ValueError, match="line 1: a quote or an escape is not closed"):
            split(text)
    else:
        assert split(text) == words


def test_only_the_lines_that_are_named_change() -> None:
    server: Words = ("server", "two", "10.0.0.1:443", "check")
    made = put(CFG, HEAD, {("server",): [server], ("mode",): [("mode", "tcp")]})
    assert made == CFG.replace("server one 192.168.2.100:443 check inter 2000", "server two 10.0.0.1:443 check")
    assert put(made, HEAD, {("server",): [server]}) == made
    more = put(CFG, HEAD, {("server",): [parse(CFG)[3].of(("server",))[0], server]})
    assert more == CFG.replace("# keep\n", "# keep\n    server two 10.0.0.1:443 check\n")
    assert put(more, HEAD, {("server",): parse(CFG)[3].of(("server",))}) == CFG


def test_a_section_that_is_not_there_comes_last() -> None:
    assert put("a b", ("listen", "x"), {("bind",): [("bind", ":1")]}) == "a b\n\nlisten x\n    bind :1\n"
    assert (
        put("global\n", ("global",), {("stats", "socket"): [("stats", "socket", "/s")]})
        == "global\n    stats socket /s\n"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("listen x\n.if defined(A)\n bind :1\n.endif\n", ("bind", ":2")),
        ("listen x\nlisten x\n", ("bind", ":2")),
        (".if defined(A)\nlisten y\n", ("bind", ":2")),
        ("listen x\n", ("bind", "a\nb")),
        ("listen x\n", ("bind", "it's #")),
        ('listen x\n a "b\n', ("bind", ":2")),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(text: str, wanted: Words) -> None:
    with pytest.raises(ValueError, match=r"."):
        put(text, ("listen", "x"), {("bind",): [wanted]})


PIECES = [
    *("listen x", "listen", "global", "bind", " ", "\t", "\n", "\r", "#", "'", '"', "\\", ".if a", ".endif", "é"),
    *("server s 1:2", "\x0c", "\u2028", "$X", "bind :1\n", "mode tcp\n", "\n  "),
]
TEXT = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
WORD = st.text(st.sampled_from("ab1:/'\"\\# $\n"), min_size=1, max_size=4)


@MANY
@given(TEXT)
def test_whatever_a_file_has_in_it_is_read_or_refused_and_every_line_is_where_it_is_said_to_be(text: str) -> None:
    try:
        sections = parse(text)
    except ValueError:
        return
    at = 0
    for line in (line for section in sections for line in section.lines):
        assert at <= line.start < line.end <= len(text)
        assert "\n" not in text[line.start : line.end]
        assert split(text[line.start : line.end]) == line.words
        at = line.end


@MANY
@given(TEXT, st.lists(st.lists(WORD, max_size=2), max_size=3))
def test_an_edit_is_refused_or_leaves_every_other_line_as_it_was(text: str, rest: list[list[str]]) -> None:
    wanted = [("bind", *words) for words in rest]
    try:
        made = put(text, ("listen", "x"), {("bind",): wanted})
    except ValueError:
        return
    found = next(section for section in parse(made) if section.words[:2] == ("listen", "x"))
    assert found.of(("bind",)) == wanted
    assert put(made, ("listen", "x"), {("bind",): wanted}) == made
    old, new = ([row for row in each.split("\n") if row.strip() and "bind" not in row] for each in (text, made))
    if new[: len(old)] != old:
        assert [row for row in new if row in old] == old
