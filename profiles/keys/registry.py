"""Keys of section 7 of the catalogue: Harbor, its certificate, and who trusts it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trueup.profiles.keys.section import LocalPath, Package, Section, SignedSource

# One part of a distinguished name, as openssl writes it: O=example.
Rdn = Annotated[str, Field(pattern=r"^(C|ST|L|O|OU|CN|emailAddress)=[^\x00-\x1f\x7f]+$")]
HostName = Annotated[str, Field(pattern=r"^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")]
Address = Annotated[str, Field(pattern=r"^[0-9A-Fa-f.:]+$")]
HostPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*:\d+$")]
HostPath = Annotated[str, Field(pattern=r"^(/[^\x00-\x1f\x7f]+)?$")]
KeyUsage = Literal[
    "digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement"
]  # fmt: skip
Purpose = Literal["serverAuth", "clientAuth", "codeSigning", "emailProtection", "timeStamping", "OCSPSigning"]


class PrivateKey(Section):
    """How strong a key must be, at least, and how a new one is made."""

    kind: Literal["RSA", "EC"] = "RSA"
    bits: int = Field(4096, ge=256, le=16384, description="of the modulus; of the curve, 256, 384 or 521, for EC")


class Issued(Section):
    """A certificate, its key, and what it is issued with."""

    certificate: HostPath = Field("", description="path of the certificate on the registry's host")
    private_key: HostPath = Field("", description="path of its key there")
    subject: list[Rdn] = Field(
        default_factory=list, description="parts of the name in order, such as CN=harbor.example"
    )
    key: PrivateKey = Field(default_factory=PrivateKey)
    hash: Literal["sha256", "sha384", "sha512"] = Field(
        "sha512", description="what is signed; a stronger one is right too"
    )
    days: int = Field(3650, gt=0, description="for how long it is issued")


class ServerCertificate(Issued):
    """The certificate that Harbor serves."""

    days_left: int = Field(30, ge=0, description="days for which it must still be valid, at least")
    dns: list[HostName] = Field(default_factory=list, description="DNS names in it, exactly these")
    ip: list[Address] = Field(default_factory=list, description="IP addresses in it, exactly these")
    key_usage: list[KeyUsage] = Field(default_factory=list, description="what its key may do, exactly this")
    extended_key_usage: list[Purpose] = Field(default_factory=list, description="what it is for, exactly this")


class Controller(Section):
    """The authority's certificate and key on the controller, where they are not on the registry's host."""

    certificate: LocalPath = Field("", description="relative to this file")
    private_key: LocalPath = Field("", description="relative to this file; never sent to a host")


class Tls(Section):
    """The authority of one's own, and the certificate that it signs."""

    signing: Literal["host", "controller"] = Field("host", description="where the authority's key is")
    controller: Controller = Field(default_factory=Controller)
    ca: Issued = Field(default_factory=Issued)
    server: ServerCertificate = Field(default_factory=ServerCertificate)


class Harbor(Section):
    """Harbor as its installer unpacks it."""

    directory: HostPath = Field("", description="where harbor.yml and the installer are")
    hostname: str = Field("", description="hostname in harbor.yml; the first of names where empty")
    port: int = Field(443, gt=0, lt=65536, description="port on which it serves TLS")
    apply: list[str] = Field(
        default_factory=lambda: ["./install.sh"],
        min_length=1,
        description="command, run there, that takes up harbor.yml",
    )


class RegistryDocker(Package):
    """Docker, on which Harbor runs."""

    package: str = Field("docker-ce", description="name of the distribution package")
    repository: SignedSource | None = Field(None, description="the one that has it")


class Registry(Section):
    """Section 7 of the catalogue: the registry that nodes pull from."""

    names: list[str] = Field(default_factory=list, description="host names and addresses by which clients know it")
    endpoints: list[HostPort] = Field(
        default_factory=list,
        description="HOST:PORT in the names of images that nodes pull; a load balancer's, where there is one",
    )
    from_runner: list[HostPort] = Field(
        default_factory=list, description="HOST:PORT where it must show its certificate to the machine that runs trueup"
    )
    tls: Tls = Field(default_factory=Tls)
    harbor: Harbor = Field(default_factory=Harbor)
    docker: RegistryDocker = Field(default_factory=RegistryDocker)
