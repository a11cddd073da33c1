"""Batches: which hosts are changed together, in which order, and how many may fail before the run stops."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trueup.errors import UsageError, nearest

LATER = "is in a later batch"  # why a host must not be changed
DONE = "is not in the resume file"
_SIZE = re.compile(r"([0-9]{1,9})(%?)")


@dataclass(frozen=True)
class Size:
    """The size of a batch: a number of hosts, or a percentage of the hosts to change."""

    number: int
    percent: bool = False

    def of(self, hosts: int) -> int:
        """Return the size in hosts, rounded down."""
        return hosts * self.number // 100 if self.percent else self.number


def size(text: str, option: str) -> Size:
    """Return the size that a word of an option gives.

    Raises:
        UsageError: the word is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found or (found[2] and int(found[1]) > 100):
        raise UsageError(f"{option}: {text!r} is neither a number of hosts nor a percentage of them, such as 5 or 20%")
    return Size(int(found[1]), bool(found[2]))


def sizes(text: str, option: str) -> tuple[Size, ...]:
    """Return the sizes of a comma-separated list.

    Raises:
        UsageError: one of them is not a size, or is 0.
    """
    found = tuple(size(word, option) for word in text.split(","))
    if any(each.number == 0 for each in found):
        raise UsageError(f"{option}: a batch needs at least one host")
    return found


def split(hosts: Sequence[str], wanted: Sequence[Size], total: int) -> Iterator[tuple[str, ...]]:
    """Yield the hosts in batches of these sizes; the last size repeats, and without a size there is one batch.

    Args:
        total: the number of hosts that is 100%.
    """
    rest, sizes = tuple(hosts), iter(wanted)
    count = len(rest)
    while rest:
        if each := next(sizes, None):
            count = max(1, each.of(total))
        yield rest[:count]
        rest = rest[count:]


def canaries(roles: Mapping[str, Collection[str]], number: int) -> list[str]:
    """Return the first ``number`` hosts of each role; ``roles`` maps each host to its roles."""
    chosen: list[str] = []
    for host, own in roles.items():
        if any(sum(role in roles[other] for other in chosen) < number for role in own):
            chosen.append(host)
    return chosen


@dataclass(frozen=True)
class Batches:
    """The batches of a run.

    Args:
        hosts: the ids of the hosts to change, batch by batch.
        canary: whether the first batch consists of canaries.
        done: the ids of the hosts that are only audited.
        tolerated: how many hosts may fail without stopping the run; a failed canary always stops it.
    """

    hosts: tuple[tuple[str, ...], ...]
    canary: bool = False
    done: frozenset[str] = frozenset()
    tolerated: int = 0
    _rank: dict[str, int] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._rank.update((host, n) for n, batch in enumerate(self.hosts) for host in batch)
        self._rank.update(dict.fromkeys(self.done, 0))

    @property
    def last(self) -> int:
        """Return the number of the last batch, from 0."""
        return max(len(self.hosts) - 1, 0)

    def rank(self, id: str) -> int:
        """Return the number of a host's batch, from 0; the cluster belongs to the last one."""
        return self._rank.get(id, self.last)

    def name(self, batch: int) -> str:
        """Return the name of a batch for messages."""
        if self.canary and batch == 0:
            return "canary"
        ahead = 0 if self.canary else 1
        return f"batch {batch + ahead} of {len(self.hosts) - 1 + ahead}"


def plan(
    roles: Mapping[str, Collection[str]],
    *,
    canary: int = 0,
    batch: str = "",
    max_fail: str = "",
    left: Iterable[str] | None = None,
    where: str = "",
) -> Batches:
    """Return the batches that the options ask for.

    Args:
        roles: host to its roles, for all hosts in their order.
        left: the hosts to change, if not all.
        where: the file that ``left`` comes from, for messages.

    Raises:
        UsageError: an invalid size, or an unknown host.
    """
    changed = set(roles if left is None else left)
    if unknown := sorted(changed - roles.keys()):
        raise UsageError(f"{where}: left: {unknown[0]!r} is not among the hosts{nearest(unknown[0], roles)}")
    hosts = [host for host in roles if host in changed]
    first = canaries({host: roles[host] for host in hosts}, canary)
    wanted = sizes(batch, "--batch") if batch else ()
    rest = split([host for host in hosts if host not in first], wanted, len(hosts))
    batches = (tuple(first), *rest) if first else tuple(rest)
    tolerated = size(max_fail or "0", "--max-fail").of(len(hosts))
    return Batches(batches, bool(first), frozenset(roles.keys() - changed), tolerated)
