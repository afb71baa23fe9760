"""A Hybrid of Muon and another class, and the same two run separately."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import scepter_opt
from scepter_opt.runtime.hybrid import HybridOptimizer
from tests.support import TORCH_OPTIMIZERS, make_loss, make_model

# Muon's class takes a matrix only, SparseAdam's sparse gradients only, and LBFGS evaluates the closure by itself.
OF_VECTORS = sorted(set(TORCH_OPTIMIZERS) - {"Muon", "SparseAdam", "LBFGS"})
MATRICES = {"matrices": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}}


def hybrid_node(vectors: str = "AdamW", rates: tuple[float, float] = (0.02, 0.005), **keys: Any) -> dict[str, Any]:
    """Muon for matrices, another class for the rest."""
    return {
        "NAME": "Hybrid",
        "IMPLEMENTATION": "torch",
        "OPTIMIZERS": {
            "muon": {"NAME": "Muon", "LEARNING_RATE": rates[0]},
            "rest": {"NAME": vectors, "LEARNING_RATE": rates[1]},
        },
        "DEFAULT": "rest",
        "PARAM_GROUPS": MATRICES,
        **keys,
    }


def build(vectors: str = "AdamW", **keys: Any) -> tuple[nn.Module, HybridOptimizer]:
    """A model and its Hybrid."""
    model = make_model("SGD")
    optimizer = scepter_opt.build_optimizer(model, hybrid_node(vectors, **keys))
    assert isinstance(optimizer, HybridOptimizer)
    return model, optimizer


def apart(vectors: str, rates: tuple[float, float] = (0.02, 0.005)) -> tuple[nn.Module, list[torch.optim.Optimizer]]:
    """The same model with torch's optimizers."""
    model = make_model("SGD")
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    others = [parameter for parameter in model.parameters() if parameter.ndim != 2]
    return model, [torch.optim.Muon(matrices, lr=rates[0]), getattr(torch.optim, vectors)(others, lr=rates[1])]


def train(model: nn.Module, optimizers: list[torch.optim.Optimizer], steps: int = 4) -> list[Any]:
    """Losses and weights."""
    closure = make_loss(model)
    losses = []
    for _ in range(steps):
        losses.append(closure().detach())
        for optimizer in optimizers:
            optimizer.step()
    return [losses, [parameter.detach().clone() for parameter in model.parameters()]]


def assert_shared(optimizer: HybridOptimizer) -> None:
    """The parts have the very groups and the very state of the whole."""
    for name, part in optimizer.parts.items():
        assert part.state is optimizer.state
        groups = [group for group in optimizer.param_groups if group["optimizer"] == name]
        assert list(map(id, part.param_groups)) == list(map(id, groups))
