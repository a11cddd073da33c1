"""Keys of section 8 of the catalogue: the address that clients use, and what is behind it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from trueup.profiles.keys.section import Section


class Vip(Section):
    """The address that one of the load balancers holds."""

    address: str = Field("", description="the address, without a prefix length")
    interface: str = Field("", description="where its holder has it")
    label: str = Field("", description="its label there, such as eth0:1")


class Vrrp(Section):
    """keepalived's VRRP instance, which settles who holds the address."""

    instance: str = Field("VI_1", description="name of the vrrp_instance")
    state: Literal["MASTER", "BACKUP"] = Field("BACKUP", description="what a host starts as; MASTER on one of them")
    interface: str = Field("", description="where adverts are sent")
    virtual_router_id: int = Field(51, ge=1, le=255, description="the same on all, and nobody else's on that network")
    priority: int = Field(100, ge=1, le=254, description="the highest wins; of each host another")
    advert_int: float = Field(1, gt=0, description="seconds between two adverts")
    garp_master_delay: int = Field(10, ge=0, description="seconds until a new holder tells its address once more")
    auth_pass: SecretStr = Field(
        SecretStr(""), max_length=8, description="password of the adverts, the same on all; keepalived cuts longer ones"
    )
    smtp_alert: bool = Field(True, description="mail on a change of state")
    notification_email: list[str] = Field(default_factory=list, description="to whom")
    router_id: str = Field("", description="how this host calls itself in mails; its name where empty")


class HealthCheck(Section):
    """What makes a host give the address up: the end of its haproxy, and not of what is behind that."""

    name: str = Field("haproxy", pattern=r"^[\w-]+$", description="name of the vrrp_script")
    script: str = Field("/etc/keepalived/check-haproxy", pattern=r"^/\S+$", description="the program that looks")
    interval: int = Field(2, ge=1, description="seconds between two looks")
    weight: int = Field(
        -30, ge=-253, le=253, description="what a failure takes off the priority; with 0 the host gives up at once"
    )


class Server(Section):
    """A server behind haproxy."""

    name: str = Field(min_length=1)
    address: str = Field(pattern=r"^\S+:\d+$", description="HOST:PORT")
    options: str = Field("check inter 2000 fall 3 rise 5", description="what follows it in haproxy.cfg")


class Listen(Section):
    """A listen section of haproxy.cfg."""

    name: str = Field(min_length=1)
    bind: str = Field(pattern=r"^\S+:\d+$", description="ADDRESS:PORT")
    mode: Literal["tcp", "http"] = "tcp"
    servers: list[Server] = Field(min_length=1)
    speaks: Literal["tcp", "tls", "https", "http"] = Field("tls", description="what must answer a client behind it")


class Failover(Section):
    """What the drill allows."""

    seconds: float = Field(5, gt=0, description="that the address may be without an answer, each time")
    lost: int = Field(
        50, ge=0, description="connections that may fail in a drill, of the 20 that are begun each second"
    )


class LoadBalancer(Section):
    """Section 8 of the catalogue: keepalived and haproxy."""

    packages: list[str] = Field(default_factory=list, description="keepalived and haproxy, as distributions name them")
    vip: Vip = Field(default_factory=Vip)
    vrrp: Vrrp = Field(default_factory=Vrrp)
    check: HealthCheck = Field(default_factory=HealthCheck)
    listens: list[Listen] = Field(default_factory=list, description="what haproxy must listen on")
    stats_socket: str = Field("/run/haproxy/admin.sock", description="haproxy's own socket on the host")
    failover: Failover = Field(default_factory=Failover)
