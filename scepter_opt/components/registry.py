"""Registries: the names by which configs know classes, and everything that is built from a name."""

from __future__ import annotations

import importlib
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from ..config.base import Config
from ..config.imports import is_import_path
from ..errors import ConfigError, Problem, did_you_mean, nearest
from .component import Component
from .entry import Entry
from .user_classes import UserClasses

IMPORTED = "imported"
"""The option of the classes that have none of their own: their NAME is an import path."""
C = TypeVar("C", bound=type)
_LOG = logging.getLogger("scepter_opt")


class Registry:
    """Names of classes, each an option of a Hydra group.

    Args:
        kind: What is registered, for messages: `optimizer` or `lr_scheduler`, also the name of the Hydra group.
        modules: The modules of the package's own classes, each with their names, as `NAME=option` where the option is
            not made of the name: a module is imported when one of its names is first asked for, and not before.
    """

    torch_base: ClassVar[str] = ""
    """torch's base class of what is built; subclasses of it can be registered as they are."""

    def __init__(self, kind: str, modules: Mapping[str, str]) -> None:
        self.kind = kind
        _REGISTRIES[kind] = self
        listed = [(*word.partition("="), module) for module, words in modules.items() for word in words.split()]
        self._module_of = {name: module for name, _, _, module in listed}
        self._option_of = {name: option or option_name(name) for name, _, option, _ in listed}
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
        if isinstance(name, type):
            raise ConfigError([Problem(name.__qualname__, "is decorated without parentheses: @...register_class().")])

        def register(cls: C) -> C:
            # complete, or an error: a class that fails here must not stay half registered
            entry = self._entry(cls, name or cls.__name__, option)
            if self._module_of.get(entry.name) == cls.__module__:
                self._own[entry.name] = entry
            else:
                UserClasses().entries.setdefault(self.kind, {})[entry.name] = entry
            return cls

        return register

    def _entry(self, cls: type, name: str, option: str | None) -> Entry:
        """A complete entry, or an error before anything is registered."""
        if not isinstance(cls, type):
            raise ConfigError([Problem(name, f"only a class can be registered as {self.kind}.", cls)])
        entry = Entry(self.kind, name, option or self._option_of.get(name, option_name(name)), cls, self.base())
        # the package's own are held to the rules by its tests, and their modules are imported while Hydra composes
        if self._module_of.get(name) == cls.__module__:
            return entry
        # a cell of a notebook that is run again, or a module imported anew, defines the same class once more
        for other in (self._known(name), self._known_option(entry.option)):
            if other is None or (other.cls.__module__, other.cls.__qualname__) == (cls.__module__, cls.__qualname__):
                continue
            if other.name != name and other.name in self._module_of and is_import_path(other.name):
                continue  # the ready option of another package gives way to a class of the app's own
            if other.name == name:
                raise ConfigError([Problem(name, f"is registered already: {_where(other.cls)} and {_where(cls)}.")])
            message = f"the option {entry.option} is {_where(other.cls)}'s already, not for {_where(cls)} too: give it "
            message += f"another by register_class(option=...), such as my_{entry.option}."
            raise ConfigError([Problem(name, message)])
        if not any(known.takes(cls) for known in registries()):
            message = "must extend BaseOptimize or BaseScheduler, or torch's Optimizer or LRScheduler."
            raise ConfigError([Problem(cls.__qualname__, message)])
        if not self.takes(cls):
            raise ConfigError([Problem(name, f"is no {self.kind}: register it with the other registry.")])
        from ..config.validation import fields
        from .adapters import check_config

        check_config(cls, self.base())
        if entry.component.Config is not None:
            fields(entry.component.Config)
        return entry

    def base(self) -> type[Component]:
        """The base class of what is registered here."""
        raise NotImplementedError

    def takes(self, cls: type) -> bool:
        """Whether a class is of the kind that is registered here: ours, or torch's own."""
        module, _, name = self.torch_base.rpartition(".")
        # where torch was not imported, no class extends its own
        return issubclass(cls, (self.base(), *filter(None, [getattr(sys.modules.get(module), name, None)])))

    def entries(self) -> dict[str, Entry]:
        """All entries by name: the package's own, then what users registered."""
        return self.own_entries() | self.user_entries()

    def own_entries(self) -> dict[str, Entry]:
        """The package's own entries by name."""
        return {name: self._imported(name) for name in self._module_of}

    def user_entries(self) -> dict[str, Entry]:
        """What users registered and other packages bring, by name."""
        UserClasses().discover(_register_loaded)
        return self.registered_entries()

    def registered_entries(self) -> dict[str, Entry]:
        """What was registered so far; a copy, since another thread may be registering."""
        return dict(UserClasses().entries.get(self.kind, {}))

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted({*self._module_of, *self.user_entries()})

    def builds(self, config: Any) -> bool:
        """Whether a Config is of a class of this kind."""
        return issubclass(config.component, self.base())

    def has(self, name: Any) -> bool:
        """Whether there is an entry of this name."""
        if not isinstance(name, str):
            return False
        # the package's own are known by their names alone: nothing is loaded to tell whose they are
        if any(name in known._module_of for known in registries()):
            return name in self._module_of
        return name in self.registered_entries() or name in self.user_entries()

    def entry(self, name: Any) -> Entry:
        """The entry of a name.

        Raises:
            ConfigError: There is none; names the nearest and lists all.
        """
        entry = self._named(name)
        if entry is not None:
            return entry
        # people write options for names: lr_scheduler.NAME=cosine_annealing
        names = {entry.option: entry.name for entry in self.user_entries().values()}
        names |= {option: own for own, option in self._option_of.items()} | {known: known for known in self.names()}
        word = name.rpartition(".")[2] if isinstance(name, str) else name  # torch.optim.AdamW
        message = f"there is no such {self.kind}.{did_you_mean(word, names)} There are {', '.join(self.names())}."
        raise ConfigError([Problem("NAME", message, name)])

    def unread_entry(self, path: str) -> Entry:
        """The entry of a class that is not imported yet: the keys of its kind are checked, every other one passes."""
        return Entry(self.kind, path, IMPORTED, self.base(), self.base())

    def entry_of(self, config: type | None) -> Entry | None:
        """The entry whose nodes are typed by a Config class."""
        if config is None or not issubclass(config, Config):
            return None
        # a node can be typed only by a class whose module was imported: none is imported to find out
        loaded = [*self._own.values(), *self.registered_entries().values()]
        return next((entry for entry in loaded if entry.config is config), None)

    def option(self, option: str) -> Entry | None:
        """The entry of an option of the Hydra group."""
        known = self._known_option(option)
        return known or next((entry for entry in self.user_entries().values() if entry.option == option), None)

    def _known_option(self, option: str) -> Entry | None:
        """The same among what is here, without what other packages bring."""
        users = (entry for entry in self.registered_entries().values() if entry.option == option)
        # by the names alone, so that the one module is imported which has it
        own = (self._imported(name) for name, known in self._option_of.items() if known == option)
        return next(users, None) or next(own, None)

    def _named(self, name: Any) -> Entry | None:
        return self._known(name) if self.has(name) else None

    def _known(self, name: str) -> Entry | None:
        """The entry of a name among what is here."""
        return self._imported(name) if name in self._module_of else self.registered_entries().get(name)

    def _imported(self, name: str) -> Entry:
        if name not in self._own:
            importlib.import_module(self._module_of[name])
        return self._own[name]

    @staticmethod
    def log(logger: Any, line: Callable[[], str]) -> None:
        """Log a line: with the call's logger, without one with `scepter_opt`'s, if anybody listens."""
        if logger is not None or _LOG.isEnabledFor(logging.INFO):
            (logger or _LOG).info(line())

    def get_config_template(self, name: str) -> str:
        """The YAML of an entry: every key with its default and its documentation as a comment."""
        return self.entry(name).template()


# Registries enter themselves by their kind; the module of each is imported when it is first asked for.
_REGISTRIES: dict[str, Registry] = {}
_MODULES = {"optimizer": "scepter_opt.optimizers.registry", "lr_scheduler": "scepter_opt.lr_schedulers.registry"}


def registry(kind: str) -> Registry:
    """The registry of `optimizer` or `lr_scheduler`."""
    if kind not in _REGISTRIES:
        importlib.import_module(_MODULES[kind])
    return _REGISTRIES[kind]


def registries() -> tuple[Registry, Registry]:
    """Both registries, optimizers first."""
    return registry("optimizer"), registry("lr_scheduler")


def _register_loaded(name: str, loaded: Any) -> None:
    """Register what an entry point names, where it is a class that did not register itself."""
    if isinstance(loaded, type) and not any(
        entry.cls is loaded for known in registries() for entry in known.registered_entries().values()
    ):
        taking = next((known for known in registries() if known.takes(loaded)), registry("optimizer"))
        taking.register_class(name)(loaded)


def meant_registry(name: Any) -> Registry:
    """The registry that has a name, or whose names it is nearest to; optimizers where it is near to none."""
    optimizers, schedulers = registries()
    known = next((registry for registry in (optimizers, schedulers) if registry.has(name)), None)
    if known is not None:
        return known
    near = nearest(name, [*optimizers.names(), *schedulers.names()])
    return schedulers if schedulers.has(near) else optimizers


def option_name(name: str) -> str:
    """A class name as an option of a Hydra group.

    >>> [option_name(name) for name in ("SGD", "SparseAdam", "OneCycleLR", "ReduceLROnPlateau")]
    ['sgd', 'sparse_adam', 'one_cycle', 'reduce_on_plateau']
    """
    word = name.rpartition(".")[2]  # of an import path
    return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", word.replace("LR", "")).lower()


def _where(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def get_config_template(name: str) -> str:
    """The YAML of a class by its name in either registry: every key, its default, its documentation as a comment.

    Raises:
        ConfigError: No registry has the name.
    """
    return meant_registry(name).get_config_template(name)
