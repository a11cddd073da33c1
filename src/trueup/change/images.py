"""The verb for container images in containerd's namespace ``k8s.io``, which kubelet uses."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from trueup.change.verbs import Verbs
from trueup.facts.runtime import images
from trueup.facts.runtime.containerd import PROXIES
from trueup.results.action import Action

_KUBELETS = f"ctr -n {images.KUBELETS} images"
# A layer that was being unpacked at a power loss makes the next import fail once, and that removes it, see
# https://github.com/containerd/accelerated-container-image/issues/102
_AGAIN = """said=$(bring 2>&1 >/dev/null) || case $said in
*"failed to rename"*"file exists"*) bring >/dev/null;;
*) echo "$said"; exit 1;;
esac"""


def archive(directory: str, name: str) -> Path | None:
    """Return the controller's archive of an image, if any: ``pause-3.10.tar`` for ``registry.k8s.io/pause:3.10``."""
    stem = name.rpartition("/")[2].replace(":", "-")
    files = [Path(directory, f"{stem}{ending}") for ending in (".tar", ".tar.gz")] if directory else []
    return next((file for file in files if file.is_file()), None)


class Images(Verbs):
    """Brings images into containerd."""

    def image(self, name: str, *, archives: str = "", hosts_dir: str = "") -> None:
        """Bring an image into namespace ``k8s.io`` from another namespace, a local archive, or its registry.

        Args:
            archives: directory on the controller with image archives.
            hosts_dir: directory of the hosts.toml files to pull with.
        """
        present = self.ask(images.PRESENT)
        if images.usable(present, name):
            return
        quoted = shlex.quote(name)
        if source := images.elsewhere(present, name):
            summary = f"copy {name} from namespace {source}"
            body = f"""file=$(mktemp -p /var/tmp trueup.XXXXXX)
trap 'rm -f "$file"' EXIT
ctr -n {shlex.quote(source)} images export "$file" {quoted}
bring() {{ {_KUBELETS} import "$file"; }}
{_AGAIN}"""
        elif file := archive(archives, name):
            summary = f"import {name} from {file.name}"
            body = self._import(file, quoted)
        else:
            summary = f"pull {name}"
            hosts = shlex.quote(hosts_dir)
            given = f'$([ ! -d {hosts} ] || echo "--hosts-dir" {hosts})' if hosts_dir else ""
            body = f"{PROXIES}\nbring() {{ {_KUBELETS} pull {given} {quoted}; }}\n{_AGAIN}"
        action = Action("image", name, summary, f"+{name}\n", f"{_KUBELETS} rm {quoted}", before={"absent": True})
        self.act(action, body)

    def _import(self, file: Path, quoted: str) -> str:
        with file.open("rb") as content:
            checksum = hashlib.file_digest(content, "sha256").hexdigest()
        arrived = self.incoming(checksum)
        if self.apply:
            self.send(file, checksum)
        unpack = "gunzip -c" if file.name.endswith(".gz") else "cat"
        return f"""trap 'rm -f {arrived}' EXIT
bring() {{ {unpack} {arrived} | {_KUBELETS} import -; }}
{_AGAIN}
[ -n "$({_KUBELETS} ls -q name=={quoted})" ] || {{ echo "the archive holds another image"; exit 65; }}"""
