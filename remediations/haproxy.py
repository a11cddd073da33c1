"""Remedies for section 8 of the catalogue: haproxy."""

import shlex

from trueup import remedy
from trueup.change import Change
from trueup.edit import haproxy as haproxy_text
from trueup.edit.haproxy import Words
from trueup.errors import ChangeFailed
from trueup.facts.edge import haproxy
from trueup.facts.edge.haproxy import CONF, MAIN, UNIT, Conf
from trueup.facts.edge.vip import NONLOCAL
from trueup.model.view import HostFacts
from trueup.profiles.schema import Spec

SERVICE = "haproxy.service"


@remedy("lb.sysctl.ip_nonlocal_bind", disruption="none")
def set_ip_nonlocal_bind(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Write the drop-in that wins, silence what overrides it, set the value."""
    change.sysctl(NONLOCAL, "1")


@remedy("lb.haproxy.config", disruption="reload")
def configure_haproxy(change: Change, spec: Spec, facts: HostFacts) -> None:
    """Set the lines of the listen sections, and haproxy's socket; let haproxy check that, reload or start it."""
    conf = change.look(CONF)
    texts = _texts(conf, spec)
    if texts == conf.files and conf.valid is False:
        raise ChangeFailed(f"{conf.said}: that is in none of the profile's lines; nothing was changed")
    changed = [
        change.write(path, text, validate=_validate(list(texts), path))
        for path, text in texts.items()
        if text != conf.files.get(path)
    ]
    if change.look(UNIT).active != "active":
        change.service(SERVICE, active=True, enabled=False)
    elif any(changed) or conf.stale:
        change.reload(SERVICE)


def _texts(conf: Conf, spec: Spec) -> dict[str, str]:
    """Return path to what the file ought to have in it.

    Raises:
        ChangeFailed: it cannot be said without touching other lines.
    """
    texts = dict(conf.files) or {MAIN: haproxy.BASE}
    path = next(iter(texts))
    try:
        for listen in spec.lb.listens:
            path = _path(conf, texts, ("listen", listen.name))
            texts[path] = haproxy_text.put(texts[path], ("listen", listen.name), haproxy.wanted(listen))
        line = haproxy.socket(spec)
        if not any(section.of(line[:3]) for _, section in conf.sections):
            path = _path(conf, texts, ("global",))
            texts[path] = haproxy_text.put(texts[path], ("global",), {line[:3]: [line]})
    except ValueError as error:
        raise ChangeFailed(f"{path}: {error}; nothing was changed") from None
    return texts


def _path(conf: Conf, texts: dict[str, str], header: Words) -> str:
    """Return the file that has a section, else the last one."""
    found = conf.of(*header)
    return found[0] if found else list(texts)[-1]


def _validate(paths: list[str], path: str) -> str:
    """Return shell text that lets haproxy refuse the new file, together with the others that it reads."""
    flags = " ".join('-f "$tmp"' if each == path else f"-f {shlex.quote(each)}" for each in paths)
    return f"haproxy -c -q {flags}"
