"""The place of a setting in containerd's configuration, which differs between its versions 1 to 4.

From containerd's RELEASES.md and docs/cri/config.md.
"""

from __future__ import annotations

from typing import Any

Key = tuple[str, ...]

RUNC_V2 = "io.containerd.runc.v2"
_GRPC = ("plugins", "io.containerd.grpc.v1.cri")
_RUNC = ("containerd", "runtimes", "runc")
_KEYS: dict[str, dict[int, Key]] = {
    "sandbox_image": {
        1: ("plugins", "cri", "sandbox_image"),
        2: (*_GRPC, "sandbox_image"),
        3: ("plugins", "io.containerd.cri.v1.images", "pinned_images", "sandbox"),
    },
    "systemd_cgroup": {
        1: ("plugins", "cri", *_RUNC, "options", "SystemdCgroup"),
        2: (*_GRPC, *_RUNC, "options", "SystemdCgroup"),
        3: ("plugins", "io.containerd.cri.v1.runtime", *_RUNC, "options", "SystemdCgroup"),
    },
    # A table for runc in the file replaces containerd's whole default table; without a type no pod starts.
    "runtime_type": {
        1: ("plugins", "cri", *_RUNC, "runtime_type"),
        2: (*_GRPC, *_RUNC, "runtime_type"),
        3: ("plugins", "io.containerd.cri.v1.runtime", *_RUNC, "runtime_type"),
    },
    "runtimes": {
        1: ("plugins", "cri", "containerd", "runtimes"),
        2: (*_GRPC, "containerd", "runtimes"),
        3: ("plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes"),
    },
    "default_runtime_name": {
        1: ("plugins", "cri", "containerd", "default_runtime_name"),
        2: (*_GRPC, "containerd", "default_runtime_name"),
        3: ("plugins", "io.containerd.cri.v1.runtime", "containerd", "default_runtime_name"),
    },
    "config_path": {
        1: ("plugins", "cri", "registry", "config_path"),
        2: (*_GRPC, "registry", "config_path"),
        3: ("plugins", "io.containerd.cri.v1.images", "registry", "config_path"),
    },
    "mirrors": {
        1: ("plugins", "cri", "registry", "mirrors"),
        2: (*_GRPC, "registry", "mirrors"),
        3: ("plugins", "io.containerd.cri.v1.images", "registry", "mirrors"),
    },
    "configs": {
        1: ("plugins", "cri", "registry", "configs"),
        2: (*_GRPC, "registry", "configs"),
        3: ("plugins", "io.containerd.cri.v1.images", "registry", "configs"),
    },
    "cni_bin_dir": {
        1: ("plugins", "cri", "cni", "bin_dir"),
        2: (*_GRPC, "cni", "bin_dir"),
        3: ("plugins", "io.containerd.cri.v1.runtime", "cni", "bin_dir"),
    },
    "cni_bin_dirs": {  # a list, from containerd 2.1 on
        1: ("plugins", "cri", "cni", "bin_dirs"),
        2: (*_GRPC, "cni", "bin_dirs"),
        3: ("plugins", "io.containerd.cri.v1.runtime", "cni", "bin_dirs"),
    },
}
_NEWEST = 4  # containerd 2.3; its keys are those of version 3
# First containerd release -> the oldest and the newest configuration version that it uses completely. containerd 2
# accepts version 1 without a warning, but ignores its settings for the CRI.
_READS = (((2, 3), 2, 4), ((2, 0), 2, 3), ((1, 3), 1, 2), ((0, 0), 1, 1))


def key(setting: str, version: int) -> Key:
    """Return the path of a setting in a configuration of this version."""
    return _KEYS[setting][min(version, 3)]


def default_runtime(document: dict[str, Any]) -> str:
    """Return the name of the default runtime of pods."""
    return str(at(document, key("default_runtime_name", version_of(document))) or "runc")


def runtimes(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the runtimes of runc's type, each with its own ``options``, and the default runtime in any case."""
    tables = at(document, key("runtimes", version_of(document)))
    default = default_runtime(document)
    return {
        name: table
        for name, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and (name == default or table.get("runtime_type") == RUNC_V2)
    }


def with_tls(document: dict[str, Any]) -> list[str]:
    """Return the registries with TLS settings in the old table, which containerd refuses together with config_path."""
    configs = at(document, key("configs", version_of(document)))
    rows = configs.items() if isinstance(configs, dict) else ()
    return [name for name, table in rows if isinstance(table, dict) and table.get("tls")]


def cni_directories(document: dict[str, Any]) -> list[str]:
    """Return containerd's directories for CNI plugins: several since 2.1, one before."""
    version = version_of(document)
    several, one = (at(document, key(name, version)) for name in ("cni_bin_dirs", "cni_bin_dir"))
    return [str(path) for path in several] if isinstance(several, list) and several else [str(one)] if one else []


def cri_disabled(document: dict[str, Any]) -> list[str]:
    """Return the entries of ``disabled_plugins`` that disable the CRI, as Docker's package does."""
    disabled = document.get("disabled_plugins", [])
    return [name for name in disabled if name == "cri" or ".cri" in str(name)] if isinstance(disabled, list) else []


def at(document: dict[str, Any], path: Key) -> Any:
    """Return the value at a path, or ``None``."""
    node: Any = document
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node


def dotted(path: Key) -> str:
    """Return a path in TOML's notation."""
    return ".".join(f'"{part}"' if "." in part else part for part in path)


def readable(release: str) -> tuple[int, int]:
    """Return the oldest and the newest configuration version that a containerd release such as ``1.6.20`` uses."""
    major, minor = (int(part) if part.isdigit() else 0 for part in (*release.split("."), "0")[:2])
    return next((oldest, newest) for least, oldest, newest in _READS if (major, minor) >= least)


def version_of(document: dict[str, Any]) -> int:
    """Return the configuration version; a file without one is version 1."""
    version = document.get("version", 1)
    return version if isinstance(version, int) and 1 <= version <= _NEWEST else 0
