"""Reproducible archives: the same bytes, and so the same checksum, each time."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

Files = Mapping[str, Path | bytes | str | None]
"""The entries of an archive by name: a file to copy, a content, the target of a link, or None for a directory."""


def tar(files: Files) -> bytes:
    """Return a tar archive of files and their directories."""
    directories = {str(parent) for name in files for parent in PurePosixPath(name).parents} - {".", "/"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted({*files, *directories}):
            info, content = tarfile.TarInfo(name), files.get(name)
            info.mode = 0o755
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                if isinstance(content, bytes) or not content.stat().st_mode & 0o100:
                    info.mode = 0o644
                content = content if isinstance(content, bytes) else content.read_bytes()
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def tgz(files: Files) -> bytes:
    """Return the tar archive, compressed with gzip."""
    return gzip.compress(tar(files), 1, mtime=0)
