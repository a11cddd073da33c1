"""Remedies for section 8 of the catalogue: keepalived."""

from trueup import Change, ChangeFailed, ClusterChange, FleetFacts, HostFacts, Spec, remedy
from trueup.edit.haproxy import Words
from trueup.edit.keepalived import BlockPath
from trueup.facts.edge import keepalived, vrrp_config, vrrp_election
from trueup.facts.edge.keepalived import BEHIND, CONF, UNIT, Conf
from trueup.facts.host import packages

SERVICE = "keepalived.service"
_SAME = "nothing was changed"


@remedy("lb.packages", disruption="restart")
def install_packages(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Install missing packages in one transaction, enable both services."""
    found = change.ask(packages.package(*spec.lb.packages))
    if missing := [name for name in spec.lb.packages if found.version(name) is None]:
        change.packages(missing, ">= 0", hold=False)
    for unit in (SERVICE, "haproxy.service"):
        change.service(unit, active=False, enabled=True)


@remedy("lb.keepalived.config", disruption="reload")
def configure_keepalived(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the profile's statements, keep all others, validate with keepalived -t, reload or start keepalived.

    One balancer at a time: the next one starts once the address answers again, if it answered before.
    """
    with change.one_at_a_time:
        conf = change.ask(CONF)
        statements, lists = vrrp_config.settings(spec, change.host), vrrp_config.lists(spec)
        if not conf.files:
            change.write(spec.lb.check.script, vrrp_config.SCRIPT, mode="755")
            statements, lists = [*vrrp_config.tracking(spec), *statements], lists | vrrp_config.tracked(spec)
        if not spec.lb.vrrp.smtp_alert and conf.value(spec.lb.vrrp.instance, "smtp_alert") is not None:
            statements.append((vrrp_config.instance(spec), ("smtp_alert", "off")))
        filled = [(path, items, _outdated(conf, spec, path, items)) for path, items in lists.items()]
        changed = change.edit_keepalived(conf, statements, filled)
        _take_up(change, spec, changed=changed or bool(conf.stale))


def _outdated(conf: Conf, spec: Spec, path: BlockPath, items: list[Words]) -> list[Words]:
    """Return the entries of a list that the profile replaces: other forms of its address, other mail addresses."""
    found = [words for words in conf.entries(path) if words not in items]
    if path[-1] == ("virtual_ipaddress",):
        return [words for words in found if words[0].partition("/")[0] == spec.lb.vip.address]
    return found


def _take_up(change: Change, spec: Spec, *, changed: bool) -> None:
    if change.ask(UNIT).active != "active":
        change.service(SERVICE, active=True, enabled=False)
    elif changed:
        change.reload(SERVICE, keeping=("the address", _answers(spec)) if spec.lb.listens else None)


def _answers(spec: Spec) -> str:
    """Return shell that prints ``ok`` when this host has the address or another host answers there.

    A refused connection counts as an answer: it proves that a host has the address.
    """
    port = spec.lb.listens[0].bind.rpartition(":")[2]
    address = spec.lb.vip.address
    return (
        f"{{ ip -o addr show | grep -qF ' {address}/' || {{ rc=0; "
        f"timeout 2 bash -c ': </dev/tcp/{address}/{port}' 2>/dev/null || rc=$?; [ $rc -ne 124 ]; }}; }} && echo ok"
    )


@remedy("lb.keepalived.check_script", disruption="reload")
def track_haproxy(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write a script that checks haproxy, track it in place of unsuitable scripts, reload keepalived."""
    with change.one_at_a_time:
        conf, name = change.ask(CONF), spec.lb.vrrp.instance
        tracked = keepalived.scripts(conf, name)
        bad = [each for each, said in tracked.items() if BEHIND.search(said) or not _runs(conf, spec, each)]
        right = [each for each, said in tracked.items() if "haproxy" in said and each not in bad]
        for each in right:
            _mend(change, conf, keepalived.command(conf, each).split()[0])
        statements = _security(conf, spec)
        lists: list[tuple[BlockPath, list[Words], list[Words]]] = []
        [(path, items)] = vrrp_config.tracked(spec).items()
        if not right:
            change.write(spec.lb.check.script, vrrp_config.SCRIPT, mode="755")
            statements = [*vrrp_config.tracking(spec)[2:], *statements]
            lists.append((path, items, []))
        if bad:  # apart, so that a comment on a bad script does not pass to the new one
            gone = [words for words in conf.entries(path) if words[0] in bad and words[0] != spec.lb.check.name]
            lists.append((path, [], gone))
        changed = change.edit_keepalived(conf, statements, lists)
        _take_up(change, spec, changed=changed or bool(change.actions))


def _runs(conf: Conf, spec: Spec, script: str) -> bool:
    """Return whether a script's program exists, or is the one that trueup writes."""
    path = next(iter(keepalived.command(conf, script).split()), "")
    program = conf.programs.get(path)
    return path == spec.lb.check.script or (program is not None and program.mode != "-")


def _mend(change: Change, conf: Conf, path: str) -> None:
    """Make a script's program executable for all and writable for its owner only; write it if it is missing."""
    program = conf.programs.get(path)
    if program is None or program.mode == "-":
        change.write(path, vrrp_config.SCRIPT, mode="755")
    elif not program.executable or program.writable:
        change.mode(path, f"{(int(program.mode[-3:], 8) | 0o111) & ~0o022:o}")


def _security(conf: Conf, spec: Spec) -> list[tuple[BlockPath, tuple[str, ...]]]:
    """Return the missing statements of global_defs that script security needs."""
    blocks = conf.root.blocks("global_defs")
    user, enable = vrrp_config.tracking(spec)[:2]
    users = [value.split()[0] for block in blocks if (value := block.value("script_user"))]
    lacking = [] if any(block.value("enable_script_security") is not None for block in blocks) else [enable]
    return lacking if users and users[0] in conf.users else [user, *lacking]


@remedy("lb.keepalived.peers", disruption="reload")
def weigh_scripts(change: ClusterChange, spec: Spec, facts: FleetFacts) -> None:
    """Set the profile's weight for scripts whose failure would not lose the election."""
    conf, name = facts.each(CONF), spec.lb.vrrp.instance
    weak = list(vrrp_election.weak(conf, name))
    for host, other, script, needed, _ in weak:
        own = change.spec(host).lb.check
        if own.weight and abs(own.weight) <= needed:
            raise ChangeFailed(
                f"lb.check.weight is {own.weight} in the profile, but must be more than {needed:g}, so that {other} "
                f"wins over {host} when its script fails; {_SAME}"
            )
        hand = change.on(host)
        weight: tuple[BlockPath, Words] = ((("vrrp_script", script),), ("weight", str(own.weight)))
        if hand.edit_keepalived(hand.ask(CONF), [weight]):
            _take_up(hand, change.spec(host), changed=True)
    if not weak and not _fits(conf, name):
        raise ChangeFailed(f"the fault is in the profile: give each host its own values in `hosts`; {_SAME}")


def _fits(conf: dict[str, Conf], name: str) -> bool:
    levels = list(vrrp_election.priorities(conf, name).values())
    return len(set(levels)) == len(levels) and not vrrp_election.differing(conf, name)
