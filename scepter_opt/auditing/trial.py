"""What a scheduler would do next, seen on a copy of it over an optimizer of one number a group."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterable
from typing import Any

from .facts import inside

TICKS = 4
"""How far a trial goes: enough to tell a jump from a slope."""


def next_rates(scheduler: Any, optimizer: Any, keep: Iterable[Any] = ()) -> list[list[float]]:
    """The rate of every group now and after each of the scheduler's next steps.

    Neither the scheduler nor the optimizer steps.

    Args:
        scheduler: An object with a `step`, of torch's kind or another.
        optimizer: The one whose groups it changes.
        keep: What the copy may share with the scheduler, such as a model.

    Raises:
        Exception: Whatever the scheduler raises when it is copied or stepped.
    """
    groups = optimizer.param_groups
    before = [dict(group) for group in groups]
    stand_in = _stand_in(optimizer)
    # a copy whose references to the optimizer, and to its groups, lead to the stand-in
    memo: dict[int, Any] = {id(each): each for each in keep}
    memo |= {id(group): copied for group, copied in zip(groups, stand_in.param_groups, strict=True)}
    memo |= {id(each): stand_in for each in (optimizer, *inside(optimizer))}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the order of steps: there is none here
            copied = copy.deepcopy(scheduler, memo)
            rates = [_rates(stand_in)]
            for tick in range(1, TICKS + 1):
                _advance(copied, tick)
                rates.append(_rates(stand_in))
    finally:
        # a function that knows the optimizer itself would have changed that
        for group, old in zip(groups, before, strict=True):
            if group != old:
                group.clear()
                group.update(old)
    return rates


def _stand_in(optimizer: Any) -> Any:
    import torch

    left = ("params", "param_names")
    copied = [
        {key: copy.deepcopy(value) for key, value in group.items() if key not in left}
        for group in optimizer.param_groups
    ]
    stand_in = torch.optim.SGD([{**group, "params": [torch.zeros(())]} for group in copied], lr=1.0)
    stand_in.defaults = dict(optimizer.defaults)
    return stand_in


def _rates(optimizer: Any) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def _advance(scheduler: Any, tick: int) -> None:
    # timm's count epochs in `step` and steps in `step_update`, and each does nothing if the other is meant
    for name in ("step", "step_update"):
        method = getattr(scheduler, name, None)
        if callable(method):
            needed = [
                parameter.name
                for parameter in inspect.signature(method).parameters.values()
                if parameter.default is parameter.empty
                and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            ]
            # a metric that improves, so that nothing is dropped; else what is asked for is where the run is
            method(*(-float(tick) if word.startswith("metric") else tick for word in needed))
