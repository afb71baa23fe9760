"""What the constructors of curves refuse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from scepter_opt.schedules.arguments import number, rising, stretch, stretches_before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None])
def test_a_number_is_finite_and_real(value: Any) -> None:
    with pytest.raises(ValueError, match=r"start = .*: must be a finite number"):
        number("start", value)
    assert number("start", 3) == 3.0
    with pytest.raises(ValueError, match="above 0"):
        number("gamma", 0, above=0)


def test_ticks_rise() -> None:
    assert rising("at", [1, 5.0]) == [1, 5]  # type: ignore[list-item]  # a whole float is a whole number
    with pytest.raises(ValueError, match=r"at = \[5, 5\]: each must be above the one before"):
        rising("at", [5, 5])


@pytest.mark.parametrize("length", [1, 3, Fraction(5, 2), Fraction(10, 3)])
def test_stretches_are_counted_by_their_rounded_boundaries(length: int | Fraction) -> None:
    boundaries = [int(Fraction(length) * count + Fraction(1, 2)) for count in range(1, 80)]
    for tick in range(60):
        assert stretches_before(tick, length) == sum(boundary <= tick for boundary in boundaries)
    assert stretch("every", length) == length
    with pytest.raises(ValueError, match="every"):
        stretch("every", Fraction(1, 2))
