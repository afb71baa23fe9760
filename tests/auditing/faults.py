"""Faults that stood in public code, each rebuilt small, with the name by which an audit is to call it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, OneCycleLR

from scepter_opt import Audit, audit

FAULTS: dict[str, tuple[str, Callable[[], Audit]]] = {}
"""By what went wrong: the finding's name, and an audit of it."""


def public_fault(name: str) -> Callable[[Callable[[], Audit]], Callable[[], Audit]]:
    def register(case: Callable[[], Audit]) -> Callable[[], Audit]:
        FAULTS[case.__name__] = name, case
        return case

    return register


class Block(nn.Module):
    """Attention and a norm, as in every encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(8, 2)
        self.ln1 = nn.LayerNorm(8)
        self.mlp = nn.Linear(8, 8)


class Net(nn.Module):
    """A stem, blocks, and a head."""

    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 8)
        self.blocks = nn.ModuleList(Block() for _ in range(depth))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 2)


def body_and_head(model: Net, body: float, head: float, **more: Any) -> list[dict[str, Any]]:
    body_of = [p for name, p in model.named_parameters() if not name.startswith("head.")]
    return [{"params": body_of, "lr": body, **more}, {"params": list(model.head.parameters()), "lr": head}]


def layers(model: Net, rate_of: Callable[[int], float], key: str = "lr") -> list[dict[str, Any]]:
    """A group for each layer, the stem first."""
    parts = [model.stem, *model.blocks, nn.ModuleList([model.norm, model.head])]
    return [{"params": list(part.parameters()), key: rate_of(depth)} for depth, part in enumerate(parts)]


@public_fault("parameters in no group")
def in_proj_missed_by_a_collector_of_leaf_modules() -> Audit:
    model = Net()
    leaves = [module for module in model.modules() if not list(module.children())]
    optimizer = torch.optim.AdamW([p for leaf in leaves for p in leaf.parameters(recurse=False)], weight_decay=0.0)
    return audit(model, optimizer)


class Warmup:
    """Sets the rate of every group to one number."""

    def __init__(self, optimizer: torch.optim.Optimizer, target: float) -> None:
        self.optimizer, self.target, self.count = optimizer, target, 0

    def step(self) -> None:
        self.count += 1
        for group in self.optimizer.param_groups:
            group["lr"] = self.target * min(1.0, self.count / 10)


@public_fault("rates flattened over groups")
def a_warmup_that_overwrites_a_second_rate() -> Audit:
    model = Net()
    optimizer = torch.optim.SGD(body_and_head(model, 0.01, 0.1), lr=0.1)
    return audit(model, optimizer, Warmup(optimizer, 0.1))


@public_fault("norms decayed for want of a name match")
def norms_decayed_for_want_of_a_name_match() -> Audit:
    model = Net()
    plain = [p for name, p in model.named_parameters() if "norm" in name or name.endswith("bias")]
    rest = [p for name, p in model.named_parameters() if not ("norm" in name or name.endswith("bias"))]
    groups: list[dict[str, Any]] = [{"params": plain, "weight_decay": 0.0}, {"params": rest}]
    return audit(model, torch.optim.AdamW(groups, lr=1e-3))


@public_fault("groups lost by a wrapper")
def groups_lost_by_a_wrapper() -> Audit:
    wrapped: Any = torch.compile(Net(), backend="eager")
    body = [p for name, p in wrapped.named_parameters() if name.startswith("stem.")]
    rest = [p for name, p in wrapped.named_parameters() if not name.startswith("stem.")]
    groups: list[dict[str, Any]] = [{"params": body, "lr": 1e-5}, {"params": rest}]
    return audit(wrapped, torch.optim.AdamW(groups, weight_decay=0.0))


@public_fault("a parameter in two optimizers")
def a_parameter_in_two_optimizers() -> Audit:
    model = Net()
    everything = torch.optim.SGD(model.parameters(), lr=0.1)
    return audit(model, [everything, torch.optim.AdamW(model.head.parameters(), weight_decay=0.0)])


@public_fault("parameters of another model")
def an_optimizer_of_another_model_after_a_deepcopy() -> Audit:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return audit(copy.deepcopy(model), optimizer)


@public_fault("lr_scale that nobody reads")
def lr_scale_that_nobody_reads() -> Audit:
    model = Net()
    groups = layers(model, lambda depth: 0.5 ** (4 - depth), "lr_scale")
    return audit(model, torch.optim.SGD(groups, lr=0.1))


@public_fault("rates flattened by one max_lr")
def rates_flattened_by_one_max_lr() -> Audit:
    model = Net()
    optimizer = torch.optim.SGD(body_and_head(model, 0.01, 0.1), lr=0.1, momentum=0.9)
    return audit(model, optimizer, OneCycleLR(optimizer, max_lr=0.1, total_steps=100))


@public_fault("a jump at the first step")
def a_jump_at_the_first_step() -> Audit:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = LambdaLR(optimizer, lambda step: 1.0 if step == 0 else min(1.0, step / 1000))
    return audit(model, optimizer, scheduler)


@public_fault("initial_lr stale")
def initial_lr_stale_after_loading() -> Audit:
    model = Net()
    before = torch.optim.SGD(model.parameters(), lr=0.1)
    CosineAnnealingLR(before, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    optimizer.load_state_dict(before.state_dict())
    for group in optimizer.param_groups:
        group["lr"] = 0.01
    return audit(model, optimizer, CosineAnnealingLR(optimizer, 10))


@public_fault("rates rising towards the stem")
def rates_rising_towards_the_stem() -> Audit:
    model = Net()
    return audit(model, torch.optim.SGD(layers(model, lambda depth: 0.1 * 0.5**depth), lr=0.1))


@public_fault("parameters in no group")
def a_parameter_in_no_group_after_unfreezing() -> Audit:
    model = Net()
    model.stem.requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.stem.requires_grad_(True)
    return audit(model, optimizer)
