"""Archives that are the same bytes whenever they are made, so that their checksums can be relied on."""

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

Files = Mapping[str, Path | bytes | str | None]
"""What is in an archive, by name: a copy of a file, a content, a target of a link, nothing for a directory."""


def tar(files: Files) -> bytes:
    """An archive of files and the directories they are in."""
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
    """The same, compressed."""
    return gzip.compress(tar(files), 1, mtime=0)
