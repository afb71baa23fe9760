"""Ranges in which keys are searched, as Hydra's sweepers read them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Scale:
    """A number whose size is searched: equal ratios are equally likely.

    >>> Scale(1e-3, 1.0).drawn(), Scale(1e-3, 1.0).values()
    ('tag(log, interval(0.001, 1.0))', ['0.001', '0.01', '0.1', '1.0'])
    """

    low: float
    """Smallest value, above 0."""
    high: float
    """Largest value."""

    def drawn(self) -> str:
        """What a sweeper that draws values takes."""
        return f"tag(log, interval({self.low}, {self.high}))"

    def values(self) -> list[str]:
        """Those that a grid has: the powers of ten in it."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        # as they are written, and not as multiplying makes them
        return [str(float(f"1e{power}")) for power in range(first, last + 1)]

    def fits(self, default: Any) -> bool:
        """Whether a key with this default is of the kind that is searched here: always."""
        return True

    def suggest(self, trial: Any, name: str) -> Any:
        """A value that a trial of Optuna draws, under a name."""
        return trial.suggest_float(name, self.low, self.high, log=True)

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g} (log)"


@dataclass(frozen=True)
class Choices:
    """One of a few values.

    >>> Choices((0.0, 0.9)).drawn(), Choices(([0.9, 0.99], [0.9, 0.999])).values()
    ('0.0,0.9', ['[0.9,0.99]', '[0.9,0.999]'])
    """

    of: tuple[Any, ...]
    """Numbers, or lists of numbers."""

    def drawn(self) -> str:
        """What a sweeper that draws values takes."""
        return ",".join(self.values())

    def values(self) -> list[str]:
        """Those that a grid has: all."""
        return [str(value).replace(" ", "") for value in self.of]

    def fits(self, default: Any) -> bool:
        """Whether a key with this default is of the kind that is searched here: a list of as many, or a number."""
        return _size(default) == _size(self.of[0])

    def suggest(self, trial: Any, name: str) -> Any:
        """A value that a trial of Optuna draws, under a name; of lists their text, as Hydra reads it."""
        lists = any(isinstance(value, list) for value in self.of)
        return trial.suggest_categorical(name, self.values() if lists else list(self.of))

    def __str__(self) -> str:
        return ", ".join(self.values())


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, (list, tuple)) else None


Range: TypeAlias = Scale | Choices
"""Where a key is searched."""


def around(default: float) -> Scale:
    """Three decades for a rate: from two below its default's to one above.

    >>> around(2e-3)
    Scale(low=1e-05, high=0.01)
    """
    power = math.floor(math.log10(default))
    return Scale(float(f"1e{power - 2}"), float(f"1e{power + 1}"))
