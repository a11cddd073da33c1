"""Remedies for section 8 of the catalogue: haproxy."""

from trueup import Change, ChangeFailed, HostFacts, Spec, remedy
from trueup.edit.haproxy import Words
from trueup.facts.edge import haproxy
from trueup.facts.edge.haproxy import CONF, UNIT
from trueup.facts.edge.vip import NONLOCAL

SERVICE = "haproxy.service"


@remedy("lb.sysctl.ip_nonlocal_bind", disruption="none")
def set_ip_nonlocal_bind(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write /etc/sysctl.d/zz-trueup.conf, comment out lines that override it, set the value now."""
    change.sysctl(NONLOCAL, "1")


@remedy("lb.haproxy.config", disruption="reload")
def configure_haproxy(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the listen sections and the stats socket, validate with haproxy -c, reload or start haproxy."""
    conf = change.ask(CONF)
    sections: dict[Words, dict[Words, list[Words]]] = {
        ("listen", listen.name): haproxy.wanted(listen) for listen in spec.lb.listens
    }
    line = haproxy.socket(spec)
    if not any(section.of(line[:3]) for _, section in conf.sections):
        sections["global",] = {line[:3]: [line]}
    changed = change.edit_haproxy(conf, sections)
    if not changed and conf.valid is False:
        raise ChangeFailed(f"{conf.said}: the profile sets no such line; nothing was changed")
    if change.ask(UNIT).active != "active":
        change.service(SERVICE, active=True, enabled=False)
    elif changed or conf.stale:
        change.reload(SERVICE)
