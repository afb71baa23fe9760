"""Plain values against annotated types: pydantic decides, in words of this package."""

from __future__ import annotations

import dataclasses
import enum
import math
import numbers
import re
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union

from ..errors import did_you_mean
from .fields import Bounds, CheckedAs, Import

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_NUMBER = re.compile(r"\s*[-+]?(\d+(?:\.\d*)?|\.\d+)(e[-+]?\d+)?\s*", re.IGNORECASE | re.ASCII)
_SPECIAL = re.compile(r"\s*[-+]?(\.?inf(inity)?|\.?nan)\s*", re.IGNORECASE)


def read_value(value: Any, annotation: Any, infinite: bool = False) -> tuple[Any, list[tuple[str, str, Any]]]:
    """The value in its type, or its faults: the key of the part at fault, the rule it breaks, and the part.

    Args:
        value: A plain value.
        annotation: Its type, with marks such as Bounds.
        infinite: Whether numbers need not be finite.
    """
    from pydantic import ValidationError  # 60 ms, only where something is checked

    try:
        return _validator(annotation, infinite)(value), []
    except ValidationError as error:
        # a union reports every member that does not fit; people wrote one value, and are told once
        faults: dict[str, list[str]] = {}
        for detail in error.errors(include_url=False):
            key, message = _translate(detail, annotation)
            faults.setdefault(key, []).append(message)
        if isinstance(value, list) and len(faults) > 1:  # of a list, its items are at fault
            faults.pop("", None)
        for rules in faults.values():  # of what could be a list or one value, the value is at fault
            if len(rules) > 1 and "must be a list." in rules:
                rules.remove("must be a list.")
        return None, [(key, " Or it ".join(dict.fromkeys(rules)), _at(value, key)) for key, rules in faults.items()]


@cache
def json_schema(annotation: Any, infinite: bool = False) -> dict[str, Any]:
    """JSON Schema of the values of a type, as pydantic has it; empty, which is anything, for types that JSON has not.

    Args:
        annotation: The type, with marks such as Bounds.
        infinite: Whether numbers need not be finite.
    """
    from pydantic import PydanticInvalidForJsonSchema, TypeAdapter

    try:
        return TypeAdapter(strict(annotation, infinite)).json_schema()
    except PydanticInvalidForJsonSchema:
        return {}


@cache
def _validator(annotation: Any, infinite: bool) -> Callable[[Any], Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(strict(annotation, infinite)).validate_python


def strict(annotation: Any, infinite: bool = False) -> Any:
    """The same type, read as this package reads values.

    Numbers refuse booleans and bytes and read SCEPTER's texts (`"1e-4"`); whole numbers take whole floats;
    enums go by member name; only a default that is not finite admits values that are not.
    """
    from pydantic import AllowInfNan, BeforeValidator, WithJsonSchema

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        inner, *marks = arguments
        for mark in marks:
            if isinstance(mark, CheckedAs):
                return strict(mark.type, infinite)
        marks = [_known(mark) for mark in marks if not isinstance(mark, Import)]
        read = strict(inner, infinite)
        # bounds stand before what reads the value, so that pydantic knows them for bounds of the number
        plain, *readers = typing.get_args(read) if typing.get_origin(read) is Annotated else (read,)
        return Annotated[(plain, *marks, *readers)] if marks else read
    if origin in (Union, types.UnionType):
        return Union[tuple(strict(argument, infinite) for argument in arguments)]  # noqa: UP007
    if origin in (tuple, list, dict):
        return origin[tuple(a if a is Ellipsis else strict(a, infinite) for a in arguments)]
    # pydantic takes True for 1.0, "1_0" for 10 and bytes for numbers: what reads the value decides before it
    if annotation is float:
        return Annotated[float, AllowInfNan(infinite), BeforeValidator(_number)]
    if annotation is int:
        return Annotated[int, BeforeValidator(_whole)]
    if annotation is str:
        return Annotated[str, BeforeValidator(_text)]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        # pydantic would show the values, and go by them
        shown = WithJsonSchema({"enum": list(annotation.__members__), "type": "string"})
        return Annotated[annotation, BeforeValidator(_member(annotation)), shown]
    return annotation


def _known(mark: Any) -> Any:
    """A mark as pydantic knows it."""
    from pydantic import Field as Marked

    return Marked(**dataclasses.asdict(mark)) if isinstance(mark, Bounds) else mark


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
    # torch keeps whole numbers in 64 bits
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
    # pydantic's location also names the members of unions and the validators on the way
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
    inner = [mark.type for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, CheckedAs)]
    return any(map(_has_container, [*typing.get_args(annotation), *inner]))


def _at(value: Any, key: str) -> Any:
    """The part of a value that a key such as `BETAS[1]` names."""
    for index in re.findall(r"\[(\d+)\]", key):
        if not isinstance(value, (list, tuple)) or int(index) >= len(value):
            break
        value = value[int(index)]
    return value
