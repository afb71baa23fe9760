"""LAST_EPOCH: torch's schedulers at the rates of an unbroken run, from `initial_lr`."""

from __future__ import annotations

import warnings
from math import prod
from typing import Any

from ..schedules.group_settings import RATE, Setting, copied

_RATE = Setting(RATE)


def go_on(scheduler: Any) -> None:
    """Write the rates that an unbroken run would have at the scheduler's position.

    torch's own constructors take the present rates for those of the tick before, whatever they are, or read what they
    have not set yet.

    Args:
        scheduler: One of torch's, constructed with a `last_epoch`.
    """
    # the constructor takes the tick for the place in the first cycle
    if hasattr(scheduler, "T_cur"):
        scheduler.T_cur, scheduler.T_i = _cycle_at(scheduler.last_epoch, scheduler.T_0, scheduler.T_mult)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # get_lr is meant for step
        rates = _rates(scheduler)
    for group, rate in zip(scheduler.optimizer.param_groups, rates, strict=True):
        _RATE.write(group, rate)
    scheduler._last_lr = [copied(group["lr"]) for group in scheduler.optimizer.param_groups]


def _rates(scheduler: Any) -> Any:
    """The rates at the scheduler's position, from the first ones."""
    if hasattr(scheduler, "_get_closed_form_lr"):
        return scheduler._get_closed_form_lr()
    if type(scheduler).__name__ != "MultiplicativeLR":
        return scheduler.get_lr()
    # of all ticks so far: it alone knows its rate by the one before only
    ticks = range(1, scheduler.last_epoch + 1)
    functions = zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    return [base * prod(function(tick) for tick in ticks) for base, function in functions]


def _cycle_at(tick: int, first: int, factor: int) -> tuple[int, int]:
    """Ticks since the last restart, and the length of its cycle."""
    if factor == 1:
        return tick % first, first
    length = first
    while tick >= length:
        tick, length = tick - length, length * factor
    return tick, length
