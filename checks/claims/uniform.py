"""Finds the hosts that differ from most hosts of their role."""

from collections.abc import Callable, Iterable, Mapping

from trueup import Deviation

Hint = Callable[[str, list[str], list[str]], str]
_NAMED = 4


def odd(
    groups: Mapping[str, Iterable[str]],
    found: Mapping[str, Mapping[str, str]],
    *,
    absent: str = "",
    hint: Hint | None = None,
) -> list[Deviation]:
    """Return a deviation for each item in which hosts of a group differ.

    It names the hosts that differ from the majority, or all hosts where no value has a majority.

    Args:
        groups: name of the group to its hosts.
        found: host to item to value.
        absent: word for an item that a host does not have; empty: a missing item is no difference.
        hint: function of item, odd hosts and other hosts that returns the deviation's hint.
    """
    said: dict[Deviation, None] = {}
    for group, hosts in groups.items():
        known = [host for host in hosts if host in found]
        for item in dict.fromkeys(item for host in known for item in found[host]):
            having: dict[str, list[str]] = {}
            for host in known:
                if value := found[host].get(item, absent):
                    having.setdefault(value, []).append(host)
            said.update(dict.fromkeys(_deviations(item, group, having, hint)))
    return list(said)


def _deviations(item: str, group: str, having: Mapping[str, list[str]], hint: Hint | None) -> list[Deviation]:
    if len(having) < 2:
        return []
    (usual, most), (_, next_most), *_ = sorted(having.items(), key=lambda pair: -len(pair[1]))

    def deviation(expected: str, found: str, where: str, odd: list[str], others: list[str]) -> Deviation:
        return Deviation(expected, found, where, "effective", hint(item, odd, others) if hint else "")

    if len(most) == len(next_most):
        words = "; ".join(f"{value} on {names(hosts)}" for value, hosts in having.items())
        everyone = [host for hosts in having.values() for host in hosts]
        return [deviation(f"the same on all hosts of {group}", words, item, everyone, [])]
    return [
        deviation(f"{usual}, as on {names(most)}", value, f"{item} on {names(hosts)}", hosts, most)
        for value, hosts in having.items()
        if value != usual
    ]


def names(hosts: Iterable[str]) -> str:
    """Return host names as one text, at most four of them and the number of the others."""
    listed = list(hosts)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
