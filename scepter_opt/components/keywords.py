"""Values across: what a class's constructor is called with, from a checked Config."""

from __future__ import annotations

import enum
import importlib
import typing
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..config.base import Config, OpenConfig
from ..config.imports import LIBRARIES, is_installed, not_installed, resolve
from ..config.names import key_of, keyword_of
from ..config.validation import fields
from ..errors import ConfigError, Problem
from .signatures import parameters_of


@cache
def target_class(target: str | type) -> type:
    """The class that a component builds.

    Raises:
        ConfigError: The installed torch does not have it.
    """
    if isinstance(target, type):
        return target
    module, _, name = target.rpartition(".")
    package = target.partition(".")[0]
    if not is_installed(package):
        raise ConfigError([Problem("NAME", not_installed(package), target)])
    cls = getattr(importlib.import_module(module), name, None)
    if cls is None:
        raise ConfigError([Problem("NAME", f"{target} is not in the installed {_installed(package)}.", name)])
    return typing.cast(type, cls)


@cache
def _bindings(config: type[Config], base: type[Config], target: type) -> tuple[tuple[str, str | None, Any, bool], ...]:
    """Own keys: key, keyword (None: the class lacks it), default, whether it is an import path."""
    # learning_rate is lr, to a node: both have the key LEARNING_RATE
    keywords = {key_of(name.lower()): name for name in parameters_of(target)}
    keywords |= {name.lower(): name for name in parameters_of(target)}
    common = fields(base)
    return tuple(
        (
            field.key,
            config.keywords.get(field.key) or keywords.get(field.key) or keywords.get(keyword_of(field.key)),
            field.default,
            field.is_import,
        )
        for field in fields(config).values()
        if field.key not in common
    )


def keywords_of(
    config: Config | OpenConfig, base: Any, target: type, only: Collection[str] | None = None
) -> dict[str, Any]:
    """What the constructor of `target` is called with: every own key of the Config, under the class's name for it.

    Args:
        config: A checked Config.
        base: The Config class whose keys are this package's, not the constructor's.
        target: The class to call.
        only: The keys that are asked for; None for all.

    Raises:
        ConfigError: The installed torch lacks a keyword that is not at its default, or an import path leads nowhere.
    """
    if isinstance(config, OpenConfig):
        spelt = {name.lower(): name for name in parameters_of(target)}
        own_keys = {key: keyword_of(key) for key in config if key not in fields(base)}
        return {spelt.get(name, name): config[key] for key, name in own_keys.items()}
    arguments: dict[str, Any] = {}
    own: Any = type(config)
    for key, keyword, default, is_import in _bindings(own, base, target):
        if only is not None and key not in only:
            continue
        value = getattr(config, key)
        if keyword is None:
            _check_lacking(config, target, key, value, default)
        # null leaves a function to the class
        elif is_import and value is None:
            continue
        # what a rule sets is handed on also at its default; the optimizer's own value may be another
        elif only is not None or not (config.from_signature and value == default):
            arguments[keyword] = _imported(key, value) if is_import else _as_torch_reads(value)
            own_default = parameters_of(target)[keyword].default if config.from_signature else None
            if isinstance(own_default, (set, frozenset)) and isinstance(value, (list, tuple)):
                arguments[keyword] = type(own_default)(value)  # a config has no sets
    return arguments


def _check_lacking(config: Config, target: type, key: str, value: Any, default: Any) -> None:
    """Refuse a key for which a class has no keyword, but for one of torch's that a newer torch has, at its default."""
    if not type(config).__module__.startswith("scepter_opt."):
        raise ConfigError([Problem(key, f"{target.__name__} has no such keyword.", value)])
    if value != default:
        message = f"{target.__name__} of the installed {_installed(target.__module__)} has no such setting."
        raise ConfigError([Problem(key, message, value)])


def _as_torch_reads(value: Any) -> Any:
    """An enum's member as its text, which torch compares and saves."""
    return value.value if isinstance(value, enum.Enum) else value


def _imported(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_imported(f"{key}[{position}]", path) for position, path in enumerate(value)]
    if value is None:
        return None
    try:
        imported = resolve(value)
    except ImportError as reason:
        raise ConfigError([Problem(key, str(reason), value)]) from reason
    if not callable(imported):
        raise ConfigError([Problem(key, f"is a {type(imported).__name__}, not callable.", value)])
    return imported


def construct(target: type, *arguments: Any, **keywords: Any) -> Any:
    """Call a class; what it refuses is a ConfigError in its own words."""
    try:
        return target(*arguments, **keywords)
    except ConfigError:
        raise
    except Exception as error:  # whatever the class raises is what the user wrote, refused
        words = str(next(iter(error.args), "")).strip().partition("\n")[0] or type(error).__name__
        raise ConfigError([Problem("", f"{target.__name__} refuses: {words}")]) from error


def has_keyword(cls: type, keyword: str) -> bool:
    """Whether a class's constructor, as installed, takes a keyword."""
    return keyword in parameters_of(cls)


def _installed(module: str) -> str:
    """The package of a module, with the version that is installed."""
    package = module.partition(".")[0]
    with suppress(PackageNotFoundError):  # a module that pip did not install
        return f"{package} {version(LIBRARIES.get(package, package))}"
    return package
