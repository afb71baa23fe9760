"""The modules that an iterator over parameters leads to, before it is consumed."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterable, Iterator
from types import CellType, FunctionType, GeneratorType, MethodType
from typing import Any

_MOST_LOOKED_AT = 10_000
"""Objects on the way to modules; who holds more of them does not iterate over a model's parameters."""


def modules_of(iterators: Iterable[Any]) -> list[tuple[str, Any]]:
    """The modules that iterators lead to, with the prefix of their names: of several, their position.

    `module.parameters()` knows its module for as long as it is not exhausted, and `filter`, `chain`, `map`, a generator
    and a generator expression know what they are made of. Modules without parameters are left out, as are those inside
    another; a list leads nowhere. Nothing is consumed.

    Args:
        iterators: Anything; what is no iterator leads nowhere.

    >>> import itertools, torch
    >>> body, head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
    >>> modules_of([filter(lambda p: p.requires_grad, body.parameters())])
    [('', Linear(in_features=2, out_features=2, bias=True))]
    >>> [prefix for prefix, _ in modules_of([itertools.chain(body.parameters(), head.parameters())])]
    ['0', '1']
    """
    found = [module for module in _held([each for each in iterators if isinstance(each, Iterator)]) if _has_any(module)]
    inside = {id(below) for module in found for below in module.modules() if below is not module}
    roots = [module for module in found if id(module) not in inside]
    return [(str(position) if len(roots) > 1 else "", root) for position, root in enumerate(roots)]


def _held(iterators: list[Any]) -> list[Any]:
    """The modules that can be reached from iterators, each once, in the order of the iterators."""
    import torch

    modules: dict[int, Any] = {}
    # the objects themselves, since what is made on the way is gone again, and its id that of another
    seen: dict[int, Any] = {}
    stack = iterators[::-1]
    while stack and len(seen) < _MOST_LOOKED_AT:
        each = stack.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        if isinstance(each, torch.nn.Module):
            modules[id(each)] = each
        else:
            stack += reversed(_parts(each))
    return list(modules.values())


def _parts(each: Any) -> list[Any]:
    """What an object on the way to modules is made of; nothing of an object that is not on the way to any."""
    if isinstance(each, GeneratorType):
        frame = each.gi_frame  # None once it is exhausted
        # of a method its `self`, of an expression what it iterates over, and what either has from around it
        return [] if frame is None else [*frame.f_locals.values()]
    if isinstance(each, (list, tuple, set, frozenset)):
        return [*each]
    if isinstance(each, dict):  # another mapping may make its values when it is asked for them
        return [*each.values()]
    if isinstance(each, functools.partial):
        return [each.func, *each.args, *each.keywords.values()]
    if isinstance(each, MethodType):
        return [each.__self__, each.__func__]
    if isinstance(each, FunctionType):
        return [*(each.__closure__ or ()), *(each.__defaults__ or ())]
    if isinstance(each, CellType):
        return gc.get_referents(each)
    if isinstance(each, Iterator) or type(each).__module__ == "itertools":
        # of those that are written in C, such as filter and chain, only the garbage collector knows what they hold;
        # what copies made by tee share is no iterator itself
        return [*vars(each).values()] if hasattr(each, "__dict__") else gc.get_referents(each)
    return []


def _has_any(module: Any) -> bool:
    return any(held is not None for below in module.modules() for held in below._parameters.values())
