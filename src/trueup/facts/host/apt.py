"""apt's package sources in both notations (sources.list(5)), and the release that the host runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trueup.model.fact import Fact

if TYPE_CHECKING:
    from trueup.profiles.keys.section import AptSource

OWN = "/etc/apt/sources.list.d/trueup.sources"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")  # apt ignores files with other names
_FIELDS = ("types", "uris", "suites", "components")
_OFF = ("no", "false", "without", "off", "disable", "0")
_COMMENT = re.compile(r"((?:\[[^\]]*\]|[^#\[])*)#.*")  # in brackets, "#" begins no comment
_WORD = re.compile(r"(?:\[[^\]]*\]|[^\s\[])+|\[")
# A mirror of a distribution is recognised by three things together: the end of the URI, the name of the suite, and the
# components. The suite "stable" belongs to no release, and "kubernetes-xenial" to no distribution.
_MIRROR = re.compile(r".*/(?:ubuntu|ubuntu-ports|debian|debian-security)/*")
_SUITE = re.compile(
    r"([a-z]+)(?:-(?:updates|security|backports|backports-sloppy|proposed|proposed-updates))?(?:/updates)?"
)
_COMPONENTS = {"main", "restricted", "universe", "multiverse", "contrib", "non-free", "non-free-firmware"}
_NO_RELEASE = {"stable", "oldstable", "oldoldstable", "testing", "unstable", "sid", "experimental", "devel"}


@dataclass(frozen=True)
class Entry:
    """An enabled entry: a line, or a stanza of deb822."""

    path: str
    lines: tuple[int, ...]
    types: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    mistake: str = ""  # of its notation
    signed_by: tuple[str, ...] = ()  # keyrings, fingerprints or a whole key; empty: any key that apt trusts

    @property
    def where(self) -> str:
        """Return ``file:line``."""
        return f"{self.path}:{self.lines[0]}"

    @property
    def problem(self) -> str:
        """Return why apt cannot read the entry, or an empty string. One such entry makes apt reject all entries."""
        if self.mistake:
            return self.mistake
        flat = {suite.endswith("/") for suite in self.suites}
        if unknown := [kind for kind in self.types if kind not in ("deb", "deb-src")]:
            return f"type {unknown[0]!r} is neither deb nor deb-src"
        if missing := next((n for n in _FIELDS[:3] if not getattr(self, n)), ""):
            return f"no {missing}"
        if wrong := [uri for uri in self.uris if ":" not in uri or uri.count("://") > 1 or uri.endswith("://")]:
            return f"{wrong[0]!r} is not a URI"
        if False in flat and not self.components:
            return f"no components for suite {self.suites[0]}"
        return "a suite that ends in / has no components" if True in flat and self.components else ""

    def foreign(self, release: str) -> list[str]:
        """Return the suites of a distribution that belong to another release than this one."""
        if not any(map(_MIRROR.fullmatch, self.uris)) or not _COMPONENTS.issuperset(self.components):
            return []
        named = ((suite, _SUITE.fullmatch(suite)) for suite in self.suites)
        return [suite for suite, match in named if match and match[1] not in _NO_RELEASE | {release}]


@dataclass(frozen=True)
class Sources:
    """All package sources that apt reads."""

    release: str
    entries: tuple[Entry, ...]

    def bad(self) -> list[Entry]:
        """Return the entries that apt cannot read, or that are for another release."""
        return [entry for entry in self.entries if entry.problem or entry.foreign(self.release)]

    def of(self, source: AptSource) -> list[Entry]:
        """Return the valid entries with the URI of a source and at least one of its suites."""
        same = (entry for entry in self.entries if not entry.problem and _same(source.uri, entry.uris))
        return [entry for entry in same if not set(source.suites).isdisjoint(entry.suites)]

    def missing(self, wanted: Iterable[AptSource], *, ignoring: str = "") -> Iterator[tuple[AptSource, str, list[str]]]:
        """Yield each suite that no valid entry offers: source, suite, and missing components (none if flat)."""
        bad = self.bad()
        good = [e for e in self.entries if e not in bad and "deb" in e.types and e.path != ignoring]
        for source in wanted:
            foreign = as_entry(source).foreign(self.release)  # never added, whatever the profile says
            for suite in (suite for suite in source.suites if suite not in foreign):
                found = [e for e in good if suite in e.suites and _same(source.uri, e.uris)]
                offered = {component for entry in found for component in entry.components}
                lacking = [component for component in source.components if component not in offered]
                if lacking or not found:
                    yield self._as_signed(source, suite, ignoring), suite, lacking

    def _as_signed(self, source: AptSource, suite: str, ignoring: str) -> AptSource:
        """Return the source with the key of an existing entry: apt rejects two different keys for one suite."""
        good = [e for e in self.entries if e not in self.bad() and e.path != ignoring and _same(source.uri, e.uris)]
        of_suite = [" ".join(entry.signed_by) for entry in good if suite in entry.suites]
        of_place = [" ".join(entry.signed_by) for entry in good if entry.signed_by]
        key = next(iter(of_suite or [key for key in (source.signed_by, *of_place) if key]), "")
        return source.model_copy(update={"signed_by": key})


def as_entry(source: AptSource) -> Entry:
    """Return the entry that a source of the profile becomes."""
    return Entry(OWN, (1,), ("deb",), (source.uri,), tuple(source.suites), tuple(source.components))


def _same(uri: str, uris: Iterable[str]) -> bool:
    return uri.rstrip("/") in (other.rstrip("/") for other in uris)


# A derivative such as Linux Mint has its own code name, and one for the distribution whose packages it uses.
_PROBE = """
command -v apt-get >/dev/null 2>&1 || { echo 'no apt-get: only package sources of apt are supported' >&2; exit 127; }
for of in UBUNTU DEBIAN VERSION; do sed -n "s/^${of}_CODENAME=//p" /etc/os-release; done | head -n 1
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  [ -e "$f" ] || continue
  printf '@%s\\n' "$f"
  sed 's/^/|/' "$f" && echo || exit 1  # the last line may lack its newline
done
"""


def parse(text: str) -> Sources:
    """Return the entries of all files, in apt's order."""
    head, *files = re.split(r"(?m)^@", text)
    if not (release := head.strip().strip("\"'")):
        raise ValueError("no VERSION_CODENAME in /etc/os-release")
    entries: list[Entry] = []
    for file in files:
        path, *rows = file.splitlines()
        lines = [(number, row[1:]) for number, row in enumerate((r for r in rows if r[:1] == "|"), 1)]
        if _NAME.fullmatch(path.rpartition("/")[2]):
            entries += _stanzas(path, lines) if path.endswith(".sources") else _one_line(path, lines)
    return Sources(release, tuple(entries))


def _one_line(path: str, lines: Iterable[tuple[int, str]]) -> Iterator[Entry]:
    for number, row in lines:
        match = _COMMENT.fullmatch(row)
        kind, *words = _WORD.findall(match[1] if match else row) or [""]
        if not kind:
            continue
        mistake = "a bracket that is not closed" if "[" in words else ""
        options = words.pop(0).strip("[]").split() if words and words[0][0] == "[" else []
        if lacking := [option for option in options if "=" not in option]:
            mistake = f"option {lacking[0]!r} has no value"
        uri, suite, components = tuple(words[:1]), tuple(words[1:2]), tuple(words[2:])
        given = [option.partition("=")[2] for option in options if option.lower().startswith("signed-by=")]
        signed_by = tuple(",".join(given).split(",")) if given else ()
        yield Entry(path, (number,), (kind,), uri, suite, components, mistake, signed_by)


def _stanzas(path: str, lines: Iterable[tuple[int, str]]) -> Iterator[Entry]:
    stanza: list[tuple[int, str]] = []
    for number, row in [*lines, (0, "")]:
        if row and row[0] != "#":
            stanza.append((number, row))
        elif not row and stanza:
            yield from _stanza(path, stanza)
            stanza = []


def _stanza(path: str, rows: list[tuple[int, str]]) -> Iterator[Entry]:
    fields: dict[str, list[str]] = {}
    name, mistake, key = "", "", ""
    for number, row in rows:
        if row[0] not in " \t":
            name, found, row = row.partition(":")
            name = name.lower()
            mistake = mistake if found else f"line {number} is no field"
        elif name == "signed-by":
            key += f"\n{row}"
        fields.setdefault(name, []).extend(row.split())
    if mistake or "types" not in fields or " ".join(fields.get("enabled", ())).lower() not in _OFF:
        types, uris, suites, components = (tuple(fields.get(key, ())) for key in _FIELDS)
        signed_by = (key,) if "-----BEGIN" in key else tuple(fields.get("signed-by", ()))
        yield Entry(path, tuple(number for number, _ in rows), types, uris, suites, components, mistake, signed_by)


SOURCES = Fact("apt.sources", _PROBE, parse)


def render(missing: Iterable[tuple[AptSource, str, list[str]]]) -> str:
    """Return a deb822 file with the missing sources."""
    text = "# written by trueup\n"
    for source, suite, components in missing:
        fields = {"Types": "deb", "URIs": source.uri, "Suites": suite, "Components": " ".join(components)}
        fields["Signed-By"] = source.signed_by
        text += "\n" + "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return text
