"""The effect of removing a package: the packages that go with it, and those that only it keeps installed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from trueup.facts.host.packages import DNF_LOGS, DNF_LOOK, answer, either
from trueup.model.fact import Fact

_NEEDED = "is needed by (installed)"  # rpm's message, in every release since 4.0


@dataclass(frozen=True)
class Removal:
    """The effect of a removal."""

    packages: tuple[str, ...]  # removed: those asked for, and those that depend on them
    automatic: tuple[str, ...]  # of those to be kept: only a dependency, so autoremove would remove it


def of(names: Iterable[str], kept: Iterable[str]) -> Fact[Removal]:
    """Return the fact about a removal of ``names``, and which of ``kept`` are installed only as dependencies."""
    words, others = shlex.join(names), shlex.join(kept)
    dpkg = f"""  said=$(apt-get -s -y --allow-change-held-packages remove {words}) || exit
  printf '%s\\n' "$said" | sed -n -e 's/^Remv \\([^ ]*\\).*/goes\t\\1/p' -e 's/^Purg \\([^ ]*\\).*/goes\t\\1/p'
  for name in {others}; do apt-mark showauto "$name" | sed 's/^/auto\t/'; done"""
    rpm = f"""  {DNF_LOGS}
  said=$(rpm -e --test {words} 2>&1) || case $said in *'{_NEEDED}'*) ;; *) echo "$said" >&2; exit 1;; esac
  printf 'goes\t%s\\n' {words}
  printf '%s\\n' "$said" | sed -n 's/.*{_NEEDED} /goes\t/p'
  for name in {others}; do
    why=$({DNF_LOOK} repoquery --installed --qf '%{{reason}}\\n' "$name") || exit
    case $why in *[Dd]ependency*) printf 'auto\t%s\\n' "$name";; esac
  done"""
    return Fact("package.removal", either(dpkg, rpm), parse, timeout=60)


def parse(text: str) -> Removal:
    """Return the removed and the automatic packages, from rows of a word and a package."""
    cells = [row.split("\t") for row in answer(text)[1]]
    goes, automatic = (
        tuple(dict.fromkeys(cell[1] for cell in cells if cell[0] == kind and len(cell) == 2))
        for kind in ("goes", "auto")
    )
    return Removal(goes, automatic)
