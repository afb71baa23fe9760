"""A typed Config read from the signature of a class."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union

from ..config.base import Config
from ..config.documentation import documentation
from ..config.fields import As
from ..config.names import key_of
from ..errors import ConfigError, Problem


def config_from_signature(cls: type, base: type[Config], namespace: Mapping[str, Any]) -> type[Config]:
    """A typed Config with a key for every keyword of a class's constructor, its type and default.

    Args:
        cls: The class.
        base: The Config whose keys are this package's.
        namespace: Further attributes of the Config; those that are `dataclasses.Field` say a key's default.

    Raises:
        ConfigError: A keyword means another thing than this package's key of its name, or two have one key.
    """
    names = vars(sys.modules[cls.__module__])
    keys: dict[str, Any] = {}
    for name, parameter in parameters_of(cls).items():
        if name in ("foreach", "fused"):  # IMPLEMENTATION stands for both
            continue
        key = key_of(name.lower())
        _check_key(cls, name, key, base, keys)
        default = namespace.get(key, parameter.default)
        if default is inspect.Parameter.empty:
            keys[key] = (key, _annotation(parameter, names))
        elif key in namespace:
            keys[key] = (key, default.type, default)
        else:
            keys[key] = (key, _annotation(parameter, names), _field(default))
    others = {name: value for name, value in namespace.items() if name not in keys}
    others["from_signature"] = True
    config = dataclasses.make_dataclass("Config", keys.values(), bases=(base,), kw_only=True, namespace=others)
    config.__module__, config.__qualname__ = cls.__module__, f"{cls.__qualname__}.Config"
    return config


def _check_key(cls: type, name: str, key: str, base: type[Config], keys: Mapping[str, Any]) -> None:
    """Refuse a keyword that a node could not reach: its key is taken."""
    remedy = "Give the class a nested Config whose `keywords` say which key is which."
    if key in base.__dataclass_fields__:
        meaning = documentation(base).get(key, "the name of the class in the registry").rstrip(".")
        message = (
            f"`{name}` of the constructor and this package's {key} ({meaning}) are two things of one key. {remedy}"
        )
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
    found: dict[str, inspect.Parameter] = {}
    given: Callable[[int, str], bool] = lambda *_: False  # noqa: E731  # by position and name, whether a subclass gives it
    for init in _constructors(cls):
        parameters = list(inspect.signature(init).parameters.values())[2:]
        named = [
            parameter
            for place, parameter in enumerate(parameters, start=1)
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            and not given(place if parameter.kind is not parameter.KEYWORD_ONLY else sys.maxsize, parameter.name)
        ]
        found = {parameter.name: parameter for parameter in named} | found
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
        given = _given_to_base(init)
    # ChainedScheduler takes its optimizer last
    return {name: parameter for name, parameter in found.items() if name != "optimizer"}


def _given_to_base(init: Any) -> Callable[[int, str], bool]:
    """Which arguments of its base's constructor a constructor gives itself, read from its source.

    Returns:
        From position (0 is the parameters or the optimizer) and name, whether it gives that.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (
        OSError,
        TypeError,
        SyntaxError,
    ):  # a notebook, a worker: the base's own required one, as nearly all have it
        return lambda _, name: name == "defaults"
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    upward = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"]
    if not upward:
        return lambda _, name: name == "defaults"
    call = upward[-1]
    # Base.__init__(self, params, ...) has one more than super().__init__(params, ...)
    of_super = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
    count = sum(not isinstance(argument, ast.Starred) for argument in call.args) - (0 if of_super else 1)
    names = {keyword.arg for keyword in call.keywords}
    return lambda place, name: place < count or name in names


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
