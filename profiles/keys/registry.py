"""Keys of section 7 of the catalogue: Harbor, its certificate, and the nodes' trust in it."""

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
    """Least strength of a key, and the kind and size of a new one."""

    kind: Literal["RSA", "EC"] = "RSA"
    bits: int = Field(4096, ge=256, le=16384, description="RSA: size of the modulus; EC: curve of 256, 384 or 521 bits")


class Issued(Section):
    """A certificate, its key, and the values with which it is issued."""

    certificate: HostPath = Field("", description="path of the certificate on the registry's host")
    private_key: HostPath = Field("", description="path of its key on the registry's host")
    subject: list[Rdn] = Field(
        default_factory=list, description="parts of the subject in order, such as CN=harbor.example"
    )
    key: PrivateKey = Field(default_factory=PrivateKey)
    hash: Literal["sha256", "sha384", "sha512"] = Field(
        "sha512", description="hash of the signature; a stronger one passes"
    )
    days: int = Field(3650, gt=0, description="validity of a new certificate in days")


class ServerCertificate(Issued):
    """The certificate that Harbor serves."""

    days_left: int = Field(30, ge=0, description="least number of days for which it must still be valid")
    dns: list[HostName] = Field(default_factory=list, description="its DNS names: these and no others")
    ip: list[Address] = Field(default_factory=list, description="its IP addresses: these and no others")
    key_usage: list[KeyUsage] = Field(default_factory=list, description="its key usages: these and no others")
    extended_key_usage: list[Purpose] = Field(
        default_factory=list, description="its extended key usages: these and no others"
    )


class Controller(Section):
    """Certificate and key of the authority on the controller, if they are not on the registry's host."""

    certificate: LocalPath = Field("", description="path of the certificate, relative to this file")
    private_key: LocalPath = Field("", description="path of the key, relative to this file; never sent to a host")


class Tls(Section):
    """The private authority, and the certificate that it signs."""

    signing: Literal["host", "controller"] = Field("host", description="place of the authority's key")
    controller: Controller = Field(default_factory=Controller)
    ca: Issued = Field(default_factory=Issued)
    server: ServerCertificate = Field(default_factory=ServerCertificate)


class Harbor(Section):
    """Harbor as its installer unpacks it."""

    directory: HostPath = Field("", description="directory of harbor.yml and the installer")
    hostname: str = Field("", description="hostname in harbor.yml; empty: the first of names")
    port: int = Field(443, gt=0, lt=65536, description="port on which it serves TLS")
    apply: list[str] = Field(
        default_factory=lambda: ["./install.sh"],
        min_length=1,
        description="command in that directory by which Harbor applies harbor.yml",
    )


class RegistryDocker(Package):
    """Docker, on which Harbor runs."""

    package: str = Field("docker-ce", description="name of the distribution package")
    repository: SignedSource | None = Field(None, description="repository of Docker's package")


class Registry(Section):
    """Section 7 of the catalogue: the registry that nodes pull from."""

    names: list[str] = Field(
        default_factory=list, description="host names and addresses under which clients use the registry"
    )
    endpoints: list[HostPort] = Field(
        default_factory=list,
        description="HOST:PORT in image references of the nodes; a load balancer's if there is one",
    )
    from_runner: list[HostPort] = Field(
        default_factory=list, description="HOST:PORT at which the controller must see the registry's certificate"
    )
    tls: Tls = Field(default_factory=Tls)
    harbor: Harbor = Field(default_factory=Harbor)
    docker: RegistryDocker = Field(default_factory=RegistryDocker)
