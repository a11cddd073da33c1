"""The version of trueup that runs."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("trueup")
except PackageNotFoundError:  # a checkout that was not installed
    VERSION = "0+checkout"
