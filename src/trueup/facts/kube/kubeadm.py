"""The images that kubeadm needs: by the host's own kubeadm, or by a table of releases before it is installed."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

# Images beside the control plane's own, by kubeadm's release: up to 1.31.2 from minikube's table of its constants, and
# later from kubeadm's own answer. CoreDNS and etcd change between patches, so a patch without a row is unknown.
_TABLE = """
minor patches pause  coredns etcd
19    0       3.2    1.7.0   3.4.9-1
19    1-16    3.2    1.7.0   3.4.13-0
20    0-15    3.2    1.7.0   3.4.13-0
21    0-14    3.4.1  v1.8.0  3.4.13-0
22    0-16    3.5    v1.8.4  3.5.0-0
22    17      3.5    v1.8.4  3.5.6-0
23    0-13    3.6    v1.8.6  3.5.1-0
23    14      3.6    v1.8.6  3.5.5-0
23    15-17   3.6    v1.8.6  3.5.6-0
24    0-7     3.7    v1.8.6  3.5.3-0
24    8       3.7    v1.8.6  3.5.5-0
24    9-17    3.7    v1.8.6  3.5.6-0
25    0-3     3.8    v1.9.3  3.5.4-0
25    4       3.8    v1.9.3  3.5.5-0
25    5-14    3.8    v1.9.3  3.5.6-0
25    15-16   3.8    v1.9.3  3.5.9-0
26    0-9     3.9    v1.9.3  3.5.6-0
26    10-12   3.9    v1.9.3  3.5.9-0
26    13-15   3.9    v1.9.3  3.5.10-0
27    0-6     3.9    v1.10.1 3.5.7-0
27    7-9     3.9    v1.10.1 3.5.9-0
27    10-11   3.9    v1.10.1 3.5.10-0
27    12-16   3.9    v1.10.1 3.5.12-0
28    0-5     3.9    v1.10.1 3.5.9-0
28    6-7     3.9    v1.10.1 3.5.10-0
28    8-13    3.9    v1.10.1 3.5.12-0
28    14-15   3.9    v1.10.1 3.5.15-0
29    0-2     3.9    v1.11.1 3.5.10-0
29    3-8     3.9    v1.11.1 3.5.12-0
29    9-10    3.9    v1.11.1 3.5.15-0
29    13-15   3.9    v1.11.1 3.5.16-0
30    0-4     3.9    v1.11.1 3.5.12-0
30    5-14    3.9    v1.11.3 3.5.15-0
31    0       3.10   v1.11.1 3.5.15-0
31    1-2     3.10   v1.11.3 3.5.15-0
31    14      3.10   v1.11.3 3.5.24-0
32    0-9     3.10   v1.11.3 3.5.16-0
32    13      3.10   v1.11.3 3.5.24-0
33    0-5     3.10   v1.12.0 3.5.21-0
33    7-9     3.10   v1.12.0 3.5.24-0
34    0-1     3.10.1 v1.12.1 3.6.4-0
34    2-10    3.10.1 v1.12.1 3.6.5-0
35    0-8     3.10.1 v1.13.1 3.6.6-0
36    0-4     3.10.2 v1.14.2 3.6.8-0
"""
_ROWS = [row.split() for row in _TABLE.splitlines()[2:]]
_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
_VERSION = re.compile(r"v?1\.([0-9]{1,3})\.([0-9]{1,3})")
# The default registry changed in 1.25, and in the last patches of the releases that were maintained then.
_MOVED = {22: 17, 23: 15, 24: 9}
DEFAULT_REPOSITORIES = ("k8s.gcr.io", "registry.k8s.io")
_IMAGE = re.compile(r"[\w./:-]+/[\w.-]+:[\w.-]+")


def known_pause(version: str) -> str | None:
    """Return the pause tag of a Kubernetes version such as ``v1.24.3``, or ``None`` if it is not in the table."""
    match = re.match(r"v?1\.([0-9]{1,3})\b", version)
    return next((pause for minor, _, pause, *_ in _ROWS if match and minor == match[1]), None)


def known_images(version: str, repository: str = "") -> list[str] | None:
    """Return the output of ``kubeadm config images list`` of this version, or ``None`` if it is not in the table.

    Args:
        repository: the profile's repository; empty for kubeadm's default.
    """
    if (match := _VERSION.fullmatch(version)) is None:
        return None
    minor, patch = int(match[1]), int(match[2])
    default = "registry.k8s.io" if minor >= 25 or patch >= _MOVED.get(minor, patch + 1) else "k8s.gcr.io"
    repository = repository or default
    # CoreDNS is one level deeper only in kubeadm's default registry, since 1.21
    coredns = "coredns/coredns" if repository == default and minor >= 21 else "coredns"
    for row_minor, patches, pause, dns, etcd in _ROWS:
        first, _, last = patches.partition("-")
        if int(row_minor) == minor and int(first) <= patch <= int(last or first):
            names = [f"{name}:v1.{minor}.{patch}" for name in _CONTROL_PLANE]
            return [f"{repository}/{name}" for name in [*names, f"{coredns}:{dns}", f"pause:{pause}", f"etcd:{etcd}"]]
    return None


def tag(image: str) -> str:
    """Return the tag of an image reference, or an empty string."""
    name = image.partition("@")[0]
    return name.rpartition(":")[2] if ":" in name.rpartition("/")[2] else ""


def _probe(spec: Spec) -> str:
    # With a version given, kubeadm makes no network request.
    asked = ["--kubernetes-version", spec.kube.version]
    asked += ["--image-repository", spec.kube.images.repository] if spec.kube.images.repository else []
    return f"""
command -v kubeadm >/dev/null 2>&1 || {{ echo absent; exit 0; }}
kubeadm config images list {shlex.join(asked)}
"""


def parse_images(text: str) -> list[str] | None:
    """Return the images that the host's own kubeadm needs, or ``None`` without kubeadm.

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
