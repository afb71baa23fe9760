from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.runtime.named_schedulers import by_name
from tests.lr_schedulers.proportional_groups import NODE, rates
from tests.parameters.models import Net, rule


def test_over_an_optimizer_of_torchs_own_making_absolute_rates_are_torchs() -> None:
    def groups() -> list[dict[str, Any]]:
        own, other = (torch.ones(1, requires_grad=True) for _ in range(2))
        return [{"params": [own], "name": "own"}, {"params": [other], "lr": 0.2}]

    plateau: Any = scepter_opt.build_lr_scheduler(
        torch.optim.SGD(groups(), lr=0.1), {"NAME": "ReduceLROnPlateau", "MIN_LR": 0.01}
    )
    assert (plateau.min_lrs, type(plateau)) == ([0.01, 0.01], by_name(torch.optim.lr_scheduler.ReduceLROnPlateau))
    one_cycle = {"NAME": "OneCycleLR", "MAX_LR": 0.4, "CYCLE_MOMENTUM": False}
    optimizer = torch.optim.SGD(groups(), lr=0.1)
    found = rates(scepter_opt.build_lr_scheduler(optimizer, one_cycle, total_steps=10), 9)
    torchs = torch.optim.SGD(groups(), lr=0.1)
    assert found == rates(torch.optim.lr_scheduler.OneCycleLR(torchs, 0.4, total_steps=10, cycle_momentum=False), 9)
    # and nothing is said of a floor that torch's class means for all
    scepter_opt.build_lr_scheduler(
        torch.optim.SGD(groups(), lr=0.1), {"NAME": "CosineAnnealingLR", "ETA_MIN": 0.01}, 10
    )


@pytest.mark.parametrize(("own", "other"), [(0.1, 0.0), (0.0, 0.1)])
@pytest.mark.parametrize("name", ["OneCycleLR", "CyclicLR", "ReduceLROnPlateau"])
def test_a_group_at_a_rate_of_0_stays_there(name: str, own: float, other: float) -> None:
    keys = {
        "OneCycleLR": {"MAX_LR": 0.4, "CYCLE_MOMENTUM": False},
        "CyclicLR": {"BASE_LR": 0.01, "MAX_LR": 0.4, "STEP_SIZE_UP": 3, "CYCLE_MOMENTUM": False},
        "ReduceLROnPlateau": {"MIN_LR": 0.05, "PATIENCE": 0},
    }[name]
    rules = {"r": rule({"NAMES": "head"}, {"LEARNING_RATE": other})}
    node = {"NAME": "SGD", "LEARNING_RATE": own, "PARAM_GROUPS": rules}
    optimizer = scepter_opt.build_optimizer(Net(), node)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, {"NAME": name, **keys}, total_steps=10)
    reference = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
    alone = rates(scepter_opt.build_lr_scheduler(reference, {"NAME": name, **keys}, total_steps=10), 9)
    at_zero, moving = (0, 1) if own == 0 else (1, 0)
    found = rates(scheduler, 9)
    assert {row[at_zero] for row in found} == {0.0}
    assert [row[moving] for row in found] == pytest.approx([row[0] for row in alone])


def test_a_group_added_later_does_not_stop_a_plateau_and_has_a_floor_in_proportion() -> None:
    optimizer = scepter_opt.build_optimizer(Net(), NODE)
    node = {"NAME": "ReduceLROnPlateau", "PATIENCE": 0, "MIN_LR": 0.01, "FACTOR": 0.1}
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer, node)
    assert isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)
    rates(scheduler, 3)
    optimizer.add_param_group({"params": [torch.ones(1, requires_grad=True)], "lr": 0.5})
    again: Any = scepter_opt.build_lr_scheduler(scepter_opt.build_optimizer(Net(), NODE), node)
    again.load_state_dict(scheduler.state_dict())
    rates(scheduler, 9)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.001, 0.1, 0.05])
    assert again.state_dict().keys() == scheduler.state_dict().keys()
