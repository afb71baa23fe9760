"""SCEPTER's schedules as Configs, and the bounds of torch's that are like them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("PolynomialLR", "POWER"),
        ("LinoPolyLR", "POWER"),
        ("StepLR", "GAMMA"),
        ("MultiStepLR", "GAMMA"),
        ("ExponentialLR", "GAMMA"),
    ],
)
def test_what_would_divide_by_0_or_turn_a_rate_around_in_mid_training_is_refused(name: str, key: str) -> None:
    required: dict[str, dict[str, Any]] = {"StepLR": {"STEP_SIZE": 3}, "MultiStepLR": {"MILESTONES": [3]}}
    keys = required.get(name, {})
    with pytest.raises(ConfigError, match=f"{key} = -1: must be at least 0"):
        scepter_opt.check({"NAME": name, **keys, key: -1})


@pytest.mark.parametrize("name", ["PolynomialLR", "LinoPolyLR"])
def test_a_power_of_0_is_no_fall(name: str) -> None:
    key = {"PolynomialLR": "TOTAL_ITERS", "LinoPolyLR": "END_EPOCH"}[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": name, "POWER": 0, key: 3})
    for _ in range(3):
        optimizer.step()
        scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1)
