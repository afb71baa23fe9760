"""SCEPTER's schedulers as objects: none writes nothing, and lengths are the config's."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch

import scepter_opt


def sgd(rate: Any = 1.0) -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)


def go(scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()


def build(optimizer: torch.optim.Optimizer, **keys: Any) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, keys)


def test_no_schedule_writes_nothing_into_the_groups() -> None:
    optimizer = sgd()
    before = copy.deepcopy(optimizer.state_dict())
    scheduler = build(optimizer, NAME="NoneLR")
    assert optimizer.state_dict() == before
    optimizer.param_groups[0]["lr"] = 0.25
    go(scheduler, 3)
    assert (optimizer.param_groups[0]["lr"], scheduler.get_last_lr(), scheduler.last_epoch) == (0.25, [0.25], 3)


def test_a_resumed_rate_stays_under_no_schedule() -> None:
    first = sgd()
    go(scepter_opt.build_lr_scheduler(first, {"NAME": "CosineAnnealingLR"}, total_steps=10), 5)
    second = sgd()
    second.load_state_dict(first.state_dict())
    scheduler = build(second, NAME="NoneLR")
    go(scheduler, 2)
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"] == 0.5
    assert second.param_groups[0]["initial_lr"] == 1.0


def test_no_schedule_keeps_a_tensor_and_what_a_chain_has_made() -> None:
    rate = torch.tensor(0.5)
    optimizer = sgd(rate)
    go(build(optimizer, NAME="NoneLR"), 2)
    assert optimizer.param_groups[0]["lr"] is rate
    parts = {"a": {"NAME": "ExponentialLR", "GAMMA": 0.5}, "b": {"NAME": "NoneLR"}}
    chained = sgd()
    go(build(chained, NAME="ChainedScheduler", SCHEDULERS=parts), 3)
    assert chained.param_groups[0]["lr"] == 0.125


def test_its_state_is_loaded_without_a_change_to_the_rates() -> None:
    scheduler = build(sgd(), NAME="NoneLR")
    go(scheduler, 3)
    again = build(sgd(0.3), NAME="NoneLR")
    again.load_state_dict(scheduler.state_dict())
    assert (again.last_epoch, again.get_last_lr()) == (3, [0.3])


LENGTHS = [
    ({"NAME": "LinoPolyLR"}, {"END_EPOCH": 10}, {"END_EPOCH": 20}, "end_epoch 10, and this schedule has 20", 0.75),
    (
        {"NAME": "StepAnnealingLR", "WARMUP_STEPS": 2, "DECAY_MODE": "linear"},
        {"TOTAL_STEPS": 10},
        {"TOTAL_STEPS": 22},
        "total_steps 10, and this schedule has 22",
        0.85,
    ),
    ({"NAME": "WarmupToConstantLR"}, {"WARMUP_STEPS": 10}, {"WARMUP_STEPS": 50}, "warmup_steps 10, and", 0.1),
]


@pytest.mark.parametrize(("node", "saved", "held", "message", "rate"), LENGTHS)
def test_a_checkpoint_of_another_length_is_said_and_the_configs_holds(
    node: dict[str, Any], saved: Any, held: Any, message: str, rate: float
) -> None:
    first = build(sgd(), **node, **saved)
    go(first, 5)
    optimizer = sgd()
    second = build(optimizer, **node, **held)
    optimizer.load_state_dict(first.optimizer.state_dict())
    with pytest.warns(UserWarning, match=message):
        second.load_state_dict(first.state_dict())
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate)
    assert second.get_last_lr() == pytest.approx([rate])
    unbroken = build(sgd(), **node, **held)
    go(unbroken, 8)
    go(second, 3)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(unbroken.get_last_lr()[0])


def test_the_same_length_is_loaded_without_a_word() -> None:
    first = build(sgd(), NAME="LinoPolyLR", END_EPOCH=10)
    go(first, 5)
    second = build(sgd(), NAME="LinoPolyLR", END_EPOCH=10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        second.load_state_dict(first.state_dict())
        go(second, 2)
    assert second.get_last_lr() == pytest.approx([0.3])


@pytest.mark.parametrize("name", ["LinoPolyLR", "StepAnnealingLR", "WarmupToConstantLR"])
def test_what_sets_rates_cannot_be_chained(name: str) -> None:
    keys = {"WARMUP_STEPS": 3} if name == "StepAnnealingLR" else {}
    with pytest.raises(scepter_opt.ConfigError, match="cannot be part of ChainedScheduler: it sets rates"):
        scepter_opt.check({"NAME": "ChainedScheduler", "SCHEDULERS": {"a": {"NAME": name, **keys}}})
