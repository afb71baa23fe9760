from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

import scepter_opt
from scepter_opt.auditing.trial import TICKS, next_rates
from tests.support import SCHEDULERS, scheduler_node, tick


def sgd(**more: Any) -> torch.optim.Optimizer:
    model = nn.Linear(2, 1)
    groups: list[dict[str, Any]] = [{"params": [model.weight]}, {"params": [model.bias], "lr": 0.01}]
    return torch.optim.SGD(groups, lr=0.1, **more)


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("taken", [0, 3])
def test_the_rates_are_those_that_come(name: str, taken: int) -> None:
    optimizer: Any = scepter_opt.build_optimizer(
        nn.Linear(2, 1), {"NAME": "SGD", "LEARNING_RATE": 0.1, "MOMENTUM": 0.9}
    )
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name))
    optimizer.step()

    def advance(n: int) -> None:
        tick(scheduler, -float(n))  # as the trial has it: a metric that improves

    for n in range(taken):
        advance(n + 10)
    found = next_rates(scheduler, optimizer)
    expected = [[float(group["lr"]) for group in optimizer.param_groups]]
    for n in range(TICKS):
        advance(n - 100)
        expected.append([float(group["lr"]) for group in optimizer.param_groups])
    assert found == [pytest.approx(rates, rel=1e-12) for rates in expected]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_nothing_is_changed(name: str) -> None:
    optimizer: Any = scepter_opt.build_optimizer(
        nn.Linear(2, 1), {"NAME": "SGD", "LEARNING_RATE": 0.1, "MOMENTUM": 0.9}
    )
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name))
    states = copy.deepcopy([optimizer.state_dict(), scheduler.state_dict()])
    identities = [id(group) for group in optimizer.param_groups]
    next_rates(scheduler, optimizer)
    assert [optimizer.state_dict(), scheduler.state_dict()] == states
    assert [id(group) for group in optimizer.param_groups] == identities


def test_a_function_that_knows_the_optimizer_itself_leaves_it_as_it_was() -> None:
    optimizer = sgd()

    def meddles(tick: int) -> float:
        if tick > 1:
            optimizer.param_groups[1]["lr"] = 7.0
            optimizer.param_groups[1]["more"] = tick
        return 1.0

    scheduler = lr_scheduler.LambdaLR(optimizer, meddles)
    before = [dict(group) for group in optimizer.param_groups]
    next_rates(scheduler, optimizer)
    assert optimizer.param_groups == before


class ByEpoch:
    """As timm's: told where the run is, in either of two methods."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def step(self, epoch: int, metric: float | None = None) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = 1.0 / epoch

    def step_update(self, num_updates: int, metric: float | None = None) -> None:
        assert num_updates >= 1


def test_a_scheduler_of_another_kind_is_told_where_it_is() -> None:
    optimizer = sgd()
    rates = next_rates(ByEpoch(optimizer), optimizer)
    assert rates == [[0.1, 0.01], [1.0, 1.0], [0.5, 0.5], [1 / 3, 1 / 3], [0.25, 0.25]]
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.01]


def test_what_is_to_be_kept_is_not_copied() -> None:
    class Weight(nn.Linear):
        def __deepcopy__(self, memo: Any) -> Any:
            raise AssertionError("a model was copied")

    class Holds(lr_scheduler.StepLR):
        model: Any = None

    model, optimizer = Weight(2, 1), sgd()
    scheduler = Holds(optimizer, 2, 0.5)
    scheduler.model = model
    assert next_rates(scheduler, optimizer, [model])[-1] == pytest.approx([0.025, 0.0025])
    with pytest.raises(AssertionError, match="a model was copied"):
        next_rates(scheduler, optimizer)
