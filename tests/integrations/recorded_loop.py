"""A loop by hand whose driver records, for the tests of what it records."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import scepter_opt
from scepter_opt import Driver

CONSTANT = {"NAME": "NoneLR"}
ROWS = torch.linspace(-1, 1, 32).reshape(8, 4)
HYBRID = {
    "NAME": "Hybrid",
    "OPTIMIZERS": {"muon": {"NAME": "Muon", "LEARNING_RATE": 0.02}, "adamw": {"NAME": "AdamW"}},
    "DEFAULT": "adamw",
    "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
}
HEAD = {"head": {"WHERE": {"NAMES": "2"}, "SET": {"LR_MULT": 10, "WEIGHT_DECAY": 0.5}}}
Log = list[tuple[dict[str, float], int]]


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def loss_of(model: nn.Module) -> torch.Tensor:
    loss: torch.Tensor = (model(ROWS) - 1).square().mean()
    return loss


class Loop:
    """A loop by hand, with what its driver records."""

    def __init__(self, node: dict[str, Any], scheduler: dict[str, Any] | None = None, **keywords: Any) -> None:
        self.log: Log = []
        self.model = net()
        self.optimizer = scepter_opt.build_optimizer(self.model, node)
        schedule = scheduler or CONSTANT
        self.scheduler = scepter_opt.build_lr_scheduler(self.optimizer, schedule, total_steps=20)
        keywords.setdefault("record", lambda values, step: self.log.append((values, step)))
        self.driver = Driver(self.scheduler, schedule, **keywords)

    def step(self) -> None:
        self.optimizer.zero_grad()
        loss_of(self.model).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.driver.step()

    def weights(self) -> list[Any]:
        return [parameter.tolist() for parameter in self.model.parameters()]
