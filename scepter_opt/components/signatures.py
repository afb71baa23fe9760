"""A typed Config read from the signature of a class."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import sys
import textwrap
import typing
from collections.abc import Collection, Iterator, Mapping
from functools import cache, partial
from types import UnionType
from typing import Annotated, Any, Literal, Union

from ..config.base import Config
from ..config.documentation import argument_texts, documentation
from ..config.fields import CheckedAs
from ..config.names import key_of
from ..errors import ConfigError, Problem


def config_from_signature(
    cls: type, base: type[Config], filled: Collection[str], namespace: Mapping[str, Any]
) -> type[Config]:
    """A typed Config with a key for every keyword of a class's constructor, its type and default.

    Args:
        cls: The class.
        base: The Config whose keys are this package's.
        filled: Keywords that a key of this package's fills, which means the same.
        namespace: Further attributes of the Config.

    Raises:
        ConfigError: A keyword means another thing than this package's key of its name, or two have one key.
    """
    names = vars(sys.modules[cls.__module__])
    keys: dict[str, Any] = {}
    for name, parameter in parameters_of(cls).items():
        if name in ("foreach", "fused") or name in filled:  # IMPLEMENTATION stands for both
            continue
        key = key_of(name.lower())
        _check_key(cls, name, key, base, keys)
        annotation, default = _annotation(parameter, names), parameter.default
        keys[key] = (key, annotation) if default is parameter.empty else (key, annotation, _field(default))
    attributes = {**namespace, "from_signature": True, "__documentation__": staticmethod(partial(_texts, cls))}
    config = dataclasses.make_dataclass("Config", keys.values(), bases=(base,), kw_only=True, namespace=attributes)
    config.__module__, config.__qualname__ = cls.__module__, f"{cls.__qualname__}.Config"
    return config


def _texts(cls: type) -> dict[str, str]:
    """What the class's own docstring says of each keyword, by key: read when it is to be shown."""
    return {key_of(name.lower()): text for name, text in argument_texts(cls).items() if name in parameters_of(cls)}


def _check_key(cls: type, name: str, key: str, base: type[Config], keys: Mapping[str, Any]) -> None:
    """Refuse a keyword that a node could not reach: its key is taken."""
    remedy = "Give the class a nested Config whose `keywords` say which key is which."
    if key in base.__dataclass_fields__:
        meaning = documentation(base).get(key, "the name of the class in the registry").rstrip(".")
        message = f"`{name}` of its constructor and this package's {key} ({meaning}) are two things. {remedy}"
        raise ConfigError([Problem(f"{cls.__qualname__}.{name}", message)])
    if key in keys:
        raise ConfigError([Problem(f"{cls.__qualname__}.{name}", f"another keyword has the key {key} too. {remedy}")])


def _field(default: Any) -> Any:
    """A default as a dataclass takes it and a config can show it: nothing that could be changed, no set."""
    if isinstance(default, (set, frozenset)):
        default = sorted(default, key=repr)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy)
    return dataclasses.field(default=tuple(default) if isinstance(default, list) else default)


@cache
def parameters_of(cls: type) -> Mapping[str, inspect.Parameter]:
    """Keywords of a constructor without the first; through `**kwargs` also those of the next class in line.

    What a class gives its base itself is no keyword: most give it `defaults`, which it requires.
    """
    keywords: dict[str, inspect.Parameter] = {}
    count, given = 0, set[str]()
    for init in _constructors(cls):
        parameters = list(inspect.signature(init).parameters.values())[2:]
        by_position = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        given.update(by_position[: max(0, count - 1)])
        named = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name not in given]
        keywords = {p.name: p for p in named} | keywords
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
        count, names = _given_to_base(init)
        given |= names
    # ChainedScheduler takes its optimizer last
    return {name: parameter for name, parameter in keywords.items() if name != "optimizer"}


def _given_to_base(init: Any) -> tuple[int, set[str]]:
    """How many arguments a constructor gives its base's by position, and the names of the others, from its source."""
    # nearly every base class requires `defaults`, and every subclass gives it
    unknown = (1, {"defaults"})
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError):  # no source, as in a notebook
        return unknown
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    upward = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"]
    if not upward:
        return unknown
    call = upward[-1]
    # Base.__init__(self, params, ...) has one more than super().__init__(params, ...)
    of_super = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
    count = sum(not isinstance(argument, ast.Starred) for argument in call.args) - (not of_super)
    return count, {keyword.arg for keyword in call.keywords if keyword.arg is not None}


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
    return float if narrowed is float else Any if narrowed is Any else Annotated[Any, CheckedAs(narrowed)]


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
