"""What several tests need: a small problem for every optimizer, keys for every scheduler, and torch's spelling."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from _pytest.mark.structures import ParameterSet
from torch import nn

import scepter_opt
from scepter_opt import ConfigWarning
from scepter_opt.config.imports import is_installed

OPTIMIZERS = sorted(
    name
    for name, entry in scepter_opt.OPTIMIZERS.own_entries().items()
    if is_installed(entry.component.target.partition(".")[0])
)
"""NAMEs of what can be built here: some are of other packages."""
SCHEDULERS = sorted(scepter_opt.LR_SCHEDULERS.own_entries())

TORCH_OPTIMIZERS = [
    name
    for name, cls in vars(torch.optim).items()
    if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer
]
TORCH_SCHEDULERS = [
    name
    for name in torch.optim.lr_scheduler.__all__
    if name != "LRScheduler" and isinstance(getattr(torch.optim.lr_scheduler, name), type)
]

SCHEDULER_KEYS: dict[str, dict[str, Any]] = {
    "StepLR": {"STEP_SIZE": 3},
    "MultiStepLR": {"MILESTONES": [3, 9]},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"GAMMA": 0.9},
    "PolynomialLR": {"TOTAL_ITERS": 12},
    "CosineAnnealingLR": {"T_MAX": 15},
    "CosineAnnealingWarmRestarts": {"T_0": 4},
    "CyclicLR": {"BASE_LR": 0.01, "MAX_LR": 0.1, "STEP_SIZE_UP": 5, "CYCLE_MOMENTUM": False},
    "OneCycleLR": {"MAX_LR": 0.1, "TOTAL_STEPS": 30, "CYCLE_MOMENTUM": False},
    "LambdaLR": {"LR_LAMBDA": "tests.support.decay"},
    "MultiplicativeLR": {"LR_LAMBDA": "tests.support.ratio"},
    "ReduceLROnPlateau": {"PATIENCE": 1},
    "SequentialLR": {
        "SCHEDULERS": {
            "warmup": {"NAME": "LinearLR", "TOTAL_ITERS": 4},
            "decay": {"NAME": "CosineAnnealingLR", "T_MAX": 16},
        },
        "MILESTONES": [4],
    },
    "ChainedScheduler": {
        "SCHEDULERS": {
            "warmup": {"NAME": "LinearLR", "TOTAL_ITERS": 4},
            "decay": {"NAME": "ExponentialLR", "GAMMA": 0.9},
        }
    },
    "NoneLR": {},
    "LinoPolyLR": {"END_EPOCH": 12, "POWER": 2.0},
    "WarmupToConstantLR": {"WARMUP_STEPS": 7},
    "StepAnnealingLR": {"WARMUP_STEPS": 5, "TOTAL_STEPS": 16},
    "PhasesLR": {
        "PHASES": {
            "warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4},
            "decay": {"CURVE": "cosine", "TO": 0.1, "LENGTH": 56},
        }
    },
    "PlateauLR": {
        "PATIENCE": 1,
        "PHASES": {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}},
    },
}

OPTIMIZER_KEYS: dict[str, dict[str, Any]] = {
    "Hybrid": {
        "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
    },
}
KEYS = {**OPTIMIZER_KEYS, **SCHEDULER_KEYS}


def pairs(ones: Sequence[str], others: Sequence[str], every: int = 3) -> list[ParameterSet]:
    """All pairs: one in `every` is in the short suite, which has each of `ones` and `others`; the rest are long."""
    numbered = itertools.product(enumerate(ones), enumerate(others))
    return [
        pytest.param(one, other, marks=[pytest.mark.long] if (first + second) % every else [])
        for (first, one), (second, other) in numbered
    ]


def decay(step: int) -> float:
    """A factor for LambdaLR."""
    return 0.95**step


def ratio(step: int) -> float:
    """A factor for MultiplicativeLR, and a scale for CyclicLR."""
    return 0.9 + 0.001 * step


def keyword(key: str) -> str:
    """torch's spelling of a key, written out apart from the package's own."""
    special = {
        "LEARNING_RATE": "lr",
        "LEARNING_RATE_DECAY": "lr_decay",
        "T_MAX": "T_max",
        "T_0": "T_0",
        "T_MULT": "T_mult",
    }
    return special.get(key, key.lower())


def make_model(optimizer: str) -> nn.Module:
    """A small model that an optimizer can train: matrices only for Muon, sparse gradients for SparseAdam."""
    torch.manual_seed(0)
    if optimizer == "SparseAdam":
        return nn.Embedding(8, 3, sparse=True)
    if optimizer == "Muon":
        return nn.Sequential(nn.Linear(4, 6, bias=False), nn.Tanh(), nn.Linear(6, 2, bias=False))
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))


def make_loss(model: nn.Module) -> Callable[[], Any]:
    """A closure over fixed data that leaves gradients."""
    generator = torch.Generator().manual_seed(1)
    if isinstance(model, nn.Embedding):
        inputs = torch.randint(8, (5,), generator=generator)
    else:
        inputs = torch.randn(5, 4, generator=generator)

    def closure() -> Any:
        model.zero_grad()
        loss: torch.Tensor = model(inputs).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        return loss

    return closure


def optimizer_node(name: str, **keys: Any) -> dict[str, Any]:
    """A node under which steps equal torch's bit for bit."""
    return {"NAME": name, "IMPLEMENTATION": "torch", **OPTIMIZER_KEYS.get(name, {}), **keys}


def scheduler_node(name: str, **keys: Any) -> dict[str, Any]:
    """A node with everything that a scheduler needs."""
    return {"NAME": name, **SCHEDULER_KEYS.get(name, {}), **keys}


def by_hand(optimizer: torch.optim.Optimizer, node: Mapping[str, Any]) -> Any:
    """The scheduler of a node as one would make it with torch alone."""
    name = node["NAME"]
    keywords = {keyword(key): value for key, value in node.items() if key not in ("NAME", "SCHEDULERS")}
    for key in ("lr_lambda", "scale_fn"):
        if key in keywords:
            keywords[key] = {"tests.support.decay": decay, "tests.support.ratio": ratio}[keywords[key]]
    parts = [by_hand(optimizer, part) for part in node.get("SCHEDULERS", {}).values()]
    if name == "ChainedScheduler":
        return torch.optim.lr_scheduler.ChainedScheduler(parts, optimizer=optimizer)
    if name == "SequentialLR":
        return torch.optim.lr_scheduler.SequentialLR(optimizer, parts, **keywords)
    if name == "NoneLR":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)
    if name == "LinoPolyLR":
        end, power = keywords["end_epoch"], keywords["power"]
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: (1 - min(t, end) / end) ** power)
    if name == "WarmupToConstantLR":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, t / keywords["warmup_steps"]))
    if name == "StepAnnealingLR":
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: annealing(t, **keywords))
    return getattr(torch.optim.lr_scheduler, name)(optimizer, **keywords)


def annealing(t: int, warmup_steps: int, total_steps: int) -> float:
    """SCEPTER's StepAnnealingLR with its defaults, as a factor."""
    if t <= warmup_steps:
        return t / warmup_steps
    r = min(1.0, (t - warmup_steps) / (total_steps - warmup_steps))
    return (math.cos(math.pi * r) + 1) / 2


def tick(scheduler: Any, metric: float) -> None:
    """One scheduler step, with the metric where it takes one."""
    if "metrics" in inspect.signature(scheduler.step).parameters:
        scheduler.step(metric)
    else:
        scheduler.step()


def train(model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Any, steps: int, start: int = 0) -> list[Any]:
    """Rates of every step and the weights at the end."""
    closure = make_loss(model)
    trace: list[Any] = []
    for step in range(start, start + steps):
        optimizer.step(closure)
        tick(scheduler, metric=1.0 if step > 3 else 1.0 - 0.1 * step)
        trace.append([float(group["lr"]) for group in optimizer.param_groups])
    return [trace, [parameter.detach().clone() for parameter in model.parameters()]]


def same(one: Any, other: Any) -> bool:
    """Whether two nested results are equal bit for bit, tensors included."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return bool(one == other)


def without_ours(state: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler's state without what the package saves beside torch's, in its parts too."""
    plain = {key: value for key, value in state.items() if key not in ("groups", "built_from")}
    if "_schedulers" in plain:
        plain["_schedulers"] = [without_ours(part) for part in plain["_schedulers"]]
    return plain


def messages_of(cases: Mapping[str, Callable[[], Any]]) -> str:
    """The message of every case under its name, as snapshots keep them."""
    written = []
    for case, run in cases.items():
        try:
            run()
        except scepter_opt.ConfigError as error:
            written.append(f"## {case}\n{error}\n")
        else:
            written.append(f"## {case}\nno error\n")
    return "\n".join(written)


@contextmanager
def said() -> Iterator[list[str]]:
    """What is warned of within: filled at the end of the block."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
    texts += [str(warning.message) for warning in caught if warning.category is ConfigWarning]
