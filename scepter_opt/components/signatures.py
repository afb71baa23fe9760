"""A typed Config read from the signature of a class."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union

from ..config.base import Config
from ..config.fields import As
from ..config.names import key_of


def config_from_signature(cls: type, base: type[Config]) -> type[Config]:
    """A typed Config with a key for every keyword of a class's constructor, its type and default."""
    namespace = vars(sys.modules[cls.__module__])
    made = []
    for name, parameter in parameters_of(cls).items():
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


@cache
def parameters_of(cls: type) -> Mapping[str, inspect.Parameter]:
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
