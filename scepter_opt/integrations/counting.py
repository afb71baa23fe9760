"""What a driver has to know of its scheduler: that the optimizer made a step, and from which tick on the rate turns."""

from __future__ import annotations

from typing import Any
from weakref import ref

from ..errors import ConfigError, Problem


def turn_of(config: Any, scheduler: Any) -> tuple[str, int, str] | None:
    """The key that says after how many ticks the rate turns, that tick, and what the rate does then."""
    key = config.horizon if getattr(config, "turns", False) else ""
    # torch writes T_max for what our keys call T_MAX
    spelt = {name.lower(): name for name in vars(scheduler)} if key else {}
    return (key, getattr(scheduler, spelt[key.lower()]), config.after_end) if key.lower() in spelt else None


def skipped(optimizer: Any) -> bool:
    """Whether the step that an optimizer was just called for was none: its gradients had overflowed."""
    overflow = getattr(optimizer, "found_inf", None)
    return overflow is not None and bool(float(overflow))


def count_steps(driver: Any, scheduler: Any) -> None:
    """Let a driver know of the steps that its optimizer makes.

    A GradScaler does not say which of its optimizers it skipped, and calls a step that finds out by itself, as that of
    an optimizer made with `fused=True` does, on overflow too: such a one is given what was found.
    """
    optimizer = getattr(scheduler, "optimizer", None)
    if optimizer is None:
        message = f"to count steps a driver needs the scheduler's optimizer, and {type(scheduler).__name__} has none."
        raise ConfigError([Problem("scheduler", message)])
    # weakly, or an optimizer would keep every driver that it ever had
    known = ref(driver)

    def count(stepped: Any, *_: Any) -> None:
        waiting = known()
        if waiting is not None and not skipped(stepped):
            waiting._stepped += 1

    optimizer.register_step_post_hook(count)
