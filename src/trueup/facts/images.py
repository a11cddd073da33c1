"""Images as containerd has them: by namespace, because kubelet looks into ``k8s.io`` alone."""

from __future__ import annotations

from trueup.fact import Fact

KUBELETS = "k8s.io"

_PROBE = """
command -v ctr >/dev/null 2>&1 || { echo 'ctr: not found' >&2; exit 127; }
names=$(ctr --timeout 10s namespaces ls -q) || exit
for name in $names; do
  printf '@%s\\n' "$name"
  ctr --timeout 10s -n "$name" images ls || exit
done
"""


def parse(text: str) -> dict[str, dict[str, str]]:
    """Return namespace to image reference to digest, of tables by ``ctr images ls``."""
    found: dict[str, dict[str, str]] = {}
    images: dict[str, str] = {}
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
        images[words[0]] = digest
    return found


PRESENT = Fact("images.present", _PROBE, parse, timeout=30)


def elsewhere(present: dict[str, dict[str, str]], image: str) -> str:
    """Return another namespace than kubelet's that has the image, or nothing."""
    return next((name for name, images in present.items() if name != KUBELETS and image in images), "")
