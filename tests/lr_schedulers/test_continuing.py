"""LAST_EPOCH: from a tick on the rates are those of a run that was never broken, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError
from scepter_opt.config.validation import fields
from tests.support import SCHEDULERS, scheduler_node

KEYS = {"LAST_EPOCH": -1, "LAST_STEP": -1}
OTHERS = {
    "cosine past its end": scheduler_node("CosineAnnealingLR", T_MAX=4),
    "growing restarts": scheduler_node("CosineAnnealingWarmRestarts", T_0=2, T_MULT=3, ETA_MIN=0.01),
    "cycled momentum": scheduler_node("CyclicLR", CYCLE_MOMENTUM=True, MODE="triangular2"),
    "drops at every tick": scheduler_node("StepLR", STEP_SIZE=1),
}


def key_of(name: str) -> str:
    config = scepter_opt.LR_SCHEDULERS.entry(name).config
    return next((key for key in KEYS if config is not None and key in fields(config)), "")


NODES = {name: scheduler_node(name) for name in SCHEDULERS if key_of(name) and name != "SequentialLR"} | OTHERS


def optimizer(rate: Any = 0.1) -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (rate, 0.03)]
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9)


def go(scheduler: Any, steps: int) -> list[list[float]]:
    seen = []
    for _ in range(steps):
        groups = scheduler.optimizer.param_groups
        seen.append([float(group[key]) for group in groups for key in ("lr", "momentum")])
        scheduler.optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("name", NODES)
def test_the_rates_are_those_of_an_unbroken_run(name: str, loaded: bool) -> None:
    """Whether the optimizer was loaded, and its rates are those of the tick, or is new and has the first ones."""
    node = NODES[name]
    whole = scepter_opt.build_lr_scheduler(optimizer(), node)
    unbroken = go(whole, 29)
    running = scepter_opt.build_lr_scheduler(optimizer(), node)
    for tick in range(20):
        go(running, 1)
        made = optimizer()
        if loaded:
            made.load_state_dict(running.optimizer.state_dict())
        else:
            first = optimizer()
            scepter_opt.build_lr_scheduler(first, node)
            for group, start in zip(made.param_groups, first.param_groups, strict=True):
                group.update({key: value for key, value in start.items() if key not in ("params", "lr", "momentum")})
        again = scepter_opt.build_lr_scheduler(made, {**node, key_of(node["NAME"]): tick})
        assert again.last_epoch == tick + 1
        expected = unbroken[tick + 1 : tick + 9]
        assert [float(rate) for rate in again.get_last_lr()] == pytest.approx(expected[0][::2], rel=1e-9, abs=1e-15)
        for one, other in zip(go(again, len(expected)), expected, strict=True):
            assert one == pytest.approx(other, rel=1e-9, abs=1e-15)


def test_a_tensor_is_written_in_place() -> None:
    rate = torch.tensor(0.1, dtype=torch.float64)
    made = optimizer(rate)
    for group in made.param_groups:
        group["initial_lr"] = float(group["lr"])
    scepter_opt.build_lr_scheduler(made, {"NAME": "StepLR", "STEP_SIZE": 2, "LAST_EPOCH": 5})
    assert made.param_groups[0]["lr"] is rate
    assert rate.item() == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (
            scheduler_node("SequentialLR", LAST_EPOCH=3),
            r"LAST_EPOCH = 3: the rates follow from all ticks before",
        ),
        (scheduler_node("MultiplicativeLR", LAST_EPOCH=10**12), "load the scheduler's state_dict"),
        (
            {"NAME": "ChainedScheduler", "SCHEDULERS": {"a": {"NAME": "StepLR", "STEP_SIZE": 3, "LAST_EPOCH": 3}}},
            r"SCHEDULERS.a.LAST_EPOCH = 3: a part goes on with the ChainedScheduler that holds it",
        ),
    ],
)
def test_what_cannot_go_on_is_refused_with_what_to_do_instead(node: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scepter_opt.check(node)
