"""Versions compare by dpkg's rules, which dpkg itself is asked about."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import CouldNotLook, UsageError
from trueup.facts.packages import compare, newest, within

PART = st.from_regex(r"[0-9][0-9a-z.+~]{0,6}", fullmatch=True)
VERSION = st.builds(
    lambda epoch, upstream, revision: f"{epoch}{upstream}{revision}",
    st.sampled_from(["", "", "0:", "1:"]),
    PART | st.sampled_from(["1.6.20~ds1", "1.5.9", "1.6.2", "1.10", "1.9"]),
    st.sampled_from(["", "-1", "-0ubuntu1~20.04.5", "-1+b1", "-1+deb12u1", "-0"]) | PART.map(lambda part: f"-{part}"),
)
WORDS = {-1: "lt", 0: "eq", 1: "gt"}


@pytest.mark.skipif(not shutil.which("dpkg"), reason="dpkg is the oracle")
@settings(max_examples=100)
@given(VERSION, VERSION)
def test_two_versions_compare_as_dpkg_says(one: str, other: str) -> None:
    said = subprocess.run(["dpkg", "--compare-versions", one, WORDS[compare(one, other)], other], check=False)
    assert said.returncode == 0


@given(VERSION, VERSION)
def test_the_operators_of_a_range_agree_with_each_other(one: str, other: str) -> None:
    assert within(one, f">= {other}") is not within(one, f"<< {other}")
    assert within(one, f"<= {other}") is not within(one, f">> {other}")
    assert within(one, other) is (within(one, f">= {other}") and within(one, f"<={other}"))
    assert within(one, f"> {other}") is within(one, f">>{other}")
    assert within(one, f"== {other}") is within(one, f"= {other}")


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("1.5.9-0ubuntu1~20.04.5", "1.5.9-0ubuntu1~20.04.5", True),
        ("1.5.9-0ubuntu1~20.04.6", "1.5.9-0ubuntu1~20.04.5", False),
        ("1.10.0", ">= 1.9.0", True),
        ("1.6.20~ds1-1+b1", ">= 1.6.20", False),  # a tilde sorts before the version itself
        ("1.7.1", ">= 1.6.20, << 1.7", False),
        ("1.6.30", ">= 1.6.20, << 1.7", True),
    ],
)
def test_a_version_is_in_a_range(version: str, wanted: str, holds: bool) -> None:
    assert within(version, wanted) is holds


@pytest.mark.parametrize("wanted", ["", ">= ", "latest and greatest", ">= 1,", "~> 1.2"])
def test_a_range_that_is_not_understood_is_said_to_be_so(wanted: str) -> None:
    with pytest.raises(UsageError, match="is not a version or range: write"):
        within("1.0", wanted)


def test_versions_of_rpm_are_not_compared_by_the_rules_of_dpkg() -> None:
    with pytest.raises(CouldNotLook, match="rpm"):
        within("0:1.7.27-3.1.el9", ">= 1.6", "rpm")


def test_the_newest_version_of_the_range_is_chosen_not_the_first_or_the_longest() -> None:
    assert newest(["1.6.2", "1.6.10", "1.6.9-1", "2.0"], "<< 2") == "1.6.10"
    assert newest(["1.6.2"], ">= 2") is None
