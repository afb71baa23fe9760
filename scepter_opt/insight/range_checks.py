"""What cannot be given to a learning-rate range test."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator
from itertools import chain
from numbers import Real
from typing import Any

from ..errors import Problem
from ..parameters.state import names_of
from .attached_schedulers import attached_schedulers

FEWEST = 20
"""The fewest rates that say something."""


def wrong_numbers(start: Any, end: Any, steps: Any, smoothing: Any, diverged: Any) -> Iterator[Problem]:
    """Problems with the numbers of a test."""
    numbers = {"start": start, "end": end, "smoothing": smoothing, "diverged": diverged}
    odd = {name for name, value in numbers.items() if not _is_number(value)}
    for name, value in numbers.items():
        if name in odd:
            yield Problem(name, "must be a number.", value)
    if "start" not in odd and start <= 0:
        yield Problem("start", "must be above 0: rates grow by a factor.", start)
    elif not odd & {"start", "end"} and end <= start:
        yield Problem("end", f"must be above `start`, which is {start:g}.", end)
    if "smoothing" not in odd and not 0 <= smoothing < 1:
        yield Problem("smoothing", "must be at least 0 and below 1.", smoothing)
    if "diverged" not in odd and diverged <= 1:
        yield Problem("diverged", "must be above 1: so many times the least loss is too much.", diverged)
    if type(steps) is not int or steps < FEWEST:
        yield Problem("steps", f"must be a whole number of at least {FEWEST}: so many rates are tried.", steps)


def wrong_objects(
    models: list[Any], optimizer: Any, train_step: Any, data: Any, scaler: Any, also: list[Any]
) -> Iterator[Problem]:
    """Problems with the objects of a test."""
    import torch

    modules = [each for each in models if isinstance(each, torch.nn.Module)]
    for each in models:
        if not isinstance(each, torch.nn.Module):
            yield Problem("model", f"must be the module that is trained, or several; not a {type(each).__name__}.")
    if hasattr(optimizer, "param_groups"):
        yield from _wrong_optimizer(optimizer, modules if len(modules) == len(models) else [])
    else:
        yield Problem("optimizer", f"must be an optimizer of torch's kind; not a {type(optimizer).__name__}.")
    yield from _wrong_step(train_step, data)
    if isinstance(data, Iterator):
        message = f"a {type(data).__name__} cannot be rewound: give what it goes through, such as the DataLoader."
        yield Problem("data", message)
    elif data is not None and not isinstance(data, Iterable):
        yield Problem("data", f"must have batches to go through, as a DataLoader has; not a {type(data).__name__}.")
    if scaler is not None and not hasattr(scaler, "unscale_"):
        yield Problem("scaler", f"must be the GradScaler of the loop; not a {type(scaler).__name__}.")
    for number, each in enumerate(also):
        if not hasattr(each, "__dict__") and not hasattr(each, "get_state"):
            yield Problem(f"also[{number}]", "has nothing that a step could change.", each)


def _wrong_step(train_step: Any, data: Any) -> Iterator[Problem]:
    if not callable(train_step):
        yield Problem("train_step", "must be a function that makes one step and returns its loss.", train_step)
    elif not _takes(train_step, 0 if data is None else 1):
        message = (
            "takes an argument, and there is no `data` to give it." if data is None else "takes no batch of `data`."
        )
        yield Problem("train_step", message)


def _wrong_optimizer(optimizer: Any, models: list[Any]) -> Iterator[Problem]:
    """Problems with an optimizer; without models it is not asked for their parameters."""
    from torch.nn.parameter import is_lazy

    groups = optimizer.param_groups
    without = [str(group.get("name", i)) for i, group in enumerate(groups) if group.get("lr") is None]
    if without:
        yield Problem("optimizer", f"has no learning rate, `lr`, in the group {', '.join(without)}.")
    elif not any(float(group["lr"]) for group in groups):
        yield Problem("optimizer", "has the rate 0 in all groups, which have no proportions then.")
    for scheduler in attached_schedulers(optimizer)[:1]:
        message = (
            f"a {type(scheduler).__name__} is attached to it, which would write rates of its own: find the rate "
            "before the scheduler is built, or let go of it (del scheduler)."
        )
        yield Problem("optimizer", message)
    # a model that is still to see its first batch has no parameters to keep
    held = {id(tensor): tensor for model in models for tensor in chain(model.parameters(), model.buffers())}
    if any(map(is_lazy, held.values())):
        yield Problem("model", "has lazy parameters: call it once, so that they are there.")
    elif models:
        yield from _elsewhere(optimizer, held)


def _elsewhere(optimizer: Any, held: dict[int, Any]) -> Iterator[Problem]:
    """The problem with parameters that are in none of the models, whose buffers and flags would not be kept either."""
    names = names_of(optimizer)
    known: Iterable[str] = names.flat() if names else ()
    tensors = list(chain.from_iterable(group["params"] for group in optimizer.param_groups))
    labels = list(known) or [f"a tensor of the shape {tuple(tensor.shape)}" for tensor in tensors]
    others = [label for label, tensor in zip(labels, tensors, strict=True) if id(tensor) not in held]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        message = f"has not all that the optimizer trains: not {others[0]}{more}. Several can be given in a list."
        yield Problem("model", message)


def _takes(function: Any, count: int) -> bool:
    """Whether a function can be called with so many arguments, as far as it tells."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # one of C, which does not tell
        return True
    return True


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
