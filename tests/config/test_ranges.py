"""Ranges as sweepers read them."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from scepter_opt.config.ranges import Choices, Scale, around


def parsed(text: str) -> object:
    return OverridesParser.create().parse_override(f"key={text}").value()


def test_a_scale_is_an_interval_of_hydras_that_is_logarithmic() -> None:
    found = parsed(Scale(1e-5, 1e-2).drawn())
    assert (found.start, found.end, found.tags) == (1e-5, 1e-2, {"log"})  # type: ignore[attr-defined]  # of intervals


@pytest.mark.parametrize(
    ("scale", "values"),
    [
        (Scale(1e-3, 1.0), ["0.001", "0.01", "0.1", "1.0"]),
        (Scale(2e-4, 5e-2), ["0.001", "0.01"]),
        (Scale(1e-7, 1e-6), ["1e-07", "1e-06"]),
    ],
)
def test_a_grid_has_the_powers_of_ten(scale: Scale, values: list[str]) -> None:
    assert scale.values() == values


def test_choices_are_a_sweep_of_hydras_whatever_they_are() -> None:
    lists = Choices(([0.9, 0.99], [0.9, 0.999]))
    assert parsed(lists.drawn()).list == [[0.9, 0.99], [0.9, 0.999]]  # type: ignore[attr-defined]  # of choices
    assert parsed(Choices((0.0, 0.9)).drawn()).list == [0.0, 0.9]  # type: ignore[attr-defined]  # of choices


@pytest.mark.parametrize(("default", "low", "high"), [(1e-3, 1e-5, 1e-2), (2e-3, 1e-5, 1e-2), (1.0, 1e-2, 10.0)])
def test_three_decades_are_around_a_rate(default: float, low: float, high: float) -> None:
    assert around(default) == Scale(low, high)
