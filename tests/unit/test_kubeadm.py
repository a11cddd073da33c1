"""What is known of kubeadm's releases before there is a kubeadm on the host."""

import pytest

from trueup.facts.kubeadm import known_pause, tag


@pytest.mark.parametrize(
    ("version", "pause"), [("v1.24.3", "3.7"), ("1.31.0", "3.10"), ("v1.34.1", "3.10.1"), ("v1.99.0", None), ("", None)]
)
def test_the_pause_image_of_a_version(version: str, pause: str | None) -> None:
    assert known_pause(version) == pause


@pytest.mark.parametrize(
    ("image", "expected"),
    [("registry.k8s.io/pause:3.10", "3.10"), ("r.example:5000/pause", ""), ("r:5000/a/pause:3.7@sha256:00", "3.7")],
)
def test_the_tag_of_an_image(image: str, expected: str) -> None:
    assert tag(image) == expected
