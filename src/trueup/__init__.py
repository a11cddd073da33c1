"""trueup verifies and repairs Kubernetes nodes on containerd. What a check or a remedy is written with."""

from importlib.metadata import PackageNotFoundError, version

from trueup.model.catalog import remedy, requirement
from trueup.model.result import Deviation, equal, expect, unmet

try:
    __version__ = version("trueup")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0+checkout"

__all__ = ["Deviation", "equal", "expect", "remedy", "requirement", "unmet"]
