"""The resume file of a stopped run, for --resume."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trueup.errors import UsageError
from trueup.hosts.inventory import Target, parse

_Name = Annotated[str, Field(min_length=1)]


class Resume(BaseModel):
    """The hosts of a run, and those that failed or were not attempted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal[1]  # changes when a field changes its meaning
    run: _Name
    profile: _Name
    hosts: list[_Name] = Field(min_length=1)
    left: list[_Name] = Field(min_length=1)


def read(path: str) -> Resume:
    """Read a resume file.

    Raises:
        UsageError: unreadable, or not a resume file; says where.
    """
    try:
        return Resume.model_validate_json(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"--resume={path}: cannot read the file ({why})") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        hint = "it is the resume.json that a run names when it stops"
        raise UsageError(f"--resume={path}: {where}: {first['msg']}; {hint}") from None


def describe(run: str, profile: str, hosts: str, targets: Iterable[Target], left: list[str]) -> Resume:
    """Return the content of a run's resume file.

    Args:
        profile, hosts: as the operator gave them.
        targets: the hosts that ``hosts`` resolved to.
    """
    path = Path(profile)
    # an @file may change until then; an Ansible inventory must resolve its own names again
    named = all(each.id == parse(each.spec, each.spec).id for each in targets)
    return Resume(
        format=1,
        run=run,
        profile=str(path.absolute()) if path.is_file() else profile,
        hosts=[each.spec for each in targets] if named else hosts.split(","),
        left=left,
    )


def write(directory: Path, left: Resume) -> Path:
    """Write the file into the run's own directory with mode 600, and return its path.

    Raises:
        OSError: it cannot be written.
    """
    for each in (*reversed([*directory.parents][:2]), directory):
        each.mkdir(mode=0o700, exist_ok=True)
    path = directory / "resume.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(left.model_dump_json(indent=2) + "\n")
    return path
