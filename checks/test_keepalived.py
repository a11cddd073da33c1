"""Section 8 of the catalogue: keepalived, which elects the holder of the address."""

from collections.abc import Iterator

from trueup import CouldNotLook, Deviation, FleetFacts, HostFacts, Spec, expect, requirement
from trueup.edit.keepalived import Statement
from trueup.facts.edge import keepalived, vrrp_config, vrrp_election
from trueup.facts.edge.keepalived import CONF, JOURNAL, OTHER, SAME, UNIT, Conf, number
from trueup.facts.edge.vip import ADDRESSES, PACKAGES
from trueup.facts.host.systemd import Unit

_BALANCERS = ("load-balancer",)
_OFF = (None, "off", "false", "no")


@requirement(
    "lb.packages",
    key="lb.packages",
    reads=(PACKAGES, UNIT, keepalived.HAPROXY),
    roles=_BALANCERS,
    after=("host.apt.sources",),
    severity="critical",
    layers=("effective", "persistent"),
)
def test_packages(facts: HostFacts, spec: Spec) -> None:
    """keepalived and haproxy are installed and start at boot.

    A balancer whose services do not start after a reboot is missed only when the other one fails.
    """
    found = facts[PACKAGES]
    expect(
        *(
            Deviation("installed", "not installed", f"package {name}", "effective")
            for name in spec.lb.packages
            if found.version(name) is None
        ),
        *(
            Deviation("enabled", unit.enabled, name, "persistent")
            for name, unit in (("keepalived.service", facts[UNIT]), ("haproxy.service", facts[keepalived.HAPROXY]))
            if not unit.starts_at_boot
        ),
    )


@requirement(
    "lb.keepalived.config",
    key="lb.vrrp.interface",
    reads=(CONF, UNIT, JOURNAL),
    roles=_BALANCERS,
    needs=("lb.packages",),
    after=("lb.haproxy.config",),  # the holder of the address must serve
    severity="critical",
    layers=("declared", "effective"),
)
def test_keepalived_config(facts: HostFacts, spec: Spec) -> None:
    """keepalived runs with the profile's vrrp_instance, in the file that it really reads.

    keepalived reads /etc/keepalived/keepalived.conf: a file elsewhere (the seed document writes
    /etc/keepalive/keepaliv.conf) has no effect. It uses only the first 8 characters of auth_pass (keepalived.conf(5)).
    """
    conf, unit = facts[CONF], facts[UNIT]
    astray = [
        Deviation("no such file", "keepalived never reads it", path, "declared", f"keepalived reads {conf.main}")
        for path in conf.strays
    ]
    wrong = [*_file(conf, spec)] or [*_instance(conf, spec), *_service(unit, conf, facts[JOURNAL])]
    expect(*wrong, *(astray if wrong else ()))


def _file(conf: Conf, spec: Spec) -> Iterator[Deviation]:
    name = f"vrrp_instance {spec.lb.vrrp.instance}"
    if not conf.files:
        yield Deviation("a configuration", "no such file", conf.main, "declared")
    elif conf.mistake:
        yield Deviation("a file that keepalived reads", conf.mistake, conf.main, "declared")
    elif conf.instance(spec.lb.vrrp.instance) is None:
        others = ", ".join(block.words[1] for block in conf.root.blocks("vrrp_instance") if block.words[1:])
        yield Deviation(name, f"only {others}" if others else "none", conf.main, "declared")


def _instance(conf: Conf, spec: Spec) -> Iterator[Deviation]:
    own, block = spec.lb.vrrp, conf.instance(spec.lb.vrrp.instance)
    assert block is not None
    if odd := next((each for each in block.body or () if each.opaque), None):
        raise CouldNotLook(f"{' '.join(odd.words)!r} has a definition or a condition, which trueup does not evaluate")
    for path, words in vrrp_config.settings(spec, ""):
        if path == vrrp_config.instance(spec):
            yield from _setting(conf, block, words)
    if not own.smtp_alert and block.value("smtp_alert") not in _OFF:
        yield Deviation("off", "on", f"smtp_alert of {own.instance}", "declared")
    yield from _password(block, spec)
    yield from _address(block, spec)
    yield from _mail(conf, spec)


def _setting(conf: Conf, block: Statement, words: tuple[str, ...]) -> Iterator[Deviation]:
    name, wanted, found = words[0], " ".join(words[1:]), block.value(words[0])
    where = f"{name} of {block.words[1]} in {conf.main}"
    if name == "smtp_alert":
        if found in _OFF:
            yield Deviation("on", "not set" if found is None else found, where, "declared")
    elif found != wanted and (number(found) is None or number(found) != number(wanted)):
        yield Deviation(wanted, "not set" if found is None else found, where, "declared")
    if name == "interface" and (named := found or wanted) not in conf.interfaces:
        there = ", ".join(each for each in conf.interfaces if each != "lo")
        yield Deviation("an interface of this host", f"{named}: no such interface", where, "effective", f"has {there}")


def _password(block: Statement, spec: Spec) -> Iterator[Deviation]:
    if not spec.lb.vrrp.auth_pass.get_secret_value():
        return
    said = {words[0]: " ".join(words[1:]) for words in block.items("authentication")}
    where, found = f"auth_pass of {block.words[1]}", said.get("auth_pass")
    if said.get("auth_type") != "PASS":
        yield Deviation("PASS", said.get("auth_type", "not set"), f"auth_type of {block.words[1]}", "declared")
    if found is None:
        yield Deviation("the profile's", "not set", where, "declared")
    elif found in (keepalived.CUT, keepalived.LONG):
        hint = "keepalived uses the first 8 only and reports it only in its journal"
        yield Deviation("the profile's", "more than 8 characters", where, "declared", hint)
    elif found == OTHER:
        yield Deviation(
            "the profile's", "another one", where, "declared", "balancers ignore adverts with another password"
        )
    elif found != SAME:
        raise CouldNotLook(f"{where}: could not be compared with the profile's")


def _address(block: Statement, spec: Spec) -> Iterator[Deviation]:
    wanted, own = vrrp_config.address(spec), spec.lb.vip.address
    entries = block.items("virtual_ipaddress")
    found = [entry for entry in entries if entry[0].partition("/")[0] == own]
    where = f"virtual_ipaddress of {block.words[1]}"
    if len(found) != 1:
        others = ", ".join(" ".join(entry) for entry in entries)
        yield Deviation(" ".join(wanted), "twice" if found else others or "none", where, "declared")
    elif not vrrp_config.same_address(found[0], wanted, block.value("interface") or ""):
        yield Deviation(" ".join(wanted), " ".join(found[0]), where, "declared")


def _mail(conf: Conf, spec: Spec) -> Iterator[Deviation]:
    wanted, name = spec.lb.vrrp.notification_email, spec.lb.vrrp.router_id
    blocks = conf.root.blocks("global_defs")
    found = [word for block in blocks for words in block.items("notification_email") for word in words]
    if wanted and set(found) != set(wanted):
        yield Deviation(", ".join(wanted), ", ".join(found) or "nobody", "notification_email", "declared")
    router = next((value for block in blocks if (value := block.value("router_id"))), None)
    if router is None or (name and router != name):
        yield Deviation(name or "a name", router or "not set", "router_id", "declared")


def _service(unit: Unit, conf: Conf, journal: list[str]) -> Iterator[Deviation]:
    if unit.active != "active":
        yield Deviation("active", unit.active, "keepalived.service", "effective", keepalived.last_words(journal))
    elif conf.stale:
        found = f"{conf.stale} changed after that"
        yield Deviation("read after the last change", found, "keepalived.service", "effective")


@requirement(
    "lb.keepalived.check_script",
    key="lb.vrrp",
    reads=(CONF,),
    roles=_BALANCERS,
    needs=("lb.keepalived.config",),
    layers=("declared", "effective"),
)
def test_check_script(facts: HostFacts, spec: Spec) -> None:
    """keepalived tracks a script that it can run and that checks haproxy itself, not the servers behind it.

    Without the script a host whose haproxy has ended keeps the address. A script that asks the API server behind
    haproxy moves the address whenever that is down (openshift/machine-config-operator#3339).
    """
    conf = facts[CONF]
    where = f"track_script of {spec.lb.vrrp.instance}"
    tracked = keepalived.scripts(conf, spec.lb.vrrp.instance)
    behind = {name: said for name, said in tracked.items() if keepalived.BEHIND.search(said)}
    names = ", ".join(tracked) or "nothing"
    expect(
        None
        if any("haproxy" in said for name, said in tracked.items() if name not in behind)
        else Deviation("a script that looks at haproxy", names, where, "declared"),
        *(
            Deviation(
                "haproxy only", f"{name} asks the servers behind it", where, "declared",
                "the address would move, without effect, whenever the API servers are down",
            )
            for name in behind
        ),
        *(wrong for name in tracked for wrong in _program(conf, name)),
        *_security(conf),
    )  # fmt: skip


def _program(conf: Conf, name: str) -> Iterator[Deviation]:
    command = keepalived.command(conf, name)
    program = conf.programs.get(command.split()[0] if command.split() else "")
    where = f"script of vrrp_script {name}"
    if not command.startswith("/"):
        yield Deviation("a program by its full path", command or "not set", where, "declared")
    elif program is None:
        raise CouldNotLook(f"{where}: {command!r} was not inspected")
    elif program.mode == "-":
        yield Deviation("a program", f"no such file: {program.path}", where, "effective", "the script always fails")
    elif not program.executable:
        yield Deviation(
            "executable", f"mode {program.mode}", program.path, "effective", "keepalived ignores the script"
        )
    elif program.writable:
        hint = "keepalived runs it as root"
        yield Deviation("written by its owner only", f"mode {program.mode}", program.path, "effective", hint)


def _security(conf: Conf) -> Iterator[Deviation]:
    blocks = conf.root.blocks("global_defs")
    if all(block.value("enable_script_security") is None for block in blocks):
        hint = "without it keepalived runs scripts that users other than root can write"
        yield Deviation("set", "not set", "enable_script_security", "declared", hint)
    user = next((value.split()[0] for block in blocks if (value := block.value("script_user"))), None)
    if user is None and "keepalived_script" not in conf.users:
        yield Deviation(
            "a user", "not set", "script_user", "declared", "the default user keepalived_script does not exist"
        )
    elif user is not None and user not in conf.users:
        yield Deviation("a user of this host", user, "script_user", "effective")


@requirement(
    "lb.keepalived.peers",
    key="lb.vrrp.virtual_router_id",
    reads=(CONF, ADDRESSES),
    roles=_BALANCERS,
    needs=("lb.keepalived.check_script",),
    across=True,
    severity="critical",
    layers=("declared",),
)
def test_peers(facts: FleetFacts, spec: Spec) -> None:
    """The balancers hold one election: same id and password, distinct priorities, and a failed script loses it.

    Balancers that differ in an id or a password elect a holder each (split brain). Where a script's weight is too
    small, the host with the failed haproxy keeps the address (lablabs/ansible-role-rke2#60).
    """
    conf, name = facts.each(CONF), spec.lb.vrrp.instance
    priority = vrrp_election.priorities(conf, name)
    masters = [host for host, each in conf.items() if each.value(name, "state") == "MASTER"]
    hint = "give each host its own value in the profile's `hosts`"
    expect(
        *(
            Deviation("a priority of its own", f"{', '.join(hosts)} have {level:g}", "priority", "declared", hint)
            for level in dict.fromkeys(priority.values())
            if len(hosts := [host for host in priority if priority[host] == level]) > 1
        ),
        Deviation("on one of them", ", ".join(masters), "state MASTER", "declared", hint) if len(masters) > 1 else None,
        *(
            Deviation("the same on all", said, keyword, "declared", "the profile has different values: correct them")
            for keyword, said in vrrp_election.differing(conf, name).items()
        ),
        *(
            Deviation(
                f"more than {needed:g}, or 0", f"{found:g}", f"weight of {script} on {host}", "declared",
                f"with its haproxy down it would still win over {other}",
            )
            for host, other, script, needed, found in vrrp_election.weak(conf, name)
        ),
        *(
            Deviation("the other balancers", said, f"unicast_peer on {host}", "declared")
            for host, said in vrrp_election.unheard(conf, name, facts.each(ADDRESSES)).items()
        ),
    )  # fmt: skip
