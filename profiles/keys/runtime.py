"""Keys of section 2 of the catalogue: containerd and what it calls."""

from __future__ import annotations

from pydantic import Field

from trueup.profiles.keys.section import Artifact, Package, Section, Service


class Registry(Section):
    """Where images come from."""

    config_path: str = Field("", description="directory of the hosts.toml files")
    mirrors: dict[str, list[str]] = Field(default_factory=dict, description="registry to mirror URLs, tried in order")
    ca: dict[str, str] = Field(default_factory=dict, description="mirror URL to the CA certificate it needs, as PEM")


class Containerd(Package):
    """The container runtime."""

    unit: dict[str, str] = Field(
        default_factory=dict, description="directives of containerd.service, as systemd has them"
    )
    service: Service = Field(default_factory=Service, description="state of containerd.service")
    config: str = Field("", description="path of the configuration file")
    sandbox_image: str = Field("", description="image of the pause container")
    systemd_cgroup: bool = Field(False, description="let systemd manage the cgroups of containers")
    registry: Registry = Field(default_factory=Registry)
    runtime_type: str = Field("io.containerd.runc.v2", description="shim of the runc runtime")


class Cni(Package):
    """The plugins that give pods their network."""

    directory: str = Field("", description="where containerd finds them")
    plugins: list[str] = Field(default_factory=list, description="those that must be there")


class Web(Section):
    """A container that serves, kept running by nerdctl."""

    name: str = Field("", description="name of the container")
    image: str = Field("", description="full reference of its image")
    port: int = Field(80, description="TCP port of the host that is the container's port 80")


class Nerdctl(Section):
    """nerdctl, which distributions do not package."""

    binary: Artifact | None = Field(None, description="the release to install")
    web: Web = Field(default_factory=Web)


class Ctr(Section):
    """What the active checks of containerd's own client use."""

    image: str = Field("", description="full reference of an image to pull and run, with a /bin/true in it")


class Docker(Section):
    """Docker, where it must not be."""

    absent: list[str] = Field(default_factory=list, description="packages that must not be installed")


class Runtime(Section):
    """Section 2 of the catalogue: containerd and what it calls."""

    containerd: Containerd = Field(default_factory=Containerd)
    runc: Package = Field(default_factory=Package)
    nerdctl: Nerdctl = Field(default_factory=Nerdctl)
    cni: Cni = Field(default_factory=Cni)
    ctr: Ctr = Field(default_factory=Ctr)
    docker: Docker = Field(default_factory=Docker)
