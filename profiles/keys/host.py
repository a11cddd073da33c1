"""Keys of section 1 of the catalogue: what every machine's operating system must be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trueup.profiles.keys.section import AptSource, Section


class Apt(Section):
    """Where packages come from on hosts with apt."""

    sources: list[AptSource] = Field(default_factory=list, description="repositories that must be listed")


class Time(Section):
    """Who keeps the clock right."""

    service: Literal["systemd-timesyncd", "chrony"] = Field(
        "systemd-timesyncd", description="what is installed where no time service is; any other will do as well"
    )
    skew: float = Field(5.0, gt=0, description="seconds by which two clocks of the run may differ")


class Preflight(Section):
    """What kubeadm's preflight checks expect of a host."""

    cpus: int = Field(2, description="CPUs of a control plane, at least")
    memory: int = Field(1700, description="memory of a control plane in MB as kubeadm counts them, at least")
    ports: dict[str, str] = Field(default_factory=dict, description="TCP port to the component that may have it")
    tools: dict[str, str] = Field(
        default_factory=dict, description="executable to the package that has it, as the distribution names it"
    )
    cri_socket: str = Field("", description="socket of the container runtime")
    kernel: str = Field("", description="regular expression for the releases of the kernel that are supported")
    kernel_config: list[str] = Field(
        default_factory=list, description="options of the kernel without CONFIG_; 'A|B' for two names of one"
    )
    cgroups: list[str] = Field(default_factory=list, description="cgroup controllers")


class Reboot(Section):
    """How a host is rebooted."""

    seconds: float = Field(
        600, gt=0, description="seconds in which a host must be back; servers test their memory first"
    )


Identity = Literal["hostname", "machine-id", "product_uuid", "MAC"]


class Host(Section):
    """Section 1 of the catalogue: what every node's operating system must be."""

    modules: list[str] = Field(default_factory=list, description="kernel modules, loaded now and at every boot")
    sysctl: dict[str, str] = Field(default_factory=dict, description="kernel parameters; values are quoted strings")
    swap: Literal["off", "ignored"] = Field("ignored", description="off: none in use, none after a reboot")
    apt: Apt = Field(default_factory=Apt)
    time: Time = Field(default_factory=Time)
    identity: list[Identity] = Field(default_factory=list, description="what no two hosts may have in common")
    reboot: Reboot = Field(default_factory=Reboot)
    preflight: Preflight = Field(default_factory=Preflight)
