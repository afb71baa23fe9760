"""Which texts the code of a class or function mentions: who reads a key of a group must name it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any


def mentioned(objects: Iterable[Any]) -> set[str]:
    """Every text in the code of objects' classes, of functions, and of what these call in their own package."""
    pending = [function for each in objects for function in _functions(each)]
    seen: set[CodeType] = set()
    texts: set[str] = set()
    while pending:
        function = inspect.unwrap(pending.pop())
        if not isinstance(function, FunctionType) or function.__code__ in seen:
            continue
        package = function.__module__.partition(".")[0]
        for code in _nested(function.__code__):
            seen.add(code)
            for constant in code.co_consts:
                texts.update(_texts(constant))
            for name in code.co_names:
                called = function.__globals__.get(name)
                if isinstance(called, FunctionType) and called.__module__.partition(".")[0] == package:
                    pending.append(called)
    return texts


def _functions(each: Any) -> Iterator[Any]:
    """The functions that an object runs: its class's own and inherited ones, its hooks, or itself."""
    call = getattr(each, "func", each)  # of a partial
    if inspect.isroutine(call):
        yield getattr(call, "__func__", call)
        return
    for cls in type(each).__mro__:
        for attribute in vars(cls).values():
            yield getattr(attribute, "fget", None) or getattr(attribute, "__func__", attribute)
    for value in vars(each).values():
        # step hooks stand in mappings, and what wraps a step on the object itself
        for one in value.values() if isinstance(value, dict) else [value]:
            if inspect.isroutine(one):
                yield getattr(one, "__func__", one)


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _texts(constant: Any) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, (tuple, frozenset)):
        for one in constant:
            yield from _texts(one)
