"""The version of trueup that runs, and its first catalogue of requirements."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("trueup")
except PackageNotFoundError:  # a checkout that was not installed
    VERSION = "0+checkout"

FIRST_CATALOGUE = "2026.12"  # of every requirement that names no later one, and of a profile that names none
