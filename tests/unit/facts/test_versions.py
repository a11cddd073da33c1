"""Versions compare by the rules of dpkg, rpm or the project; dpkg itself gives the expected results for its rules."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import CouldNotLook, UsageError
from trueup.facts.host.packages import compare, newest, together, within

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


@pytest.mark.parametrize("wanted", ["", ">= ", "latest and greatest", ">= 1,", "~> 1.2", ">= 1^2"])
def test_a_range_that_is_not_understood_is_said_to_be_so(wanted: str) -> None:
    with pytest.raises(UsageError, match="is not a version or range: write"):
        within("1.0", wanted)


@pytest.mark.parametrize(("version", "scheme"), [("1.2_3", "dpkg"), ("a b", "rpm"), ("unknown", "upstream")])
def test_what_is_no_version_is_not_judged(version: str, scheme: str) -> None:
    with pytest.raises(CouldNotLook, match=version):
        within(version, ">= 0", scheme)


def test_the_newest_version_of_the_range_is_chosen_not_the_first_or_the_longest() -> None:
    assert newest(["1.6.2", "1.6.10", "1.6.9-1", "2.0"], "<< 2") == "1.6.10"
    assert newest(["1.6.2"], ">= 2") is None


def test_packages_that_go_together_have_one_version_where_there_is_one() -> None:
    offered = {"kubelet": ["1.34.0", "1.34.1", "1.34.2"], "kubeadm": ["1.34.1", "1.34.0"]}
    assert together(offered, ">= 1.34") == {"kubelet": "1.34.1", "kubeadm": "1.34.1"}
    assert together(offered | {"runc": ["1.1.12"]}, ">= 1") == {
        "kubelet": "1.34.2", "kubeadm": "1.34.1", "runc": "1.1.12"
    }  # fmt: skip
    assert together({"kubelet": ["1.33.0"], "kubeadm": []}, ">= 1.34") == {}


# rpm's tests/rpmvercmp.at, and carets as rpm 4.18 answers for them: one, other, and how they compare
RPM = """
1.0 1.0 0; 1.0 2.0 -1; 2.0.1 2.0.1 0; 2.0 2.0.1 -1; 2.0.1a 2.0.1a 0; 2.0.1a 2.0.1 1; 5.5p1 5.5p1 0; 5.5p1 5.5p2 -1
5.5p10 5.5p10 0; 5.5p1 5.5p10 -1; 10xyz 10.1xyz -1; xyz10 xyz10 0; xyz10 xyz10.1 -1; xyz.4 xyz.4 0; xyz.4 8 -1
xyz.4 2 -1; 5.5p2 5.6p1 -1; 5.6p1 6.5p1 -1; 6.0.rc1 6.0 1; 10b2 10a1 1; 10a2 10b2 -1; 1.0aa 1.0aa 0; 1.0a 1.0aa -1
10.0001 10.0001 0; 10.0001 10.1 0; 10.0001 10.0039 -1; 4.999.9 5.0 -1; 20101121 20101121 0; 20101121 20101122 -1
2_0 2_0 0; 2.0 2_0 0; a a 0; a+ a+ 0; a+ a_ 0; +a +a 0; +a _a 0; +_ +_ 0; _+ +_ 0; + _ 0
1.0~rc1 1.0~rc1 0; 1.0~rc1 1.0 -1; 1.0~rc1 1.0~rc2 -1; 1.0~rc1~git123 1.0~rc1~git123 0; 1.0~rc1~git123 1.0~rc1 -1
1.0^ 1.0^ 0; 1.0^ 1.0 1; 1.0^git1 1.0^git1 0; 1.0^git1 1.0 1; 1.0^git1 1.0^git2 -1; 1.0^git1 1.01 -1
1.0^20160101 1.0^20160101 0; 1.0^20160101 1.0.1 -1; 1.0^20160101^git1 1.0^20160101^git1 0
1.0^20160102 1.0^20160101^git1 1; 1.0~rc1^git1 1.0~rc1^git1 0; 1.0~rc1^git1 1.0~rc1 1; 1.0^git1~pre 1.0^git1~pre 0
1.0^git1 1.0^git1~pre 1
"""
ROWS = [row.split() for row in RPM.replace("\n", ";").split(";") if row.strip()]


@pytest.mark.parametrize(("one", "other", "order"), ROWS)
def test_rpm_segments_compare_as_in_its_own_table(one: str, other: str, order: str) -> None:
    assert compare(one, other, "rpm") == int(order)
    assert compare(other, one, "rpm") == -int(order)


EVR = st.from_regex(r"([0-9]:)?[0-9a-z.~^_+]{1,8}-[0-9a-z.~^_+]{1,4}", fullmatch=True)
UPSTREAM = st.from_regex(r"v?[0-9]{1,2}(\.[0-9]{1,2}){0,3}(-(alpha|beta|rc)\.?[0-9]{0,2})?(\+ds1)?", fullmatch=True)


@pytest.mark.parametrize(("scheme", "versions"), [("rpm", EVR), ("upstream", UPSTREAM), ("dpkg", VERSION)])
@given(data=st.data())
def test_every_scheme_is_a_total_order(scheme: str, versions: st.SearchStrategy[str], data: st.DataObject) -> None:
    a, b, c = (data.draw(versions) for _ in range(3))
    assert compare(a, a, scheme) == 0
    assert compare(a, b, scheme) == -compare(b, a, scheme)
    if compare(a, b, scheme) <= 0 and compare(b, c, scheme) <= 0:
        assert compare(a, c, scheme) <= 0
        assert 0 not in (compare(a, b, scheme), compare(b, c, scheme)) or compare(a, c, scheme) in (
            compare(a, b, scheme), compare(b, c, scheme)
        )  # fmt: skip


@pytest.mark.parametrize(
    ("version", "wanted", "holds"),
    [
        ("0:1.7.27-3.1.el9", ">= 1.6.20, < 2", True),
        ("0:1.7.27-3.1.el9", "1.7.27", True),  # any release
        ("0:1.7.27-3.1.el9", "1.7.27-3.1.el9", True),
        ("0:1.7.27-3.1.el9", "1.7.27-3.1.el8", False),
        ("0:1.6.20-1.el9", "> 1.6.20", False),
        ("0:1.6.20-1.el9", "> 1.6.20-1", True),
        ("4:1.2.4-1.el9", ">= 1.3", True),  # an epoch beats every version; a range without one is of epoch 0
        ("4:1.2.4-1.el9", ">= 4:1.3", False),
        ("0:1.10.0-1", ">= 1.9", True),
        ("0:2.1.0~rc.1-1", ">= 2.1.0", False),
        ("0:1.34.1-150500.1.1", ">= 1.34.0, << 1.35", True),
    ],
)
def test_a_version_of_rpm_is_in_a_range(version: str, wanted: str, holds: bool) -> None:
    assert within(version, wanted, "rpm") is holds


def test_the_newest_version_of_rpm_is_chosen_with_its_release() -> None:
    offered = ["0:1.7.9-3.1.el9", "0:1.7.27-3.1.el9", "0:1.7.27-3.10.el9", "0:2.1.0-1.el9"]
    assert newest(offered, ">= 1.7, < 2", "rpm") == "0:1.7.27-3.10.el9"


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("1.6.10", "1.6.9", 1), ("v2.1.0", "2.1", 0), ("v2.1.0-rc.1", "v2.1.0", -1), ("2.1.0-rc.10", "2.1.0-rc.9", 1),
        ("2.0.0-alpha.1", "2.0.0-beta.0", -1), ("2.0.0-beta.2", "2.0.0-rc.0", -1), ("1.0.0-rc95", "1.0.0-rc9", 1),
        ("1.0.0~rc93+ds1", "1.0.0", -1), ("1.6.20~ds1", "1.6.20", 0), ("1.7.24-0ubuntu1~22.04.2", "1.7.24", 0),
        ("v1.31.2+k3s1", "1.31.2", 0), ("1.1.12-rc.1", "1.1.11", 1), ("2.1.0-rc.1", "2.1.0-rc", 1), ("0", "0.0.0", 0),
    ],
)  # fmt: skip
def test_a_projects_own_versions_compare_by_number_and_what_is_early_comes_first(
    one: str, other: str, order: int
) -> None:
    assert compare(one, other, "upstream") == order
    assert compare(other, one, "upstream") == -order
    assert within(one, f">= {other}", "upstream") is (order >= 0)
