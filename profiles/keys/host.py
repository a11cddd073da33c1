"""Keys of section 1 of the catalogue: the operating system of every host."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import AptSource, Section


class Apt(Section):
    """Sources of packages on hosts with apt."""

    sources: list[AptSource] = Field(default_factory=list, description="repositories that apt must list")


class Time(Section):
    """The clock and its time service."""

    service: Literal["systemd-timesyncd", "chrony"] = Field(
        "systemd-timesyncd", description="installed where a host has no time service; any other one passes, too"
    )
    skew: float = Field(5.0, gt=0, description="seconds by which two clocks may differ")


class Preflight(Section):
    """Values that kubeadm's preflight checks expect."""

    cpus: int = Field(2, description="least number of CPUs of a control plane")
    memory: int = Field(1700, description="least memory of a control plane in MB, as kubeadm counts")
    ports: dict[str, str] = Field(default_factory=dict, description="TCP port to the component that uses it")
    tools: dict[str, str] = Field(
        default_factory=dict, description="program to the distribution package that contains it"
    )
    cri_socket: str = Field("", description="path of the container runtime's socket")
    kernel: str = Field("", description="regular expression of supported kernel releases")
    kernel_config: list[str] = Field(
        default_factory=list, description="kernel options without CONFIG_; 'A|B': either name"
    )
    cgroups: list[str] = Field(default_factory=list, description="cgroup controllers that must be on")


class Reboot(Section):
    """How a host is rebooted."""

    seconds: float = Field(
        600, gt=0, description="seconds in which a host must answer again; servers may test their memory first"
    )


Identity = Literal["hostname", "machine-id", "product_uuid", "MAC"]


class Host(Section):
    """Section 1 of the catalogue: the operating system of every host."""

    modules: list[str] = Field(default_factory=list, description="kernel modules to load now and at every boot")
    sysctl: dict[str, str] = Field(default_factory=dict, description="kernel parameter to its value, a quoted string")
    swap: Literal["off", "ignored"] = Field("ignored", description="off: no swap now and after a reboot")
    apt: Apt = Field(default_factory=Apt)
    time: Time = Field(default_factory=Time)
    identity: list[Identity] = Field(default_factory=list, description="identifiers that no two hosts may share")
    reboot: Reboot = Field(default_factory=Reboot)
    preflight: Preflight = Field(default_factory=Preflight)
