"""A length as it is written: ticks (`500`), a share (`5%`) or epochs (`2 epochs`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any, Literal, final

from ..config.fields import Nested
from ..errors import Problem

FORMS = "ticks (500), a share (5%) or epochs (2 epochs)"
_WRITTEN = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,2})?)\s*(%|epochs?)?\s*", re.IGNORECASE | re.ASCII)


@final
class Length:
    """A length that was read. No dataclass: the node of a Config is read into plain Python, and this stays as it is.

    Args:
        amount: How many ticks, which part of the whole, or how many epochs.
        unit: What is counted.
    """

    __slots__ = ("amount", "unit")

    def __init__(self, amount: Fraction, unit: Literal["ticks", "share", "epochs"]) -> None:
        self.amount = amount
        self.unit = unit

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Length) and (self.amount, self.unit) == (other.amount, other.unit)

    def __hash__(self) -> int:
        return hash((self.amount, self.unit))

    def __repr__(self) -> str:
        return f"Length({self.amount}, {self.unit!r})"

    def __str__(self) -> str:
        number = f"{float(self.amount * (100 if self.unit == 'share' else 1)):g}"
        return number + {"ticks": "", "share": "%", "epochs": " epochs"}[self.unit]

    @property
    def written(self) -> str | int:
        """Exactly as it can be read again."""
        number = self.amount * (100 if self.unit == "share" else 1)
        text = str(number.numerator) if number.denominator == 1 else repr(float(number))
        return int(text) if self.unit == "ticks" else text + {"share": "%", "epochs": " epochs"}[self.unit]

    @classmethod
    def parse(cls, written: Any, above: bool = True) -> Length:
        """Read a length.

        Args:
            written: What a config holds; a Length is one already.
            above: Whether it must be above 0.

        Raises:
            ValueError: It is none, in words for the user.

        >>> Length.parse("5%")
        Length(1/20, 'share')
        >>> Length.parse(0.05)
        Traceback (most recent call last):
        ...
        ValueError: must be a whole number of ticks. A share is written with a percent sign: 5%.
        """
        if isinstance(written, Length):
            return written
        # a fraction, not a float: 10 % of 30 ticks is 3, and shares that are written to 100 % sum up to it
        text, unit = _number_and_unit(written)
        amount = Fraction(text)
        if amount < 0 or (above and amount == 0):
            raise ValueError(f"must be {'above' if above else 'at least'} 0.")
        if amount >= 2**63:
            raise ValueError("must be below 2**63.")
        if unit == "%":
            if amount > 100:
                raise ValueError("a share is at most 100%.")
            return cls(amount / 100, "share")
        if unit:
            return cls(amount, "epochs")
        _refuse_shares(text, amount)
        return cls(amount, "ticks")


def _number_and_unit(written: Any) -> tuple[str, str]:
    """The number as text, and what it counts: `%`, `epoch`, `epochs`, or nothing."""
    is_number = isinstance(written, Real) and not isinstance(written, bool)
    # Python does not even write, or read, numbers of thousands of digits
    if is_number and abs(written) >= 2**63:
        raise ValueError("must be below 2**63.")
    match = _WRITTEN.fullmatch(str(written)) if is_number or isinstance(written, str) else None
    if match is None:
        raise ValueError(f"must be {FORMS}.")
    if len(match[1]) > 60:
        raise ValueError("must be below 2**63.")
    return match[1], (match[2] or "").lower()


def _refuse_shares(text: str, amount: Fraction) -> None:
    """Refuse a share that is written as a number of ticks."""
    # 0.05 was meant for 5 %; 1.0 could have been meant for either, and a run of one tick would tell too late
    if amount.denominator != 1:
        hint = f" A share is written with a percent sign: {float(amount * 100):g}%." if amount < 1 else ""
        raise ValueError(f"must be a whole number of ticks.{hint}")
    if amount == 1 and "." in text:
        raise ValueError("could be one tick or the whole: write 1, or 100%.")


@dataclass(frozen=True)
class Lengths(Nested):
    """A key that holds a length, or a list of them: what is read is what the Config holds."""

    several: bool = False
    """Whether it is a list."""
    above: bool = True
    """Whether a length must be above 0."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if self.several and (not isinstance(value, list) or not value):
            return None, [Problem("", f"must be a list of lengths: {FORMS}.", value)]
        items = [(f"[{i}]", item) for i, item in enumerate(value)] if self.several else [("", value)]
        lengths, problems = [], []
        for key, item in items:
            try:
                lengths.append(Length.parse(item, self.above))
            except ValueError as error:
                problems.append(Problem(key, str(error), item))
        if problems:
            return None, problems
        return (lengths if self.several else lengths[0]), []
