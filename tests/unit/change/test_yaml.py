"""Keys of a YAML file change in place, as those of a TOML file do."""

from pathlib import Path

import pytest
from scratch import Changes

from trueup.errors import ChangeFailed

KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}  # CIS 4.2.1
  x509:
    clientCAFile: "/etc/kubernetes/pki/ca.crt"
# what containerd has
cgroupDriver: cgroupfs
clusterDNS:
- 10.96.0.10
"""
DRIVER = {("cgroupDriver",): "systemd"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(KUBELET)
    return path


def test_a_key_is_set_and_no_other_character_changes(changes: Changes, path: Path) -> None:
    change = changes()
    assert change.edit_yaml(str(path), DRIVER | {("authentication", "webhook", "cacheTTL"): "0s"})
    assert path.read_text() == KUBELET.replace("cgroupfs", "systemd").replace(
        "# what", '  webhook:\n    cacheTTL: "0s"\n# what'
    )
    again = changes()
    assert again.edit_yaml(str(path), DRIVER) is False
    assert again.actions == []
    assert change.rollback() == []
    assert path.read_text() == KUBELET


def test_a_key_without_a_value_goes_and_the_comment_of_the_next_stays(changes: Changes, path: Path) -> None:
    assert changes().edit_yaml(str(path), {("authentication", "x509"): None, ("no", "such"): None})
    x509 = '  x509:\n    clientCAFile: "/etc/kubernetes/pki/ca.crt"\n'
    assert path.read_text() == KUBELET.replace(x509, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n- b\n", "it is no mapping of keys"),
        ("a: 1\n---\nb: 2\n", "it has 2 documents"),
        ("cgroupDriver: &d {a: 1}\nother: *d\n", "it cannot be edited in place"),
        ("a: &a [*a]\n", "it contains itself"),
        ("a: [\n", "expected the node content"),
        ("\udcff", "can't decode byte"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_as_it_is(changes: Changes, path: Path, text: str, why: str) -> None:
    path.write_bytes(content := text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ChangeFailed, match=rf"config\.yaml: .*{why}.*; the file is left as it is"):
        changes().edit_yaml(str(path), DRIVER)
    assert path.read_bytes() == content


def test_a_file_that_is_absent_or_no_yaml_starts_from_the_default(changes: Changes, path: Path, owner: str) -> None:
    path.write_text("a: [\n")
    assert changes().edit_yaml(str(path), DRIVER, default="# ours\nkind: KubeletConfiguration\n")
    assert path.read_text() == "# ours\nkind: KubeletConfiguration\ncgroupDriver: systemd\n"
    path.unlink()
    assert changes(apply=False).edit_yaml(str(path), {("gone",): None}) is False
    assert changes(apply=False).edit_yaml(str(path), DRIVER)


def test_an_edit_that_does_not_validate_leaves_the_file_alone(changes: Changes, path: Path) -> None:
    with pytest.raises(ChangeFailed, match="refused"):
        changes().edit_yaml(str(path), DRIVER, validate="echo refused; false")
    assert path.read_text() == KUBELET
