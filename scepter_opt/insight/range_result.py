"""What a learning-rate range test found: its losses, the rate that they suggest, and both for people."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

from ..errors import ConfigError, Problem
from ..parameters.notebook import html_table
from . import pictures
from .notebooks import drawing
from .pictures import Line, Panel
from .writing import writing

_FORMATS = (*pictures.FORMATS, ".json")
_FEWEST = 10
# a loss that is no more than so many times the first is drawn: what follows is the way to infinity
_MOST_DRAWN = 1.5


@final
@dataclass(frozen=True)
class RateRange:
    """A learning-rate range test: the loss at each of the rates that were tried, and the rate that it suggests.

    Rates are those of the optimizer's own LEARNING_RATE; each group had its share of it.
    """

    rates: Sequence[float]
    """The rates that were tried, each a step, until the loss diverged or there were no more."""
    losses: Sequence[float]
    """The loss of each step, as it was returned."""
    smoothed: Sequence[float]
    """Their exponential mean up to each step, corrected for its beginning."""
    diverged: bool
    """Whether it ended since the loss diverged."""
    shares: Mapping[str, float]
    """By group what its rate is of the optimizer's own."""
    keys: Mapping[str, float] = field(default_factory=dict)
    """By key of the optimizer's node, such as OPTIMIZERS.muon.LEARNING_RATE, the same; empty without a node."""

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at which the smoothed loss was least; None where the loss did not fall.

        The rule of Howard and Gugger (fastai, 2018), whose smoothing this is, for the test of Smith (2015): at the
        least loss the rate is about to be too great, and the mean of the losses before is late, so a decade is left.
        """
        least = self._least
        return None if least is None else self.rates[least] / 10

    @property
    def steepest(self) -> float | None:
        """The rate at which the smoothed loss fell fastest per decade, before it was least; None where it did not."""
        least = self._least
        if least is None:
            return None
        # the first few means are of so few losses that they move most
        falls = [(self.smoothed[i + 1] - self.smoothed[i - 1], i) for i in range(_FEWEST, least)]
        return self.rates[min(falls)[1]] if falls else None

    @property
    def learning_rates(self) -> dict[str, float]:
        """The suggestion for the node's keys; multipliers and LR_SCALING are no part of it, as in the node."""
        return self._times(self.keys)

    @property
    def groups(self) -> dict[str, float]:
        """The suggestion as each group's own rate."""
        return self._times(self.shares)

    def _times(self, shares: Mapping[str, float]) -> dict[str, float]:
        rate = self.suggestion
        return {} if rate is None else {name: share * rate for name, share in shares.items()}

    @property
    def _least(self) -> int | None:
        """The place of the least smoothed loss, if the loss fell by more than it varied at first."""
        if len(self.losses) < _FEWEST:
            return None
        first = self.losses[: max(_FEWEST, len(self.losses) // 10)]
        mean = sum(first) / len(first)
        varied = math.sqrt(sum((loss - mean) ** 2 for loss in first) / len(first))
        least = min(range(len(self.smoothed)), key=lambda i: _number(self.smoothed[i]))
        return least if mean - self.smoothed[least] > varied and least >= _FEWEST else None

    @property
    def remark(self) -> str:
        """What is to be done where the test suggests nothing, or ended before it could; else empty."""
        least = self._least
        if least is None:
            rose = self.diverged and len(self.losses) < 2 * _FEWEST
            hint = "a smaller `start`" if rose else "more `steps`, a larger `end`"
            return f"no rate made the loss fall by more than it varies from step to step: try {hint}."
        if least == len(self.smoothed) - 1 and not self.diverged:
            return "the loss was still falling at the last rate: a larger `end` would show where it turns."
        return ""

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values; what is not finite is None."""
        told = {name: getattr(self, name) for name in ("suggestion", "steepest", "learning_rates", "groups", "remark")}
        lists = {name: [_finite(x) for x in getattr(self, name)] for name in ("rates", "losses", "smoothed")}
        return {**asdict(self), **lists, **told}

    def to_json(self) -> str:
        """Everything as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __repr__(self) -> str:
        return f"RateRange({len(self.rates)} rates, suggestion {_said(self.suggestion)})"

    def __str__(self) -> str:
        lines = [self.head]
        if self.suggestion is not None:
            lines += [
                f"  suggestion  {_said(self.suggestion)}, a tenth of where the smoothed loss is least",
                f"  steepest    {_said(self.steepest)}, where it falls fastest",
            ]
        lines += [f"  {key}: {_said(rate)}" for key, rate in self.learning_rates.items()]
        if len(self.shares) > 1:
            width = max(map(len, self.shares))
            lines += [f"  group {name:{width}}  {_said(rate)}" for name, rate in self.groups.items()]
        return "\n".join([*lines, *([f"  {self.remark}"] if self.remark else [])])

    @property
    def head(self) -> str:
        """What was tried, in one line."""
        if not self.rates:
            return "learning-rate range test: no rate was tried"
        end = ", where the loss diverged" if self.diverged else ""
        count = f"{len(self.rates)} rates from {_said(self.rates[0])} to {_said(self.rates[-1])}{end}"
        return f"learning-rate range test: {count}"

    def panels(self) -> list[Panel]:
        """The losses over the rates, as a picture has them."""
        count = self._drawn
        rates = self.rates[:count]
        lines = [Line("loss", rates, self.losses[:count]), Line("smoothed", rates, self.smoothed[:count])]
        marks = {} if self.suggestion is None else {f"suggestion {_said(self.suggestion)}": self.suggestion}
        return [Panel("learning rate", "loss", lines, log_x=True, marks=marks)]

    @property
    def _drawn(self) -> int:
        """How many of the losses are drawn."""
        finite = [loss for loss in self.losses if math.isfinite(loss)]
        greatest = _MOST_DRAWN * max(map(abs, finite[:_FEWEST]), default=0.0)
        small = (i for i, loss in enumerate(self.losses, 1) if math.isfinite(loss) and loss <= greatest)
        return max(small, default=0)

    def save(self, path: str | Path) -> None:
        """Write a picture (`.png`, `.svg`) or everything (`.json`); `scepter_opt.write_page` makes a page of it.

        Raises:
            ConfigError: The format is not known, the file cannot be written, or matplotlib is not installed.
        """
        path = Path(path)
        if path.suffix == ".json":
            with writing(path):
                path.write_text(self.to_json() + "\n", encoding="utf-8")
        elif path.suffix in _FORMATS:
            pictures.save(self.panels(), path, self.head)
        else:
            message = f"ends in {', '.join(_FORMATS)}; for a page call scepter_opt.write_page(path, found)."
            raise ConfigError([Problem("path", message, str(path))])

    def _repr_html_(self) -> str:
        """The curve and the suggestion in a notebook."""
        (panel,) = self.panels()
        lines = [(line.label, array("d", line.y)) for line in panel.lines]
        rows = [[name, _said(rate)] for name, rate in (self.learning_rates or self.groups).items()]
        shown = drawing("loss over the learning rate", lines) if self._drawn else ""
        table = html_table(["suggestion", _said(self.suggestion)], rows)
        return f"<div><p>{self.head}</p>{shown}{table}<p>{self.remark}</p></div>"


def _number(value: float) -> float:
    return value if math.isfinite(value) else math.inf


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _said(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.3g}"
