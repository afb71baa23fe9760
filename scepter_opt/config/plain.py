"""A checked Config written out again: dicts, lists, numbers and texts, as a checkpoint keeps them."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import show, text_of
from .base import Readable


def plain(value: Any) -> Any:
    """What a Config or one of its values is in plain Python; reading it gives an equal one.

    A value that has an exact text of its own (`written`, as a length) is that; an object of somebody's own is what
    messages show of it, which is enough to tell that it has changed.

    >>> plain({"BETAS": (0.9, 0.999), "MODE": None})
    {'BETAS': [0.9, 0.999], 'MODE': None}
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (Mapping, Readable)):
        return {text_of(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    written = getattr(value, "written", None)
    if isinstance(written, (str, int)):
        return written
    # a rate that is a tensor, and numpy's numbers
    return value.item() if getattr(value, "ndim", None) == 0 else show(value)


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Plain values by their dotted keys; an empty mapping is a value.

    >>> flat({"PHASES": {"decay": {"TO": 0.1}}, "RULES": {}})
    {'PHASES.decay.TO': 0.1, 'RULES': {}}
    """
    items: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            items |= flat(value, f"{prefix}{key}.")
        else:
            items[f"{prefix}{key}"] = value
    return items


def unlike(here: Any, there: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The deepest places in which two plain values differ; mappings of other keys, or in another order, do as a whole.

    Args:
        here: One of the two.
        there: The other.
        path: Where they stand.

    >>> list(unlike({"A": {"B": 1, "C": 2}}, {"A": {"B": 1, "C": 3}}))
    [('A.C', 2, 3)]
    """
    if isinstance(here, Mapping) and isinstance(there, Mapping) and list(here) == list(there):
        for key in here:
            yield from unlike(here[key], there[key], f"{path}.{key}" if path else key)
    elif json.dumps(here) != json.dumps(there):
        yield path, here, there
