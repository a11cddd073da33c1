"""The verbs for the configuration of haproxy and keepalived, each of which may have several files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

from trueup.change.files import Files
from trueup.edit import haproxy as haproxy_text
from trueup.edit import keepalived as keepalived_text
from trueup.edit.haproxy import Words
from trueup.edit.keepalived import BlockPath
from trueup.errors import ChangeFailed
from trueup.facts.edge import haproxy, keepalived

# Refuses a file with new complaints of keepalived -t, whose exit code is 5 or 6 for mere warnings too.
_KEEPALIVED = r"""! command -v keepalived >/dev/null || {
  complaints() { keepalived -t -f "$1" 2>&1 | sed 's/^([^)]*Line [0-9]*) //' | sort -u; }
  keepalived -t -f "$tmp" >/dev/null 2>&1 || {
    before=$([ ! -e "$path" ] || complaints "$path")
    complaints "$tmp" | while read -r row; do
      printf '%s\n' "$before" | grep -qxF -- "$row" || { echo "keepalived -t: $row"; exit 1; }
    done
  }
}"""


class LoadBalancers(Files):
    """Edits the configuration of load balancers as text."""

    def edit_haproxy(self, conf: haproxy.Conf, sections: Mapping[Words, Mapping[Words, Sequence[Words]]]) -> bool:
        """Set lines of haproxy's sections, keeping all others; return whether a file changed.

        haproxy checks each new file together with the others. A missing section is added to the last
        file.

        Args:
            conf: the configuration as it is.
            sections: a section's first words, to the first words of a line, to these lines.

        Raises:
            ChangeFailed: setting the lines would alter others, or haproxy refuses the files.
        """
        texts = dict(conf.files) or {haproxy.MAIN: haproxy.BASE}
        for header, lines in sections.items():
            path = _file_of(conf.of(*header), list(texts)[-1])
            _edit(texts, path, lambda text, header=header, lines=lines: haproxy_text.put(text, header, lines))  # type: ignore[misc]
        changed = [
            self.write(path, text, validate=_haproxy(texts, path))
            for path, text in texts.items()
            if text != conf.files.get(path)
        ]
        return any(changed)

    def edit_keepalived(
        self,
        conf: keepalived.Conf,
        statements: Iterable[tuple[BlockPath, Words]],
        lists: Iterable[tuple[BlockPath, Sequence[Words], Sequence[Words]]] = (),
    ) -> bool:
        """Set statements of keepalived's blocks, then entries of lists; return whether a file changed.

        keepalived itself checks the new files. A block that is not there is added to the main one. A file that is new,
        or was executable, becomes its owner's alone.

        Args:
            conf: the configuration as it is.
            statements: the path to a block, and the words of a statement that it has once.
            lists: the path to a block that is a list, entries that it has to have, and entries that it must lack.

        Raises:
            ChangeFailed: the edit would alter other statements, or keepalived has new complaints.
        """
        old = {each.path: each for each in conf.files}
        texts = {path: each.text for path, each in old.items()} or {conf.main: "! written by trueup\n"}
        main = next(iter(texts))
        for path, words in statements:
            file = _file_of(conf.of(*path[0]), main)
            _edit(texts, file, lambda text, path=path, words=words: keepalived_text.put(text, path, *words))  # type: ignore[misc]
        for path, items, out in lists:
            file = _file_of(conf.of(*path[0]), main)
            _edit(texts, file, lambda text, p=path, i=items, o=out: keepalived_text.fill(text, p, i, o))  # type: ignore[misc]
        changed = False
        for name, text in texts.items():
            odd = name not in old or bool(int(old[name].mode[-3:], 8) & 0o111)
            if odd or text != old[name].text:
                changed |= self.write(name, text, mode="600" if odd else "", validate=_KEEPALIVED)
        return changed


def _file_of(found: tuple[str, object] | None, other: str) -> str:
    """Return the file of a part, or ``other`` if it is in none."""
    return found[0] if found else other


def _edit(texts: dict[str, str], path: str, edit: Callable[[str], str]) -> None:
    try:
        texts[path] = edit(texts[path])
    except ValueError as error:
        raise ChangeFailed(f"{path}: {error}; nothing was changed") from None


def _haproxy(paths: Iterable[str], path: str) -> str:
    """Return shell text that validates the new file with haproxy, together with its other files."""
    flags = " ".join('-f "$tmp"' if each == path else f"-f {shlex.quote(each)}" for each in paths)
    return f"haproxy -c -q {flags}"
