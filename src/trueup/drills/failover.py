"""The VIP failover drill: how long the address does not answer, and how many connections are lost."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from trueup.engine.drill import Trial
from trueup.errors import CouldNotLook, Unreachable
from trueup.facts.kube.network import TRY, parse_addresses
from trueup.model.fact import Drill, Fact
from trueup.results.action import Action
from trueup.shell import scripts

UNIT = "keepalived.service"
RATE = 20  # connections a second
_LOOK = 0.5  # seconds between two checks of who holds the address
_CALM = 1.0  # seconds of connections before the first step and after the last
_LEAST = 10.0  # seconds to wait until another host takes the address
_SPARE = 20.0  # seconds after the drill's end at which the holder's timer starts keepalived
_LOAD = 90  # seconds after which the load ends by itself
_SETTLE = 45.0  # seconds until exactly one host must hold the address again


@dataclass(frozen=True)
class Holding:
    """The state of a load balancer."""

    state: str  # of keepalived's unit
    holds: bool  # whether it holds the address


def parse_holding(text: str) -> Holding:
    """Parse the unit's state from the first row, and from later rows of ``ip -o addr`` whether it has the address."""
    state, _, rows = text.partition("\n")
    if not state.strip():
        raise ValueError("no state")
    return Holding(state.strip(), bool(parse_addresses(rows)))


def holding(address: str) -> Fact[Holding]:
    """Return the fact with the state of keepalived, and whether the host has the address."""
    probe = f"""
for tool in systemctl ip; do command -v $tool >/dev/null || {{ echo "$tool: not found" >&2; exit 127; }}; done
systemctl is-active {UNIT} || :
ip -o addr show up to {shlex.quote(address)}
"""
    return Fact("failover.holding", probe, parse_holding)


def answers(address: str, port: str) -> Fact[str]:
    """Return the fact with the result of a connection: ``open``, or the error."""
    return Fact("failover.answers", f"{TRY}\ntry {shlex.quote(address)} {shlex.quote(port)} ''", str.strip)


@dataclass(frozen=True)
class Attempt:
    """One connection, by the clock of the host that tried it, in seconds."""

    began: float
    ended: float
    said: str

    @property
    def lost(self) -> bool:
        """Whether it was not accepted."""
        return self.said != "open"


def parse_load(text: str) -> list[Attempt]:
    """Return the attempts in order of their start, from rows of start and end in nanoseconds and the result."""
    found = []
    for row in text.splitlines():
        began, ended, said = row.split(" ", 2)
        found.append(Attempt(int(began) / 1e9, int(ended) / 1e9, said.strip()))
    return sorted(found, key=lambda attempt: attempt.began)


def load(address: str, port: str, flag: str) -> Fact[list[Attempt]]:
    """Return the fact with the results of connections at a steady rate, as long as a file exists.

    The load ends by itself after a while. It survives a lost controller, so that it cleans up.
    """
    probe = f"""
{TRY}
patience=1
case $(date +%N) in ''|*[!0-9]*) echo 'date knows no nanoseconds here' >&2; exit 1;; esac
attempt() {{
  began=$(date +%s%N); said=$(try {shlex.quote(address)} {shlex.quote(port)} '')
  printf '%s %s %s\\n' "$began" "$(date +%s%N)" "$said"
}}
trap '' HUP PIPE
until=$(($(date +%s) + {_LOAD}))
while [ -e {shlex.quote(flag)} ] && [ "$(date +%s)" -lt $until ]; do
  attempt &
  sleep {1 / RATE}
done
wait
rm -f {shlex.quote(flag)}
"""
    return Fact("failover.load", probe, parse_load, timeout=_LOAD + 10)


@dataclass(frozen=True)
class Failover:
    """The answer of the drill."""

    holder: str  # the host that held the address before
    taker: str  # the host that took it; empty if none did
    client: str  # the host that made the connections
    target: str  # ADDRESS:PORT
    after: tuple[str, ...]  # the host that held it at the end
    tried: int
    lost: int
    seconds: float  # the longest time without an answer

    def __str__(self) -> str:
        to = f"{self.taker} took the address of {self.holder}" if self.taker else f"nobody took that of {self.holder}"
        return f"{to}: {self.seconds:.2f} s without an answer, {self.lost} of {self.tried} connections lost"


def outages(attempts: list[Attempt]) -> Iterator[float]:
    """Yield each outage in seconds: from the start of the first lost connection to the end of the next one that was
    answered, or of the last one."""
    for lost, group in groupby(attempts, lambda attempt: attempt.lost):
        if lost:
            began = next(group).began
            answered = [attempt.ended for attempt in attempts if attempt.began > began and not attempt.lost]
            yield (min(answered) if answered else max(attempt.ended for attempt in attempts)) - began


def parse(data: Any) -> Failover:
    """Return the answer of the drill.

    Raises:
        ValueError: too few connections, or none that was answered.
    """
    attempts = [Attempt(float(began), float(ended), str(said)) for began, ended, said in data["attempts"]]
    lost, seconds = sum(attempt.lost for attempt in attempts), max(outages(attempts), default=0.0)
    if len(attempts) < RATE or lost == len(attempts):
        raise ValueError(f"{len(attempts)} connections, of which {lost} were lost")
    holder, taker, client, target = (str(data[key]) for key in ("holder", "taker", "client", "target"))
    return Failover(holder, taker, client, target, tuple(map(str, data["after"])), len(attempts), lost, seconds)


def stop(timer: str, seconds: float) -> str:
    """Return shell text that arms a timer on the host to start keepalived again, then stops keepalived."""
    return f"""if [ -n "$(systemctl list-units --plain --no-legend 'trueup-drill-*.timer')" ]; then
  echo 'another drill is under way, or was cut off a moment ago: its timer is not over yet'
  exit 75
fi
systemd-run --quiet --collect --unit={timer} --on-active={seconds:.0f}s --timer-property=AccuracySec=1s \\
  systemctl start {UNIT}
systemctl is-active --quiet {timer}.timer
systemctl stop {UNIT}"""


def start(timer: str) -> str:
    """Return shell text that starts keepalived again if :func:`stop` armed its timer, then stops the timer."""
    return f"""if systemctl is-active --quiet {timer}.timer; then
{scripts.bring_up("start", UNIT)}
systemctl stop {timer}.timer
fi"""


def fail_over(trial: Trial) -> dict[str, Any]:
    """Stop keepalived on the holder under a steady load, wait for the failover, and start it again."""
    lb = trial.spec.lb
    address, target = lb.vip.address, lb.listens[0].bind if lb.listens else ""
    port = target.rpartition(":")[2]
    if not address or not port:
        raise CouldNotLook("the profile gives no lb.vip.address, or nothing that listens on it (lb.listens)")
    who = holding(address)
    holder = _holder(trial.each(who), address)
    client = _client(trial, holder, address, port)
    flag, timer = f"/run/trueup-drill-{trial.run}", f"trueup-drill-{trial.run}"
    patience = max(_LEAST, 2 * lb.failover.seconds)
    calling, verbs = trial.change.on(client), trial.change.on(holder)

    def taken() -> str:
        return next((id for id, each in trial.each(who).items() if each.holds and id != holder), "")

    with ThreadPoolExecutor(1, thread_name_prefix="load") as pool:
        try:
            connect = f"connect from {client} to {address}:{port}, {RATE} times a second"
            calling.act(Action("drill", flag, connect, undo=f"rm -f {flag}"), f": >{flag}")
            trial.note(connect)
            attempts = pool.submit(calling.ask, load(address, port, flag))
            trial.pause(_CALM)
            if attempts.done():
                attempts.result()  # raises the reason, before anything is stopped
            trial.note(
                f"stop keepalived on {holder}, which starts it again by itself in {patience + _SPARE:.0f} s at most"
            )
            halt = Action("drill", UNIT, f"stop keepalived on {holder}", undo=start(timer))
            verbs.act(halt, stop(timer, patience + _SPARE), "restart")
            taker = _until(trial, taken, patience)
            trial.pause(_CALM)
            trial.note(f"start keepalived on {holder}; {taker or 'nobody'} has the address")
            again = Action("drill", UNIT, f"start keepalived on {holder}", undo=":")
            verbs.act(again, scripts.bring_up("start", UNIT), "restart")
            after = _settled(trial, who, holder)
            trial.pause(_CALM)
        finally:
            trial.restore()  # ends the load too
        rows = [(attempt.began, attempt.ended, attempt.said) for attempt in attempts.result()]
    who_was = {"holder": holder, "taker": taker, "client": client, "target": f"{address}:{port}"}
    data = who_was | {"after": after, "attempts": rows}
    trial.note(str(parse(data)))
    return data


def _holder(found: Mapping[str, Holding], address: str) -> str:
    """Return the host that holds the address, if a failover is safe.

    Raises:
        CouldNotLook: not exactly one host holds it, no other can take it, or keepalived is down somewhere.
    """
    idle = [f"keepalived is {each.state} on {id}" for id, each in found.items() if each.state != "active"]
    holders = [id for id, each in found.items() if each.holds]
    if len(holders) != 1:
        idle.append(f"{address} is held by {' and '.join(holders) or 'nobody'}")
    if len(found) < 2:
        idle.append("there is no other load balancer among the hosts that could take it")
    if idle:
        raise CouldNotLook(f"not tried: {'; '.join(idle)}")
    return holders[0]


def _client(trial: Trial, holder: str, address: str, port: str) -> str:
    """Return the host to connect from: never the holder, and preferably no load balancer.

    Raises:
        CouldNotLook: the address answers none of them; says the error of each.
    """
    said = {}
    for id in [*trial.others, *(id for id in trial.members if id != holder)]:
        try:
            said[id] = trial.change.on(id).ask(answers(address, port))
        except (CouldNotLook, Unreachable) as error:
            said[id] = str(error)
        if said[id] == "open":
            if id in trial.members:
                trial.note(f"{id} is a load balancer itself: once it has the address, it connects to itself")
            return id
    words = "; ".join(f"from {id}: {why}" for id, why in said.items())
    raise CouldNotLook(f"not tried: {address}:{port} does not answer; {words}")


def _until(trial: Trial, look: Callable[[], str], seconds: float) -> str:
    """Poll until ``look`` returns a value; return it, or an empty one after so many seconds."""
    until = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < until:
        trial.pause(_LOOK)
    return seen


def _settled(trial: Trial, who: Fact[Holding], before: str) -> list[str]:
    """Return the stable holder of the address: the one before, or another that keeps it (nopreempt).

    VRRP changes the master after three to four missed adverts (RFC 5798, Master_Down_Interval).
    """
    began = time.monotonic()
    quiet = 4 * trial.spec.lb.vrrp.advert_int + 3 * _CALM
    while True:
        found = trial.each(who)
        holders = [id for id, each in found.items() if each.holds]
        passed = time.monotonic() - began
        well = len(holders) == 1 and all(each.state == "active" for each in found.values())
        if (well and (holders == [before] or passed > quiet)) or passed > _SETTLE:
            return holders
        trial.pause(_LOOK)


FAILOVER = Drill("lb.failover", fail_over, parse)
