"""How long a run is, in optimizer steps, and how many ticks of a scheduler that makes."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral
from typing import Literal, final

from ..errors import ConfigError

Interval = Literal["step", "epoch"]
"""What a scheduler's tick counts: optimizer steps or epochs."""


# What check cannot know and a build can: an error of its own, so that check tells it from a mistake.
class UnknownYet(ConfigError):
    """The total, or the length of an epoch, is needed and unknown: the call can give it."""


def whole(name: str, value: object, at_least: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `at_least`, else raise ValueError.

    Whole floats pass, because `steps / 2` and YAML's `1e4` are floats; True and False do not.

    >>> whole("epochs", 90.0)
    90
    >>> whole("epochs", 0.5)
    Traceback (most recent call last):
    ValueError: epochs = 0.5: must be a whole number of at least 1
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if is_whole or (isinstance(value, float) and value.is_integer()):
        number = int(value)  # type: ignore[call-overload]  # both branches were narrowed above
        if number >= at_least:
            return int(number)
    raise ValueError(f"{name} = {value!r}: must be a whole number of at least {at_least}")


def batches_per_epoch(
    samples: int,
    batch_size: int,
    *,
    drop_last: bool = False,
    world_size: int = 1,
    sampler_drop_last: bool = False,
) -> int:
    """Return the length of each process's loader over a data set, in batches.

    Args:
        samples: Size of the data set.
        batch_size: Samples in one batch of one process.
        drop_last: The loader leaves out a last batch that is not full (torch's DataLoader).
        world_size: Processes that share the data set.
        sampler_drop_last: Samples that do not divide by the processes are left out; otherwise some are
            repeated (torch's DistributedSampler).

    Raises:
        ValueError: an input is no whole positive number, or no batch is left.

    >>> batches_per_epoch(1000, 32, world_size=3)  # 334 samples for each process
    11
    >>> batches_per_epoch(1000, 32, world_size=3, drop_last=True)
    10
    """
    samples, batch_size = whole("samples", samples), whole("batch_size", batch_size)
    world_size = whole("world_size", world_size)
    share = _divide(samples, world_size, drop=sampler_drop_last)
    batches = _divide(share, batch_size, drop=drop_last)
    if batches == 0:
        raise ValueError(
            f"no batch in an epoch: {samples} samples / {world_size} processes = {share} samples each, "
            f"and {share} / {batch_size} per batch = 0 batches, as what is not full is dropped"
        )
    return batches


@final
@dataclass(frozen=True)
class Horizon:
    """The length of a run, as far as it is known.

    >>> Horizon(total_steps=10_000, steps_per_epoch=500)
    Horizon(total_steps=10000, steps_per_epoch=500)
    """

    total_steps: int | None = None
    """Length of the whole run, in optimizer steps; None where it is unknown."""
    steps_per_epoch: int | None = None
    """Length of one epoch, in optimizer steps; None where it is unknown."""

    def __post_init__(self) -> None:
        for name in ("total_steps", "steps_per_epoch"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, whole(name, value))

    @classmethod
    def from_loader(
        cls,
        loader: Sized | int,
        epochs: int,
        *,
        accumulate: int = 1,
        drop_last_accumulation: bool = False,
        world_size: int = 1,
        drop_uneven: bool = False,
    ) -> Horizon:
        """Count the optimizer steps of a run over a loader.

        Args:
            loader: The loader, or its length in batches. `batches_per_epoch` gives that length for a data
                set.
            epochs: Passes over the loader.
            accumulate: Batches whose gradients make one optimizer step.
            drop_last_accumulation: What happens to the batches left over at the end of an epoch, when
                `accumulate` does not divide it: without it they make a step of their own (Lightning,
                transformers, accelerate); with it they make none (a loop that steps when
                `(i + 1) % accumulate == 0`).
            world_size: Processes that still have to share these batches, as accelerate's `prepare` makes
                them. It stays 1 where the loader has a DistributedSampler, or is the process's own for
                another reason: its length is then divided already.
            drop_uneven: Batches that do not divide by `world_size` are left out; otherwise they are filled
                up, so that each process makes as many steps.

        Raises:
            ValueError: an input is no whole positive number, the loader has no length, or no step is left.

        >>> Horizon.from_loader(103, epochs=10, accumulate=4)
        Horizon(total_steps=260, steps_per_epoch=26)
        >>> Horizon.from_loader(103, epochs=10, accumulate=4, drop_last_accumulation=True)
        Horizon(total_steps=250, steps_per_epoch=25)
        """
        batches = _length(loader)
        epochs, accumulate = whole("epochs", epochs), whole("accumulate", accumulate)
        world_size = whole("world_size", world_size)
        share = _divide(batches, world_size, drop=drop_uneven)
        steps = _divide(share, accumulate, drop=drop_last_accumulation)
        if steps == 0:
            raise ValueError(
                f"no optimizer step in an epoch: {batches} batches / {world_size} processes = {share} "
                f"batches each, and {share} / {accumulate} accumulated = 0 steps, as what is not full is dropped"
            )
        return cls(total_steps=steps * epochs, steps_per_epoch=steps)


def steps_per_tick(interval: Interval, frequency: int = 1, steps_per_epoch: int | None = None) -> int:
    """Return the optimizer steps from one tick of a scheduler to the next.

    Args:
        interval: What a tick counts, `step` or `epoch` (a scheduler's INTERVAL).
        frequency: How many of them make one tick (FREQUENCY).
        steps_per_epoch: Optimizer steps; needed for `epoch` only.

    Raises:
        ValueError: an input is no whole positive number, or the length of an epoch is needed and unknown.

    >>> steps_per_tick("epoch", frequency=2, steps_per_epoch=500)
    1000
    """
    frequency = whole("frequency", frequency)
    if _is_epoch(interval):
        return frequency * _known_epoch(steps_per_epoch)
    return frequency


def ticks(steps: int, interval: Interval, frequency: int = 1, steps_per_epoch: int | None = None) -> int:
    """Return the length of a run of `steps` optimizer steps, in ticks of a scheduler.

    A tick that the run only begins counts: a schedule reaches its end where the run ends, and no part of
    the run is trained at the value that was meant for after it.

    Raises:
        ValueError: as `steps_per_tick`.

    >>> ticks(10_000, "step")
    10000
    >>> ticks(10_000, "epoch", steps_per_epoch=500)
    20
    >>> ticks(10_100, "epoch", steps_per_epoch=500)  # the 21st epoch needs a rate as well
    21
    """
    return _divide(whole("steps", steps), steps_per_tick(interval, frequency, steps_per_epoch), drop=False)


def ticks_per_epoch(interval: Interval, frequency: int = 1, steps_per_epoch: int | None = None) -> Fraction:
    """Return the length of an epoch, in ticks of a scheduler: exactly, since boundaries are rounded later.

    The length in steps is needed only where ticks are steps.

    Raises:
        ValueError: as `steps_per_tick`.

    >>> ticks_per_epoch("epoch", frequency=2)
    Fraction(1, 2)
    >>> ticks_per_epoch("step", steps_per_epoch=500)
    Fraction(500, 1)
    """
    frequency = whole("frequency", frequency)
    return Fraction(1 if _is_epoch(interval) else _known_epoch(steps_per_epoch), frequency)


def _divide(count: int, by: int, *, drop: bool) -> int:
    """Divide and round down where the remainder is dropped, up where it counts."""
    return count // by if drop else -(-count // by)


def _length(loader: Sized | int) -> int:
    """Return the batches of a loader that is given as itself or by its length."""
    if not isinstance(loader, Sized):
        return whole("loader", loader)
    try:
        batches = len(loader)
    except TypeError as error:  # torch's DataLoader has __len__ even over a data set without one
        raise ValueError(f"the loader has no length ({error}): give batches per epoch instead") from error
    return whole("len(loader)", batches)


def _is_epoch(interval: str) -> bool:
    """Tell the two intervals apart, and refuse a third."""
    if interval not in ("step", "epoch"):
        raise ValueError(f"interval = {interval!r}: must be 'step' or 'epoch'")
    return interval == "epoch"


def _known_epoch(steps_per_epoch: int | None) -> int:
    """Return the steps per epoch, or say that they are needed."""
    if steps_per_epoch is None:
        raise ValueError("steps_per_epoch is unknown: without it steps and epochs cannot be converted")
    return whole("steps_per_epoch", steps_per_epoch)
