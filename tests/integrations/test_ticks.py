from __future__ import annotations

from typing import Any

import pytest

import scepter_opt
from scepter_opt import Horizon
from scepter_opt.integrations.ticks import Ticks, run_of, ticks_of

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("node", "ticks"),
    [
        ({"NAME": "StepLR", "STEP_SIZE": 1}, Ticks(False, 1, None)),
        ({"NAME": "StepLR", "STEP_SIZE": 1, "INTERVAL": "epoch", "FREQUENCY": 3.0}, Ticks(True, 3, None)),
        ({"NAME": "PlateauLR", "MONITOR": "loss"}, Ticks(True, 1, "loss")),
    ],
)
def test_ticks_are_read_from_the_config(node: dict[str, Any], ticks: Ticks) -> None:
    assert ticks_of(scepter_opt.check(node)) == ticks


@pytest.mark.parametrize(
    ("said", "run"),
    [
        ({}, Horizon()),
        ({"epochs": 5}, Horizon()),
        ({"epochs": 5, "batches": 8}, Horizon(40, 8)),
        ({"epochs": 5, "batches": 8, "accumulate": 3}, Horizon(15, 3)),
        ({"epochs": 5, "batches": 8, "max_steps": 17}, Horizon(17, 8)),
        ({"epochs": 2, "batches": 8, "max_steps": 17}, Horizon(16, 8)),
        ({"epochs": 5, "batches": 8, "max_steps": -1}, Horizon(40, 8)),
        ({"epochs": -1, "batches": 8}, Horizon(None, 8)),
        ({"epochs": -1, "batches": 8, "max_steps": 100}, Horizon(100, 8)),
        ({"epochs": 5, "batches": INFINITE}, Horizon()),
        ({"epochs": None, "batches": INFINITE, "max_steps": 9}, Horizon(9)),
        ({"epochs": INFINITE, "batches": 0, "max_steps": INFINITE}, Horizon()),
    ],
)
def test_a_run_is_as_long_as_what_is_known_of_it(said: dict[str, Any], run: Horizon) -> None:
    assert run_of(**said) == run
