"""Container images that the lab makes itself, in a registry's storage and as files to import."""

import gzip
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from lab import archive
from lab.cache import architecture, base, made
from lab.kubernetes import kubernetes

REPOSITORY = "registry.lab:5000/google_containers"
VERSIONS = ("v1.20.2", "v1.20.1")
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
APPLETS = ("sh", "cat", "echo", "env", "false", "grep", "id", "ls", "mkdir", "ps", "rm", "sleep", "true", "vi", "wget")
OCI = "application/vnd.oci.image"


def images(cache: Path) -> Path:
    """A registry's storage in `registry`, and each image as an OCI archive in `archives`."""
    tools, programs = base(cache) / "tools", kubernetes(cache)

    def make(new: Path) -> None:
        for reference, files, command in contents(tools, programs):
            write(new, reference, files, command)

    recipe = [Path(file).read_text() for file in (__file__, archive.__file__)]
    return made(cache, "images", [recipe, tools.parent.name, programs.name], make)


def contents(tools: Path, programs: Path) -> Iterator[tuple[str, archive.Files, list[str]]]:
    """Each image's reference, files and command. All but pause are stand-ins."""
    shell: archive.Files = {"bin/busybox": tools / "bin/busybox", **{f"bin/{name}": "busybox" for name in APPLETS}}
    yield "docker.io/library/alpine:latest", shell, ["/bin/sh"]
    page = b"<h1>Welcome to nginx, played by busybox</h1>\n"
    httpd = ["busybox", "httpd", "-f", "-p", "80", "-h", "/www"]
    yield "docker.io/library/nginx:latest", {**shell, "www/index.html": page}, httpd
    pause = programs / "pause"
    yield f"{REPOSITORY}/pause:3.2", {"pause": pause}, ["/pause"]
    tags = [(name, version) for version in VERSIONS for name in CONTROL_PLANE]
    for name, tag in [*tags, ("etcd", "3.4.13-0"), ("coredns", "1.7.0")]:
        built = programs / tag / name  # played by pause where the lab does not build it
        path = f"usr/local/bin/{name}"
        yield f"{REPOSITORY}/{name}:{tag}", {path: built if built.exists() else pause}, [f"/{path}"]


def write(new: Path, reference: str, files: archive.Files, command: list[str]) -> None:
    """Write one image in both forms."""
    path = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    layer = archive.tar(files)
    config = {
        "architecture": architecture(),
        "os": "linux",
        "config": {"Env": path, "Cmd": command, "Labels": {"made-by": "trueup's lab", "reference": reference}},
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
    """Put an image where docker-registry keeps what was pushed to it."""
    name, tag = reference.partition("/")[2].rsplit(":")
    repository = root / "repositories" / name
    for digest, content in blobs.items():
        put(root / "blobs/sha256" / digest[:2] / digest / "data", content)
        put(repository / "_layers/sha256" / digest / "link", f"sha256:{digest}".encode())
    revision = manifest.removeprefix("sha256:")
    for link in (f"revisions/sha256/{revision}", f"tags/{tag}/current", f"tags/{tag}/index/sha256/{revision}"):
        put(repository / "_manifests" / link / "link", manifest.encode())


def put(file: Path, content: bytes) -> None:
    """Write a file and the directories it is in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
