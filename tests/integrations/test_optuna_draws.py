"""Overrides of a sweep as what a trial draws."""

from __future__ import annotations

from typing import Any

import pytest

from scepter_opt import ConfigError
from scepter_opt.integrations.optuna_draws import Drawing, read


class Trial:
    """Draws the last of what there is, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """As Optuna's."""
        self.asked.append((name, low, high, log))
        return high

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """As Optuna's."""
        self.asked.append((name, low, high, step, log))
        return high

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """As Optuna's."""
        self.asked.append((name, choices))
        return choices[-1]


@pytest.mark.parametrize(
    ("override", "asked", "text"),
    [
        ("a.b=interval(0.1,1)", ("a.b", 0.1, 1.0, False), "a.b=1.0"),
        ("a.b=tag(log,interval(1e-5,1e-2))", ("a.b", 1e-5, 1e-2, True), "a.b=0.01"),
        ("+n=int(interval(1,5))", ("+n", 1, 5, 1, False), "+n=5"),
        ("n=range(0,6,2)", ("n", [0, 2, 4]), "n=4"),
        ("optimizer=sgd,adamw", ("optimizer", ["sgd", "adamw"]), "optimizer=adamw"),
        ("b=[0.9,0.99],[0.9,0.999]", ("b", ["[0.9,0.99]", "[0.9,0.999]"]), "b=[0.9,0.999]"),
        ("x=true,null", ("x", [True, "null"]), "x=null"),
        ("x=1,false", ("x", [1, False]), "x=False"),
        ("t='a b','c,d'", ("t", ["'a b'", "'c,d'"]), "t='c,d'"),
    ],
)
def test_a_range_is_drawn_as_it_is_written(override: str, asked: tuple[Any, ...], text: str) -> None:
    fixed, (draw,) = read(["epochs=3", override], None)
    trial = Trial()
    drawing = Drawing(trial)
    draw.suggest(drawing)
    assert fixed == ["epochs=3"]
    assert trial.asked == [asked]
    assert draw.text(drawing.params[draw.name]) == text


def test_a_scope_keeps_parameters_apart_and_their_keys() -> None:
    trial = Trial()
    drawing = Drawing(trial)
    drawing.scoped("sgd").suggest_float("optimizer.LEARNING_RATE", 0.1, 1.0, log=True)
    assert trial.asked == [("optimizer.LEARNING_RATE (sgd)", 0.1, 1.0, True)]
    assert drawing.params == {"optimizer.LEARNING_RATE": 1.0}
    assert drawing.asked is trial.asked


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("a=[1", "an override cannot be read"),
        ("a=range(1,1)", "a = 'a=range(1,1)': stands for no value."),
        ("a=interval(2,1)", "a = '2.0 to 1.0': is no interval: the first number is to be the smaller one."),
        ("a=tag(log,interval(0,1))", "a = '0.0 to 1.0': is no interval: the first number is to be the smaller"),
    ],
)  # fmt: skip
def test_what_is_no_range_is_an_error(override: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read([override], None)
    assert words in str(raised.value)
