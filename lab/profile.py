"""The profile of this lab: the values that depend on this machine's build."""

from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from lab.artifacts import CNI_VERSION, NERDCTL_VERSION, artifacts, checksum
from lab.authority import authority
from lab.cache import architecture
from lab.network import SERVICES


def profile(cache: Path) -> str:
    """Return a profile that extends `lab` by checksums and the registry's CA."""

    def binary(version: str, name: str, directory: str) -> dict[str, object]:
        file = artifacts(cache) / name.format(version=version, arch=architecture())
        url = f"http://{SERVICES}:8000/artifacts/{name}"
        return {"version": version, "url": url, "sha256": {architecture(): checksum(file)}, "directory": directory}

    text = StringIO()
    yaml = YAML()
    yaml.width = 200
    nerdctl = binary(NERDCTL_VERSION, "nerdctl-{version}-linux-{arch}.tar.gz", "/usr/local/bin")
    cni = binary(CNI_VERSION, "cni-plugins-linux-{arch}-v{version}.tgz", "/opt/cni/bin")
    ca = LiteralScalarString((authority(cache) / "ca.crt").read_text())
    runtime = {
        "containerd": {"registry": {"ca": {"https://mirror.lab:5443": ca}}},
        "nerdctl": {"binary": nerdctl},
        "cni": {"binary": cni},
    }
    select = ["+runtime.nerdctl.version"]
    yaml.dump({"name": "lab-here", "extends": "lab", "select": select, "runtime": runtime}, text)
    return text.getvalue()
