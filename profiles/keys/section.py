"""What sections of a profile are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Strict and closed: an unknown key or a number where text is meant is an error, never a guess."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


# Paths on the controller, in a profile relative to the file that gives them: of anything, and of a file of manifests,
# which must be readable as such before anything is looked at.
LocalPath = Annotated[str, "path"]
Manifest = Annotated[str, "path", "manifest"]


class AptSource(Section):
    """A repository of Debian packages."""

    uri: str = Field(pattern=r"^[^@\s]+$", description="without a password, for which apt has auth.conf.d")
    suites: list[str] = Field(min_length=1, description="such as focal-updates; './' for a flat repository")
    components: list[str] = Field(default_factory=list, description="such as main; none for a flat repository")
    signed_by: str = Field("", description="path of the keyring, where apt does not trust the key already")


class SignedSource(AptSource):
    """One with a key of its own; ``signed_by`` ends in .asc for a key in ASCII armour."""

    key: str = Field("", description="the key that signs it: its URL, or itself in ASCII armour")


class Artifact(Section):
    """A program as its own project releases it: an archive, or the bare file."""

    version: str = Field(pattern=r"^\d[\w.+-]*$", description="exact version, without the v")
    url: str = Field(pattern=r"^https?://[^@\s]+$", description="where the host fetches it; with {version} and {arch}")
    sha256: dict[Literal["amd64", "arm64"], str] = Field(description="architecture to the file's checksum")
    directory: str = Field(pattern=r"^/", description="where its programs go")


class Package(Section):
    """A program from a distribution package, or with ``binary`` as its own project releases it."""

    package: str = Field("", description="name of the distribution package")
    version: str = Field("", description="exact version or range in the distribution's own scheme: '>= 1.6.20, << 1.8'")
    binary: Artifact | None = Field(None, description="install this instead of the package")


class Packages(Section):
    """Distribution packages that go together in one version."""

    names: list[str] = Field(default_factory=list, description="names of the packages")
    version: str = Field("", description="exact version or range, the same for all")


class Service(Section):
    """A systemd unit's state."""

    active: bool = Field(True, description="running now")
    enabled: bool = Field(True, description="started at boot")
