"""Stopped at any step of sixty, every scheduler goes on bit for bit as if it had not been."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigWarning
from tests.support import SCHEDULERS, scheduler_node, tick

STEPS = 60
OTHER_LENGTHS = (
    r"the configuration's holds\. PHASES\.warmup\.LENGTH: configuration 6, checkpoint 9; "
    r"PHASES\.decay\.LENGTH: configuration 54, checkpoint 81\."
)
WEIGHT_DECAY = {"rise": {"CURVE": "cosine", "FROM": 1, "TO": 3, "LENGTH": 60}}
NODES: dict[str, dict[str, Any]] = {name: scheduler_node(name) for name in SCHEDULERS} | {
    "OneCycleLR": scheduler_node("OneCycleLR", TOTAL_STEPS=61),
    "PhasesLR with all": scheduler_node(
        "PhasesLR",
        FIRST_STEP=1,
        SETTINGS={"WEIGHT_DECAY": WEIGHT_DECAY, "MOMENTUM": WEIGHT_DECAY},
        RULES={"head": {"warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 25}}},
    ),
    "PlateauLR with all": scheduler_node("PlateauLR", MODE="max", COOLDOWN=2, FACTOR=0.5, MIN_FACTOR=0.01),
    "SequentialLR of phases": scheduler_node(
        "SequentialLR",
        SCHEDULERS={
            "a": {"NAME": "LinearLR", "TOTAL_ITERS": 9},
            "b": scheduler_node("PhasesLR", TRUNCATE=True),
            "c": {"NAME": "CosineAnnealingLR", "T_MAX": 30},
        },
        MILESTONES=[10, 30],
    ),
}


def built(node: dict[str, Any]) -> Any:
    groups = [
        {"params": [torch.zeros(1, requires_grad=True)], "lr": 0.1, "name": "default"},
        {"params": [torch.zeros(1, requires_grad=True)], "lr": 0.03, "name": "head", "weight_decay": 0.02},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.3, weight_decay=0.1)
    return scepter_opt.build_lr_scheduler(optimizer, node)


def metric(step: int) -> float:
    """Better for a while, then up and down."""
    return max(1.0 - 0.05 * step, 0.5) + 0.01 * (step % 7)


def states(scheduler: Any, start: int) -> list[Any]:
    """Rates and other settings before each step from `start`, and what is to be saved there."""
    seen = []
    for step in range(start, STEPS):
        groups = [{k: v for k, v in group.items() if k != "params"} for group in scheduler.optimizer.param_groups]
        seen.append(groups)
        scheduler.optimizer.step()
        tick(scheduler, metric(step))
    return seen


@pytest.mark.parametrize("name", NODES)
def test_every_scheduler_resumes_at_every_step(name: str) -> None:
    unbroken = states(built(NODES[name]), 0)
    saving = built(NODES[name])
    for step in range(1, STEPS):
        saving.optimizer.step()
        tick(saving, metric(step - 1))
        saved = copy.deepcopy((saving.optimizer.state_dict(), saving.state_dict()))
        again = built(NODES[name])
        again.optimizer.load_state_dict(saved[0])
        again.load_state_dict(saved[1])
        assert states(again, step) == unbroken[step:]


@pytest.mark.parametrize("stop", range(1, STEPS, 7))
def test_under_another_total_the_configs_curve_holds_from_there_on(stop: int) -> None:
    phases = {
        "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": "10%"},
        "decay": {"CURVE": "cosine", "TO": 0},
    }
    before = built({"NAME": "PhasesLR", "PHASES": phases, "TOTAL_STEPS": 90})
    for _ in range(stop):
        before.optimizer.step()
        before.step()
    after = built({"NAME": "PhasesLR", "PHASES": phases, "TOTAL_STEPS": STEPS})
    expected = states(built({"NAME": "PhasesLR", "PHASES": phases, "TOTAL_STEPS": STEPS}), 0)
    after.optimizer.load_state_dict(before.optimizer.state_dict())
    with pytest.warns(ConfigWarning, match=OTHER_LENGTHS):
        after.load_state_dict(before.state_dict())
    assert states(after, stop) == expected[stop:]
