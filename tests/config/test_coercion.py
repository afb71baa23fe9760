"""Plain values in their types: what is read, what is refused, and in which words."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from scepter_opt.config.coercion import json_schema, read_value
from scepter_opt.config.fields import Betas, CheckedAs, NonNegative, Numbers, WholeFromZero


class Mode(str, enum.Enum):
    rise = "rise"
    fall = "fall"


def refusals(value: Any, annotation: Any) -> list[tuple[str, str]]:
    result, faults = read_value(value, annotation)
    assert result is None
    return [(key, rule) for key, rule, _ in faults]


@pytest.mark.parametrize(
    ("text", "number"), [("1e-8", 1e-8), ("1e-4", 1e-4), ("10e-5", 1e-4), (" 3 ", 3.0), (".5", 0.5), ("+2.", 2.0)]
)
def test_numbers_written_as_text_are_numbers(text: str, number: float) -> None:
    assert read_value(text, NonNegative) == (number, [])


@pytest.mark.parametrize("value", [True, b"1", "1_0", "0x10", "", "abc", None, [1.0], {}, 1j])
def test_what_only_looks_like_a_number_is_none(value: Any) -> None:
    assert refusals(value, float) == [("", "must be a number.")]


def test_only_a_default_that_is_not_finite_admits_values_that_are_not() -> None:
    assert refusals(float("inf"), float) == [("", "must be a finite number.")]
    assert read_value(".inf", float, infinite=True) == (float("inf"), [])
    assert refusals(10**400, float) == [("", "must be a finite number.")]


@pytest.mark.parametrize(("value", "whole"), [(3, 3), (200.0, 200), ("1e3", 1000), ("7", 7)])
def test_whole_floats_and_texts_are_whole_numbers(value: Any, whole: int) -> None:
    number, faults = read_value(value, WholeFromZero)
    assert (number, type(number), faults) == (whole, int, [])


@pytest.mark.parametrize("value", [0.5, "0.5", True, float("nan")])
def test_other_numbers_are_no_whole_ones(value: Any) -> None:
    assert refusals(value, WholeFromZero) == [("", "must be a whole number.")]


def test_bounds_are_named_and_lengths_too() -> None:
    assert refusals(-1, NonNegative) == [("", "must be at least 0.")]
    assert refusals([0.9, 1.0], Betas) == [("[1]", "must be below 1.")]
    assert refusals([0.9], Betas) == [("", "must have exactly 2 values, has 1.")]


def test_members_go_by_name_and_the_nearest_is_named() -> None:
    assert read_value("fall", Mode) == (Mode.fall, [])
    assert refusals("fal", Mode) == [("", "must be one of rise, fall. Did you mean fall?")]


def test_a_union_gives_one_answer_not_one_per_member() -> None:
    assert refusals("x", Numbers) == [("", "must be a number.")]
    assert refusals([0.1, "x"], Numbers) == [("[1]", "must be a number.")]


def test_the_true_type_stands_behind_the_one_that_omegaconf_declares() -> None:
    assert read_value([1, "2"], Annotated[Any, CheckedAs(list[float])]) == ([1.0, 2.0], [])


def test_truth_may_be_a_word_as_yaml_has_it() -> None:
    assert [read_value(word, bool) for word in ("yes", "off", "True")] == [(True, []), (False, []), (True, [])]
    assert refusals("perhaps", bool) == [("", "must be true or false.")]


def test_long_texts_are_read_in_one_go() -> None:
    digits = "1" * 200_000  # hours, where each digit is gone back to
    assert refusals(digits, float) == [("", "must be a finite number.")]
    assert refusals(f"{digits}.{digits}x", float) == [("", "must be a number.")]
    assert refusals(f"{' ' * 200_000}x", WholeFromZero) == [("", "must be a whole number.")]


def test_whole_numbers_of_any_size_are_refused_in_words() -> None:
    assert refusals(10**5000, WholeFromZero) == [("", "must be a whole number of at most 64 bits.")]
    assert refusals(10**5000, NonNegative) == [("", "must be a finite number.")]


def test_the_schema_of_a_choice_has_the_names_of_its_members() -> None:
    class Speed(enum.Enum):
        fast = 1
        slow = 2

    assert json_schema(Speed) == {"enum": ["fast", "slow"], "type": "string"}
    assert read_value("fast", Speed) == (Speed.fast, [])


def test_the_schema_of_a_number_has_its_bounds() -> None:
    assert json_schema(NonNegative) == {"minimum": 0, "type": "number"}


def test_a_type_that_json_has_not_has_an_empty_schema() -> None:
    assert json_schema(Callable[[int], int]) == {}
