"""Which scenarios are played at once, and what their profile says."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from scenario import Group, cases, groups, merge

from trueup.model.catalog import catalog

FORWARD, SWAP, PAUSE = "host.sysctl.ip_forward", "host.swap", "runtime.containerd.sandbox_image"


@pytest.fixture
def played(tmp_path: Path) -> list[Group]:
    """Scenarios whose heads are given, by requirement and name, and the groups that they are played in."""
    catalog.load("trueup.checks")
    heads = {
        f"{FORWARD}/off": "# red: effective",
        f"{SWAP}/fstab": "# red: persistent",
        f"{SWAP}/unit": "# red: persistent\n# long",
        f"{PAUSE}/other": "# advice\n# profile: kube: {version: v1.21.0}\n# profile: select: [+a]",
        "host.preflight.Mem/small": "# advice\n# profile: select: [+a, +b]",
        "host.preflight.NumCPU/one": "# advice\n# profile: kube: {version: v1.22.0}",
    }
    for name, head in heads.items():
        path = tmp_path / f"{name}.sh"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{head}\n")
    return groups(tmp_path, 4)


def test_those_with_the_same_flags_and_profiles_that_agree_are_played_at_once(played: list[Group]) -> None:
    assert {str(group) for group in played} == {
        f"{SWAP}-fstab {FORWARD}-off",
        f"{SWAP}-unit",
        "host.preflight.Mem-small host.preflight.NumCPU-one",
        f"{PAUSE}-other",
    }


def test_a_group_of_long_scenarios_is_marked_so(played: list[Group]) -> None:
    assert [[mark.name for mark in case.marks] for case in cases(played) if case.values[0].flag("long")] == [["long"]]
    assert sum(bool(case.marks) for case in cases(played)) == 1


def test_profiles_of_a_group_are_one(played: list[Group], tmp_path: Path) -> None:
    (group,) = (group for group in played if "NumCPU" in str(group))
    path = group.write_profile(tmp_path / "p.yaml", {"extends": "lab", "select": ["-c"]})
    assert YAML(typ="safe").load(path) == {
        "extends": "lab",
        "select": ["-c", "+a", "+b"],
        "kube": {"version": "v1.22.0"},
    }


def test_profiles_that_contradict_each_other_are_not_merged() -> None:
    with pytest.raises(ValueError, match="version is 1 and 2"):
        merge({"kube": {"version": 1}}, {"kube": {"version": 2}})
