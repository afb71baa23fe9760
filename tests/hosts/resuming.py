"""What the tests of resuming under trainers share: a net, rules that regroup it, schedules, and what is compared.

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
from tests.support import said, same, scheduler_node

Rules = dict[str, dict[str, Any]]
Result = dict[str, dict[str, Any]]

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
    # nothing is an improvement, so that at the second tick in turn each group falls to its floor
    "ReduceLROnPlateau": scheduler_node("ReduceLROnPlateau", FACTOR=0.5, MIN_LR=0.006, THRESHOLD=0.9),
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


def every_case(test: Callable[..., None]) -> Callable[..., None]:
    """Parametrise a test over optimizers, implementations, schedules and regroupings."""
    for name, values in (
        ("optimizer", RULES),
        ("implementation", ["for_loop", "fused"]),
        ("schedule", SCHEDULES),
        ("regrouped", RULES["AdamW"]),
    ):
        test = pytest.mark.parametrize(name, list(values))(test)
    return test


class Net(nn.Module):
    """A small net with parameters of several kinds, which counts its batches."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.body = nn.Linear(4, 6), nn.Linear(6, 6)
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 2)
        self.trained = 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.trained += self.training
        hidden: torch.Tensor = self.body(self.stem(inputs).tanh()).tanh()
        outputs: torch.Tensor = self.head(self.norm(hidden))
        return outputs


def inputs() -> torch.Tensor:
    """The rows of BATCHES batches of four."""
    return torch.randn(4 * BATCHES, 4, generator=torch.Generator().manual_seed(1))


def _node(optimizer: str, implementation: str, rules: Rules, **keys: Any) -> dict[str, Any]:
    adamw = {"NAME": "AdamW", "LEARNING_RATE": 0.01, "IMPLEMENTATION": implementation, **keys}
    if optimizer == "AdamW":
        return {**adamw, "PARAM_GROUPS": rules}
    parts = {"muon": {"NAME": "Muon", "LEARNING_RATE": 0.02, "ADJUST_LR_FN": "match_rms_adamw"}, "adamw": adamw}
    return {"NAME": "Hybrid", "OPTIMIZERS": parts, "DEFAULT": "adamw", "PARAM_GROUPS": rules}


def nodes(optimizer: str, implementation: str, regrouped: str, **keys: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """An optimizer's node before and after a regrouping.

    Args:
        optimizer: One of RULES.
        implementation: How steps are computed; Muon has one way only.
        regrouped: One of the regroupings in RULES.
        keys: Of AdamW that are other ones after.
    """
    before, after = RULES[optimizer][regrouped]
    return _node(optimizer, implementation, before), _node(optimizer, implementation, after, **keys)


def build(net: Net, cfg: dict[str, Any], schedule: dict[str, Any]) -> tuple[Any, Any]:
    """Optimizer and scheduler as an app builds them."""
    optimizer = scepter_opt.build_optimizer(net, cfg)
    return optimizer, scepter_opt.build_lr_scheduler(optimizer, schedule, total_steps=STEPS)


def result(net: Net, optimizer: torch.optim.Optimizer) -> Result:
    """All that a run has come to: weights, and by the names of parameters state, rates and decay; and its steps."""
    found: Result = {"weights": dict(net.state_dict()), "steps": {"made": net.trained}}
    for group in optimizer.param_groups:
        settings: dict[str, Any] = {key: group[key] for key in ("lr", "initial_lr", "weight_decay") if key in group}
        for name, parameter in zip(group["param_names"], group["params"], strict=True):
            found[name] = {**optimizer.state[parameter], **settings}
    return copy.deepcopy(found)


def differing(one: Result, other: Result) -> list[str]:
    """In what two runs are not equal bit for bit."""
    assert one.keys() == other.keys()
    return [key for key, value in one.items() if key != "steps" and not same(value, other[key])]


class Runs:
    """Unbroken and stopped runs of a trainer, each made once.

    Args:
        fit: Trains by the nodes of optimizer and scheduler for so many steps, from the beginning or from the checkpoint
            in a folder, where a run of STOP steps leaves its own.
        folders: Makes a folder for each.
    """

    def __init__(self, fit: Callable[..., Result], folders: pytest.TempPathFactory) -> None:
        self.fit = fit
        self._folders = folders
        self._made: dict[str, tuple[Result, Path]] = {}

    def made(self, optimizer: dict[str, Any], schedule: dict[str, Any]) -> tuple[Result, Path]:
        """What an unbroken run comes to, and a folder with the checkpoint of one that was stopped."""
        key = repr((optimizer, schedule))
        if key not in self._made:
            folder = self._folders.mktemp("run")
            self.fit(optimizer, schedule, STOP, folder)
            self._made[key] = self.fit(optimizer, schedule, STEPS, self._folders.mktemp("unbroken")), folder
        return self._made[key]

    def resumed(
        self, before: dict[str, Any], after: dict[str, Any], schedule: str, changed: dict[str, Any] | None = None
    ) -> tuple[list[str], list[str]]:
        """In what a resumed run differs from the unbroken one, and what was warned of.

        Args:
            before: The optimizer's node of the run that was stopped.
            after: That of the run that goes on.
            schedule: One of SCHEDULES.
            changed: Keys of the schedule that are other ones in the run that goes on.
        """
        unbroken, folder = self.made(before, SCHEDULES[schedule])
        with said() as texts:
            resumed = self.fit(after, {**SCHEDULES[schedule], **(changed or {})}, STEPS, folder, resumed=True)
        assert unbroken["steps"] == {"made": STEPS}
        assert resumed["steps"] == {"made": STEPS - STOP}
        return differing(resumed, unbroken), texts
