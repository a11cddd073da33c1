"""The files of keepalived's configuration while a remedy edits them."""

from collections.abc import Callable, Iterable, Mapping

from trueup.change import Change
from trueup.edit import keepalived as keepalived_text
from trueup.errors import ChangeFailed
from trueup.facts.edge.keepalived import Conf
from trueup.facts.edge.vrrp_config import Path_

Words = tuple[str, ...]
# Refuses a file of which keepalived complains more than of the one before: it exits with 5 or 6 for mere warnings, too.
VALIDATE = r"""! command -v keepalived >/dev/null || {
  complaints() { keepalived -t -f "$1" 2>&1 | sed 's/^([^)]*Line [0-9]*) //' | sort -u; }
  keepalived -t -f "$tmp" >/dev/null 2>&1 || {
    before=$([ ! -e "$path" ] || complaints "$path")
    complaints "$tmp" | while read -r row; do
      printf '%s\n' "$before" | grep -qxF -- "$row" || { echo "keepalived -t: $row"; exit 1; }
    done
  }
}"""


class Files:
    """Texts by path; what belongs to a block goes to the file that has it, a new block to the main one."""

    def __init__(self, conf: Conf) -> None:
        self._conf = conf
        self._old = {each.path: each.text for each in conf.files}
        self._new = dict(self._old) or {conf.main: "! written by trueup\n"}

    def set(self, statements: Iterable[tuple[Path_, Words]]) -> None:
        """Set statements that a block has once.

        Raises:
            ChangeFailed: it cannot be done without touching others.
        """
        for path, words in statements:
            self._edit(path, lambda text, path=path, words=words: keepalived_text.put(text, path, *words))  # type: ignore[misc]

    def fill(
        self, lists: Mapping[Path_, list[Words]], gone: Callable[[Path_, Words], bool] = lambda _, __: False
    ) -> None:
        """Let lists have these entries, and lack those that are ``gone``; raises as :meth:`set`."""
        for path, items in lists.items():
            block = self._conf.root
            for header in path:
                block = next(iter(block.blocks(*header)), block)
            found = [each.words for each in block.body or ()] if block.words == path[-1] else []
            out = [words for words in found if words not in items and gone(path, words)]
            self._edit(path, lambda text, p=path, i=items, o=out: keepalived_text.fill(text, p, i, o))  # type: ignore[misc]

    def _edit(self, path: Path_, edit: Callable[[str], str]) -> None:
        found = self._conf.of(*path[0])
        file = found[0] if found else next(iter(self._new))
        try:
            self._new[file] = edit(self._new[file])
        except ValueError as error:
            raise ChangeFailed(f"{file}: {error}; nothing was changed") from None

    def write(self, change: Change) -> bool:
        """Write what differs; return whether anything did. A file that is new, or was executable, is root's alone."""
        modes = {each.path: each.mode for each in self._conf.files}
        changed = False
        for path, text in self._new.items():
            odd = path not in modes or int(modes[path][-3:], 8) & 0o111
            if text != self._old.get(path) or odd:
                changed |= change.write(path, text, mode="600" if odd else "", validate=VALIDATE)
        return changed
