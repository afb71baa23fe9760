"""Where a run stands when the steps of its epochs, or the ticks of its scheduler, have changed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Literal

Run = Mapping[str, Any]
"""What a scheduler was built from: its node, `total_steps` and `steps_per_epoch`."""


def share_kept(here: Run, saved: Run) -> Fraction | None:
    """What a number of steps is multiplied by, to keep the share of the run that is done.

    None where the steps of an epoch are not known on both sides, or the epochs of the run differ.

    >>> share_kept({"total_steps": 50, "steps_per_epoch": 5}, {"total_steps": 100, "steps_per_epoch": 10})
    Fraction(1, 2)
    """
    numbers = [run[key] for run in (here, saved) for key in ("total_steps", "steps_per_epoch")]
    if not all(numbers):
        return None
    total, epoch, total_saved, epoch_saved = numbers
    return Fraction(epoch, epoch_saved) if total * epoch_saved == total_saved * epoch else None


def ticks_here(ticks: int, here: Run, saved: Run, share: Fraction) -> int | None:
    """A scheduler's ticks in the checkpoint as ticks of the one here; None where epochs are of unknown length."""
    own, other = _per_tick(here), _per_tick(saved)
    if own[0] == other[0] == "epoch":  # epochs are the same, however many steps they have
        return ticks * other[1] // own[1]
    steps, steps_saved = _in_steps(own, here), _in_steps(other, saved)
    return None if steps is None or steps_saved is None else int(ticks * steps_saved * share) // steps


def _per_tick(run: Run) -> tuple[Literal["step", "epoch"], int]:
    return run["node"].get("INTERVAL", "step"), int(run["node"].get("FREQUENCY", 1))


def _in_steps(tick: tuple[str, int], run: Run) -> int | None:
    interval, frequency = tick
    if interval == "step":
        return frequency
    epoch: int | None = run["steps_per_epoch"]
    return None if epoch is None else frequency * epoch
