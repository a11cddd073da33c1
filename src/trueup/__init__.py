"""trueup verifies and repairs Kubernetes nodes on containerd. This is what a check or a remedy is written with."""

from importlib import import_module
from typing import TYPE_CHECKING

from trueup.version import VERSION as __version__

if TYPE_CHECKING:
    from trueup.change import Change, ClusterChange, altering, making
    from trueup.errors import ChangeFailed, CouldNotLook
    from trueup.model.catalog import remedy, requirement
    from trueup.model.claims import Deviation, at_least, equal, expect, unmet
    from trueup.model.fact import ApiFact, Condition, Drill, Fact, PeerFact, RunnerFact
    from trueup.model.view import FleetFacts, HostFacts
    from trueup.profiles.schema import Spec
else:
    # Each is imported when it is asked for: the verbs need the Kubernetes client, which takes its time.
    _NAMES = {
        "trueup.change": ("Change", "ClusterChange", "altering", "making"),
        "trueup.errors": ("ChangeFailed", "CouldNotLook"),
        "trueup.model.catalog": ("remedy", "requirement"),
        "trueup.model.fact": ("ApiFact", "Condition", "Drill", "Fact", "PeerFact", "RunnerFact"),
        "trueup.model.claims": ("Deviation", "at_least", "equal", "expect", "unmet"),
        "trueup.model.view": ("FleetFacts", "HostFacts"),
        "trueup.profiles.schema": ("Spec",),
    }
    _HOMES = {name: module for module, names in _NAMES.items() for name in names}

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))


__all__ = [
    "ApiFact", "Change", "ChangeFailed", "ClusterChange", "Condition", "CouldNotLook", "Deviation", "Drill", "Fact",
    "FleetFacts", "HostFacts", "PeerFact", "RunnerFact", "Spec", "__version__", "altering", "at_least", "equal",
    "expect", "making", "remedy", "requirement", "unmet",
]  # fmt: skip
