"""Drop-in directories in the order in which systemd applies them (sysctl.d(5), modules-load.d(5))."""

from dataclasses import dataclass

# The first directory that has a file name wins that name; then all are sorted by name.
_DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")


@dataclass(frozen=True)
class Line:
    """One meaningful line of a drop-in."""

    text: str
    name: str  # of the drop-in; the order is by this name
    path: str  # of the file itself, with links resolved
    number: int

    @property
    def where(self) -> str:
        """Return ``file:line``."""
        return f"{self.path}:{self.number}"


@dataclass(frozen=True)
class DropIns:
    """The lines that a boot applies, in order, and those of the legacy file if no drop-in links to it."""

    lines: tuple[Line, ...]
    legacy: tuple[Line, ...] = ()


def probe(kind: str, legacy: str = "") -> str:
    """Return a probe that prints each ``*.conf`` of ``kind`` (such as ``sysctl.d``) and the legacy file, if any."""
    globs = " ".join(f"{directory}/{kind}/*.conf" for directory in _DIRECTORIES)
    return f"""
for f in {globs} {legacy}; do
  [ -e "$f" ] || [ -L "$f" ] || continue
  printf '@%s\\t%s\\n' "$f" "$(readlink -f "$f")"
  [ ! -e "$f" ] || {{ sed 's/^/|/' "$f" && echo; }} || exit 1  # the last line may lack its newline
done
"""


def parse(text: str) -> DropIns:
    """Return the drop-ins in the order of application; a link to /dev/null masks the files of its name."""
    by_name: dict[str, list[Line]] = {}
    legacy: list[Line] = []
    legacy_path = ""
    current: list[Line] | None = None
    name, real, number = "", "", 0
    for row in text.splitlines():
        if row.startswith("@"):
            path, _, real = row[1:].partition("\t")
            number = 0
            name = path.rpartition("/")[2]
            if ".d/" not in path:
                current, legacy_path = legacy, real
            else:
                current = [] if name in by_name else by_name.setdefault(name, [])
        elif row.startswith("|") and current is not None:
            number += 1
            body = row[1:].strip()
            if body and body[0] not in "#;":
                current.append(Line(body, name, real, number))
    lines = tuple(line for name in sorted(by_name) for line in by_name[name])
    linked = any(line.path == legacy_path for line in lines)
    return DropIns(lines, () if linked else tuple(legacy))
