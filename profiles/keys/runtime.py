"""Keys of section 2 of the catalogue: containerd and the programs that it calls."""

from __future__ import annotations

from pydantic import Field

from trueup.profiles.keys.section import Artifact, Package, Section, Service


class Registry(Section):
    """Sources of images."""

    config_path: str = Field("", description="directory of the hosts.toml files")
    mirrors: dict[str, list[str]] = Field(
        default_factory=dict, description="registry to the URLs of its mirrors, in order"
    )
    ca: dict[str, str] = Field(default_factory=dict, description="URL of a mirror to its CA certificate in PEM")


class Containerd(Package):
    """The container runtime."""

    unit: dict[str, str] = Field(
        default_factory=dict, description="directive of containerd.service to its value, as systemd shows it"
    )
    service: Service = Field(default_factory=Service, description="state of containerd.service")
    config: str = Field("", description="path of containerd's configuration file")
    sandbox_image: str = Field("", description="image of the pause container")
    systemd_cgroup: bool = Field(False, description="let systemd manage the cgroups of containers")
    registry: Registry = Field(default_factory=Registry)
    runtime_type: str = Field("io.containerd.runc.v2", description="shim of the runc runtime")


class Cni(Package):
    """The CNI plugins, which give pods their network."""

    directory: str = Field("", description="directory of the plugins, which containerd must search")
    plugins: list[str] = Field(default_factory=list, description="plugins that must be installed")


class Web(Section):
    """A web container that nerdctl keeps running."""

    name: str = Field("", description="name of the container")
    image: str = Field("", description="full reference of its image")
    port: int = Field(80, description="TCP port of the host that leads to the container's port 80")


class Nerdctl(Section):
    """nerdctl, which distributions do not package."""

    binary: Artifact | None = Field(None, description="the release to install")
    web: Web = Field(default_factory=Web)


class Ctr(Section):
    """Values for the active checks with containerd's own client."""

    image: str = Field("", description="full reference of an image to pull and run; it must contain /bin/true")


class Docker(Section):
    """Docker, on hosts that must not have it."""

    absent: list[str] = Field(default_factory=list, description="packages that must not be installed")


class Runtime(Section):
    """Section 2 of the catalogue: containerd and the programs that it calls."""

    containerd: Containerd = Field(default_factory=Containerd)
    runc: Package = Field(default_factory=Package)
    nerdctl: Nerdctl = Field(default_factory=Nerdctl)
    cni: Cni = Field(default_factory=Cni)
    ctr: Ctr = Field(default_factory=Ctr)
    docker: Docker = Field(default_factory=Docker)
