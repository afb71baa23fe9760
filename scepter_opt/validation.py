"""Plain values against the types of a Config: pydantic decides, in words of this package. Imports no torch."""

from __future__ import annotations

import dataclasses
import enum
import math
import numbers
import re
import types
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Union

from omegaconf import MISSING

from .config import Config
from .documentation import documentation
from .errors import Problem, did_you_mean, join_key, nearest
from .fields import As, Import, Nested, metadata
from .imports import check_import

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE | re.ASCII)
_SPECIAL = re.compile(r"\s*[-+]?(\.?inf(inity)?|\.?nan)\s*", re.IGNORECASE)


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

    def check(self, value: Any) -> tuple[Any, list[Problem]]:
        """The value in its type, or the problems with it."""
        from pydantic import ValidationError

        try:
            return _validator(self.annotation, _infinite(self.default))(value), []
        except ValidationError as error:
            problems: dict[str, list[str]] = {}
            for detail in error.errors(include_url=False):
                key, message = _translate(detail, self.annotation)
                problems.setdefault(join_key(self.key, key), []).append(message)
            if isinstance(value, list) and len(problems) > 1:  # of a list, its items are at fault
                problems.pop(self.key, None)
            return None, [
                Problem(key, " or ".join(dict.fromkeys(found)).replace(". or must", ", or must"), _at(value, key))
                for key, found in problems.items()
            ]


@lru_cache(maxsize=None)
def fields(config: type) -> dict[str, Field]:
    """The keys of a Config class by name.

    Raises:
        NameError: An annotation names a type that its module does not have.
    """
    hints = typing.get_type_hints(config, include_extras=True)
    found = {}
    for field in dataclasses.fields(config):
        annotation = hints[field.name]
        marks = list(metadata(annotation))
        default = field.default_factory() if callable(field.default_factory) else field.default
        required = default is dataclasses.MISSING or default == MISSING
        found[field.name] = Field(
            key=field.name,
            annotation=annotation,
            required=required and field.name != "NAME",
            default=default,
            nested=next((mark for mark in marks if isinstance(mark, Nested)), None),
            inner=next(filter(_is_node_type, (annotation, *typing.get_args(annotation))), None),
            is_import=any(isinstance(mark, Import) for mark in marks),
        )
    return found


def own_first(config: type) -> list[Field]:
    """The keys but NAME, the class's own before those that it shares with others."""
    known = fields(config)
    keys = [key for base in config.__mro__ for key in base.__dict__.get("__annotations__", ()) if key in known]
    return [known[key] for key in dict.fromkeys(keys) if key != "NAME"]


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
    checked: dict[str, Any] = {}
    problems: list[Problem] = []
    suspects: set[str] = set()
    unsaid = {key: field.default for key, field in known.items() if field.nested and key not in values}
    for key, value in {**values, **unsaid}.items():
        field = known.get(key) if isinstance(key, str) else None
        if field is None:
            problem, meant = _unknown(key, values, spellings, owner)
            problems.append(problem)
            suspects.add(meant)
            continue
        result, found = _check_field(field, value, config, imports)
        problems += [_documented(problem, config) for problem in found]
        if not found:
            checked[key] = result
    for field in known.values():
        if field.required and field.key not in values:
            problems.append(_documented(Problem(field.key, "is required."), config))
    problems += _conflicts(config, known, checked, suspects | (values.keys() - checked.keys()))
    if problems:
        return None, problems
    made = config(**checked)
    problems = list(made.problems()) if isinstance(made, Config) else []
    return (None if problems else made), problems


def _documented(problem: Problem, config: type) -> Problem:
    """A problem with a key of a Config, with what the key is for; what is below a key speaks for itself."""
    text = documentation(config).get(problem.key.split("[")[0], "")
    return dataclasses.replace(problem, documentation=problem.documentation or text)


def _check_field(field: Field, value: Any, config: type, imports: bool | None) -> tuple[Any, list[Problem]]:
    if isinstance(value, str) and value == MISSING:
        return None, [Problem(field.key, "is required, and still ???.")]
    if field.nested is not None and value is not None:
        value, found = field.nested.check(value, config, imports)
        return value, [problem.under(field.key) for problem in found]
    if field.inner is not None and value is not None:
        if not isinstance(value, Mapping):
            return None, [Problem(field.key, "must be a node: keys with values.", value)]
        names = {name.lower(): name for name in fields(field.inner)}
        value, found = validate(field.inner, value, imports, names, field.key)
        return value, [problem.under(field.key) for problem in found]
    value, found = field.check(value)
    if field.is_import and not found and imports is not None:
        paths = value if isinstance(value, list) else [value] if value is not None else []
        keys = [f"{field.key}[{i}]" for i in range(len(paths))] if isinstance(value, list) else [field.key]
        found = [p for key, path in zip(keys, paths, strict=True) if (p := check_import(key, path, imports))]
    return value, found


def _unknown(
    key: Any, values: Mapping[Any, Any], spellings: Mapping[str, str], owner: str
) -> tuple[Problem, str]:
    meant = nearest(key, spellings) or ""
    hint = f"Did you mean {meant}?" if meant else f"It has {', '.join(dict.fromkeys(spellings.values()))}."
    message = f"{owner} has no such key. {hint}"
    return Problem(str(key), message, values[key]), meant


def _conflicts(
    config: type, known: Mapping[str, Field], checked: Mapping[str, Any], suspects: set[Any]
) -> list[Problem]:
    """Refused combinations among the keys that are right, so that one mistake is not told twice."""
    sound = {key: field.default for key, field in known.items() if not field.required} | dict(checked)
    tentative = object.__new__(config)
    tentative.__dict__.update({key: value for key, value in sound.items() if key not in suspects})
    return [
        _documented(Problem(conflict.keys[0], conflict.message, getattr(tentative, conflict.keys[0])), config)
        for conflict in getattr(config, "conflicts", ())
        if tentative.__dict__.keys() >= set(conflict.keys) and conflict.when(tentative)
    ]


def _is_node_type(annotation: Any) -> bool:
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def _infinite(default: Any) -> bool:
    return isinstance(default, float) and not math.isfinite(default)


@lru_cache(maxsize=None)
def _validator(annotation: Any, infinite: bool) -> Callable[[Any], Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(strict(annotation, infinite)).validate_python


def strict(annotation: Any, infinite: bool = False) -> Any:
    """The same type, read as this package reads values.

    Numbers refuse booleans and bytes and read SCEPTER's texts (`"1e-4"`); whole numbers take whole floats;
    enums go by member name; only a default that is not finite admits values that are not.
    """
    from pydantic import AllowInfNan, BeforeValidator

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        inner, *marks = arguments
        for mark in marks:
            if isinstance(mark, As):
                return strict(mark.type, infinite)
        marks = [mark for mark in marks if not isinstance(mark, Import)]
        read = strict(inner, infinite)
        # bounds stand before what reads the value, so that pydantic knows them for bounds of the number
        plain, *readers = typing.get_args(read) if typing.get_origin(read) is Annotated else (read,)
        return Annotated[(plain, *marks, *readers)] if marks else read
    if origin in (Union, types.UnionType):
        return Union[tuple(strict(argument, infinite) for argument in arguments)]  # noqa: UP007
    if origin in (tuple, list, dict):
        return origin[tuple(a if a is Ellipsis else strict(a, infinite) for a in arguments)]
    if annotation is float:
        return Annotated[float, AllowInfNan(infinite), BeforeValidator(_number)]
    if annotation is int:
        return Annotated[int, BeforeValidator(_whole)]
    if annotation is str:
        return Annotated[str, BeforeValidator(_text)]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return Annotated[annotation, BeforeValidator(_member(annotation))]
    return annotation


def _refuse(rule: str) -> Exception:
    from pydantic_core import PydanticCustomError

    return PydanticCustomError("scepter_opt", "{rule}", {"rule": rule})


def _number(value: Any) -> float:
    return _real(value, "must be a number.")


def _real(value: Any, rule: str) -> float:
    if isinstance(value, str):
        if _NUMBER.fullmatch(value):
            return float(value)
        if _SPECIAL.fullmatch(value):
            return float(value.replace(".", ""))
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise _refuse("must be a finite number.") from None
    raise _refuse(rule)


def _whole(value: Any) -> int:
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        number = int(value)
    else:
        real = _real(value, "must be a whole number.")
        if not (math.isfinite(real) and real.is_integer()):
            raise _refuse("must be a whole number.")
        number = int(real)
    if abs(number) >= 2**63:
        raise _refuse("must be a whole number of at most 64 bits.")
    return number


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _refuse("must be a text.")


def _member(kind: type[enum.Enum]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if isinstance(value, kind):
            return value
        if isinstance(value, str) and value in kind.__members__:
            return kind[value]
        raise _refuse(f"must be one of {', '.join(kind.__members__)}.{did_you_mean(value, list(kind.__members__))}")

    return read


_RULES: dict[str, str] = {
    "greater_than_equal": "must be at least {ge:g}.",
    "greater_than": "must be above {gt:g}.",
    "less_than_equal": "must be at most {le:g}.",
    "less_than": "must be below {lt:g}.",
    "finite_number": "must be a finite number.",
    "bool_parsing": "must be true or false.",
    "bool_type": "must be true or false.",
    "list_type": "must be a list.",
    "tuple_type": "must be a list.",
    "dict_type": "must be a node: keys with values.",
    "none_required": "must be null.",
}


def _translate(detail: ErrorDetails, annotation: Any) -> tuple[str, str]:
    """Key below the field and message for one of pydantic's errors."""
    kind, where = detail["type"], [part for part in detail["loc"] if isinstance(part, int) or part.isidentifier()]
    if isinstance(annotation, type) or not _has_container(annotation):
        where = []
    if kind in ("missing", "too_long", "too_short"):
        count = len(typing.get_args(annotation))
        return "", f"must have exactly {count} values, has {len(detail['input'])}."
    where = [part for part in where if isinstance(part, int)]
    message = _RULES.get(kind, detail["msg"]).format(**detail.get("ctx", {}))
    return "".join(f"[{part}]" for part in where), message


def _has_container(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (tuple, list, dict):
        return True
    inner = [mark.type for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, As)]
    return any(map(_has_container, [*typing.get_args(annotation), *inner]))


def _at(value: Any, key: str) -> Any:
    """The part of a value that a key such as `BETAS[1]` names."""
    for index in re.findall(r"\[(\d+)\]", key):
        if not isinstance(value, (list, tuple)) or int(index) >= len(value):
            break
        value = value[int(index)]
    return value
