"""The verb for images: what kubelet will ask for is in the namespace where it looks."""

from __future__ import annotations

import shlex

from trueup.change.hand import Hand
from trueup.facts import images
from trueup.facts.containerd import PROXIES
from trueup.verdict import Action


class Images(Hand):
    """Bringing images into containerd."""

    def image(self, name: str, *, hosts_dir: str = "") -> None:
        """Have an image in namespace ``k8s.io``: copied from another namespace that has it, else pulled.

        Args:
            hosts_dir: directory of the hosts.toml files by which to pull.
        """
        present = self.look(images.PRESENT)
        if name in present.get(images.KUBELETS, {}):
            return
        quoted, kubelets = shlex.quote(name), f"ctr -n {images.KUBELETS} images"
        if source := images.elsewhere(present, name):
            summary = f"copy {name} from namespace {source}"
            body = f"""file=$(mktemp -p /var/tmp trueup.XXXXXX)
trap 'rm -f "$file"' EXIT
ctr -n {shlex.quote(source)} images export "$file" {quoted}
{kubelets} import "$file" """
        else:
            summary = f"pull {name}"
            hosts = shlex.quote(hosts_dir)
            given = f'$([ ! -d {hosts} ] || echo "--hosts-dir" {hosts})' if hosts_dir else ""
            body = f"{PROXIES}\n{kubelets} pull {given} {quoted} >/dev/null"
        self.act(Action("image", name, summary, f"+{name}\n", f"{kubelets} rm {quoted}"), body)
