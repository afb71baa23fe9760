"""A run whose gradients are drawn by name and step, and the same run made by torch alone, parameter by parameter."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

import scepter_opt

STOP, END = 8, 14
"""The step after which is saved, and the last one."""
TOTAL, EPOCH = 20, 5
Values = dict[str, torch.Tensor]


class Net(nn.Module):
    """Parameters of one to four dimensions, in some order, of some names and shapes."""

    def __init__(
        self,
        order: str = "conv body norm head",
        width: int = 3,
        frozen: str = "",
        names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        made: dict[str, Callable[[], nn.Module]] = {
            "conv": lambda: nn.Conv2d(2, 2, 2),
            "body": lambda: nn.Linear(4, width),
            "norm": lambda: nn.LayerNorm(width),
            "head": lambda: nn.Linear(3, 2),
            "extra": lambda: nn.Linear(2, 2),
        }
        parts = {name: made[name]() for name in ("conv", "body", "norm", "head", "extra")}
        for name in order.split():
            setattr(self, (names or {}).get(name, name), parts[name])
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(not (frozen and name.startswith(frozen)))


class Tied(nn.Module):
    """Two modules of one weight, which has its name from the one that comes first."""

    def __init__(self, order: str = "embed out") -> None:
        super().__init__()
        torch.manual_seed(0)
        weight = nn.Parameter(torch.randn(3, 2))
        for name in order.split():
            setattr(self, name, nn.Linear(2, 3, bias=False))
            getattr(self, name).weight = weight


RULES: dict[str, Any] = {
    "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}, "OPTIONAL": True},
    "head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 10}, "OPTIONAL": True},
}
ADAMW: dict[str, Any] = {
    "NAME": "AdamW", "IMPLEMENTATION": "for_loop", "LEARNING_RATE": 0.01, "WEIGHT_DECAY": 0.1, "PARAM_GROUPS": RULES,
}  # fmt: skip
SCHEDULE: dict[str, Any] = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": "20%"},
        "decay": {"CURVE": "cosine", "TO": 0.1},
    },
}


@dataclass(frozen=True)
class Side:
    """A run's configuration."""

    model: Callable[[], nn.Module] = Net
    optimizer: Mapping[str, Any] = field(default_factory=lambda: ADAMW)
    scheduler: Mapping[str, Any] = field(default_factory=lambda: SCHEDULE)
    total: int = TOTAL
    epoch: int | None = EPOCH


@dataclass
class Run:
    """Everything of a run."""

    model: nn.Module
    optimizer: Any
    scheduler: Any
    side: Side

    @classmethod
    def of(cls, side: Side) -> Run:
        model = side.model()
        optimizer = scepter_opt.build_optimizer(model, side.optimizer)
        scheduler = scepter_opt.build_lr_scheduler(optimizer, side.scheduler, side.total, side.epoch)
        return cls(model, optimizer, scheduler, side)

    def train(self, first: int, last: int, names: Mapping[str, str] | None = None) -> Run:
        for step in range(first, last):
            give_gradients(parameters(self.model), step, names)
            self.optimizer.step()
            self.scheduler.step()
        return self


def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """A model's parameters by the names that they have without wrappers."""
    inner = getattr(model, "_orig_mod", getattr(model, "module", model))
    return dict(inner.named_parameters())


def give_gradients(tensors: Mapping[str, Any], step: int, names: Mapping[str, str] | None = None) -> None:
    """Gradients that follow from a parameter's name, its shape and the step, whatever else a run does.

    Args:
        tensors: Parameters by name.
        step: The step, counted as the run before the edit counts.
        names: Names that have changed, with those that gradients were drawn by before.
    """
    for name, tensor in tensors.items():
        before = next(
            (old + name.removeprefix(new) for new, old in (names or {}).items() if name.startswith(new)), name
        )
        generator = torch.Generator().manual_seed(zlib.crc32(f"{before} {step}".encode()))
        drawn = torch.randn(tensor.shape, generator=generator).to(tensor.dtype)
        tensor.grad = torch.empty_like(tensor).copy_(drawn) if tensor.requires_grad else None


def snapshot(run: Run) -> tuple[Values, dict[str, Any]]:
    """Values and states by name."""
    tensors = parameters(run.model)
    values = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    return values, {name: copy.deepcopy(dict(run.optimizer.state.get(tensor, {}))) for name, tensor in tensors.items()}


def by_hand(
    start: tuple[Values, dict[str, Any]],
    side_of: Mapping[str, tuple[Side, Side]],
    first: int,
    last: int,
    names: Mapping[str, str] | None = None,
    frozen: tuple[str, ...] = (),
) -> Values:
    """Train from a snapshot with torch alone.

    Args:
        start: Values and states by name.
        side_of: By name whose optimizer settings hold, and whose schedule.
        first: The position in the schedule to begin at.
        last: The position at the end.
        names: As for `give_gradients`.
        frozen: Names that do not train.
    """
    values, states = start
    tensors = {name: nn.Parameter(value.clone(), requires_grad=name not in frozen) for name, value in values.items()}
    optimizers = {}
    for name, tensor in tensors.items():
        settings = said(side_of[name][0].optimizer, name, tensor)
        cls = {"AdamW": torch.optim.AdamW, "SGD": torch.optim.SGD}[settings.pop("cls")]
        optimizers[name] = cls([tensor], foreach=False, **settings)
        if states[name]:
            optimizers[name].state[tensor] = copy.deepcopy(states[name])
    rates = {
        name: rate(side_of[name][1], said(side_of[name][0].optimizer, name, tensor)["lr"])
        for name, tensor in tensors.items()
    }
    for step in range(first, last):
        give_gradients(tensors, step + (STOP - first), names)
        for name, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = rates[name](step)
            optimizer.step()
    return {name: tensor.detach() for name, tensor in tensors.items()}


def said(node: Mapping[str, Any], name: str, tensor: torch.Tensor) -> dict[str, Any]:
    """What a node says of a parameter, read here by hand: torch's keywords."""
    rules = node.get("PARAM_GROUPS", {})
    if node["NAME"] == "Hybrid":
        sent = any(name.startswith("body") for rule in rules if rule == "two")
        node = node["OPTIMIZERS"]["two" if sent else "one"]
    settings: dict[str, Any] = {"cls": node["NAME"], "lr": node["LEARNING_RATE"]}
    if node["NAME"] == "AdamW":
        settings |= {"weight_decay": node["WEIGHT_DECAY"], "betas": tuple(node.get("BETAS", (0.9, 0.999)))}
        settings |= {"amsgrad": node.get("AMSGRAD", False)}
        plain_kind = tensor.ndim <= 1
        if plain_kind and any("no_decay" in rule for rule in rules):
            settings["weight_decay"] = 0.0
    else:
        settings |= {"momentum": node.get("MOMENTUM", 0.0)}
    for rule in rules.values():
        where, times = rule["WHERE"].get("NAMES", ""), rule.get("SET", {}).get("LR_MULT")
        if times and where and name.startswith(where):
            settings["lr"] *= times
    return settings


def rate(side: Side, base: float) -> Callable[[int], float]:
    """The rate by the position in a side's schedule: of phases by the plain function, of torch's by torch."""
    if side.scheduler["NAME"] == "PhasesLR":
        factor = scepter_opt.schedule(side.scheduler, side.total, side.epoch)
        return lambda step: base * factor(step)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, side.scheduler.get("T_MAX") or side.total)
    rates = []
    for _ in range(side.total + END):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates.__getitem__
