"""keepalived.conf: parsing, and edits that change only the named statements."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.edit.keepalived import fill, parse, put

MANY = settings(max_examples=int(os.environ.get("TRUEUP_FUZZ", "150")), deadline=None)
SEED = """! Configuration File for keepalived
global_defs {
notification_email {
acassen
}
router_id LVS_DEVEL # by hand
}
vrrp_instance VI_1
{
    state MASTER
    priority 100 ! the highest
    authentication { auth_type PASS
      auth_pass "a b#c" }
    virtual_ipaddress {
        192.168.2.110 dev eth0 label eth0:1
    }
}
vrrp_instance VI_2 {
    priority 50
}
"""
VI_1 = (("vrrp_instance", "VI_1"),)


def test_blocks_open_on_their_line_or_the_next_and_comments_and_quotes_are_known() -> None:
    root = parse(SEED)
    assert [each.words for each in root.body or ()] == [
        ("global_defs",), ("vrrp_instance", "VI_1"), ("vrrp_instance", "VI_2"),
    ]  # fmt: skip
    one = root.blocks("vrrp_instance", "VI_1")[0]
    assert one.value("priority") == "100"
    assert one.items("authentication") == [("auth_type", "PASS"), ("auth_pass", "a b#c")]
    assert one.items("virtual_ipaddress") == [("192.168.2.110", "dev", "eth0", "label", "eth0:1")]
    assert root.blocks("global_defs")[0].value("router_id") == "LVS_DEVEL"


def test_the_last_of_several_statements_counts() -> None:
    assert parse("a {\nb 1\nb 2\n}").blocks("a")[0].value("b") == "2"
    assert parse("a {\nb\n}").blocks("a")[0].value("b") == ""
    assert parse("a {\n}").blocks("a")[0].value("b") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [("a {\n", "not closed"), ("a\n}\n", "line 2: this brace closes nothing"), ("{\n}\n", "line 1: this brace opens"),
     ('a "b\n', "line 1: a quote"), ("a {\n" * 40, "nested too deeply"), ("a { } {\n}", "opens nothing")],
)  # fmt: skip
def test_what_keepalived_would_misread_is_said_with_its_line(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_definitions_are_left_alone_however_many_lines_they_have() -> None:
    root = parse("$ONE= \\\nvrrp_instance x { \\\n priority 1\n$TWO=2\nb ${ONE}\n")
    assert [each.words[0][:4] for each in root.body or ()] == ["$ONE", "$TWO", "b"]
    assert all(each.opaque for each in root.body or ())


def test_a_value_is_replaced_in_its_place() -> None:
    assert put(SEED, VI_1, "priority", "90") == SEED.replace("priority 100", "priority 90")
    assert put(SEED, VI_1, "state", "MASTER") == SEED
    made = put(SEED, (*VI_1, ("authentication",)), "auth_pass", "s p")
    assert made == SEED.replace('"a b#c"', '"s p"')


def test_a_statement_that_is_not_there_comes_last_in_its_block() -> None:
    made = put(SEED, VI_1, "smtp_alert")
    assert made == SEED.replace("    }\n}\nvrrp_instance VI_2", "    }\n    smtp_alert\n}\nvrrp_instance VI_2")


def test_a_block_that_is_not_there_is_made_and_comes_before_the_instances() -> None:
    made = put(SEED, (("vrrp_script", "chk"),), "script", "/bin/x y")
    assert 'vrrp_script chk {\n    script "/bin/x y"\n}\nvrrp_instance VI_1' in made
    assert made.replace('vrrp_script chk {\n    script "/bin/x y"\n}\n', "") == SEED
    assert put("", (("a",), ("b",)), "c") == "a {\n    b {\n        c\n    }\n}\n"


def test_entries_of_a_list_are_replaced_added_and_taken_out() -> None:
    path = (*VI_1, ("virtual_ipaddress",))
    old, new = ("192.168.2.110", "dev", "eth0", "label", "eth0:1"), ("192.168.2.110", "dev", "eth1")
    assert fill(SEED, path, [new], [old]) == SEED.replace("dev eth0 label eth0:1", "dev eth1")
    assert fill(SEED, path, [old], []) == SEED
    both = fill(SEED, path, [old, new], [])
    assert both == SEED.replace("eth0:1\n", "eth0:1\n        192.168.2.110 dev eth1\n")
    assert fill(both, path, [], [new]) == SEED


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("a {\n@x b 1\n}\n", (("a",),), ("b", "2")),
        ("a {\nb $X\n}\n", (("a",),), ("b", "2")),
        ("a {\n}\na {\n}\n", (("a",),), ("b", "2")),
        ("a {\nb {\n}\n}\n", (("a",),), ("b", "2")),
        ("a {\n", (("a",),), ("b", "2")),
        ("a {\n}\n", (("a",),), ("b", 'q"q')),
        ("a {\n}\n", (("a",),), ("b", "x\ny")),
        ("a {\n}\n", (("a",),), ("@b", "x")),
        ("a {\n}\n", (("a",),), ("include", "x")),
    ],
)
def test_what_cannot_be_edited_safely_is_refused(
    text: str, path: tuple[tuple[str, ...], ...], words: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"."):
        put(text, path, *words)


PIECES = [
    *("a", "b", "vrrp_instance", "VI_1", " ", "\t", "\n", "\r", "{", "}", "{\n", "}\n", '"', "'", "#", "!", "\\"),
    *("\\\n", "$", "$X=", "${Y}", "@c", "~SEQ", "include", "é", "\x0c", "\u2028", "1 2"),
]
WORD = st.text(st.sampled_from("ab1.:/@!#$~\\\"'{} \n-"), min_size=1, max_size=4)
BODY = st.recursive(
    st.sampled_from(
        ["a\n", "b 1 2\n", " c # x }\n", "\n", "  ! y {\n", 'd "q {" \n', "vrrp_instance VI_1 {\n k v }\n"]
    ),
    lambda inner: st.builds(
        lambda head, rows: f"{head}{''.join(rows)}}}\n", st.sampled_from(["x {\n", "y z\n{\n", "w { "]), st.lists(inner)
    ),
    max_leaves=8,
)
TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(BODY, max_size=5).map("".join),
)


@MANY
@given(TEXT)
def test_whatever_a_file_has_in_it_is_read_or_refused_and_every_word_is_where_it_is_said_to_be(text: str) -> None:
    try:
        root = parse(text)
    except ValueError:
        return
    stack, at = [*reversed(root.body or [])], 0
    while stack:
        each = stack.pop()
        assert at <= each.start < each.end <= len(text)
        assert all(word in text[each.start : each.end] for word in each.words)
        at = each.end
        if each.body is not None:
            assert text[each.inside[0] - 1] == "{" and text[each.inside[1]] == "}"
            stack += reversed(each.body)


@MANY
@given(
    TEXT,
    st.lists(st.sampled_from([("x",), ("y", "z"), ("w",), ("n",)]), max_size=2),
    st.lists(WORD, min_size=1, max_size=3),
)
def test_an_edit_is_refused_or_cuts_out_one_piece_and_no_other_character(
    text: str, path: list[tuple[str, ...]], words: list[str]
) -> None:
    try:
        made = put(text, path, *words)
    except ValueError:
        return
    new = parse(made)
    for header in path:
        new = next(each for each in new.blocks(*header) if each.words == header)
    assert new.body is not None and tuple(words) in [each.words for each in new.body]
    gone = _unchanged(text, made)
    assert "\n" not in gone and ('"' in gone or not set("{}#!") & set(gone))
    assert put(made, path, *words) == made


@MANY
@given(TEXT, st.lists(st.tuples(WORD, WORD), max_size=3, unique=True))
def test_a_list_is_refused_or_has_its_entries(text: str, items: list[tuple[str, str]]) -> None:
    try:
        made = fill(text, [("x",)], items, [("a",), ("b", "1", "2")])
    except ValueError:
        return
    block = next(each for each in parse(made).blocks("x") if each.words == ("x",))
    found = [each.words for each in block.body or ()]
    assert all(item in found for item in items)
    assert ("b", "1", "2") not in found
    assert fill(made, [("x",)], items, [("a",), ("b", "1", "2")]) == made


def _unchanged(old: str, new: str) -> str:
    """The part of the old text between the common beginning and end of both."""
    begin = _common(old, new)
    return old[begin : len(old) - _common(old[begin:][::-1], new[begin:][::-1])]


def _common(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
