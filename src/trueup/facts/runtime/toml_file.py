"""A TOML file of a host."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TomlFile:
    """A file with its text, valid TOML or not."""

    path: str
    text: str

    @property
    def document(self) -> dict[str, Any] | None:
        """Return the file as data, or ``None`` if it is not TOML."""
        return None if self.mistake else tomllib.loads(self.text)

    @property
    def mistake(self) -> str:
        """Return why the file is not TOML, or an empty string."""
        try:
            tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            return str(error)
        return ""
