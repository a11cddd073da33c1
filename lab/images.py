"""The lab's container images, in a registry's storage and as archives to import."""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from lab import archive
from lab.cache import architecture, base, made
from lab.kubernetes import kubernetes
from lab.machine import run

REPOSITORY = "registry.lab:5000/google_containers"
CALICO = "v3.24.5"
VERSIONS = ("v1.20.2", "v1.20.1")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
APPLETS = ("sh", "cat", "echo", "env", "false", "grep", "id", "ls", "mkdir", "ps", "rm", "sleep", "true", "vi", "wget")
NGINX = b"""user www-data;
events {}
http {
  include mime.types;
  server { listen 80; root /usr/share/nginx/html; }
}
"""
USERS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n",
    "etc/group": b"root:x:0:\nwww-data:x:33:\n",
}
OCI = "application/vnd.oci.image"


class Image(NamedTuple):
    """An image of one layer."""

    reference: str
    files: archive.Files
    command: Sequence[str]
    entrypoint: Sequence[str] = ()


def images(cache: Path) -> Path:
    """Return a directory with a registry's storage in `registry`, and OCI archives in `archives`."""
    bare, programs = base(cache), kubernetes(cache)

    def make(new: Path) -> None:
        for image in contents(bare, programs):
            write(new, image)

    recipe = [Path(file).read_text() for file in (__file__, archive.__file__)]
    return made(cache, "images", [recipe, bare.name, programs.name], make)


def contents(bare: Path, programs: Path) -> Iterator[Image]:
    """Return all images, with stand-ins for coredns, Calico and v1.20.1."""
    tools, pause = bare / "tools", programs / "pause"
    shell: archive.Files = {"bin/busybox": tools / "usr/bin/busybox", **{f"bin/{name}": "busybox" for name in APPLETS}}
    yield Image("docker.io/library/alpine:latest", shell, ["/bin/sh"])
    for tag in ("latest", "1.22"):
        yield Image(f"docker.io/library/nginx:{tag}", {**shell, **nginx(bare)}, ["nginx", "-g", "daemon off;"])

    yield Image(f"{REPOSITORY}/pause:3.2", {"pause": pause}, [], ["/pause"])
    etcd = linked(bare / "root", {"usr/local/bin/etcd": tools / "usr/bin/etcd"})
    yield Image(f"{REPOSITORY}/etcd:3.4.13-0", etcd, ["/usr/local/bin/etcd"])
    yield Image(f"{REPOSITORY}/coredns:1.7.0", {"coredns": programs / "standins/coredns"}, [], ["/coredns"])
    for version, name in ((version, name) for version in VERSIONS for name in CONTROL_PLANE):
        built, path = programs / version / name, f"usr/local/bin/{name}"
        beside: archive.Files = {**shell, **filtering(bare)} if name == "kube-proxy" and built.exists() else {}
        program = built if built.exists() else pause
        yield Image(f"{REPOSITORY}/{name}:{version}", {**beside, path: program}, [f"/{path}"])

    calico = programs / "standins/calico"
    node: archive.Files = {**shell, "usr/bin/calico-node": calico, "bin/calico-node": "/usr/bin/calico-node"}
    yield Image(f"docker.io/calico/node:{CALICO}", node, ["/usr/bin/calico-node"])
    controllers: archive.Files = {"usr/bin/kube-controllers": calico, "usr/bin/check-status": "kube-controllers"}
    yield Image(f"docker.io/calico/kube-controllers:{CALICO}", controllers, [], ["/usr/bin/kube-controllers"])


def nginx(bare: Path) -> archive.Files:
    """Return Debian's nginx with its welcome page, logging to stdout and stderr."""
    tools = bare / "tools"
    return {
        **linked(bare / "root", {"usr/sbin/nginx": tools / "usr/sbin/nginx"}),
        "etc/nginx/mime.types": tools / "etc/nginx/mime.types",
        "etc/nginx/nginx.conf": NGINX,
        "usr/share/nginx/html/index.html": tools / "usr/share/nginx/html/index.html",
        "var/log/nginx/access.log": "/dev/stdout",
        "run": None,
        "var/lib/nginx": None,
        **USERS,
    }


def filtering(bare: Path) -> archive.Files:
    """Return the programs of kube-proxy: conntrack, and the hosts' own iptables, since they share rules."""
    root = bare / "root"
    found = [*root.glob("usr/sbin/xtables-*-multi"), *root.glob("usr/lib/*/xtables/lib[ix]*.so")]
    programs = {str(file.relative_to(root)): file for file in found}
    links = {
        f"usr/sbin/{family}{kind}{verb}": f"xtables-{kind.strip('-') or 'nft'}-multi"
        for family in ("iptables", "ip6tables")
        for kind in ("", "-nft", "-legacy")
        for verb in ("", "-save", "-restore")
    }
    conntrack = {"usr/sbin/conntrack": bare / "tools/usr/sbin/conntrack"}
    return {**linked(root, programs | conntrack), **links, "bin/ip": "busybox", "sbin/modprobe": "/bin/busybox"}


def linked(root: Path, programs: dict[str, Path]) -> archive.Files:
    """Return programs of a root file system, with their shared libraries."""
    [linker] = root.glob("usr/lib/*-linux-gnu/ld-linux-*.so.*")
    listed = [run(linker, "--library-path", linker.parent, "--list", program) for program in programs.values()]
    found = re.findall(r"(\S+) => (/\S+)", "".join(listed))
    return {**{str(PurePosixPath("/lib", name))[1:]: Path(path) for name, path in found}, **programs}


def write(new: Path, image: Image) -> None:
    """Write one image in both forms."""
    reference, files, command, entrypoint = image
    path = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    layer = archive.tar(files)
    config = {
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Env": path,
            "Entrypoint": entrypoint,
            "Cmd": command,
            "Labels": {"made-by": "trueup's lab", "reference": reference},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
    }
    blobs: dict[str, bytes] = {}

    def blob(kind: str, content: bytes) -> dict[str, str | int]:
        blobs[digest := sha256(content).hexdigest()] = content
        return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    parts = {
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [blob("layer.v1.tar+gzip", gzip.compress(layer, 1, mtime=0))],
    }
    kind = "manifest.v1+json"
    manifest = blob(kind, json.dumps({"schemaVersion": 2, "mediaType": f"{OCI}.{kind}", **parts}).encode())
    store(new / "registry/docker/registry/v2", reference, blobs, str(manifest["digest"]))

    index = {"schemaVersion": 2, "manifests": [{**manifest, "annotations": {"io.containerd.image.name": reference}}]}
    layout = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": json.dumps(index).encode()}
    name = reference.rpartition("/")[2].removesuffix(":latest").replace(":", "-")
    put(new / f"archives/{name}.tar", archive.tar({**layout, **{f"blobs/sha256/{d}": b for d, b in blobs.items()}}))


def store(root: Path, reference: str, blobs: dict[str, bytes], manifest: str) -> None:
    """Write an image into docker-registry's storage."""
    name, tag = reference.partition("/")[2].rsplit(":")
    repository = root / "repositories" / name
    for digest, content in blobs.items():
        put(root / "blobs/sha256" / digest[:2] / digest / "data", content)
        put(repository / "_layers/sha256" / digest / "link", f"sha256:{digest}".encode())
    revision = manifest.removeprefix("sha256:")
    for link in (f"revisions/sha256/{revision}", f"tags/{tag}/current", f"tags/{tag}/index/sha256/{revision}"):
        put(repository / "_manifests" / link / "link", manifest.encode())


def put(file: Path, content: bytes) -> None:
    """Write a file, and make its directories."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
