"""Keys of section 9 of the catalogue: requirements across hosts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import Section

Program = Literal["containerd", "runc", "kubeadm", "kubelet", "kubectl", "haproxy", "keepalived"]


class Config(Section):
    """Settings that must be the same on all hosts of a role, whatever their value is."""

    containerd: bool = Field(True, description="compare containerd's whole effective configuration")
    ignore: list[str] = Field(
        default_factory=list, description="dotted keys of containerd, or patterns, that may differ"
    )
    sysctl: list[str] = Field(
        default_factory=list, description="kernel parameters to compare, in addition to host.sysctl"
    )


class Reachability(Section):
    """How connections between the hosts of a cluster are tried."""

    seconds: int = Field(3, ge=1, le=10, description="time-out of a connection, in seconds")


class Across(Section):
    """Section 9 of the catalogue: requirements across hosts."""

    versions: list[Program] = Field(
        default_factory=list,
        description="programs that must have one version on all hosts of a role; hosts without the program pass",
    )
    config: Config = Field(default_factory=Config)
    reachability: Reachability = Field(default_factory=Reachability)
