"""Keys of section 8 of the catalogue: the address that clients use, and the load balancers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from trueup.profiles.keys.section import Section


class Vip(Section):
    """The virtual IP address (VIP), which one of the load balancers holds."""

    address: str = Field("", description="the address, without a prefix length")
    interface: str = Field("", description="interface of the address on its holder")
    label: str = Field("", description="label of the address, such as eth0:1")


class Vrrp(Section):
    """keepalived's VRRP instance, which elects the holder of the address."""

    instance: str = Field("VI_1", description="name of the vrrp_instance")
    state: Literal["MASTER", "BACKUP"] = Field("BACKUP", description="state at start; MASTER on one host only")
    interface: str = Field("", description="interface on which adverts are sent")
    virtual_router_id: int = Field(
        51, ge=1, le=255, description="the same on all balancers, and used by no others in that network"
    )
    priority: int = Field(100, ge=1, le=254, description="the highest wins the election; different on each host")
    advert_int: float = Field(1, gt=0, description="seconds between two adverts")
    garp_master_delay: int = Field(10, ge=0, description="seconds after which a new holder announces the address again")
    auth_pass: SecretStr = Field(
        SecretStr(""),
        max_length=8,
        description="password of the adverts, the same on all; keepalived uses 8 characters only",
    )
    smtp_alert: bool = Field(True, description="send mail at a change of state")
    notification_email: list[str] = Field(default_factory=list, description="recipients of the mail")
    router_id: str = Field("", description="name of this host in mails; empty: its host name")


class HealthCheck(Section):
    """The script by which a host whose haproxy has ended gives the address up."""

    name: str = Field("haproxy", pattern=r"^[\w-]+$", description="name of the vrrp_script")
    script: str = Field(
        "/etc/keepalived/check-haproxy", pattern=r"^/\S+$", description="path of the script that checks haproxy"
    )
    interval: int = Field(2, ge=1, description="seconds between two checks")
    weight: int = Field(
        -30,
        ge=-253,
        le=253,
        description="change of the priority while the script fails; 0: the host gives the address up at once",
    )


class Server(Section):
    """A server behind haproxy."""

    name: str = Field(min_length=1)
    address: str = Field(pattern=r"^\S+:\d+$", description="HOST:PORT")
    options: str = Field("check inter 2000 fall 3 rise 5", description="options of its server line in haproxy.cfg")


class Listen(Section):
    """A listen section of haproxy.cfg."""

    name: str = Field(min_length=1)
    bind: str = Field(pattern=r"^\S+:\d+$", description="ADDRESS:PORT")
    mode: Literal["tcp", "http"] = "tcp"
    servers: list[Server] = Field(min_length=1)
    speaks: Literal["tcp", "tls", "https", "http"] = Field(
        "tls", description="protocol in which a client must get an answer"
    )


class Failover(Section):
    """Limits of the failover drill."""

    seconds: float = Field(
        5, gt=0, description="longest time without an answer, in seconds, at each move of the address"
    )
    lost: int = Field(50, ge=0, description="connections that may fail in a drill, which starts 20 each second")


class LoadBalancer(Section):
    """Section 8 of the catalogue: keepalived and haproxy."""

    packages: list[str] = Field(default_factory=list, description="distribution packages of keepalived and haproxy")
    vip: Vip = Field(default_factory=Vip)
    vrrp: Vrrp = Field(default_factory=Vrrp)
    check: HealthCheck = Field(default_factory=HealthCheck)
    listens: list[Listen] = Field(default_factory=list, description="listen sections of haproxy.cfg")
    stats_socket: str = Field("/run/haproxy/admin.sock", description="path of haproxy's stats socket")
    failover: Failover = Field(default_factory=Failover)
