"""Programs as their projects release them, on a host that has no package of them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

pytestmark = pytest.mark.lab
HOST = "w27"
Run = Callable[..., Any]
ONLY = """select: [
  "runtime.*", "!runtime.containerd.deprecations", "!runtime.ctr.*", "!runtime.nerdctl.*", "host.kernel.*",
  "host.sysctl.*", host.apt.sources, host.preflight.CRI,
]"""
CONTAINERD, RUNC = "containerd-1.6.20-linux-amd64.tar.gz", "runc.amd64"


@pytest.fixture
def artifacts(lab: Lab, tmp_path: Path) -> Path:
    """The controller's own copies of what the lab serves, as for a site without internet."""
    directory = tmp_path / "artifacts"
    shutil.copytree(lab.state / "repository/artifacts", directory)
    return directory


def profile(lab: Lab, artifacts: Path, *, local: bool, wrong: str = "") -> Path:
    """Write a profile with containerd and runc as releases; the file ``wrong`` gets a checksum that is not its own."""

    def binary(name: str, version: str, directory: str) -> str:
        checksum = "0" * 64 if name == wrong else hashlib.sha256((artifacts / name).read_bytes()).hexdigest()
        url = f"http://10.77.0.254:8000/artifacts/{name.replace('amd64', '{arch}')}"
        return f'{{version: "{version}", url: "{url}", sha256: {{amd64: "{checksum}"}}, directory: {directory}}}'

    path = artifacts.parent / "binary.yaml"
    path.write_text(
        f"extends: {lab.profile}\n{ONLY}\n"
        + (f"artifacts: {artifacts.name}\n" if local else "")
        + "runtime:\n"
        + f"  containerd: {{binary: {binary(CONTAINERD, '1.6.20', '/usr/local/bin')}}}\n"
        + f"  runc: {{binary: {binary(RUNC, '1.1.5', '/usr/local/sbin')}}}\n"
    )
    return path


@pytest.mark.parametrize(
    "local", [pytest.param(True, id="sent", marks=pytest.mark.long), pytest.param(False, id="fetched")]
)
def test_a_bare_host_gets_a_runtime_without_packages(lab: Lab, trueup: Run, artifacts: Path, local: bool) -> None:
    lab.reset([HOST])
    run = lambda *args: trueup(  # noqa: E731
        f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={profile(lab, artifacts, local=local)}", *args
    )
    fixed = run("--fix")
    assert fixed.code == 0, fixed.text
    assert fixed.outcomes["runtime.containerd.version", HOST] == "fixed"
    assert lab.sh(HOST, "dpkg-query -W containerd runc 2>&1 || :").stdout.count("no packages found") == 2
    assert lab.sh(HOST, "readlink /proc/$(systemctl show containerd -p MainPID --value)/exe").stdout.strip() == (
        "/usr/local/bin/containerd"
    )
    image = "docker.io/library/alpine:latest"
    lab.sh(HOST, f"ctr images pull --hosts-dir /etc/containerd/certs.d {image} && ctr run --rm {image} t /bin/true")
    again = run("--fix")
    assert (again.code, again.changes) == (0, [])


@pytest.mark.parametrize(
    ("wrong", "local"),
    [
        pytest.param(CONTAINERD, True, id=f"{CONTAINERD}-sent"),
        pytest.param(RUNC, False, id=f"{RUNC}-fetched"),
        pytest.param(CONTAINERD, False, id=f"{CONTAINERD}-fetched", marks=pytest.mark.long),
        pytest.param(RUNC, True, id=f"{RUNC}-sent", marks=pytest.mark.long),
    ],
)
def test_a_wrong_checksum_changes_nothing(lab: Lab, trueup: Run, artifacts: Path, local: bool, wrong: str) -> None:
    lab.reset([HOST])
    done = trueup(
        f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", "--fix", "-k", "runc.version or containerd.version",
        f"--profile={profile(lab, artifacts, local=local, wrong=wrong)}",
    )  # fmt: skip
    name = "runc" if wrong == RUNC else "containerd"
    result = done.result(f"runtime.{name}.version", HOST)
    assert done.code == 1
    assert result["outcome"] == "fix-failed"
    assert "checksum" in result["detail"]
    where = "/usr/local/bin /usr/local/sbin /var/lib/trueup/incoming"
    left = lab.sh(HOST, f"find {where} -type f 2>/dev/null || :").stdout.splitlines()
    assert [path for path in left if path.endswith(f"/{name}") or "incoming" in path or ".trueup" in path] == []


CUT = "iptables -{} OUTPUT -p tcp -m multiport --dports 5000,5443 -j REJECT --reject-with tcp-reset"
IMAGES = """extends: {}
select: [
  host.apt.sources, host.preflight.CRI, "runtime.containerd.*", "!runtime.containerd.registry_reachable",
  "!runtime.containerd.deprecations", kube.images.present,
]
artifacts: images
"""


@pytest.mark.long
def test_images_come_from_archives_where_no_registry_answers(lab: Lab, trueup: Run, tmp_path: Path) -> None:
    lab.reset([HOST])
    shutil.copytree(lab.state / "repository/images", tmp_path / "images")
    (tmp_path / "airgap.yaml").write_text(IMAGES.format(lab.profile))
    options = (f"--hosts={HOST}", f"--ssh-config={lab.ssh_config}", f"--profile={tmp_path}/airgap.yaml", "--fix")
    lab.sh(HOST, CUT.format("I"))
    fixed = trueup(*options)
    assert fixed.code == 0, fixed.text
    assert f"{HOST}: import registry.lab:5000/google_containers/pause:3.2 from pause-3.2.tar" in fixed.changes
    assert lab.sh(HOST, "ls /var/lib/trueup/incoming").stdout == ""
    again = trueup(*options)
    assert (again.code, again.changes) == (0, [])
    lab.sh(HOST, CUT.format("D"))
    name = "registry.lab:5000/google_containers/pause:3.2"
    imported = lab.sh(HOST, f"ctr -n k8s.io images ls name=={name}").stdout
    lab.sh(HOST, f"ctr images pull --hosts-dir /etc/containerd/certs.d {name}")
    pulled = lab.sh(HOST, f"ctr images ls name=={name}").stdout
    assert imported.split("sha256:")[1][:64] == pulled.split("sha256:")[1][:64]  # the same image, whichever way
