"""What building a scheduler takes beside its Config: the length of the run, and leaving the optimizer whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import ConfigError, Problem
from ..schedules.horizon import Horizon


class Silent:
    """A logger of what is built only to be tried, or looked at."""

    def info(self, line: str) -> None:
        """Nothing."""


def horizon(total_steps: int | Horizon | None, steps_per_epoch: int | None) -> Horizon:
    """The length of a run, however it is given.

    Raises:
        ConfigError: It is no length, or the steps per epoch are given twice and differently.
    """
    try:
        if not isinstance(total_steps, Horizon):
            return Horizon(total_steps, steps_per_epoch)
        if steps_per_epoch is None or total_steps.steps_per_epoch == steps_per_epoch:
            return total_steps
        if total_steps.steps_per_epoch is None:
            return Horizon(total_steps.total_steps, steps_per_epoch)
    except ValueError as error:
        raise ConfigError([Problem("", f"{error}.")]) from error
    message = f"the call's steps_per_epoch is {steps_per_epoch}, and its Horizon says {total_steps.steps_per_epoch}."
    raise ConfigError([Problem("", message)])


@contextmanager
def untouched(optimizer: Any) -> Iterator[None]:
    """Put an optimizer back as it was if building a scheduler for it fails.

    Raises:
        ConfigError: It is no optimizer.
    """
    import torch

    if not isinstance(optimizer, torch.optim.Optimizer):
        message = f"needs a torch.optim.Optimizer, not a {type(optimizer).__name__}."
        raise ConfigError([Problem("", message)])
    # Group dicts are emptied and filled again, and tensors written in place: whoever holds them, such as a captured
    # step or another scheduler, goes on holding what the optimizer has.
    groups = [
        {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in group.items()}
        for group in optimizer.param_groups
    ]
    own = dict(vars(optimizer))
    try:
        yield
    except BaseException:
        for group, before in zip(optimizer.param_groups, groups, strict=True):
            tensors = {key: group[key] for key, value in before.items() if isinstance(value, torch.Tensor)}
            group.clear()
            group.update(before | tensors)
            for key, tensor in tensors.items():
                tensor.copy_(before[key])
        vars(optimizer).clear()
        vars(optimizer).update(own)
        raise
