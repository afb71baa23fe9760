"""A length as it is written: ticks (`500`), a share (`5%`) or epochs (`2 epochs`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any, Literal

from ..config.fields import Nested
from ..errors import Problem

FORMS = "ticks (500), a share (5%) or epochs (2 epochs)"
_WRITTEN = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,2})?)\s*(%|epochs?)?\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Span:
    """A length that was read."""

    amount: Fraction
    """How many ticks, which part of the whole, or how many epochs."""
    unit: Literal["ticks", "share", "epochs"]
    """What is counted."""


def span(written: Any) -> Span:
    """Read a length.

    Raises:
        ValueError: It is none, in words for the user.

    >>> span("5%")
    Span(amount=Fraction(1, 20), unit='share')
    >>> span(0.05)
    Traceback (most recent call last):
    ...
    ValueError: must be a whole number of ticks. A share is written with a percent sign: 5%.
    """
    readable = isinstance(written, (str, Real)) and not isinstance(written, bool)
    found = _WRITTEN.fullmatch(str(written)) if readable else None
    if found is None:
        raise ValueError(f"must be {FORMS}.")
    amount, unit = Fraction(found[1]), (found[2] or "").lower()
    if amount <= 0:
        raise ValueError("must be above 0.")
    if unit == "%":
        if amount > 100:
            raise ValueError("a share is at most 100%.")
        return Span(amount / 100, "share")
    if unit:
        return Span(amount, "epochs")
    if amount.denominator != 1:
        hint = f" A share is written with a percent sign: {float(amount * 100):g}%." if amount < 1 else ""
        raise ValueError(f"must be a whole number of ticks.{hint}")
    return Span(amount, "ticks")


@dataclass(frozen=True)
class Spans(Nested):
    """A key that holds a length, or a list of lengths."""

    several: bool = False

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if self.several and (not isinstance(value, list) or not value):
            return None, [Problem("", f"must be a list of lengths: {FORMS}.", value)]
        items = [(f"[{i}]", item) for i, item in enumerate(value)] if self.several else [("", value)]
        problems = []
        for key, item in items:
            try:
                span(item)
            except ValueError as error:
                problems.append(Problem(key, str(error), item))
        return value, problems
