"""An app's folder of configs: which class each of its options leads to, and which schema each of its files goes by."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..components.places import SEVERAL, SINGLE
from ..components.registry import registries, registry
from ..components.targets import target_kind
from ..config.validation import fields
from ..errors import ConfigError, Problem
from .defaults import Options

APP = "app"
PRESETS = "param_groups"
SCHEMAS = (APP, "optimizer", "lr_scheduler", PRESETS)
"""The schemas that a file can go by."""
# where Hydra writes, and what is nobody's own
_PASSED_OVER = {"outputs", "multirun", "node_modules", "__pycache__"}
_PACKAGE = re.compile(r"^\s*#\s*@package\s+(\S+)", re.MULTILINE)
_ITEM = re.compile(r"^(?:(?:optional|override) )*/?(?P<group>[^@]+)(?:@(?P<place>.+))?$")
_DEEPEST = 40


@dataclass(frozen=True)
class File:
    """A file of the folder."""

    path: Path
    """Below the folder."""
    group: str
    """Its config group; empty at the root."""
    values: Mapping[Any, Any]
    """What it says."""
    package: str
    """What its header says that its keys lie below; empty where it says nothing."""


def files_of(folder: Path) -> list[File]:
    """The YAML files at and below a folder that hold keys, in order.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError([Problem("--app", "there is no such folder.", str(folder))])
    return [file for path in _paths(folder) if (file := _read(folder, path)) is not None]


def options_in(files: list[File], shipped: Options) -> dict[str, dict[str, str]]:
    """NAME of the class that each option leads to, those of an app's own files among them.

    Args:
        files: The app's files.
        shipped: The same of the package's options and of classes that were registered.
    """
    groups = {group: dict(known) for group, known in shipped.items()}
    own = {(file.group, file.path.stem): file for file in files if file.group}
    # an app's own file hides one of the package's, whatever it is
    for group, option in own:
        groups.setdefault(group, {})[option] = _class_of(group, option, own, shipped, 0)
    return groups


def schema_of(file: File, options: Options) -> str:
    """Which of SCHEMAS a file goes by; empty where it holds nothing of ours.

    Args:
        file: The file.
        options: What options lead to.
    """
    is_option = file.group and file.package in ("", "_group_")
    if is_option and file.group.rpartition("/")[2] == PRESETS:
        return PRESETS if _holds_rules(file.values) else ""
    if is_option:
        kind = _kind_of_option(file, options)
        if kind:
            return kind
    return APP if _is_held(file.values) or _chooses(file, options) else ""


def _paths(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER and not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(names) if name.endswith((".yaml", ".yml")))


def _read(folder: Path, path: Path) -> File | None:
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):  # Hydra's to refuse
        return None
    if not isinstance(values, Mapping):
        return None
    below = path.relative_to(folder)
    package = _PACKAGE.search(text)
    group = "" if below.parent == Path() else below.parent.as_posix()
    return File(below, group, values, package[1] if package else "")


def _class_of(group: str, option: str, own: Mapping[tuple[str, str], File], shipped: Options, depth: int) -> str:
    """NAME of the class of an option: its own, or that of what it extends."""
    file = own.get((group, option))
    if file is None or depth > _DEEPEST:
        return shipped.get(group, {}).get(option, "")
    name = file.values.get("NAME")
    if isinstance(name, str):
        return name if any(known.has(name) for known in registries()) else ""
    if "_target_" in file.values:
        return ""
    names = {_class_of(*base, own, shipped, depth + 1) for base in _extended(file) if base != (group, option)}
    return names.pop() if len(names) == 1 else ""


def _extended(file: File) -> Iterator[tuple[str, str]]:
    """The options that an option's file has at its own place, each with its group."""
    for item in _items(file.values):
        if isinstance(item, str):
            path, _, place = item.partition("@")
            if path != "_self_" and place in ("", "_here_"):
                group, _, option = path.strip("/").rpartition("/")
                yield (group if path.startswith("/") else "/".join(filter(None, [file.group, group]))), option
        elif isinstance(item, Mapping) and len(item) == 1:
            (key, option), *_ = item.items()
            match = _ITEM.match(str(key))
            if match and match["place"] == "_here_" and isinstance(option, str):
                yield match["group"], option


def _items(values: Mapping[Any, Any]) -> list[Any]:
    listed = values.get("defaults")
    return listed if isinstance(listed, list) else []


def _kind_of_option(file: File, options: Options) -> str:
    """`optimizer` or `lr_scheduler` where an option's file is a node of it."""
    name = options.get(file.group, {}).get(file.path.stem, "")
    for known in registries():
        if name and known.has(name):
            return known.kind
    if "_target_" in file.values:
        return target_kind(file.values) or ""
    if "NAME" in file.values:
        return ""
    # keys alone, in a group of the usual name
    kind = SINGLE.get(file.group.rpartition("/")[2], "")
    configs = [entry.config for entry in registry(kind).entries().values() if entry.config] if kind else []
    keys = {key for config in configs for key in fields(config)}
    return kind if keys & file.values.keys() else ""


def _holds_rules(values: Mapping[Any, Any]) -> bool:
    rules = [rule for name, rule in values.items() if name != "defaults"]
    return bool(values) and all(isinstance(rule, Mapping) and rule.keys() & {"WHERE", "SET"} for rule in rules)


def _is_held(values: Any, depth: int = 0) -> bool:
    """Whether a node stands at a usual key of the root, or anywhere by its NAME."""
    if depth > _DEEPEST or not isinstance(values, (Mapping, list)):
        return False
    if isinstance(values, Mapping):
        usual = [values.get(key) for key in (*SINGLE, *SEVERAL)] if depth == 0 else []
        name = values.get("NAME")
        if any(isinstance(value, Mapping) for value in usual) or (depth and any(k.has(name) for k in registries())):
            return True
    inside = values.values() if isinstance(values, Mapping) else values
    return any(_is_held(value, depth + 1) for value in inside)


def _chooses(file: File, options: Options) -> bool:
    """Whether a file's defaults list chooses an option of ours."""
    for item in _items(file.values):
        for key, option in item.items() if isinstance(item, Mapping) else ():
            match = _ITEM.match(str(key))
            if match and isinstance(option, str) and options.get(match["group"], {}).get(option):
                return True
    return False
