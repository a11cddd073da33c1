"""Section 8 of the catalogue: haproxy, which forwards connections."""

from collections.abc import Iterator

from trueup import Deviation, HostFacts, Spec, expect, requirement, unmet
from trueup.checks.claims.parameters import persistent_parameter
from trueup.facts.edge.haproxy import CONF, STATS, UNIT, Conf, Stats, socket, wanted
from trueup.facts.edge.vip import ADDRESSES, BIND, NONLOCAL
from trueup.facts.host.kernel import SYSCTL_FILES
from trueup.facts.host.systemd import Unit
from trueup.profiles.keys.load_balancer import Listen, Server

_BALANCERS = ("load-balancer",)


@requirement(
    "lb.sysctl.ip_nonlocal_bind",
    key="lb.listens",
    reads=(BIND, SYSCTL_FILES),
    roles=_BALANCERS,
    layers=("effective", "persistent"),
)
def test_ip_nonlocal_bind(facts: HostFacts, spec: Spec) -> None:
    """A program may listen on an address that another host holds, now and after a reboot.

    haproxy binds the VIP. On the balancer that does not hold it, the bind fails unless net.ipv4.ip_nonlocal_bind is 1,
    and haproxy is down when the address moves there (kernel documentation, ip-sysctl).
    """
    persistent_parameter(NONLOCAL, "1", facts[BIND].get(NONLOCAL), facts[SYSCTL_FILES])


@requirement(
    "lb.haproxy.config",
    key="lb.listens",
    reads=(CONF, UNIT, BIND, ADDRESSES),
    roles=_BALANCERS,
    needs=("lb.packages",),
    after=("lb.sysctl.ip_nonlocal_bind",),
    severity="critical",
    layers=("declared", "effective"),
)
def test_haproxy_config(facts: HostFacts, spec: Spec) -> None:
    """haproxy runs with a valid configuration that has the profile's listen sections and a stats socket.

    haproxy reads its configuration at start and reload only, so the running one is judged as well. The stats socket
    tells which servers are up.
    """
    conf, unit = facts[CONF], facts[UNIT]
    if conf.absent:
        unmet(Deviation("a configuration", "no such file", ", ".join(conf.absent), "declared"))
    path = ", ".join(conf.files)
    if conf.mistake or conf.valid is False:
        unmet(Deviation("a configuration that haproxy accepts", conf.said or conf.mistake, path, "declared"))
    sockets = [words for _, section in conf.sections for words in section.of(("stats", "socket"))]
    expect(
        *(wrong for listen in spec.lb.listens for wrong in _listen(conf, listen)),
        None
        if any(words[2:3] == (spec.lb.stats_socket,) for words in sockets)
        else Deviation(
            " ".join(socket(spec)), ", ".join(" ".join(words) for words in sockets) or "none", f"global in {path}",
            "declared", "without it nobody can ask haproxy which servers are up",
        ),
        *_service(unit, conf, _bind(facts, spec)),
    )  # fmt: skip


def _listen(conf: Conf, listen: Listen) -> Iterator[Deviation]:
    where = f"listen {listen.name}"
    found = conf.of("listen", listen.name)
    if found is None:
        names = ", ".join(section.words[1] for _, section in conf.sections if section.words[:1] == ("listen",))
        yield Deviation(where, f"only {names}" if names else "none", ", ".join(conf.files), "declared")
        return
    for prefix, lines in wanted(listen).items():
        said = found[1].of(prefix)
        if said != lines:
            shown = ["; ".join(" ".join(words) for words in each) or "none" for each in (lines, said)]
            yield Deviation(shown[0], shown[1], f"{' '.join(prefix)} of {where}", "declared")


def _service(unit: Unit, conf: Conf, bind: str) -> Iterator[Deviation]:
    if unit.active != "active":
        hint = "; ".join(filter(None, [bind, conf.journal]))
        yield Deviation("active", unit.active, "haproxy.service", "effective", hint)
    elif conf.stale:
        yield Deviation(
            "read after the last change", f"{conf.stale} changed after that", "haproxy.service", "effective"
        )


def _bind(facts: HostFacts, spec: Spec) -> str:
    """Return why haproxy cannot listen on an address of the profile, or an empty text."""
    hosts = {listen.bind.rpartition(":")[0] for listen in spec.lb.listens}
    away = [host for host in hosts if host[:1].isdigit() and facts[ADDRESSES].of(host) is None and host != "0.0.0.0"]  # noqa: S104
    if facts[BIND].get(NONLOCAL) == "1" or not away:
        return ""
    return f"{', '.join(away)} is not on this host, and {NONLOCAL} is not 1: haproxy cannot listen there"


@requirement(
    "lb.haproxy.backends",
    key="lb.listens",
    reads=(STATS,),
    roles=_BALANCERS,
    needs=("lb.haproxy.config",),
    after=("kube.init", "kube.join", "registry.harbor.health"),  # the servers that may be behind it
    eventually=True,
    severity="critical",
)
def test_backends(facts: HostFacts, spec: Spec) -> None:
    """Every server behind haproxy is UP in haproxy's own statistics.

    haproxy sends no connection to a server that is DOWN: the rest carry its load, and with none left clients are
    refused.
    """
    stats = facts[STATS]
    if stats.problem:
        unmet(Deviation("haproxy's own socket", stats.problem, spec.lb.stats_socket, "effective"))
    expect(*(_down(stats, listen, server) for listen in spec.lb.listens for server in listen.servers))


def _down(stats: Stats, listen: Listen, server: Server) -> Deviation | None:
    row, where = stats.server(listen.name, server.name), f"{server.address}, server {server.name} of {listen.name}"
    if row is None:
        return Deviation(
            "UP", "haproxy does not know it", where, "effective", "the running haproxy has another configuration"
        )
    unchecked = row.status == "no check" and "check" not in server.options.split()
    said = f"{row.check} {row.says}".strip() or "not checked"
    up = row.status.startswith("UP") or unchecked
    return None if up else Deviation("UP", f"{row.status}: {said}", where, "effective")
