"""trueup verifies and repairs Kubernetes nodes on containerd. What a check or a remedy is written with."""

from trueup.model.catalog import remedy, requirement
from trueup.model.result import Deviation, at_least, equal, expect, unmet
from trueup.version import VERSION as __version__

__all__ = ["Deviation", "__version__", "at_least", "equal", "expect", "remedy", "requirement", "unmet"]
