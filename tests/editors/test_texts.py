"""Numbers and lengths as texts, against what the check reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scepter_opt.config.coercion import read_value
from scepter_opt.config.fields import Beta, Fraction, NonNegative, Positive
from scepter_opt.editors import texts
from scepter_opt.schedules.lengths import Length

BOUNDS = {
    NonNegative: {"minimum": 0},
    Positive: {"exclusiveMinimum": 0},
    Fraction: {"minimum": 0, "maximum": 1},
    Beta: {"minimum": 0, "exclusiveMaximum": 1},
    float: {},
}
written = st.one_of(
    st.from_regex(r"\A ?[-+]?[0-9]{0,3}(\.[0-9]{0,3})?([eE][-+]?[0-9]{1,2})? ?\Z"),
    st.from_regex(r"\A[-+]?[0-9]{0,3}(\.[0-9]{0,2})?(e-?[0-9])?[ ]?(%|epochs?|EPOCH)?\Z"),
    st.text("0123456789.eE+-%", max_size=6),
)


@pytest.mark.parametrize("kind", BOUNDS)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=written)
def test_a_text_that_the_check_reads_matches(kind: object, text: str) -> None:
    if not read_value(text, kind)[1]:
        assert re.search(texts.number(BOUNDS[kind]), text)  # type: ignore[index]  # a type


@pytest.mark.parametrize("kind", BOUNDS)
@settings(max_examples=100, deadline=None, derandomize=True)
@given(text=written)
def test_a_number_without_an_exponent_matches_only_where_the_check_reads_it(kind: object, text: str) -> None:
    if "e" not in text.lower() and re.search(texts.number(BOUNDS[kind]), text):  # type: ignore[index]  # as above
        assert not read_value(text, kind)[1]


@pytest.mark.parametrize("above", [True, False])
@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=written)
def test_a_length_that_is_one_matches_and_without_an_exponent_no_other_does(above: bool, text: str) -> None:
    try:
        Length.parse(text, above)
        is_length = True
    except ValueError:
        is_length = False
    matches = bool(re.search(texts.length(above=above), text))
    assert matches or not is_length
    # 1.0 could be one tick or the whole, which no pattern of numbers tells
    assert is_length or not matches or "e" in text.lower().replace("epoch", "") or float(text) == 1


def test_bounds_of_one_are_those_of_numbers_and_texts() -> None:
    above_one, from_one = texts.number({"exclusiveMinimum": 1}), texts.number({"minimum": 1})
    assert [bool(re.search(above_one, text)) for text in ("1", "1.0", "0.9", "1.01", "12")] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert [bool(re.search(from_one, text)) for text in ("1", "0.9", "-1", "10")] == [True, False, False, True]


def test_whole_numbers_and_infinite_ones() -> None:
    whole, infinite = texts.number({}, whole=True), texts.number({}, infinite=True)
    assert [bool(re.search(whole, text)) for text in ("200.0", "2e3", "-3", "1.5")] == [True, True, True, False]
    assert all(re.search(infinite, text) for text in ("inf", "-.inf", "nan", "Infinity"))
    assert not re.search(whole, "inf")


@pytest.mark.parametrize("text", ["true", "False", "YES", "no", "on", "Off", "t", "F", "y", "n", "1", "0"])
def test_texts_that_are_true_or_false(text: str) -> None:
    assert re.search(texts.BOOLEAN, text)
    assert not read_value(text, bool)[1]


def test_interpolations_wait() -> None:
    assert all(re.search(texts.DEFERRED, text) for text in ("${a.b}", "x${a}y", "???"))
    assert not any(re.search(texts.DEFERRED, text) for text in ("$a", "????", "?", "{a}"))
