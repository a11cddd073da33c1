"""The verbs of a change. Each looks first and records an action only where something differs."""

from __future__ import annotations

from trueup.change.artifacts import Artifacts
from trueup.change.files import Files
from trueup.change.images import Images
from trueup.change.kernel import Kernel
from trueup.change.packages import Packages
from trueup.change.units import Units


class Change(Artifacts, Images, Kernel, Units, Packages, Files):
    """Changes to one host for one remedy."""
