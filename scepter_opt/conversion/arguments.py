"""Training arguments as they are read: numbers that may be texts, a run that may be unknown, and what is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..errors import Problem


class Arguments:
    """Training arguments, with what is wrong with them and what is to be known.

    Args:
        values: The arguments as a file holds them.
    """

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self.values = values
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    def wrong(self, key: str, message: str, value: Any) -> None:
        """Keep a problem."""
        self.problems.append(Problem(key, message, value))

    def text(self, key: str, default: str) -> str:
        """A text, such as the member of an enum; the default where it is not said."""
        value = self.values.get(key)
        if value is None:
            return default
        # str(OptimizerNames.SGD) is what some scripts write
        text = str(value)
        return text.rpartition(".")[2].lower() if text.isupper() or "Names." in text or "Type." in text else text

    def number(self, key: str, default: float) -> Any:
        """A number, or its text; the default where it is not said or is none."""
        return self.as_number(key, self.values.get(key), default)

    def as_number(self, key: str, value: Any, default: float | None) -> Any:
        """A value as a number; an interpolation stays a text."""
        if value is None:
            return None if default is None else float(default)
        if isinstance(value, str) and "${" in value:
            return value
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            self.wrong(key, "must be a number.", value)
            return default
        return number

    @cached_property
    def total(self) -> int | None:
        """Steps of the run; None where only its epochs are known."""
        steps = self.number("max_steps", -1)
        return int(steps) if isinstance(steps, float) and steps > 0 else None

    @cached_property
    def warmup(self) -> int | str:
        """Length of the warm-up: steps, or a share of a run whose length is unknown."""
        steps = self.number("warmup_steps", 0)
        if isinstance(steps, float) and steps >= 1:
            return int(steps)
        # below 1 it is a share, which older versions call warmup_ratio
        share = steps or self.number("warmup_ratio", 0)
        if not isinstance(share, float):
            self.wrong("warmup_steps", "an interpolation cannot be made a length: write the number.", share)
            return 0
        if not 0 <= share <= 1:
            self.wrong("warmup_ratio", "must be between 0 and 1.", share)
            return 0
        if self.total is not None:
            return math.ceil(self.total * share)
        return f"{100 * share:.12g}%" if share else 0
