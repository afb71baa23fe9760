"""Between keys and the keywords of classes: names both ways, values across, and a Config read from a signature."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import sys
import typing
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union

from .config import Config, OpenConfig
from .errors import ConfigError, Problem, below
from .fields import As
from .imports import resolve
from .validation import fields


def keyword_of(key: str) -> str:
    """torch's keyword for a key, in lower case.

    >>> keyword_of("LEARNING_RATE"), keyword_of("LEARNING_RATE_DECAY"), keyword_of("T_MAX")
    ('lr', 'lr_decay', 't_max')
    """
    return key.lower().replace("learning_rate", "lr")


def key_of(keyword: str) -> str:
    """The key for a keyword of a class.

    >>> key_of("lr"), key_of("weight_decay"), key_of("min_lr")
    ('LEARNING_RATE', 'WEIGHT_DECAY', 'MIN_LR')
    """
    return {"lr": "LEARNING_RATE", "lr_decay": "LEARNING_RATE_DECAY"}.get(keyword, keyword.upper())


@cache
def target_class(target: str | type) -> type:
    """The class that a component builds.

    Raises:
        ConfigError: The installed torch does not have it.
    """
    if isinstance(target, type):
        return target
    module, _, name = target.rpartition(".")
    found = getattr(importlib.import_module(module), name, None)
    if found is None:
        raise ConfigError([Problem("NAME", f"{target} is not in the installed {_torch_version()}.", name)])
    return typing.cast(type, found)


@cache
def _bindings(config: type[Config], base: type[Config], target: type) -> tuple[tuple[str, str | None, Any, bool], ...]:
    """Own keys: key, keyword (None: the class lacks it), default, whether it is an import path."""
    keywords = {name.lower(): name for name in _parameters(target)}
    common = fields(base)
    return tuple(
        (field.key, keywords.get(keyword_of(field.key)), field.default, field.is_import)
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
        spelt = {name.lower(): name for name in _parameters(target)}
        own_keys = {key: keyword_of(key) for key in config if key not in fields(base)}
        return {spelt.get(name, name): config[key] for key, name in own_keys.items()}
    arguments = {}
    own: Any = type(config)
    for key, keyword, default, is_import in _bindings(own, base, target):
        if only is not None and key not in only:
            continue
        value = getattr(config, key)
        if keyword is None:
            if not type(config).__module__.startswith("scepter_opt."):
                raise ConfigError([Problem(key, f"{target.__name__} has no such keyword.", value)])
            if value != default:
                message = f"{target.__name__} of the installed {_torch_version()} has no such setting."
                raise ConfigError([Problem(key, message, value)])
            continue
        arguments[keyword] = _imported(key, value) if is_import else _plain(value)
    return arguments


def _plain(value: Any) -> Any:
    """An enum's member as its text, which torch compares and saves."""
    return value.value if isinstance(value, enum.Enum) else value


def _imported(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_imported(f"{key}[{position}]", path) for position, path in enumerate(value)]
    if value is None:
        return None
    try:
        found = resolve(value)
    except ImportError as reason:
        raise ConfigError([Problem(key, str(reason), value)]) from reason
    if not callable(found):
        raise ConfigError([Problem(key, f"is a {type(found).__name__}, not callable.", value)])
    return found


def construct(target: type, *arguments: Any, **keywords: Any) -> Any:
    """Call a class; what it refuses is a ConfigError in its own words."""
    try:
        return target(*arguments, **keywords)
    except ConfigError:
        raise
    except Exception as error:  # whatever the class raises is what the user wrote, refused
        words = str(next(iter(error.args), "")).strip().partition("\n")[0] or type(error).__name__
        raise ConfigError([Problem("", f"{target.__name__} refuses: {words}")]) from error


@cache
def component_of(cls: type) -> Any:
    """The class that builds `cls` from a Config: itself, or for one of torch's kind a component around it.

    Raises:
        ConfigError: It is neither, or its Config is none.
    """
    from .lr_schedulers.base_scheduler import BaseScheduler, SchedulerConfig
    from .optimizers.base_optimizer import BaseOptimize, OptimizerConfig

    if issubclass(cls, (BaseOptimize, BaseScheduler)):
        base: type[Config] = OptimizerConfig if issubclass(cls, BaseOptimize) else SchedulerConfig
        _check_config(cls, base)
        return cls
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(cls, torch.optim.Optimizer):
        return _wrap(cls, BaseOptimize, OptimizerConfig)
    if torch is not None and issubclass(cls, torch.optim.lr_scheduler.LRScheduler):
        return _wrap(cls, BaseScheduler, SchedulerConfig)
    message = "must extend BaseOptimize or BaseScheduler, or torch's Optimizer or LRScheduler."
    raise ConfigError([Problem(cls.__qualname__, message)])


def _check_config(cls: type, base: type[Config]) -> None:
    config = getattr(cls, "Config", None)
    if config is None:
        return
    with below(f"{cls.__qualname__}.Config"):
        if not (isinstance(config, type) and issubclass(config, base)):
            raise ConfigError([Problem("", f"must extend {base.__name__}.")])
        missed = set(inspect.get_annotations(config)) - {f.name for f in dataclasses.fields(config)}
        if missed := {name for name in missed if name.isupper()}:
            message = f"must be decorated with @dataclass(kw_only=True); it lacks {', '.join(sorted(missed))}."
            raise ConfigError([Problem("", message)])


def _wrap(cls: type, base: type, config: type[Config]) -> type:
    if "Config" not in cls.__dict__:
        cls.Config = config_from_signature(cls, config)  # type: ignore[attr-defined]
    _check_config(cls, config)
    flags = tuple(flag for flag in ("foreach", "fused") if flag in _parameters(cls))
    return type(cls.__name__, (base,), {"target": cls, "Config": cls.Config, "implementations": flags})  # type: ignore[attr-defined]


def config_from_signature(cls: type, base: type[Config]) -> type[Config]:
    """A typed Config with a key for every keyword of a class's constructor, its type and default."""
    namespace = vars(sys.modules[cls.__module__])
    made = []
    for name, parameter in _parameters(cls).items():
        if name in ("foreach", "fused"):  # IMPLEMENTATION stands for both
            continue
        annotation = _annotation(parameter, namespace)
        if parameter.default is inspect.Parameter.empty:
            made.append((key_of(name), annotation))
        else:
            default = parameter.default
            made.append((key_of(name), annotation, dataclasses.field(default=_frozen(default))))  # type: ignore[arg-type]
    config = dataclasses.make_dataclass("Config", made, bases=(base,), kw_only=True)
    config.__module__, config.__qualname__ = cls.__module__, f"{cls.__qualname__}.Config"
    return config


def _frozen(default: Any) -> Any:
    return tuple(default) if isinstance(default, list) else default


def has_keyword(cls: type, keyword: str) -> bool:
    """Whether a class's constructor, as installed, takes a keyword."""
    return keyword in _parameters(cls)


@cache
def _parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """Keywords of a constructor without the first; through `**kwargs` also those of the next class in line."""
    found: dict[str, inspect.Parameter] = {}
    for init in _constructors(cls):
        parameters = list(inspect.signature(init).parameters.values())[2:]
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
        found = {p.name: p for p in named} | found
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    # ChainedScheduler takes its optimizer last
    return {name: parameter for name, parameter in found.items() if name != "optimizer"}


def _constructors(cls: type) -> Iterator[Any]:
    for base in cls.__mro__:
        if "__init__" in base.__dict__ and base.__qualname__ != "Optimizer" and base is not object:
            yield base.__dict__["__init__"]


def _annotation(parameter: inspect.Parameter, namespace: dict[str, Any]) -> Any:
    """The type of a keyword, as wide as OmegaConf needs and as narrow as it was written."""
    annotation = parameter.annotation
    while isinstance(annotation, str):
        try:
            annotation = eval(annotation, namespace)  # the class's own source; names may be missing
        except Exception:
            annotation = inspect.Parameter.empty
    if annotation is inspect.Parameter.empty:
        kind: Any = type(parameter.default)
        annotation = {bool: bool, float: float, str: str, int: Union[int, float]}.get(kind, Any)  # noqa: UP007
    if annotation in (float, bool, str):
        return annotation
    narrowed = _narrowed(annotation)
    return float if narrowed is float else Any if narrowed is Any else Annotated[Any, As(narrowed)]


def _narrowed(annotation: Any) -> Any:
    """The part of a type that a config can hold; Any where nothing of it can be checked."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in (float, int, bool, str, type(None)) or origin is Literal:
        return annotation
    if origin in (Union, UnionType):
        members = [member for member in map(_narrowed, arguments) if member is not Any]
        return Union[tuple(members)] if members else Any  # noqa: UP007
    if origin in (tuple, list) and arguments:
        return origin[tuple(a if a is Ellipsis else _narrowed(a) for a in arguments)]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return annotation
    return Any


def _torch_version() -> str:
    import torch

    return f"torch {torch.__version__}"


def restore_fields(config: type | None) -> None:
    """Make a dataclass of `__main__` one again in a worker.

    cloudpickle copies such a class, and with it the sentinels that dataclasses compare by identity.
    """
    for cls in config.__mro__ if config else ():
        for field in cls.__dict__.get("__dataclass_fields__", {}).values():
            for name in ("default", "default_factory"):
                if type(getattr(field, name)).__name__ == "_MISSING_TYPE":
                    setattr(field, name, dataclasses.MISSING)
            kind = str(field._field_type)
            field._field_type = getattr(dataclasses, kind, field._field_type)
