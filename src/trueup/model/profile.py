"""Reads a profile: YAML, ``extends``, overrides by host; errors name file, line, key and the nearest key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedBase
from ruamel.yaml.error import YAMLError

import trueup.profiles
from trueup.errors import UsageError, nearest
from trueup.kubeapi import manifests
from trueup.model.catalog import OWN, Requirement
from trueup.profiles.schema import Profile, Spec, Waiver, paths
from trueup.redact import HIDDEN, digest, redact

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[str | int, ...]
Origin = tuple[Path, int]  # file and line of a value
_BESIDE = frozenset({"load-balancer", "registry"})  # roles of machines outside a cluster
_SHIPPED = Path(next(iter(trueup.profiles.__path__)))


@dataclass(frozen=True)
class LoadedProfile:
    """A validated profile, with the raw tree that overrides are merged into."""

    profile: Profile
    tree: dict[str, Any]
    origins: dict[KeyPath, Origin]
    path: Path

    @property
    def name(self) -> str:
        """Return the profile's name for reports."""
        return self.profile.name or self.path.stem

    @property
    def digest(self) -> str:
        """Return the digest of the profile without secrets and its directory; files that it names count by name."""
        overrides = [f"{pattern}: {_text(Spec.model_validate(over))}" for pattern, over in self.profile.hosts.items()]
        whole = "\n".join([_text(self.profile.model_copy(update={"hosts": {}})), *overrides])
        return digest(whole.replace(str(self.path.absolute().parent), "."))

    def spec(self, host: str, groups: Iterable[str] = ()) -> Spec:
        """Return the spec of this host: the profile with all matching overrides, in order."""
        tree = {key: self.tree[key] for key in Spec.model_fields if key in self.tree}
        for pattern, override in self.profile.hosts.items():
            if matches(host, groups, [pattern]):
                tree = merge(tree, override)
        # Each override was validated when the profile was read.
        return Spec.model_validate(tree)

    def selects(self, requirement: Requirement) -> bool:
        """Whether the profile selects the requirement: the last matching pattern decides, and ``!`` deselects. A
        requirement that is newer than the profile's catalogue must be named by its id."""
        named = requirement.id in [pattern.lstrip("+") for pattern in self.profile.select]
        return self._matches(requirement) and (named or not self._newer(requirement))

    def newer(self, requirements: Iterable[Requirement]) -> list[Requirement]:
        """Return the requirements that match, but are off because they are newer than the profile's catalogue."""
        return [each for each in requirements if self._matches(each) and not self.selects(each)]

    def _matches(self, requirement: Requirement) -> bool:
        def match(glob: str) -> bool:
            return fnmatchcase(requirement.id, glob) or (glob == OWN and not requirement.shipped)

        decisive = [pattern for pattern in self.profile.select if match(pattern.lstrip("+!"))]
        return bool(decisive) and not decisive[-1].startswith("!")

    def _newer(self, requirement: Requirement) -> bool:
        return requirement.shipped and requirement.since > self.profile.catalogue

    def roles(self, host: str, groups: Iterable[str] = ()) -> frozenset[str]:
        """Return the roles whose patterns match the host, and ``node`` unless all are outside the cluster."""
        groups = list(groups)
        found = {role for role, patterns in self.profile.roles.items() if matches(host, groups, patterns)}
        return frozenset(found if found and found <= _BESIDE else found | {"node"})

    def waiver(self, requirement: str, host: str) -> Waiver | None:
        """Return the waiver of a requirement on a host today (UTC), if any."""
        today = datetime.now(UTC).date()
        return next((w for w in self.profile.waivers if w.expires >= today and w.covers(requirement, host)), None)


def _text(part: Spec) -> str:
    return part.model_dump_json(exclude_unset=True, indent=0)


def matches(host: str, groups: Iterable[str], patterns: Iterable[str]) -> bool:
    """Whether a pattern matches the host, or with ``@`` one of its inventory groups."""
    groups = list(groups)
    return any(
        any(fnmatchcase(group, pattern[1:]) for group in groups)
        if pattern.startswith("@")
        else fnmatchcase(host, pattern)
        for pattern in patterns
    )


def shipped() -> list[str]:
    """Return the names of the profiles that come with trueup."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def schema() -> str:
    """Return the JSON Schema of a profile, for editors."""
    return json.dumps(Profile.model_json_schema(), indent=2) + "\n"


def load(name: str) -> LoadedProfile:
    """Read the profile with this name or path.

    Raises:
        UsageError: not found, not YAML, unknown key or wrong type; names file, line, key and the nearest key.
    """
    tree, origins, path = _read(_locate(name, Path.cwd(), f"--profile={name}"), ())
    profile = _validate(Profile, tree, origins, path)
    for key in paths("manifest"):
        if file := _value(profile, key):
            where, line = origins[key]
            manifests.read(file, f"{where}:{line}: {'.'.join(key)}: ")
    for pattern, override in profile.hosts.items():
        prefix: KeyPath = ("hosts", pattern)
        inner = {key[2:]: origin for key, origin in origins.items() if key[:2] == prefix}
        _validate(Spec, override, inner, path, f"hosts.{pattern}.")
    return LoadedProfile(profile, tree, origins, path)


def _value(node: Any, key: KeyPath) -> Any:
    for part in key:
        node = getattr(node, str(part))
    return node


def _locate(name: str, base: Path, where: str) -> Path:
    looks_like_path = "/" in name or name.endswith((".yaml", ".yml"))
    path = (base / name) if looks_like_path else _SHIPPED / f"{name}.yaml"
    if path.is_file():
        return path
    hint = nearest(name, shipped()) or f"; profiles that come with trueup: {', '.join(shipped())}"
    raise UsageError(f"{where}: no profile {str(path) if looks_like_path else name!r}{hint}")


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], dict[KeyPath, Origin], Path]:
    if path.resolve() in seen:
        raise UsageError(f"{path}: extends itself by way of {seen[-1]}")
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise UsageError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        kind = "list" if isinstance(document, list) else "single value"
        raise UsageError(f"{path}: a profile is a mapping of keys, this is a {kind}")
    origins: dict[KeyPath, Origin] = {}
    tree = _plain(document, (), path, origins)
    overrides = tree.get("hosts")
    for each in [tree, *(overrides.values() if isinstance(overrides, dict) else ())]:
        _resolve(each, path.absolute().parent)
    if isinstance(parent := tree.get("extends"), str) and parent:
        where = f"{path}:{origins[('extends',)][1]}: extends"
        base, inherited, _ = _read(_locate(parent, path.parent, where), (*seen, path.resolve()))
        base.pop("name", None)
        own = tree.get("select")
        if isinstance(own, list) and all(str(pattern)[:1] in ("+", "!") for pattern in own):
            tree["select"] = [*base.get("select", ["*"]), *own]  # + and ! extend; a bare pattern replaces
        tree, origins = merge(base, tree), inherited | origins
    return tree, origins, path


def _resolve(tree: Any, directory: Path) -> None:
    """Make the paths of a tree absolute; they are relative to the profile's directory."""
    for *sections, name in paths("path"):
        node = tree
        for section in sections:
            node = node.get(section) if isinstance(node, dict) else None
        if isinstance(node, dict) and isinstance(given := node.get(name), str) and given:
            node[name] = str(directory / given)


def _plain(node: Any, at: KeyPath, file: Path, origins: dict[KeyPath, Origin]) -> Any:
    """Turn ruamel's nodes into plain data, noting the line of each."""
    if isinstance(node, CommentedBase):
        for key, position in (node.lc.data or {}).items():
            origins[(*at, key)] = (file, position[0] + 1)
    if isinstance(node, dict):
        return {key: _plain(value, (*at, key), file, origins) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value, (*at, index), file, origins) for index, value in enumerate(node)]
    for kind in (bool, int, float, str):  # ruamel's scalars are subclasses, which pydantic's strict mode refuses
        if isinstance(node, kind):
            return kind(node)
    return node


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Merge two mappings key by key; every other value of ``over`` replaces that of ``base``."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _validate(model: type[M], tree: dict[str, Any], origins: dict[KeyPath, Origin], path: Path, prefix: str = "") -> M:
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        problems = [_explain(model, dict(problem), origins, path, prefix) for problem in error.errors()]
        raise UsageError("\n".join(problems)) from None


def _explain(
    model: type[BaseModel], problem: dict[str, Any], origins: dict[KeyPath, Origin], path: Path, prefix: str
) -> str:
    loc: KeyPath = problem["loc"]
    file, line = next((origins[loc[:n]] for n in range(len(loc), 0, -1) if loc[:n] in origins), (path, 1))
    key, secret = prefix + ".".join(map(str, loc)), _is_secret(model, loc)
    value = problem["input"]
    if problem["type"] == "extra_forbidden":
        what = f"unknown key{nearest(str(loc[-1]), _fields(model, loc[:-1]))}"
    elif problem["type"] == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        # as written, because YAML has dropped the zero of 1.30
        row = file.read_text(encoding="utf-8").splitlines()[line - 1]
        written = re.search(rf"{re.escape(str(loc[-1]))}[\"']?\s*:\s*([\d.+-][\w.+-]*)", row)
        text = HIDDEN if secret else written[1] if written else value
        what = f'{text} is a number in YAML, where 1.30 is the same as 1.3: write it in quotes, "{text}"'
    elif problem["type"] == "missing":
        what = "this key is required"
    else:
        what = f"{problem['msg'][0].lower()}{problem['msg'][1:]}, found {HIDDEN if secret else redact(repr(value))}"
    return f"{file}:{line}: {key}: {what}"


def _section(model: type[BaseModel], loc: KeyPath) -> type[BaseModel] | None:
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is None or not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)):
            return None
        model = field.annotation
    return model


def _is_secret(model: type[BaseModel], loc: KeyPath) -> bool:
    section = _section(model, loc[:-1])
    field = section.model_fields.get(str(loc[-1])) if section else None
    return field is not None and field.annotation is SecretStr


def _fields(model: type[BaseModel], loc: KeyPath) -> list[str]:
    """Return the keys of the model at this place."""
    section = _section(model, loc)
    return list(section.model_fields) if section else []
