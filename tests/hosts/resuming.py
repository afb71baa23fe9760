"""What the tests of resuming under trainers share: a net, optimizers whose rules regroup it, schedules, and what is compared.

All that an app of theirs calls of this package is build_optimizer and build_lr_scheduler.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.support import same, scheduler_node

STEPS, STOP = 12, 6
"""Optimizer steps of a run, and after how many it is stopped: a multiple of the batches of an epoch."""
BATCHES = 3
"""Of an epoch."""

PHASES: dict[str, Any] = {
    "warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": 4},
    "decay": {"CURVE": "cosine", "TO": 0.1},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "PhasesLR": scheduler_node("PhasesLR", PHASES=PHASES),
    "PhasesLR of a rule": scheduler_node(
        "PhasesLR", PHASES=PHASES, RULES={"head": {"late": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 9}}}
    ),
    "CosineAnnealingLR": {"NAME": "CosineAnnealingLR"},
    "LambdaLR": scheduler_node("LambdaLR"),
    "ReduceLROnPlateau": scheduler_node("ReduceLROnPlateau", PATIENCE=0, FACTOR=0.5, MIN_LR=0.002, THRESHOLD=0.5),
}
PLATEAU = "ReduceLROnPlateau"

# Rules that settle the settings of each parameter, and rules that only name, which make groups of their own.
BIAS = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 0.5, "WEIGHT_DECAY": 0.0}}}
HEAD = {"head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 3}}}
MUON = {"hidden": {"WHERE": {"NAMES": "*.weight", "KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}}
TO_ADAMW = {"head": {"WHERE": {"NAMES": "head"}, "SET": {"OPTIMIZER": "adamw", "LR_MULT": 3}}}
STEM = {"stem": {"WHERE": {"NAMES": "stem"}}}
# the one rule about biases as two
BIAS_SPLIT = {
    "stem_bias": {"WHERE": {"NAMES": "stem.bias"}, "SET": {"LR_MULT": 0.5, "WEIGHT_DECAY": 0.0}},
    "bias": {"WHERE": {"NAMES": ["body.bias", "norm.bias", "head.bias"]}, "SET": {"LR_MULT": 0.5, "WEIGHT_DECAY": 0.0}},
}
Rules = dict[str, dict[str, Any]]
RULES: dict[str, dict[str, tuple[Rules, Rules]]] = {
    "AdamW": {
        "as they were": (BIAS | HEAD, BIAS | HEAD),
        "in another order": (BIAS | HEAD, HEAD | BIAS),
        "to more": (BIAS | HEAD, STEM | BIAS | HEAD),
        "to fewer": (STEM | BIAS | HEAD, HEAD | BIAS),
        "a rule split, and to more": (BIAS | HEAD, STEM | HEAD | BIAS_SPLIT),
    },
    "Hybrid": {
        "as they were": (MUON | TO_ADAMW | BIAS, MUON | TO_ADAMW | BIAS),
        "in another order": (MUON | TO_ADAMW | BIAS, BIAS | MUON | TO_ADAMW),
        "to more": (MUON | TO_ADAMW | BIAS, STEM | MUON | TO_ADAMW | BIAS),
        "to fewer": (STEM | MUON | TO_ADAMW | BIAS, BIAS | MUON | TO_ADAMW),
        "a rule split, and to more": (MUON | TO_ADAMW | BIAS, BIAS_SPLIT | STEM | MUON | TO_ADAMW),
    },
}

optimizers = pytest.mark.parametrize("optimizer", RULES)
implementations = pytest.mark.parametrize("implementation", ["for_loop", "fused"])
schedules = pytest.mark.parametrize("schedule", SCHEDULES)
regroupings = pytest.mark.parametrize("regrouped", RULES["AdamW"])


class Net(nn.Module):
    """A small net with parameters of several kinds."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.body = nn.Linear(4, 6), nn.Linear(6, 6)
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.body(self.stem(inputs).tanh()).tanh()
        outputs: torch.Tensor = self.head(self.norm(hidden))
        return outputs


def inputs() -> torch.Tensor:
    """The rows of BATCHES batches of four."""
    return torch.randn(4 * BATCHES, 4, generator=torch.Generator().manual_seed(1))


def node(optimizer: str, implementation: str, rules: Rules, **keys: Any) -> dict[str, Any]:
    """An optimizer's node."""
    adamw = {"NAME": "AdamW", "LEARNING_RATE": 0.01, "IMPLEMENTATION": implementation, **keys}
    if optimizer == "AdamW":
        return {**adamw, "PARAM_GROUPS": rules}
    parts = {"muon": {"NAME": "Muon", "LEARNING_RATE": 0.02, "ADJUST_LR_FN": "match_rms_adamw"}, "adamw": adamw}
    return {"NAME": "Hybrid", "OPTIMIZERS": parts, "DEFAULT": "adamw", "PARAM_GROUPS": rules}


def build(model: nn.Module, cfg: dict[str, Any], schedule: dict[str, Any]) -> tuple[Any, Any]:
    """Optimizer and scheduler as an app builds them."""
    optimizer = scepter_opt.build_optimizer(model, cfg)
    return optimizer, scepter_opt.build_lr_scheduler(optimizer, schedule, total_steps=STEPS)


def result(model: nn.Module, optimizer: Any) -> dict[str, Any]:
    """All that a run has come to, by the names of the parameters."""
    # Accelerate's wrapper holds the optimizer
    optimizer = getattr(optimizer, "optimizer", optimizer)
    found: dict[str, Any] = {"weights": dict(model.state_dict())}
    for group in optimizer.param_groups:
        for name, parameter in zip(group["param_names"], group["params"], strict=True):
            settings = {key: group[key] for key in ("lr", "initial_lr", "weight_decay") if key in group}
            found[name] = {**optimizer.state[parameter], **settings}
    return copy.deepcopy(found)


def check_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two runs are equal bit for bit: weights, state and rates."""
    assert one.keys() == other.keys()
    assert len(one) == 1 + len(list(Net().parameters()))
    for key, value in one.items():
        assert same(value, other[key]), key


class Runs:
    """Unbroken and stopped runs, each made once.

    Args:
        folders: Makes a folder for each.
    """

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._made: dict[str, tuple[dict[str, Any], Path]] = {}

    def __call__(
        self, fit: Callable[..., dict[str, Any]], optimizer: dict[str, Any], schedule: dict[str, Any]
    ) -> tuple[dict[str, Any], Path]:
        """What an unbroken run comes to, and a folder with the checkpoint of one that was stopped.

        Args:
            fit: Trains by nodes for so many steps, and leaves a checkpoint of STOP steps in a folder.
            optimizer: The optimizer's node.
            schedule: The scheduler's node.
        """
        key = repr((optimizer, schedule))
        if key not in self._made:
            folder = self._folders.mktemp("run")
            fit(optimizer, schedule, STOP, folder)
            self._made[key] = fit(optimizer, schedule, STEPS, self._folders.mktemp("unbroken")), folder
        return self._made[key]
