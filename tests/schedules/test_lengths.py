from __future__ import annotations

import copy
import pickle
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.schedules.lengths import Length

READ: list[tuple[Any, Fraction, str]] = [
    (500, Fraction(500), "ticks"),
    (500.0, Fraction(500), "ticks"),
    ("500", Fraction(500), "ticks"),
    ("1e3", Fraction(1000), "ticks"),
    (1, Fraction(1), "ticks"),
    ("1", Fraction(1), "ticks"),
    ("5%", Fraction(1, 20), "share"),
    (" 12.5 % ", Fraction(1, 8), "share"),
    ("100%", Fraction(1), "share"),
    ("2 epochs", Fraction(2), "epochs"),
    ("1.5 EPOCHS", Fraction(3, 2), "epochs"),
    ("1epoch", Fraction(1), "epochs"),
]
REFUSED: list[tuple[Any, str]] = [
    (0, "must be above 0"),
    ("0%", "must be above 0"),
    (-1, "must be above 0"),
    (0.05, "A share is written with a percent sign: 5%"),
    (2.5, "must be a whole number of ticks.$"),
    (1.0, "could be one tick or the whole: write 1, or 100%"),
    ("1.0", "could be one tick or the whole"),
    ("120%", "a share is at most 100%"),
    ("2 hours", "must be ticks"),
    ("", "must be ticks"),
    (True, "must be ticks"),
    (None, "must be ticks"),
    ([5], "must be ticks"),
    (float("nan"), "must be ticks"),
    (float("inf"), "must be below"),
    (10**5000, "must be below"),
    ("9" * 400, "must be below"),
    ("9" * 5000, "must be below"),
    ("1e99", "must be below"),
    ("1e99 epochs", "must be below"),
]


@pytest.mark.parametrize(("written", "amount", "unit"), READ)
def test_a_length_is_read_exactly(written: Any, amount: Fraction, unit: str) -> None:
    length = Length.parse(written)
    assert (length.amount, length.unit) == (amount, unit)
    assert Length.parse(length) is length


@pytest.mark.parametrize(("written", "message"), REFUSED, ids=lambda value: str(type(value)))
def test_what_is_no_length_is_refused_in_words(written: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Length.parse(written)


@pytest.mark.parametrize("written", [0, 0.0, "0", "0%", "0 epochs", "0.0 epochs"])
def test_no_length_is_one_where_it_may_be(written: Any) -> None:
    assert Length.parse(written, above=False).amount == 0
    with pytest.raises(ValueError, match="at least 0"):
        Length.parse(-1, above=False)


@given(st.integers(1, 10_000), st.sampled_from(["", "%", " epochs"]))
def test_a_length_reads_as_it_was_written_and_copies_are_equal(number: int, unit: str) -> None:
    number = min(number, 100) if unit == "%" else number
    length = Length.parse(f"{number}{unit}")
    assert str(length) == f"{number}{unit}"
    assert length == copy.deepcopy(length) == pickle.loads(pickle.dumps(length))
    assert len({length, Length.parse(str(length)), Length.parse("77.5%")}) == 2
