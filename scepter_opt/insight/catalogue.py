"""Every option of the config groups: classes, recipes, presets, and classes that users registered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from ..components.entry import Entry
from ..components.registry import IMPORTED, registries, registry
from ..components.targets import path_entry
from ..config.documentation import summary
from ..config.imports import is_import_path
from ..errors import ConfigError, Problem, did_you_mean

GROUPS = {"optimizers": "optimizer", "schedulers": "lr_scheduler", "param-groups": "param_groups"}
"""What people list, with the config group of each."""


@dataclass(frozen=True)
class Option:
    """One choice of a config group."""

    group: str
    """The config group, such as `lr_scheduler`."""
    name: str
    """What the command line says."""
    of: str
    """NAME of the class; empty of a preset."""
    sort: Literal["class", "recipe", "preset", "yours", "path"]
    """`path` is what stands for any class by its import path."""
    summary: str

    @property
    def choice(self) -> str:
        """It as an override."""
        return f"{'param_groups@optimizer.PARAM_GROUPS' if self.sort == 'preset' else self.group}={self.name}"


def options(kind: str = "", pattern: str = "") -> list[Option]:
    """The options, in the order of their groups.

    Args:
        kind: One of GROUPS; empty is all.
        pattern: A glob, or a part of the option, the NAME or the summary; empty is all.

    >>> [option.name for option in options("schedulers", "warmup_c*")]
    ['warmup_constant', 'warmup_cosine', 'warmup_cosine_timm']
    """
    groups = [GROUPS[kind]] if kind else list(GROUPS.values())
    return [option for option in _all() if option.group in groups and fits(option, pattern)]


def find(name: str) -> Option:
    """The option that a word means: `optimizer=adamw`, `adamw`, `AdamW`, a recipe or a preset.

    Raises:
        ConfigError: There is none; names the nearest.
    """
    group, _, word = name.rpartition("=")
    group = group.partition("@")[0].rpartition("/")[2]
    known = [option for option in _all() if not group or option.group == group]
    # a recipe has its class's NAME too, and the class is what that means
    found = [option for option in known if option.name == word] or [
        option for option in known if option.of.lower() == word.lower() and option.sort in ("class", "yours")
    ]
    if found:
        return found[0]
    if is_import_path(word):
        entry = _entry_at(word)
        return _of_class(entry, "path" if entry.option == IMPORTED else "class")
    words = {each: each for option in known for each in (option.name, option.of) if each}
    elsewhere = [option.choice for option in _all() if option.name == word]
    hint = f" There is {elsewhere[0]}." if elsewhere else did_you_mean(word, words)
    what = f"no such {group}" if known and group else f"no group {group}" if group else "no such option"
    raise ConfigError([Problem(name, f"there is {what}.{hint} See: scepter-opt list")])


def entry_of(option: Option) -> Entry:
    """The entry of the class whose option it is, or which a recipe extends; of any class without an import path."""
    kind = registry(option.group)
    if option.sort != "path":
        return kind.entry(option.of)
    return _entry_at(option.of) if option.of else kind.unread_entry("")


def _entry_at(path: str) -> Entry:
    """The entry of the class at an import path, which is imported.

    Raises:
        ConfigError: There is no class of torch's kind.
    """
    entry = path_entry(path, "NAME", imports=True)
    if entry is None:
        raise ConfigError([Problem("NAME", "is no optimizer or lr_scheduler of torch's kind.", path)])
    return entry


def text_of(group: str, option: str) -> str:
    """The file of an option that has one.

    Args:
        group: The config group.
        option: One of its options that is a file of the package.
    """
    return (files("scepter_opt.conf") / group / f"{option}.yaml").read_text(encoding="utf-8")


@cache
def settings_of(group: str, option: str) -> dict[str, Any]:
    """What an option's file says, without its defaults list."""
    said: dict[str, Any] = yaml.safe_load(text_of(group, option)) or {}
    return {key: value for key, value in said.items() if key != "defaults"}


@cache
def base_of(group: str, option: str) -> str:
    """The option of the same group that an option's file extends; empty where it is of no other."""
    listed = (yaml.safe_load(text_of(group, option)) or {}).get("defaults", [])
    return next((item for item in listed if isinstance(item, str) and item != "_self_"), "")


def _all() -> Iterator[Option]:
    for known in registries():
        entries = known.own_entries().values()
        # a user's class may have taken the option of one of another package
        own = {entry.option: entry for entry in entries if known.option(entry.option) is entry}
        yield from (_of_class(entry, "class") for entry in own.values())
        recipes = [name for name in _files(known.kind) if name not in (*own, IMPORTED)]
        yield from (_of_file(known.kind, name, "recipe") for name in recipes)
        yield _of_file(known.kind, IMPORTED, "path")
        yield from (_of_class(entry, "yours") for entry in known.user_entries().values())
    yield from (_of_file("param_groups", name, "preset") for name in _files("param_groups"))


def _of_class(entry: Entry, sort: Literal["class", "yours", "path"]) -> Option:
    return Option(entry.kind, entry.option, entry.name, sort, summary(entry.cls))


def _of_file(group: str, name: str, sort: Literal["recipe", "preset", "path"]) -> Option:
    first = text_of(group, name).partition("\n")[0]
    said = first.removeprefix("#").strip() if first.startswith("#") else ""
    return Option(group, name, _class_of(group, name) if sort == "recipe" else "", sort, said)


def _class_of(group: str, option: str) -> str:
    """NAME of the class whose option a recipe extends, over other recipes."""
    entry = registry(group).option(option)
    base = "" if entry is not None else base_of(group, option)
    return entry.name if entry is not None else _class_of(group, base) if base else ""


@cache
def _files(group: str) -> list[str]:
    names = [file.name for file in (files("scepter_opt.conf") / group).iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def fits(option: Option, pattern: str) -> bool:
    """Whether a glob, or a part of the option, the NAME or the summary, is of an option."""
    texts = [text.lower() for text in (option.name, option.of, option.summary)]
    wanted = pattern.lower()
    if any(mark in wanted for mark in "*?["):
        return any(fnmatch(text, wanted) for text in texts)
    return any(wanted in text for text in texts)
