"""containerd's images by namespace; kubelet uses only ``k8s.io``."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.model.fact import Fact

KUBELETS = "k8s.io"


@dataclass(frozen=True)
class Image:
    """One image."""

    digest: str
    whole: bool  # content or unpacked snapshot exists; a name alone cannot be run


# `check` finds incomplete images. It reads a manifest for each image, so it runs only where needed.
_PROBE = f"""
command -v ctr >/dev/null 2>&1 || {{ echo 'ctr: not found' >&2; exit 127; }}
names=$(ctr --timeout 10s namespaces ls -q) || exit
for name in $names; do
  case $name in {KUBELETS}) verb=check;; *) verb=ls;; esac
  printf '@%s\\n' "$name"
  ctr --timeout 10s -n "$name" images $verb || exit
done
"""


def parse(text: str) -> dict[str, dict[str, Image]]:
    """Return namespace to image reference to image, from tables of ``ctr images ls`` and ``ctr images check``."""
    found: dict[str, dict[str, Image]] = {}
    images: dict[str, Image] = {}
    for row in text.splitlines():
        if row.startswith("@"):
            images = found.setdefault(row[1:], {})
            continue
        words = row.split()
        if len(words) < 3 or words[0] == "REF":
            continue
        digest = next((word for word in words if word.startswith("sha256:")), "")
        if not digest:
            raise ValueError(f"no digest in {row[:120]!r}")
        broken = {"incomplete", "unavailable"} & set(words)
        images[words[0]] = Image(digest, not broken or words[-1] == "true")
    return found


PRESENT = Fact("images.present", _PROBE, parse, timeout=30)


def elsewhere(present: dict[str, dict[str, Image]], name: str) -> str:
    """Return a namespace other than kubelet's that has the image, or an empty string."""
    return next((space for space, images in present.items() if space != KUBELETS and name in images), "")


def usable(present: dict[str, dict[str, Image]], name: str) -> bool:
    """Return whether kubelet can start a container from the image."""
    image = present.get(KUBELETS, {}).get(name)
    return image is not None and image.whole
