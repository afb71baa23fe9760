"""Training arguments as they are read."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt.conversion.arguments import Arguments


@pytest.mark.parametrize(("value", "number"), [("1e-4", 1e-4), (3, 3.0), (None, 0.5), ("${lr}", "${lr}")])
def test_a_number_may_be_its_text_and_an_interpolation_stays(value: Any, number: Any) -> None:
    arguments = Arguments({"weight_decay": value})
    assert arguments.number("weight_decay", 0.5) == number
    assert not arguments.problems


@pytest.mark.parametrize("value", [True, "fast", [1], "nan", float("inf"), {}, 10**400])
def test_what_is_no_number_is_told(value: Any) -> None:
    arguments = Arguments({"weight_decay": value})
    assert arguments.number("weight_decay", 0.5) == 0.5
    assert [problem.message for problem in arguments.problems] == ["must be a number."]


@pytest.mark.parametrize("text", ["sgd", "OptimizerNames.SGD", "SGD"])
def test_a_member_of_an_enum_is_known_in_every_form(text: str) -> None:
    assert Arguments({"optim": text}).text("optim", "") == "sgd"


def test_a_share_of_an_unknown_run_stays_a_share() -> None:
    assert Arguments({"warmup_ratio": 0.03}).warmup == "3%"
    assert Arguments({"warmup_ratio": 0.0301, "max_steps": 100}).warmup == 4
    assert Arguments({"warmup_steps": 7, "warmup_ratio": 0.5}).warmup == 7
    assert Arguments({}).warmup == 0


def test_an_interpolation_is_no_length() -> None:
    arguments = Arguments({"warmup_steps": "${warmup}"})
    assert arguments.warmup == 0
    assert "cannot be made a length" in arguments.problems[0].message
