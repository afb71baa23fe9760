"""What the tests of PhasesLR share: a schedule, optimizers under it, and what they see at every step."""

from __future__ import annotations

import copy
from typing import Any

import torch

import scepter_opt

WARMUP = {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}
DECAY = {"CURVE": "linear", "TO": 0.2, "LENGTH": 8}
NODE = {"NAME": "PhasesLR", "PHASES": {"warmup": WARMUP, "decay": DECAY}}
FACTORS = [0.0, 0.25, 0.5, 0.75, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]


def group(lr: Any = 0.1, **settings: Any) -> dict[str, Any]:
    return {"params": [torch.zeros(1, requires_grad=True)], "lr": lr, **settings}


def sgd(*groups: dict[str, Any], **keys: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(list(groups) or [group()], **{"lr": 0.1, **keys})


def build(optimizer: torch.optim.Optimizer, total: int | None = None, **keys: Any) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, {**NODE, **keys}, total)


def go(scheduler: Any, steps: int) -> None:
    for _ in range(steps):
        scheduler.optimizer.step()
        scheduler.step()


def column(scheduler: Any, steps: int, key: str = "lr", position: int = 0) -> list[Any]:
    seen = []
    for _ in range(steps):
        seen.append(copy.deepcopy(scheduler.optimizer.param_groups[position][key]))
        go(scheduler, 1)
    return seen


RISE = {"rise": {"CURVE": "linear", "FROM": 1, "TO": 2, "LENGTH": 4}}
REST: dict[str, Any] = {"PHASES": {"warmup": WARMUP, "decay": {"CURVE": "linear", "TO": 0}}}
HEAD = {
    "head": {
        "frozen": {"CURVE": "constant", "TO": 0, "LENGTH": 2},
        "on": {"CURVE": "constant", "TO": 1, "LENGTH": 1},
    }
}
