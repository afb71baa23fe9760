"""An optimizer with two modes: it trains at one set of weights, and is evaluated at their average."""

from __future__ import annotations

from typing import Any

import torch


class Averaging(torch.optim.Optimizer):
    """Gradient descent whose weights to evaluate are the mean of all that it trained at."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, {"lr": lr, "train_mode": False})

    @torch.no_grad()
    def _swap(self, training: bool) -> None:
        for group in self.param_groups:
            if group["train_mode"] is training:
                continue
            group["train_mode"] = training
            for parameter in group["params"]:
                state = self.state[parameter]
                if "other" in state:
                    kept = parameter.clone()
                    parameter.copy_(state["other"])
                    state["other"].copy_(kept)

    def train(self) -> None:
        self._swap(True)

    def eval(self) -> None:
        self._swap(False)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # as others write it
        if not self.param_groups[0]["train_mode"]:
            raise RuntimeError("not in training mode")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                state.setdefault("count", 0)
                state["count"] += 1
                mean = state.setdefault("other", parameter.clone())
                parameter.sub_(group["lr"] * parameter.grad)
                mean.lerp_(parameter, 1 / (state["count"] + 1))
