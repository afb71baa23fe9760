from __future__ import annotations

from fractions import Fraction
from math import floor, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.schedules.arguments import repeated, rounded, stretch, stretches_before

lengths = st.one_of(st.integers(1, 30), st.fractions(1, 30, max_denominator=12))


@given(lengths, st.integers(0, 400))
def test_stretches_are_those_whose_rounded_boundaries_have_come(length: int | Fraction, tick: int) -> None:
    boundaries = [floor(i * Fraction(length) + Fraction(1, 2)) for i in range(1, 402)]
    assert stretches_before(tick, length) == sum(boundary <= tick for boundary in boundaries)


@given(st.fractions(0, 100, max_denominator=50))
def test_halves_are_rounded_up(boundary: Fraction) -> None:
    assert abs(rounded(boundary) - boundary) <= Fraction(1, 2)
    assert rounded(boundary + Fraction(1, 2)) == floor(boundary) + 1 or boundary.denominator != 1


@pytest.mark.parametrize("value", [0, -1, 0.5, Fraction(1, 2), "3", True, inf])
def test_what_is_no_stretch_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"every = .*: must be a whole number of at least 1"):
        stretch("every", value)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize(("start", "gamma", "times"), [(1.0, 10.0, 400), (1e10, 10.0, 300), (1.0, 2.0, 10**6)])
def test_a_product_that_leaves_the_numbers_is_refused(start: float, gamma: float, times: int) -> None:
    with pytest.raises(ValueError, match="too large for a number"):
        repeated(start, gamma, times)
    assert repeated(start, 1 / gamma, times) >= 0
