"""One node to its Config: the blocks of the original."""

from __future__ import annotations

from typing import Any

import pytest

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS

# The rows of the original's documentation, as YAML after a plain load: numbers as text, whole floats.
SCEPTER: dict[str, dict[str, Any]] = {
    "SGD": {"LEARNING_RATE": "1e-1", "MOMENTUM": 0, "DAMPENING": 0, "WEIGHT_DECAY": "1e-4", "NESTEROV": False},
    "Adadelta": {"LEARNING_RATE": 1.0, "RHO": 0, "EPS": "1e-6", "WEIGHT_DECAY": 0},
    "Adagrad": {"LEARNING_RATE": 0.01, "LEARNING_RATE_DECAY": 0, "EPS": "1e-10", "WEIGHT_DECAY": 0,
                "INITIAL_ACCUMULATOR_VALUE": 0},
    "Adam": {"LEARNING_RATE": 0.01, "BETAS": [0.9, 0.999], "EPS": "1e-10", "WEIGHT_DECAY": 0, "AMSGRAD": False},
    "Adamax": {"LEARNING_RATE": 0.002, "BETAS": [0.9, 0.999], "EPS": "1e-8", "WEIGHT_DECAY": 0},
    "AdamW": {"LEARNING_RATE": 0.001, "BETAS": [0.9, 0.999], "EPS": "1e-8", "WEIGHT_DECAY": 0, "AMSGRAD": False},
    "ASGD": {"LEARNING_RATE": 0.01, "LAMBD": "1e-4", "ALPHA": 0.75, "T0": "1e6", "WEIGHT_DECAY": 0},
    "LBFGS": {"LEARNING_RATE": 1, "MAX_ITER": 20, "MAX_EVAL": None, "TOLERANCE_GRAD": "1e-7",
              "TOLERANCE_CHANGE": "1e-9", "HISTORY_SIZE": 100, "LINE_SEARCH_FN": None},
    "RMSprop": {"LEARNING_RATE": 0.01, "ALPHA": 0.99, "EPS": "1e-8", "WEIGHT_DECAY": 0, "MOMENTUM": 0,
                "CENTERED": False},
    "Rprop": {"LEARNING_RATE": 0.01, "ETAS": [0.5, 1.2], "STEP_SIZES": ["1e-6", 50]},
    "SparseAdam": {"LEARNING_RATE": 0.001, "BETAS": [0.9, 0.999], "EPS": "1e-8"},
    "StepLR": {"STEP_SIZE": 30.0, "GAMMA": 0.1, "LAST_EPOCH": -1},
    "CyclicLR": {"BASE_LR": 0.1, "MAX_LR": 1, "STEP_SIZE_UP": 2000, "STEP_SIZE_DOWN": None, "MODE": "triangular",
                 "GAMMA": 1, "SCALE_FN": None, "SCALE_MODE": "cycle", "CYCLE_MOMENTUM": True, "BASE_MOMENTUM": 0.8,
                 "MAX_MOMENTUM": 0.9, "LAST_EPOCH": -1},
    "LambdaLR": {"LR_LAMBDA": "tests.support.decay", "LAST_EPOCH": -1},
    "MultiStepLR": {"MILESTONES": [10, 20.0], "GAMMA": 0.1, "LAST_EPOCH": -1},
    "ExponentialLR": {"GAMMA": 0.1, "LAST_EPOCH": -1},
    "CosineAnnealingLR": {"T_MAX": 200.0, "ETA_MIN": 0, "LAST_EPOCH": -1},
    "CosineAnnealingWarmRestarts": {"T_0": 10, "T_MULT": 1, "ETA_MIN": 1.0, "LAST_EPOCH": -1},
    "ReduceLROnPlateau": {"MODE": "min", "FACTOR": 0.1, "PATIENCE": 10, "THRESHOLD": "1e-4", "THRESHOLD_MODE": "rel",
                          "COOLDOWN": 0, "MIN_LR": 0, "EPS": "1e-8"},
    "LinoPolyLR": {"END_EPOCH": 10, "POWER": 1, "LAST_EPOCH": -1},
    "WarmupToConstantLR": {"WARMUP_STEPS": 10000},
    "StepAnnealingLR": {"WARMUP_STEPS": 10, "TOTAL_STEPS": 100, "DECAY_MODE": "cosine", "MIN_LR": 0.0, "LAST_STEP": -1},
}  # fmt: skip


@pytest.mark.parametrize("name", SCEPTER)
def test_blocks_of_the_original_build_unchanged(name: str) -> None:
    import torch

    from tests.support import make_model

    node = {"NAME": name, **SCEPTER[name]}
    if OPTIMIZERS.has(name):
        OPTIMIZERS.build(node, parameters=make_model(name).parameters())
        return
    optimizer = torch.optim.SGD(make_model("SGD").parameters(), lr=0.1, momentum=0.9)
    LR_SCHEDULERS.build(node, optimizer=optimizer)


def test_the_call_fills_in_the_total_that_the_originals_solver_sets() -> None:
    import torch

    from tests.support import make_model

    cases: list[tuple[str, dict[str, Any], str]] = [
        ("StepAnnealingLR", {"WARMUP_STEPS": 10}, "total_steps"),
        ("LinoPolyLR", {}, "end_epoch"),
        ("CosineAnnealingLR", {}, "T_max"),
        ("OneCycleLR", {"MAX_LR": 1.0}, "total_steps"),
        ("LinearLR", {"TOTAL_ITERS": None}, "total_iters"),
    ]
    for name, keys, attribute in cases:
        optimizer = torch.optim.SGD(make_model("SGD").parameters(), lr=0.1, momentum=0.9)
        assert scepter_opt.check({"NAME": name, **keys})
        scheduler = LR_SCHEDULERS.build({"NAME": name, **keys}, optimizer=optimizer, total_steps=500)
        assert getattr(scheduler, attribute) == 500
        epochs = LR_SCHEDULERS.build(
            {"NAME": name, **keys, "INTERVAL": "epoch"}, optimizer=optimizer, total_steps=500, steps_per_epoch=50
        )
        assert getattr(epochs, attribute) == 10
