"""A driver that counts the optimizer's own steps, and says what waits for a metric."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import Driver

HALVED = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5}
WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}}


def made(node: dict[str, Any], **keywords: Any) -> tuple[torch.optim.Optimizer, Driver]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    return optimizer, Driver(scepter_opt.build_lr_scheduler(optimizer, node, total_steps=8), node, **keywords)


def test_a_call_without_a_step_of_the_optimizer_is_no_tick() -> None:
    optimizer, driver = made(HALVED, counts_steps=True)
    ticks = []
    for batch in range(1, 7):
        if batch % 3 == 0:
            optimizer.step()
        ticks.append(driver.step())
    assert ticks == [False, False, True, False, False, True]
    assert driver.steps == 2
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_without_counting_each_call_is_one() -> None:
    optimizer, driver = made(HALVED)
    optimizer.step()
    assert [driver.step() for _ in range(3)] == [True, True, True]


class OfTwoProcesses:
    """As Accelerate's scheduler: it steps the one inside once for each process."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def step(self) -> None:
        for _ in range(2):
            self.scheduler.step()


def test_inside_a_wrapper_a_scheduler_is_ticked_by_itself_and_by_its_optimizers_steps() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    wrapped: Any = OfTwoProcesses(scepter_opt.build_lr_scheduler(optimizer, HALVED))
    driver = Driver(wrapped, HALVED)
    assert driver.step() is False
    optimizer.step()
    assert driver.step() is True
    assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    ("node", "step", "epoch"),
    [
        (HALVED, [False, False, False], [False, False, False]),
        ({**HALVED, "INTERVAL": "epoch"}, [False, False, False], [False, False, False]),
        # whose metric comes at every second epoch, or step
        ({"NAME": "ReduceLROnPlateau", "FREQUENCY": 2}, [False, False, False], [False, True, False]),
        (
            {"NAME": "ReduceLROnPlateau", "FREQUENCY": 2, "INTERVAL": "step"},
            [False, True, False],
            [False, False, False],
        ),
        # whose metric comes by epochs while it ticks by steps
        ({"NAME": "PlateauLR", "INTERVAL": "step", "PHASES": WARMUP}, [False, False, False], [True, True, True]),
    ],
)
def test_it_says_before_which_calls_a_metric_is_to_be_measured(
    node: dict[str, Any], step: list[bool], epoch: list[bool]
) -> None:
    optimizer, driver = made({**node, "MONITOR": "loss"})
    waits: dict[str, list[bool]] = {"step": [], "epoch": []}
    for _ in range(3):
        waits["step"].append(driver.takes_metric("step"))
        optimizer.step()
        driver.step({"loss": 1.0} if waits["step"][-1] else None)
        waits["epoch"].append(driver.takes_metric("epoch"))
        driver.end_epoch({"loss": 1.0} if waits["epoch"][-1] else None)
    assert waits == {"step": step, "epoch": epoch}
