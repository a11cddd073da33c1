"""What kubeadm wants: its own image list, and what is known of its releases where there is no kubeadm yet."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from trueup.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

# Pause image by the minor of Kubernetes: PauseVersion in cmd/kubeadm/app/constants of each release branch.
_PAUSE = {
    20: "3.2", 21: "3.4.1", 22: "3.5", 23: "3.6", 24: "3.7", 25: "3.8", 26: "3.9", 27: "3.9", 28: "3.9",
    29: "3.9", 30: "3.9", 31: "3.10", 32: "3.10", 33: "3.10", 34: "3.10.1", 35: "3.10.1", 36: "3.10.2",
}  # fmt: skip
_IMAGE = re.compile(r"[\w./:-]+/[\w.-]+:[\w.-]+")


def known_pause(version: str) -> str | None:
    """Return the pause tag of a Kubernetes version such as ``v1.24.3``, or ``None`` for one that is not known here."""
    match = re.match(r"v?1\.(\d+)\b", version)
    return _PAUSE.get(int(match[1])) if match else None


def tag(image: str) -> str:
    """Return the tag of an image reference, or nothing."""
    name = image.partition("@")[0]
    return name.rpartition(":")[2] if ":" in name.rpartition("/")[2] else ""


def _probe(spec: Spec) -> str:
    # With a version given, kubeadm asks nobody.
    version = shlex.quote(spec.kube.version)
    return f"""
command -v kubeadm >/dev/null 2>&1 || {{ echo absent; exit 0; }}
kubeadm config images list --kubernetes-version {version}
"""


def parse_images(text: str) -> list[str] | None:
    """Return the images that the host's own kubeadm needs, or ``None`` where there is no kubeadm.

    Raises:
        ValueError: no image in the answer.
    """
    if text.strip() == "absent":
        return None
    images = [row for row in text.split() if _IMAGE.fullmatch(row)]
    if not images:
        raise ValueError("kubeadm listed no image")
    return images


IMAGES = Fact("kubeadm.images", _probe, parse_images)
