"""Registries: the names by which configs know classes, and everything that is built from a name."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from hydra.core.singleton import Singleton

from .config import Config, OpenConfig
from .errors import ConfigError, Problem, did_you_mean
from .signatures import component_of, keyword_of, restore_fields
from .validation import fields, own_first, validate

C = TypeVar("C", bound=type)


@dataclass(frozen=True)
class Entry:
    """A class with the name that configs choose it by and its option of the Hydra group."""

    kind: str
    name: str
    option: str
    cls: type

    @property
    def component(self) -> Any:
        """The class that builds: a BaseOptimize or BaseScheduler."""
        return component_of(self.cls)

    @property
    def config(self) -> type[Config] | None:
        """The typed Config, None where any key passes."""
        found: type[Config] | None = self.component.Config
        return found

    def spellings(self) -> Mapping[str, str]:
        """Every way users know a key by (ours and torch's), with the key."""
        return _spellings(self.config) if self.config else {}

    def validate(self, values: Mapping[Any, Any], imports: bool | None = None) -> tuple[Any, list[Problem]]:
        """The Config with these values (without NAME), or all problems with keys relative to the node."""
        named = {**values, "NAME": self.name}
        if self.config is None:
            return OpenConfig(named), []
        return validate(self.config, named, imports, self.spellings(), self.name)


class UserClasses(metaclass=Singleton):
    """What users registered. Hydra carries its singletons into the workers of its launchers."""

    def __init__(self) -> None:
        self.entries: dict[str, dict[str, Entry]] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for entries in self.entries.values():
            for entry in entries.values():
                restore_fields(entry.config)


class Registry:
    """Names of classes, each an option of a Hydra group.

    Args:
        kind: What is registered, for messages: `optimizer` or `lr_scheduler`, also the name of the Hydra group.
        modules: The modules whose classes belong to the package; imported when a name is first asked for.
    """

    def __init__(self, kind: str, modules: tuple[str, ...]) -> None:
        self.kind = kind
        self._modules = modules
        self._own: dict[str, Entry] = {}

    def __reduce__(self) -> Any:
        # a class of __main__ refers to the registry of its decorator: in a worker that is the worker's own
        return registry, (self.kind,)

    def register_class(self, name: str | None = None, option: str | None = None) -> Callable[[C], C]:
        """Decorator that gives a class a name in configs and an option of the Hydra group.

        Args:
            name: What `NAME` says; the class's own name by default.
            option: What the command line says; by default made of the name (`CosineAnnealingLR`: cosine_annealing).

        Raises:
            ConfigError: The name or the option is another class's.
        """

        def register(cls: C) -> C:
            entry = self._entry(cls, name or cls.__name__, option)
            if cls.__module__ in self._modules:
                self._own[entry.name] = entry
            else:
                UserClasses().entries.setdefault(self.kind, {})[entry.name] = entry
            return cls

        return register

    def _entry(self, cls: type, name: str, option: str | None) -> Entry:
        """A complete entry, or an error before anything is registered."""
        if not isinstance(cls, type):
            raise ConfigError([Problem(name, f"only a class can be registered as {self.kind}.", cls)])
        entry = Entry(self.kind, name, option or option_name(name), cls)
        others = self._own if cls.__module__ in self._modules else self.entries()
        for other in others.values():
            same = (other.cls.__module__, other.cls.__qualname__) == (cls.__module__, cls.__qualname__)
            if entry.name == other.name and not same:
                raise ConfigError([Problem(name, f"is registered already: {_where(other.cls)} and {_where(cls)}.")])
            if entry.option == other.option and entry.name != other.name:
                message = f"the option {entry.option} is {_where(other.cls)}'s already, not for {_where(cls)} too."
                raise ConfigError([Problem(name, message)])
        if entry.config is not None:
            fields(entry.config)
        return entry

    def entries(self) -> dict[str, Entry]:
        """All entries by name: the package's own, then what users registered."""
        return self.own_entries() | self.user_entries()

    def own_entries(self) -> dict[str, Entry]:
        """The package's own entries by name."""
        for module in self._modules:
            if module not in sys.modules:
                importlib.import_module(module)
        return self._own

    def user_entries(self) -> dict[str, Entry]:
        """What users registered, by name."""
        return UserClasses().entries.get(self.kind, {})

    def has(self, name: Any) -> bool:
        """Whether there is an entry of this name."""
        return isinstance(name, str) and (name in self.own_entries() or name in self.user_entries())

    def entry(self, name: Any) -> Entry:
        """The entry of a name.

        Raises:
            ConfigError: There is none; names the nearest and lists all.
        """
        entries = self.entries()
        if self.has(name):
            return entries[name]
        names = {entry.option: entry.name for entry in entries.values()} | {key: key for key in entries}
        message = f"there is no such {self.kind}.{did_you_mean(name, names)} There are {', '.join(sorted(entries))}."
        raise ConfigError([Problem("NAME", message, name)])

    def entry_of(self, config: type | None) -> Entry | None:
        """The entry whose nodes are typed by a Config class."""
        if config is None or not issubclass(config, Config):
            return None
        return next((entry for entry in self.entries().values() if entry.config is config), None)

    def option(self, option: str) -> Entry | None:
        """The entry of an option of the Hydra group."""
        return next((entry for entry in self.entries().values() if entry.option == option), None)

    def get_config_template(self, name: str) -> str:
        """The YAML of an entry: every key with its default and its documentation as a comment."""
        from .writing import template

        return template(self.entry(name))

    def json_schema(self, name: str) -> dict[str, Any]:
        """JSON Schema of an entry's node, for editors."""
        from .writing import json_schema

        return json_schema(self.entry(name))


def registry(kind: str) -> Registry:
    """The registry of `optimizer` or `lr_scheduler`."""
    found: Registry
    if kind == "optimizer":
        from .optimizers.registry import OPTIMIZERS as found
    else:
        from .lr_schedulers.registry import LR_SCHEDULERS as found
    return found


def registries() -> tuple[Registry, Registry]:
    """Both registries, optimizers first."""
    return registry("optimizer"), registry("lr_scheduler")


def option_name(name: str) -> str:
    """A class name as an option of a Hydra group.

    >>> [option_name(name) for name in ("SGD", "SparseAdam", "OneCycleLR", "ReduceLROnPlateau")]
    ['sgd', 'sparse_adam', 'one_cycle', 'reduce_on_plateau']
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", name.replace("LR", "")).lower()


@lru_cache(maxsize=None)
def _spellings(config: type[Config]) -> dict[str, str]:
    keys = [*(field.key for field in own_first(config)), "NAME"]
    implementation = {name: "IMPLEMENTATION" for name in ("foreach", "fused") if "IMPLEMENTATION" in keys}
    return {key: key for key in keys} | {keyword_of(key): key for key in keys} | implementation


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def get_config_template(name: str) -> str:
    """The YAML of a class by its name in either registry: every key, its default, its documentation as a comment.

    Raises:
        ConfigError: No registry has the name.
    """
    optimizers, schedulers = registries()
    return (schedulers if schedulers.has(name) else optimizers).get_config_template(name)
