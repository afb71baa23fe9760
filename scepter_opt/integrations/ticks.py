"""What a scheduler's node says of its ticks, and the length of a trainer's run: for whatever calls schedulers."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, final

from ..schedules.horizon import Horizon


@final
@dataclass(frozen=True)
class Ticks:
    """When a scheduler is to be called."""

    by_epoch: bool
    """Whether a tick counts epochs; otherwise optimizer steps."""
    frequency: int
    """Epochs or steps per tick."""
    monitor: str | None
    """Name of the metric that a tick takes, if it takes one."""


def ticks_of(config: Any) -> Ticks:
    """INTERVAL, FREQUENCY and MONITOR of a scheduler's Config; of a class without a Config what the node has of them.

    >>> ticks_of({"INTERVAL": "epoch"})
    Ticks(by_epoch=True, frequency=1, monitor=None)
    """
    interval = config.get("INTERVAL", "step")
    return Ticks(
        by_epoch=str(getattr(interval, "value", interval)) == "epoch",
        frequency=int(config.get("FREQUENCY", 1)),
        monitor=config.get("MONITOR"),
    )


def run_of(
    epochs: float | None = None,
    batches: float | None = None,
    accumulate: int = 1,
    max_steps: float | None = None,
) -> Horizon:
    """The length of a run as trainers say it, where None, infinity and numbers below 1 mean that it is not known.

    Args:
        epochs: Most epochs.
        batches: Batches of an epoch, of one process.
        accumulate: Batches that make one optimizer step; what is left over at the end of an epoch makes one too.
        max_steps: Most optimizer steps.

    >>> run_of(epochs=3, batches=10, accumulate=4)
    Horizon(total_steps=9, steps_per_epoch=3)
    >>> run_of(epochs=-1, batches=float("inf"), max_steps=100)
    Horizon(total_steps=100, steps_per_epoch=None)
    """
    known_epochs, known_batches, most = (_known(number) for number in (epochs, batches, max_steps))
    epoch = None if known_batches is None else ceil(known_batches / accumulate)
    by_epochs = None if epoch is None or known_epochs is None else epoch * known_epochs
    return Horizon(min(filter(None, (by_epochs, most)), default=None), epoch)


def _known(number: float | None) -> int | None:
    return int(number) if number is not None and isfinite(number) and number >= 1 else None
