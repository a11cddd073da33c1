"""The statements of keepalived.conf that a profile sets, and the block of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trueup.edit.keepalived import BlockPath

if TYPE_CHECKING:
    from trueup.profiles.schema import Spec

GLOBAL: BlockPath = (("global_defs",),)


def instance(spec: Spec) -> BlockPath:
    """Return the path of the instance's block."""
    return (("vrrp_instance", spec.lb.vrrp.instance),)


def settings(spec: Spec, host: str) -> list[tuple[BlockPath, tuple[str, ...]]]:
    """Return the single statements that the profile sets: the path of the block, and the words."""
    vrrp = spec.lb.vrrp
    found: list[tuple[BlockPath, tuple[str, ...]]] = [(GLOBAL, ("router_id", vrrp.router_id or host))]
    own: list[tuple[str, ...]] = [
        ("state", vrrp.state),
        ("interface", vrrp.interface),
        ("virtual_router_id", str(vrrp.virtual_router_id)),
        ("priority", str(vrrp.priority)),
        ("advert_int", f"{vrrp.advert_int:g}"),
        ("garp_master_delay", str(vrrp.garp_master_delay)),
    ]
    if vrrp.smtp_alert:
        own.append(("smtp_alert",))
    found += [(instance(spec), words) for words in own]
    if password := vrrp.auth_pass.get_secret_value():
        where = (*instance(spec), ("authentication",))
        found += [(where, ("auth_type", "PASS")), (where, ("auth_pass", password))]
    return found


def lists(spec: Spec) -> dict[BlockPath, list[tuple[str, ...]]]:
    """Return the lists that the profile sets: the path of the block to its entries."""
    found: dict[BlockPath, list[tuple[str, ...]]] = {}
    if spec.lb.vrrp.notification_email:
        found[(*GLOBAL, ("notification_email",))] = [(each,) for each in spec.lb.vrrp.notification_email]
    found[(*instance(spec), ("virtual_ipaddress",))] = [address(spec)]
    return found


def address(spec: Spec) -> tuple[str, ...]:
    """Return the entry of virtual_ipaddress."""
    vip = spec.lb.vip
    words = [vip.address, "dev", vip.interface or spec.lb.vrrp.interface]
    return (*words, "label", vip.label) if vip.label else tuple(words)


def tracking(spec: Spec) -> list[tuple[BlockPath, tuple[str, ...]]]:
    """Return the statements for the script that checks haproxy."""
    check = spec.lb.check
    script: BlockPath = (("vrrp_script", check.name),)
    return [
        (GLOBAL, ("script_user", "root")),
        (GLOBAL, ("enable_script_security",)),
        (script, ("script", check.script)),
        (script, ("interval", str(check.interval))),
        (script, ("weight", str(check.weight))),
    ]


def tracked(spec: Spec) -> dict[BlockPath, list[tuple[str, ...]]]:
    """Return the list that names this script in the instance."""
    return {(*instance(spec), ("track_script",)): [(spec.lb.check.name,)]}


def same_address(found: tuple[str, ...], wanted: tuple[str, ...], interface: str) -> bool:
    """Return whether two entries of virtual_ipaddress have the same address, interface and label."""
    return _entry(found, interface) == _entry(wanted, interface)


def _entry(words: tuple[str, ...], interface: str) -> tuple[str, str, str | None]:
    said = dict(zip(words[1::2], words[2::2], strict=False))
    return words[0].removesuffix("/32"), said.get("dev", interface), said.get("label")


SCRIPT = """#!/bin/sh
# written by trueup: this tests haproxy itself; a dead server behind it must not move the address
exec systemctl is-active --quiet haproxy.service
"""
