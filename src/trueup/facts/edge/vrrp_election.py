"""Reasons why load balancers do not agree on one holder of the virtual address."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from trueup.facts.edge import keepalived
from trueup.facts.edge.keepalived import CONF, JOURNAL, OTHER, SAME, UNIT, Conf, number
from trueup.facts.edge.vip import ADDRESSES, FIREWALL, Addresses
from trueup.model.view import FleetFacts

_DEFAULT = 100.0  # keepalived's default priority


def priorities(conf: Mapping[str, Conf], instance: str) -> dict[str, float]:
    """Return the priority of each host that has the instance."""
    return {
        host: number(each.value(instance, "priority")) or _DEFAULT
        for host, each in conf.items()
        if each.instance(instance)
    }


def differing(conf: Mapping[str, Conf], instance: str) -> dict[str, str]:
    """Return settings that must be equal on all hosts and are not: keyword to each host's value."""
    found: dict[str, str] = {}
    for keyword in ("virtual_router_id", "advert_int"):
        said = {host: each.value(instance, keyword) or "none" for host, each in conf.items() if each.instance(instance)}
        if len(set(said.values())) > 1:
            found[keyword] = ", ".join(f"{each} on {host}" for host, each in said.items())
    return found


def weak(conf: Mapping[str, Conf], instance: str) -> Iterator[tuple[str, str, str, float, float]]:
    """Yield scripts whose failure does not lose the election: host, next host, script, weight needed, weight."""
    order = sorted(priorities(conf, instance).items(), key=lambda each: -each[1])
    for (host, own), (other, next_) in pairwise(order):
        for script, said in keepalived.scripts(conf[host], instance).items():
            weight = keepalived.weight(conf[host], instance, script)
            if "haproxy" in said and weight and own > next_ and abs(weight) <= own - next_:
                yield host, other, script, own - next_, weight


def unheard(conf: Mapping[str, Conf], instance: str, addresses: Mapping[str, Addresses]) -> dict[str, str]:
    """Return the hosts that send unicast adverts, but not to all others: host to the peers that it names."""
    found: dict[str, str] = {}
    for host, each in conf.items():
        block = each.instance(instance)
        peers = [words[0] for words in block.items("unicast_peer")] if block else []
        others = [{held.address for held in addresses[one].held} for one in conf if one != host and one in addresses]
        if peers and not all(own & set(peers) for own in others):
            found[host] = ", ".join(peers)
    return found


def reasons(facts: FleetFacts, instance: str, holders: list[str]) -> list[str]:
    """Return the reasons why there is no holder, or more than one; empty if none is known."""
    conf, units, addresses = facts.each(CONF), facts.each(UNIT), facts.each(ADDRESSES)
    found = [f"{host}: keepalived is {unit.active}" for host, unit in units.items() if unit.active != "active"]
    for host, each in conf.items():
        interface = each.value(instance, "interface") or ""
        if not each.files:
            astray = f", but {', '.join(each.strays)}, which keepalived never reads" if each.strays else ""
            found.append(f"{host}: there is no {each.main}{astray}")
        elif each.mistake:
            found.append(f"{host}: {each.mistake}")
        elif interface and host in addresses and not addresses[host].links.get(interface):
            found.append(f"{host}: {interface} is {'down' if interface in addresses[host].links else 'not there'}")
    if len(holders) != 1:
        found += [f"{keyword} differ: {said}" for keyword, said in differing(conf, instance).items()]
        found += _passwords(conf, instance)
        found += [f"{host} sends adverts to {said} only" for host, said in unheard(conf, instance, addresses).items()]
    if holders:
        found += [f"{host} drops VRRP: {rule}" for host, rules in facts.each(FIREWALL).items() for rule in rules]
        levels = priorities(conf, instance)
        found += ["their priorities are equal"] if len(set(levels.values())) < len(levels) else []
    if not found:
        last = {host: keepalived.last_words(rows) for host, rows in facts.each(JOURNAL).items()}
        found += [f"{host}: keepalived says: {words}" for host, words in last.items() if words]
    return found


def _passwords(conf: Mapping[str, Conf], instance: str) -> list[str]:
    found: dict[str, str] = {}
    for host, each in conf.items():
        if block := each.instance(instance):
            said = {words[0]: " ".join(words[1:]) for words in block.items("authentication")}
            found[host] = said.get("auth_pass", "none")
    if len(set(found.values())) < 2:
        return []
    words = {SAME: "the profile's", OTHER: "another", "none": "none"}
    shown = ", ".join(f"{words.get(each, 'one that is too long')} on {host}" for host, each in found.items())
    return [f"passwords differ: {shown}"]
