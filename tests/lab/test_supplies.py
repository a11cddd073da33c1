"""What the lab serves to its hosts: Kubernetes' packages, images and artifacts, and the profile that knows them."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import Lab
from lab.archive import tgz
from lab.cache import made
from lab.machine import cgroups, locked, pids
from trueup.model.profile import load

HOST = "w1"
REPOSITORY = "registry.lab:5000/google_containers"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -y"
HALF_BUILD = """
import sys
from pathlib import Path
from lab.cache import OWN_MOUNTS, made
from lab.machine import run, wrap

script = "mkdir $0/proc; mount -t proc proc $0/proc; touch $0/half; sleep 300"
made(Path(sys.argv[1]), "thing", 1, lambda new: run(*wrap("building", *OWN_MOUNTS, "sh", "-c", script, new)))
"""
HOSTS_TOML = 'server = "{0}"\n[host."{1}"]\n  capabilities = ["pull", "resolve"]\n{2}'


@pytest.fixture(scope="module")
def host(lab: Lab) -> str:
    """A bare host with containerd."""
    lab.reset([HOST])
    lab.sh(HOST, f"apt-get update && {INSTALL} containerd && systemctl start containerd")
    return HOST


@pytest.fixture(scope="module")
def kubernetes(lab: Lab, host: str) -> str:
    """The same with Kubernetes' repository and an older kubeadm."""
    key = "/etc/apt/keyrings/kubernetes.asc"
    lab.sh(
        host,
        f"curl -fsS http://10.77.0.254:8000/kubernetes/Release.key -o {key} && cd /etc/apt/sources.list.d && "
        f"echo 'deb [signed-by={key}] http://10.77.0.254:8000/kubernetes ./' >kubernetes.list && "
        f"apt-get update && {INSTALL} kubeadm=1.20.1-00 kubelet=1.20.1-00 kubectl=1.20.1-00",
    )
    return host


def hosts_toml(lab: Lab, host: str, registry: str, server: str, mirror: str, ca: str = "") -> None:
    directory = f"/etc/containerd/certs.d/{registry}"
    line = f'  ca = "{directory}/ca.crt"\n' if ca else ""
    lab.sh(host, f"mkdir -p {directory} && cat >{directory}/ca.crt", input=ca or "\n")
    lab.sh(host, f"cat >{directory}/hosts.toml", input=HOSTS_TOML.format(server, mirror, line))


def the_ca(lab: Lab) -> str:
    return load(str(lab.profile)).spec(HOST).runtime.containerd.registry.ca["https://mirror.lab:5443"]


@pytest.mark.lab
def test_kubernetes_packages_are_laid_out_as_upstream(lab: Lab, kubernetes: str) -> None:
    said = lab.sh(kubernetes, "kubeadm version -o short; kubelet --version; kubectl version --client --short").stdout
    assert said == "v1.20.1\nKubernetes v1.20.1\nClient Version: v1.20.1\n"
    versions = re.findall(r"\| +(\S+) \|", lab.sh(kubernetes, "apt-cache madison kubelet").stdout)
    assert versions == ["1.20.2-00", "1.20.1-00", "1.19.9-00"]
    lab.sh(kubernetes, "test -x /opt/cni/bin/bridge")
    unit = "systemctl is-enabled kubelet; systemctl show -P ActiveState -P DropInPaths kubelet"
    conf = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
    assert lab.sh(kubernetes, unit).stdout.split() == ["enabled", "activating", conf], "it waits for kubeadm"
    lab.sh(kubernetes, f"{INSTALL} kubeadm kubelet kubectl")
    assert lab.sh(kubernetes, "kubeadm version -o short").stdout == "v1.20.2\n"


@pytest.mark.lab
def test_each_repository_has_a_key_of_its_own(lab: Lab, kubernetes: str) -> None:
    swap = "sed -i 's,/[a-z]*.asc,/lab.gpg,' /etc/apt/sources.list.d/kubernetes.list; apt-get update"
    assert "NO_PUBKEY" in lab.sh(kubernetes, swap, check=False).stderr
    lab.sh(kubernetes, "sed -i 's,/lab.gpg,/kubernetes.asc,' /etc/apt/sources.list.d/kubernetes.list; apt-get update")


@pytest.mark.lab
def test_the_registry_has_what_kubeadm_pulls(lab: Lab, kubernetes: str) -> None:
    hosts_toml(lab, kubernetes, "registry.lab:5000", "http://registry.lab:5000", "http://registry.lab:5000")
    for version in ("v1.20.2", "v1.20.1"):
        images = f"--kubernetes-version {version} --image-repository {REPOSITORY}"
        wanted = lab.sh(kubernetes, f"kubeadm config images list {images} 2>/dev/null").stdout.split()
        assert len(wanted) == 7
        pulled = lab.sh(kubernetes, f"kubeadm config images pull {images} --cri-socket /run/containerd/containerd.sock")
        assert re.findall(r"Pulled (\S+)", pulled.stdout) == wanted


@pytest.mark.lab
@pytest.mark.parametrize(
    ("image", "command", "says"),
    [
        (f"{REPOSITORY}/kube-apiserver:v1.20.2", "kube-apiserver --version", "Kubernetes v1.20.2"),
        (f"{REPOSITORY}/etcd:3.4.13-0", "etcd --version", "etcd Version: 3.4"),
        (f"{REPOSITORY}/kube-proxy:v1.20.2", "iptables -p tcp -m statistic -m conntrack --help", "(nf_tables)"),
        (f"{REPOSITORY}/kube-proxy:v1.20.2", "iptables-legacy --version", "(legacy)"),
        (f"{REPOSITORY}/kube-proxy:v1.20.2", "conntrack --version", "conntrack v"),
        ("docker.io/library/nginx:1.22", "nginx -t", "test is successful"),
        ("docker.io/calico/kube-controllers:v3.24.5", "check-status -r", ""),
        ("docker.io/calico/node:v3.24.5", "/bin/calico-node -bird-ready", "BIRD is not ready"),
    ],
)
def test_programs_of_images_run(lab: Lab, host: str, image: str, command: str, says: str) -> None:
    archive = image.rpartition("/")[2].replace(":", "-")
    lab.sh(host, f"curl -fsS http://10.77.0.254:8000/images/{archive}.tar | ctr images import -")
    done = lab.sh(host, f"ctr run --rm {image} t {command}", check=not says.startswith("BIRD"))
    assert says in done.stdout + done.stderr


@pytest.mark.lab
def test_the_registry_answers_on_both_ports(lab: Lab, host: str) -> None:
    lab.sh(host, "cat >/root/ca.crt", input=the_ca(lab))
    plain = lab.sh(host, "curl -fsS http://10.77.0.254:5000/v2/_catalog").stdout
    assert "library/alpine" in plain
    for name in ("mirror.lab", "registry.lab", "10.77.0.254"):
        url = f"https://{name}:5443/v2/_catalog"
        assert lab.sh(host, f"curl -fsS --cacert /root/ca.crt {url}").stdout == plain
        assert lab.sh(host, f"curl -fsS {url}", check=False).returncode == 60, "nobody else trusts that CA"
    upload = "curl -sS -o /dev/null -w '%{http_code}' -X POST http://10.77.0.254:5000/v2/library/alpine/blobs/uploads/"
    assert lab.sh(host, upload).stdout == "405", "what is shared by all labs is not written to"


@pytest.mark.lab
def test_a_host_pulls_through_the_mirror_and_by_http_and_imports_the_same(lab: Lab, host: str) -> None:
    hosts_toml(lab, host, "docker.io", "https://registry-1.docker.io", "https://mirror.lab:5443", the_ca(lab))
    lab.sh(host, "ctr images pull --hosts-dir /etc/containerd/certs.d docker.io/library/alpine:latest")
    lab.sh(host, "ctr images pull --plain-http 10.77.0.254:5000/library/alpine:latest")
    lab.sh(host, "curl -fsS http://10.77.0.254:8000/images/alpine.tar | ctr -n imported images import -")
    digests = lab.sh(host, "ctr images ls 'name~=alpine'; ctr -n imported images ls").stdout
    assert len(found := re.findall(r"library/alpine:latest .*(sha256:\w+)", digests)) == 3 and len(set(found)) == 1
    assert lab.sh(host, "ctr run --rm docker.io/library/alpine:latest t /bin/echo ran").stdout == "ran\n"
    lab.sh(host, "ctr run --rm docker.io/library/alpine:latest t /bin/true")


@pytest.mark.lab
def test_artifacts_are_those_of_the_profile(lab: Lab, host: str) -> None:
    runtime = load(str(lab.profile)).spec(host).runtime
    for artifact in (runtime.nerdctl.binary, runtime.cni.binary):
        assert artifact
        for arch, checksum in artifact.sha256.items():
            url = artifact.url.format(version=artifact.version, arch=arch)
            assert lab.sh(host, f"curl -fsS {url} | sha256sum").stdout.split()[0] == checksum
            assert hashlib.sha256((lab.artifacts / url.rpartition("/")[2]).read_bytes()).hexdigest() == checksum
            lab.sh(host, f"mkdir -p {artifact.directory} && curl -fsS {url} | tar -xzC {artifact.directory}")
    assert lab.sh(host, "nerdctl --version; /opt/cni/bin/host-local 2>&1 </dev/null", check=False).stdout.startswith(
        "nerdctl version 1.0.0\nCNI host-local plugin"
    )
    listing = lab.sh(host, "curl -fsS http://10.77.0.254:8000/artifacts/").stdout
    assert "runc.amd64" in listing and "containerd-1.6.20-linux-amd64.tar.gz" in listing
    run = "curl -fsS http://10.77.0.254:8000/artifacts/runc.amd64 -o /root/runc && chmod +x /root/runc && /root/runc -v"
    assert lab.sh(host, run).stdout.startswith("runc version 1.1.5")


@pytest.mark.lab
def test_the_stand_in_for_nerdctl_keeps_a_container_running(lab: Lab, host: str) -> None:
    status = 'nerdctl inspect web | sed -n \'s/.*"Status": "\\([a-z]*\\)".*/\\1/p\''
    lab.sh(host, "nerdctl run -d -p 80:80 --name=web --restart=always nginx:latest")
    assert "nginx" in lab.sh(host, "sleep 0.5; curl -fsS http://localhost").stdout
    lab.sh(host, "nerdctl stop web")
    assert lab.sh(host, status).stdout == "exited\n"
    lab.sh(host, "nerdctl start web")
    lab.sh(host, "ctr tasks kill -s KILL $(ctr containers ls -q 'labels.\"nerdctl/name\"==web')")
    until = time.monotonic() + 20  # containerd looks every ten seconds
    while lab.sh(host, "curl -fsS http://localhost", check=False).returncode and time.monotonic() < until:
        time.sleep(0.5)
    assert lab.sh(host, status).stdout == "running\n"
    lab.sh(host, "nerdctl rm -f web")
    assert lab.sh(host, status, check=False).stdout == ""


@pytest.mark.lab
def test_a_server_that_ended_is_started_again(lab: Lab, host: str) -> None:
    for name, url in ("repository", "http://10.77.0.254:8000"), ("registry-http", "http://10.77.0.254:5000/v2/"):
        for pid in pids(name):
            os.kill(pid, signal.SIGKILL)
        assert lab.sh(host, f"curl -fsS {url}", check=False).returncode == 7
        lab.up([host])
        lab.sh(host, f"curl -fsS {url}")


@pytest.mark.lab
def test_a_killed_build_leaves_nothing_under_its_name(lab: Lab, tmp_path: Path) -> None:
    with locked(lab.state):
        build = subprocess.Popen([sys.executable, "-c", HALF_BUILD, tmp_path], cwd=Path(__file__).parents[2])
        while not [*tmp_path.glob("new-thing-*/half")] and build.poll() is None:
            time.sleep(0.05)
        build.kill()
        build.wait()
        assert [path.name[:10] for path in tmp_path.iterdir() if path.name != "extra"] == ["new-thing-"]
        built = made(tmp_path, "thing", 1, lambda new: (new / "whole").touch())
        assert not cgroups("building")[0].exists()
        assert (built / "whole").exists() and {path.name for path in tmp_path.iterdir()} == {"extra", built.name}
        other = made(tmp_path, "thing", 2, lambda new: (new / "whole").touch())
        assert {path.name for path in tmp_path.iterdir()} == {"extra", other.name}, "what is no longer used is removed"


def test_archives_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for mtime in (1, 2):
        (tmp_path / "program").write_bytes(b"\x7fELF")
        (tmp_path / "program").chmod(0o755)
        os.utime(tmp_path / "program", (mtime, mtime))
        files = {"./program": tmp_path / "program", "bin/sh": "busybox", "etc/motd": b"hello\n"}
        archives = [tgz(dict(order)) for order in (files.items(), reversed(files.items()))]
        assert archives[0] == archives[1]
