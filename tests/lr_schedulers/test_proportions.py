from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigWarning
from tests.lr_schedulers.proportional_groups import NODE, rates
from tests.parameters.models import Net


@pytest.mark.parametrize(
    "keys",
    [
        {"NAME": "CyclicLR", "BASE_LR": 0.01, "MAX_LR": 0.4, "STEP_SIZE_UP": 3, "CYCLE_MOMENTUM": False},
        {"NAME": "OneCycleLR", "MAX_LR": 0.4, "CYCLE_MOMENTUM": False},
        {"NAME": "ReduceLROnPlateau", "PATIENCE": 0, "MIN_LR": 0.05},
        {"NAME": "CosineAnnealingLR"},
        {"NAME": "LinearLR"},
        {"NAME": "StepAnnealingLR", "WARMUP_STEPS": 2},
    ],
    ids=lambda keys: str(keys["NAME"]),
)
def test_groups_stay_in_proportion_under_every_scheduler(keys: Any) -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    for own, slow, head in rates(scepter_opt.build_lr_scheduler(optimizer, keys, total_steps=10), 10):
        assert (slow, head) == pytest.approx((own * 0.1, own * 10))


def test_what_is_written_stands_for_the_optimizers_own_rate() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": "OneCycleLR", "MAX_LR": 0.4}, total_steps=10)
    assert [group["max_lr"] for group in scheduler.optimizer.param_groups] == pytest.approx([0.4, 0.04, 4.0])


def test_multipliers_hold_without_a_scheduler() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1, 0.01, 1.0])


def test_a_list_in_the_config_stays() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    node = {"NAME": "OneCycleLR", "MAX_LR": [0.1, 0.2, 0.3], "CYCLE_MOMENTUM": False}
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, total_steps=10)
    assert [group["max_lr"] for group in scheduler.optimizer.param_groups] == [0.1, 0.2, 0.3]


FLOORS = [
    ({"NAME": "CosineAnnealingLR", "ETA_MIN": 1e-3}, "lr_scheduler.ETA_MIN"),
    ({"NAME": "CosineAnnealingWarmRestarts", "T_0": 3, "ETA_MIN": 1e-3}, "lr_scheduler.ETA_MIN"),
    ({"NAME": "StepAnnealingLR", "WARMUP_STEPS": 2, "MIN_LR": 1e-3}, "lr_scheduler.MIN_LR"),
    (
        {
            "NAME": "SequentialLR",
            "MILESTONES": [3],
            "SCHEDULERS": {"a": {"NAME": "LinearLR"}, "b": {"NAME": "CosineAnnealingLR", "ETA_MIN": 1e-3}},
        },
        "lr_scheduler.SCHEDULERS.b.ETA_MIN",
    ),
]


@pytest.mark.parametrize(("node", "key"), FLOORS, ids=lambda value: str(value)[:30])
def test_an_absolute_floor_that_lifts_a_group_is_a_warning(node: Any, key: str) -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    with pytest.warns(
        scepter_opt.ConfigWarning, match=f"^{key} = 0.001: is absolute .* lifts the group slow, whose rate is 0.01"
    ):
        scepter_opt.build_lr_scheduler(optimizer, node, total_steps=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = scepter_opt.build_optimizer(Net(), {"NAME": "SGD"})
        plain.step()
        scepter_opt.build_lr_scheduler(plain, node, total_steps=10)


@pytest.mark.parametrize(
    ("node", "key", "expected"),
    [
        ({"NAME": "ReduceLROnPlateau", "MIN_LR": 0.01}, "", [0.01, 0.01]),
        ({"NAME": "OneCycleLR", "MAX_LR": 1.0, "TOTAL_STEPS": 10, "CYCLE_MOMENTUM": False}, "max_lr", [1.0, 1.0]),
        ({"NAME": "CyclicLR", "BASE_LR": 0.1, "MAX_LR": 1.0, "CYCLE_MOMENTUM": False}, "lr", [0.1, 0.1]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_over_an_optimizer_that_torch_made_keys_mean_what_torch_means(
    node: Any, key: str, expected: list[float]
) -> None:
    own, other = (torch.ones(1, requires_grad=True) for _ in range(2))
    groups: list[dict[str, Any]] = [{"params": [own]}, {"params": [other], "lr": 0.2, "name": "head"}]
    scheduler: Any = scepter_opt.build_lr_scheduler(torch.optim.SGD(groups, lr=0.1), node)
    found = [group[key] for group in scheduler.optimizer.param_groups] if key else scheduler.min_lrs
    assert found == pytest.approx(expected)


def test_a_floor_above_the_rate_is_said() -> None:
    optimizer = scepter_opt.build_optimizer(
        {"w": torch.ones(1, requires_grad=True)}, {"NAME": "SGD", "LEARNING_RATE": 0.001}
    )
    with pytest.warns(ConfigWarning, match=r"lr_scheduler.ETA_MIN = 0.1: is above the rate, 0.001"):
        scepter_opt.build_lr_scheduler(optimizer, {"NAME": "CosineAnnealingLR", "ETA_MIN": 0.1}, total_steps=10)
