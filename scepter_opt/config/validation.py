"""The keys of a Config against a node's: every problem at once. Imports no torch."""

from __future__ import annotations

import dataclasses
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from omegaconf import MISSING

from ..errors import Problem, join_key, nearest, text_of
from .base import Config
from .coercion import read_value
from .documentation import documentation
from .fields import Import, Nested, metadata
from .imports import check_import
from .names import keyword_of

V = TypeVar("V")


@dataclasses.dataclass(frozen=True)
class Field:
    """One key of a Config, ready to be checked."""

    key: str
    annotation: Any
    required: bool
    default: Any
    nested: Nested | None
    inner: type | None
    """The dataclass that the key's value is a node of, if it is one."""
    is_import: bool

    @property
    def infinite(self) -> bool:
        """Whether its numbers need not be finite: only where the default is not."""
        return isinstance(self.default, float) and not math.isfinite(self.default)

    def check(self, value: Any) -> tuple[Any, list[Problem]]:
        """The value in its type, or the problems with it."""
        value, faults = read_value(value, self.annotation, self.infinite)
        return value, [Problem(join_key(self.key, key), message, part) for key, message, part in faults]


def per_class(function: Callable[[Any], V]) -> Callable[[Any], V]:
    """Compute once for a class. functools.cache with types that mypy accepts a dataclass for."""
    return cache(function)


@per_class
def fields(config: Any) -> dict[str, Field]:
    """The keys of a Config class by name.

    Raises:
        NameError: An annotation names a type that its module does not have.
    """
    # annotations are texts, with `from __future__ import annotations`, until they are asked for so
    hints = typing.get_type_hints(config, include_extras=True)
    known = {}
    for field in dataclasses.fields(config):
        annotation = hints[field.name]
        marks = list(metadata(annotation))
        default = field.default_factory() if callable(field.default_factory) else field.default
        required = default is dataclasses.MISSING or default == MISSING
        known[field.name] = Field(
            key=field.name,
            annotation=annotation,
            required=required and field.name != "NAME",
            default=default,
            nested=next((mark for mark in marks if isinstance(mark, Nested)), None),
            inner=next(filter(_is_node_type, (annotation, *typing.get_args(annotation))), None),
            is_import=any(isinstance(mark, Import) for mark in marks),
        )
    return known


def own_first(config: type) -> list[Field]:
    """The keys but NAME, the class's own before those that it shares with others."""
    known = fields(config)
    # __mro__ goes from the class to its bases, and each base declares its own
    keys = [key for base in config.__mro__ for key in inspect.get_annotations(base) if key in known]
    return [known[key] for key in dict.fromkeys(keys) if key != "NAME"]


@per_class
def spellings_of(config: Any) -> Mapping[str, str]:
    """Every way users know the keys of a Config by (ours and torch's), with the key."""
    keys = [*(field.key for field in own_first(config)), "NAME"]
    implementation = {name: "IMPLEMENTATION" for name in ("foreach", "fused") if "IMPLEMENTATION" in keys}
    return {key: key for key in keys} | {keyword_of(key): key for key in keys} | implementation


def validate(
    config: type, values: Mapping[Any, Any], imports: bool | None, spellings: Mapping[str, str], owner: str
) -> tuple[Any, list[Problem]]:
    """An instance of `config` with these values, or all problems with them, with keys relative to the node.

    Args:
        config: A dataclass of annotated fields.
        values: Plain values by key.
        imports: Whether import paths are resolved now (True), at the build (None) or refused (False).
        spellings: Other names that users know a key by, such as torch's.
        owner: What has these keys, for the messages.
    """
    known = fields(config)
    # what a misspelt key was meant for stands at its default now: no conflict is told that comes of that
    checked: dict[str, Any] = {}
    problems: list[Problem] = []
    suspects: set[str] = set()
    # a nested key has checks of its own for what is left out, such as a schedule without phases
    unsaid = {key: field.default for key, field in known.items() if field.nested and key not in values}
    for key, value in {**values, **unsaid}.items():
        field = known.get(key) if isinstance(key, str) else None
        if field is None:
            problem, meant = _unknown(key, values, spellings, owner)
            problems.append(problem)
            suspects.add(meant)
            continue
        result, wrong = _check_field(field, value, config, imports)
        problems += [_documented(problem, config) for problem in wrong]
        if not wrong:
            checked[key] = result
    for field in known.values():
        if field.required and field.key not in values:
            problems.append(_documented(Problem(field.key, "is required."), config))
    problems += _conflicts(config, known, checked, suspects | (values.keys() - checked.keys()))
    if problems:
        return None, problems
    instance = config(**checked)
    problems = list(instance.problems()) if isinstance(instance, Config) else []
    return (None if problems else instance), problems


def _documented(problem: Problem, config: type) -> Problem:
    """A problem with a key of a Config, with what the key is for; what is below a key speaks for itself."""
    text = documentation(config).get(problem.key.split("[")[0], "")
    return dataclasses.replace(problem, documentation=problem.documentation or text)


def _check_field(field: Field, value: Any, config: type, imports: bool | None) -> tuple[Any, list[Problem]]:
    if isinstance(value, str) and value == MISSING:
        return None, [Problem(field.key, "is required, and still ???.")]
    # null stands for the default of a nested key, unless null is that default
    if field.nested is not None and (value is not None or field.default is not None):
        value, problems = field.nested.check(field.default if value is None else value, config, imports)
        return value, [problem.under(field.key) for problem in problems]
    if field.inner is not None and value is not None:
        return _check_inner(field.key, field.inner, value, imports)
    value, problems = field.check(value)
    if field.is_import and not problems and imports is not None:
        problems = _check_imports(field.key, value, imports)
    return value, problems


def _check_inner(key: str, inner: type, value: Any, imports: bool | None) -> tuple[Any, list[Problem]]:
    """The instance of a dataclass that a key holds."""
    if not isinstance(value, Mapping):
        return None, [Problem(key, "must be a node: keys with values.", value)]
    names = {name.lower(): name for name in fields(inner)}
    instance, problems = validate(inner, value, imports, names, key)
    return instance, [problem.under(key) for problem in problems]


def _check_imports(key: str, value: Any, imports: bool) -> list[Problem]:
    """What is wrong with the import paths of a key: one, a list of them, or null."""
    if isinstance(value, list):
        paths = {f"{key}[{position}]": path for position, path in enumerate(value)}
    else:
        paths = {} if value is None else {key: value}
    return [problem for place, path in paths.items() if (problem := check_import(place, path, imports))]


def _unknown(key: Any, values: Mapping[Any, Any], spellings: Mapping[str, str], owner: str) -> tuple[Problem, str]:
    meant = nearest(key, spellings) or ""
    hint = f"Did you mean {meant}?" if meant else f"It has {', '.join(dict.fromkeys(spellings.values()))}."
    message = f"{owner} has no such key. {hint}"
    return Problem(text_of(key), message, values[key]), meant


def _conflicts(
    config: type, known: Mapping[str, Field], checked: Mapping[str, Any], suspects: set[Any]
) -> list[Problem]:
    """Refused combinations among the keys that are right, so that one mistake is not told twice."""
    sound = {key: field.default for key, field in known.items() if not field.required} | dict(checked)
    # an instance of what is right so far, though keys that are required may be missing
    tentative: Any = object.__new__(config)
    tentative.__dict__.update({key: value for key, value in sound.items() if key not in suspects})
    return [
        _documented(Problem(conflict.keys[0], conflict.message, getattr(tentative, conflict.keys[0])), config)
        for conflict in getattr(config, "conflicts", ())
        if tentative.__dict__.keys() >= set(conflict.keys) and conflict.when(tentative)
    ]


def _is_node_type(annotation: Any) -> bool:
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)
