"""The learning-rate range test (Smith, 2015): ever greater rates in a loop of any kind, of which nothing remains."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from numbers import Real
from typing import Any

from ..checkpoint.objects import inner
from ..checkpoint.snapshot import Snapshot
from ..errors import ConfigError, Problem, show
from ..parameters.merging import SETTINGS
from ..parameters.processes import Processes, attempt
from ..parameters.state import scale_of
from ..schedules.group_settings import RATE, Setting
from .progress import track
from .range_checks import wrong_numbers, wrong_objects
from .range_result import RateRange

_OF_ALL = "All processes call find_lr, and stop at the same rate."
_SECONDS = 600


def find_lr(
    model: Any,
    optimizer: Any,
    train_step: Callable[..., Any],
    data: Iterable[Any] | None = None,
    *,
    start: float = 1e-7,
    end: float = 10.0,
    steps: int = 100,
    scaler: Any = None,
    also: Any = (),
    smoothing: float = 0.98,
    diverged: float = 4.0,
) -> RateRange:
    """Try ever greater learning rates, one a step, and suggest one: the learning-rate range test of Smith (2015).

    Rates grow by the same factor from `start` to `end`. They are those of the optimizer's own LEARNING_RATE (of an
    optimizer that another built: of its constructor, or where no group has that, of its first group), and each group
    has its share, so that multipliers hold. It ends early where the loss is no number any more, or its smoothed one is
    more than `diverged` times the least and above the first.

    Afterwards all is as it was, bit for bit, also where a step raised or Ctrl-C was pressed: parameters, buffers,
    gradients, `training` and `requires_grad` of the model, the optimizer's state and groups, the scaler, what is in
    `also`, and the random numbers of torch, CUDA, numpy and Python. It takes a copy of them in memory. An iterator
    cannot be rewound: what `train_step` takes from one of its own is gone.

    Args:
        model: The module that is trained, or several in a list or a mapping.
        optimizer: An optimizer of torch's kind over their parameters, before a scheduler is built over it.
        train_step: Makes one step, with all that belongs to it (accumulation, scaler, clipping, closure), and returns
            its loss: a number, or a tensor of one.
        data: Batches, each of which `train_step` is given: a DataLoader, or anything that can be gone through again.
            Without it `train_step` takes no argument.
        start: The first rate.
        end: The last rate.
        steps: How many rates are tried.
        scaler: The GradScaler of the loop.
        also: What else a step changes: an average of the weights, other optimizers, generators of random numbers.
        smoothing: Share of the mean in the smoothed loss that is kept from step to step.
        diverged: How many times the least smoothed loss is too many.

    Raises:
        ConfigError: A scheduler is attached, `train_step` makes no step of the optimizer, or something else is not
            what it has to be.

    >>> import torch
    >>> model, rows = torch.nn.Linear(2, 1), torch.eye(2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> def train_step():
    ...     optimizer.zero_grad()
    ...     loss = (model(rows) - 1).square().mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> find_lr(model, optimizer, train_step).diverged, optimizer.param_groups[0]["lr"]
    (True, 0.1)
    """
    models, also, own = _listed(model), _listed(also), inner(optimizer)
    problems = [
        *wrong_numbers(start, end, steps, smoothing, diverged),
        *wrong_objects(models, own, train_step, data, scaler, also),
    ]
    if problems:
        raise ConfigError(problems)
    rates = [start * (end / start) ** (i / (steps - 1)) for i in range(steps)]
    shares, keys = _shares(own)
    names = [str(group.get("name", number)) for number, group in enumerate(own.param_groups)]
    taken = Snapshot(each for each in (*models, own, scaler, *also, data) if each is not None)
    curve = _Curve(smoothing, diverged)
    try:
        with _steps_of(own) as made, closing(_batches(data)) as batches:
            for rate in track(rates, "trying learning rates"):
                _write(own, rate, shares)
                loss = attempt(lambda: _loss(train_step(*next(batches))))
                # each of several processes has the mean: they go on together, or end together
                mean = Processes("find_lr", _SECONDS, _OF_ALL).agree(loss, lambda told: math.fsum(told) / len(told))
                if not made and scaler is None:
                    raise ConfigError([Problem("train_step", f"makes no step of this {type(own).__name__}.")])
                if curve.add(mean):
                    break
            if not made:
                raise ConfigError([Problem("train_step", "the scaler skipped every step: its scale is too great.")])
    finally:
        taken.restore()
    tried = rates[: len(curve.losses)]
    return RateRange(tried, curve.losses, curve.smoothed, curve.is_over, dict(zip(names, shares, strict=True)), keys)


class _Curve:
    """The losses so far, and whether they have diverged."""

    def __init__(self, smoothing: float, most: float) -> None:
        self._smoothing, self._most, self._mean = smoothing, most, 0.0
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self.is_over = False

    def add(self, loss: float) -> bool:
        """Take the loss of a step; whether it diverged."""
        self._mean = self._smoothing * self._mean + (1 - self._smoothing) * loss
        mean = self._mean / (1 - self._smoothing ** (len(self.losses) + 1))
        self.losses.append(loss)
        self.smoothed.append(mean)
        least = min(self.smoothed)
        # a multiple of what may be negative: so far above it as a positive one's multiple would be
        limit = max(self.smoothed[0], least + (self._most - 1) * abs(least))
        self.is_over = not math.isfinite(loss) or mean > limit
        return self.is_over


@contextmanager
def _steps_of(optimizer: Any) -> Iterator[list[bool]]:
    """Filled at each step that is made in the block; a class without torch's hooks is believed to make them."""
    made: list[bool] = []
    if not hasattr(optimizer, "register_step_post_hook"):
        yield [True]
        return
    handle = optimizer.register_step_post_hook(lambda *_: made.append(True))
    try:
        yield made
    finally:
        handle.remove()


def _batches(data: Any) -> Generator[tuple[Any, ...], None, None]:
    """The arguments of each step: a batch, from the beginning again when there are no more."""
    if data is None:
        while True:
            yield ()
    if getattr(data, "_iterator", None) is not None:
        data._iterator = None  # workers of an epoch that is under way are to stay where they are
    while True:
        batch = None
        for batch in data:
            yield (batch,)
        if batch is None:
            raise ConfigError([Problem("data", "has no batch.")])


def _loss(loss: Any) -> float:
    """A loss as a number."""
    if hasattr(loss, "numel") and loss.numel() == 1:
        return float(loss.detach())
    if isinstance(loss, Real) and not isinstance(loss, bool):
        return float(loss)
    hint = " Return its mean." if hasattr(loss, "numel") else ""
    raise ConfigError(
        [Problem("train_step", f"returns the loss of its step, one number; this was {show(loss)}.{hint}")]
    )


def _write(optimizer: Any, rate: float, shares: Iterable[float]) -> None:
    import torch

    setting = Setting.of(RATE, optimizer.param_groups)
    with torch.no_grad():
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            setting.write(group, rate * share)


def _shares(optimizer: Any) -> tuple[list[float], dict[str, float]]:
    """What each group's rate is of the optimizer's own, and by key of its node what that of each part is."""
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    default = float(optimizer.defaults.get("lr") or 0.0)
    if default and all(SETTINGS in group for group in optimizer.param_groups):
        # the defaults have what the node says, with its LR_SCALING; the groups have their multipliers too
        parts = getattr(optimizer, "parts", {"": optimizer})
        written = {name: float(part.defaults["lr"] or 0.0) / scale_of(optimizer, name) for name, part in parts.items()}
        owner = next(name for name, part in parts.items() if part.defaults["lr"] == optimizer.defaults["lr"])
        own = written[owner]
        keys = {f"OPTIMIZERS.{name}.{RATE}" if name else RATE: rate / own for name, rate in written.items()}
    else:
        own, keys = default if default in rates and default else next(filter(None, rates)), {}
    return [rate / own for rate in rates], keys


def _listed(given: Any) -> list[Any]:
    """One thing, or several in a list or a mapping, as a list."""
    if isinstance(given, Mapping):
        return list(given.values())
    # a Sequential can be gone through, and is one
    return list(given) if isinstance(given, (list, tuple, set)) else [given]
