"""Building blocks of a profile's sections."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A strict and closed section: an unknown key, or a number in place of a text, is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# Paths on the controller, in a profile relative to the file that has them. A file of manifests is read before the run
# starts, so that a bad one ends it early.
LocalPath = Annotated[str, "path"]
Manifest = Annotated[str, "path", "manifest"]


class AptSource(Section):
    """A repository of Debian packages."""

    uri: str = Field(pattern=r"^[^@\s]+$", description="URL without a password: apt reads those from auth.conf.d")
    suites: list[str] = Field(min_length=1, description="suites, such as focal-updates; './' for a flat repository")
    components: list[str] = Field(
        default_factory=list, description="components, such as main; none for a flat repository"
    )
    signed_by: str = Field("", description="path of the keyring; empty if apt trusts the key already")


class SignedSource(AptSource):
    """A repository with its own key; ``signed_by`` ends in .asc for an ASCII-armoured key, else in .gpg."""

    key: str = Field("", description="signing key: its URL, or the key itself in ASCII armour")


class Artifact(Section):
    """A program as its project releases it: an archive, or a single file."""

    version: str = Field(pattern=r"^\d[\w.+-]*$", description="exact version, without the v")
    url: str = Field(
        pattern=r"^https?://[^@\s]+$",
        description="URL from which the host fetches it; {version} and {arch} are replaced",
    )
    sha256: dict[Literal["amd64", "arm64"], str] = Field(description="architecture to the SHA-256 of its file")
    directory: str = Field(pattern=r"^/", description="directory for its programs")


class Package(Section):
    """A program from a distribution package, or with ``binary`` from its project's release."""

    package: str = Field("", description="name of the distribution package")
    version: str = Field("", description="exact version or range in the distribution's own scheme: '>= 1.6.20, << 1.8'")
    binary: Artifact | None = Field(None, description="install this instead of the package")


class Packages(Section):
    """Distribution packages that are installed together in one version."""

    names: list[str] = Field(default_factory=list, description="names of the packages")
    version: str = Field("", description="exact version or range, the same for all packages")


class Service(Section):
    """A systemd unit's state."""

    active: bool = Field(True, description="the unit runs")
    enabled: bool = Field(True, description="the unit starts at boot")
