"""Keys of section 9 of the catalogue: what must hold across hosts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import Section

Program = Literal["containerd", "runc", "kubeadm", "kubelet", "kubectl", "haproxy", "keepalived"]


class Config(Section):
    """What must be set the same on all hosts of a role, whatever it is set to."""

    containerd: bool = Field(True, description="all of containerd's effective configuration")
    ignore: list[str] = Field(default_factory=list, description="dotted keys of it, or patterns, that may differ")
    sysctl: list[str] = Field(default_factory=list, description="kernel parameters, beside those of host.sysctl")


class Reachability(Section):
    """How hosts of a cluster are tried from each other."""

    seconds: int = Field(3, ge=1, le=10, description="that a connection may take")


class Across(Section):
    """Section 9 of the catalogue: what must hold across hosts."""

    versions: list[Program] = Field(
        default_factory=list, description="programs that have the same version on all hosts of a role that have them"
    )
    config: Config = Field(default_factory=Config)
    reachability: Reachability = Field(default_factory=Reachability)
