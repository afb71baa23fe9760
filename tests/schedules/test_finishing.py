"""FINISH: its keys, where it ends, and its curve."""

from __future__ import annotations

from fractions import Fraction
from math import cos, pi, sqrt
from typing import Any

import pytest

from scepter_opt import ConfigError
from scepter_opt.config.plain import plain
from scepter_opt.schedules.finishing import Finish, FinishKeys


def read(**keys: Any) -> Finish:
    finish, problems = FinishKeys().check({"CURVE": "linear", "TO": 0, **keys}, object, None)
    assert not problems
    assert isinstance(finish, Finish)
    return finish


def test_it_is_read_again_from_its_plain_values() -> None:
    finish = read(CURVE="polynomial", POWER=2, LENGTH="10%", AT=900, INCLUDE="end")
    written = plain(finish)
    assert written == {
        "CURVE": "polynomial", "LENGTH": "10%", "TO": 0.0, "INCLUDE": "end", "POWER": 2.0, "AT": 900,
    }  # fmt: skip
    assert FinishKeys().check(written, object, None) == (finish, [])


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"CURVE": "constant"}, "CURVE: must be one of linear, cosine, polynomial, exponential, one_minus_sqrt, "),
        ({"CURVE": "lineer"}, "CURVE: must be .* Did you mean linear?"),
        ({"CURVE": None}, "CURVE: is required: one of linear"),
        ({"TO": None}, "TO: is required: linear ends there"),
        ({"TO": -1}, "TO: must be at least 0"),
        ({"TO_VALUE": 1}, "TO: give TO or TO_VALUE, not both"),
        ({"FROM": 1}, "FROM: FINISH has no such key. It has CURVE, TO, TO_VALUE, LENGTH, INCLUDE, HOLD, AT."),
        ({"PHASES": {}}, "PHASES: FINISH has no such key"),
        ({"CLOCK": "phase"}, "CLOCK: FINISH has no such key"),
        ({"LENGHT": 3}, "LENGHT: .* has no such key. Did you mean LENGTH?"),
        ({"POWER": 3}, "POWER: a phase of the curve linear has no such key. It has CURVE, LENGTH, TO,"),
        ({"LENGTH": 0}, "LENGTH: must be above 0, and as a share below 100%"),
        ({"LENGTH": "100%"}, "LENGTH: must be above 0, and as a share below 100%"),
        ({"LENGTH": 0.1}, "LENGTH: .* A share is written with a percent sign: 10%"),
        ({"AT": 2.5}, "AT: must be a whole number of at least 0"),
        ({"AT": -1}, "AT: must be a whole number of at least 0"),
        ({"CURVE": "exponential"}, "TO: exponential never reaches 0"),
    ],
)
def test_what_is_wrong_with_its_keys_is_said(keys: dict[str, Any], problem: str) -> None:
    _, problems = FinishKeys().check({"CURVE": "linear", "TO": 0, **keys}, object, None)
    key, _, message = problem.partition(": ")
    assert [one.key for one in problems] == [key]
    assert all(part in problems[0].message for part in message.split(".* "))


@pytest.mark.parametrize("value", ["linear", 0.1, ["linear"]])
def test_what_is_no_curve_is_refused(value: Any) -> None:
    ((problem),) = FinishKeys().check(value, object, None)[1]
    assert problem.message == "must be a curve to an end: {CURVE: one_minus_sqrt, TO: 0, LENGTH: 10%}."


@pytest.mark.parametrize(
    ("length", "start", "total", "epoch", "ticks"),
    [
        ("10%", 900, None, None, 100),  # of the run that ends with it
        ("20%", 4, None, None, 1),
        ("33%", 10, None, None, 5),  # 10/0.67 = 14.9
        (250, 900, None, None, 250),
        (250, 0, 250, None, 250),
        ("2 epochs", 900, None, Fraction(50), 100),
        ("1.5 epochs", 7, None, Fraction(5), 8),  # 7.5, and halves go up
        (None, 900, 1000, None, 100),
    ],
)
def test_where_it_ends(length: Any, start: int, total: int | None, epoch: Fraction | None, ticks: int) -> None:
    assert read(LENGTH=length).span(start, total, epoch) == ticks


@pytest.mark.parametrize(
    ("length", "start", "total", "problem"),
    [
        (None, 900, None, "FINISH.LENGTH: is needed"),
        (None, 900, 900, "FINISH.LENGTH: takes the rest of the run, and nothing is left: 900 of 900 ticks are done"),
        ("10%", 900, 1001, "TOTAL_STEPS = 1001: FINISH begins after 900 ticks and takes 100, so the run ends at 1000"),
        ("10%", 2, None, "FINISH.LENGTH = '10%': is of the run that ends with it, and after 2 ticks that is none"),
        ("2 epochs", 2, None, "FINISH.LENGTH = '2 epochs': is in epochs: give steps_per_epoch to the call"),
    ],
)
def test_what_has_no_end_or_another_is_refused(length: Any, start: int, total: int | None, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(LENGTH=length).span(start, total, None)
    assert problem in str(caught.value)


def test_its_curve_counts_from_its_own_beginning() -> None:
    def values(own: float = 1.0, **keys: Any) -> list[float]:
        curve = read(LENGTH=4, **keys).curve(0.8, 4, None, own)
        return [curve(k) for k in range(6)]

    assert values() == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0, 0.0], abs=1e-15)
    assert values(CURVE="one_minus_sqrt", TO=0.1) == pytest.approx(
        [0.8 - 0.7 * sqrt(k / 4) for k in range(5)] + [0.1], abs=1e-15
    )
    assert values(CURVE="cosine", TO=1.2) == pytest.approx(
        [1.0 - 0.2 * cos(pi * k / 4) for k in range(5)] + [1.2], abs=1e-15
    )
    # as the rate itself, of an optimizer whose own is 0.5
    assert values(0.5, TO=None, TO_VALUE=0.1) == pytest.approx([0.8, 0.65, 0.5, 0.35, 0.2, 0.2])
    assert values(INCLUDE="end")[:4] == pytest.approx([0.6, 0.4, 0.2, 0.0], abs=1e-15)
    assert values(HOLD=2)[:5] == pytest.approx([0.8, 0.8, 0.4, 0.4, 0.0], abs=1e-15)


def test_the_log_says_it_in_a_line() -> None:
    assert read(LENGTH="10%").describe() == "FINISH: linear to 0 over 10%, from where a checkpoint stands on"
    told = read(CURVE="cosine", TO=None, TO_VALUE=1e-5, AT=5).describe()
    assert told == "FINISH: cosine to the value 1e-05 over the rest, from tick 5 on"


def test_a_key_that_there_is_not_is_refused_also_where_it_is_null() -> None:
    finish = {"CURVE": "linear", "TO": 0, "AT": None, "POWER": None}
    assert FinishKeys().check(finish, Finish, None)[1] == []
    (problem,) = FinishKeys().check({**finish, "LENGHT": None}, Finish, None)[1]
    assert problem.key == "LENGHT"
