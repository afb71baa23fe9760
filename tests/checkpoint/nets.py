"""A small model, and steps of it, for the tests of checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import scepter_opt


class Net(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.body, self.head = nn.Linear(3, 4), nn.Linear(4, 2)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.head(self.body(inputs).tanh())
        return output


def trained(model: nn.Module, optimizer: Any, steps: int = 2) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).square().sum().backward()
        optimizer.step()


def build(model: nn.Module, name: str = "AdamW", **keys: Any) -> Any:
    return scepter_opt.build_optimizer(model, {"NAME": name, **keys})
