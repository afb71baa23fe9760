"""check: an app's whole config, or one node, before anything heavy."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from omegaconf import OmegaConf

import scepter_opt
from scepter_opt import LR_SCHEDULERS, OPTIMIZERS, ConfigError
from tests.support import scheduler_node

SGD = {"NAME": "SGD", "LEARNING_RATE": 0.1}
COSINE = {"NAME": "CosineAnnealingLR", "T_MAX": 10}
CYCLIC = scheduler_node("CyclicLR", CYCLE_MOMENTUM=True)


def keys_of(cfg: Any) -> list[str]:
    """The keys at which check has found nodes."""
    return list(scepter_opt.check(cfg))


@pytest.mark.parametrize(
    ("cfg", "expected"),
    [
        ({"optimizer": SGD, "lr_scheduler": COSINE}, ["optimizer", "lr_scheduler"]),
        ({"optim": SGD, "scheduler": COSINE}, ["optim", "scheduler"]),
        ({"OPTIMIZER": SGD, "LR_SCHEDULER": COSINE}, ["OPTIMIZER", "LR_SCHEDULER"]),
        ({"optimizers": {"a": SGD, "b": SGD}, "lr_schedulers": {"a": COSINE}},
         ["optimizers.a", "optimizers.b", "lr_schedulers.a"]),
        ({"SOLVER": {"NAME": "Solver", "OPTIMIZER": SGD, "LR_SCHEDULER": COSINE}},
         ["SOLVER.OPTIMIZER", "SOLVER.LR_SCHEDULER"]),
        ({"train": {"anything": SGD}}, ["train.anything"]),
        ({"stages": [{"opt": SGD}, SGD]}, ["stages[0].opt", "stages[1]"]),
        ({"NAME": "my run", "optimizer": SGD}, ["optimizer"]),
        ({"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}, "mine": SGD}, ["mine"]),
        ({"model": {"NAME": "ResNet", "optimizer": SGD}}, ["model.optimizer"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [dict, OmegaConf.create, MappingProxyType])
def test_nodes_are_found(cfg: Any, expected: list[str], wrap: Any) -> None:
    cfg = json.loads(json.dumps(cfg))  # the same node at two places is one node
    assert keys_of(wrap(cfg)) == expected


def test_a_node_reached_by_two_paths_is_reported_once() -> None:
    cfg = OmegaConf.create(
        {
            "partial": {"_target_": "scepter_opt.build_optimizer", "cfg": "${optimizer}"},
            "optimizer": {**SGD, "MOMENTUM": -1},
        }
    )
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check(cfg)
    assert [problem.key for problem in caught.value.problems] == ["optimizer.MOMENTUM"]


def test_a_misspelt_name_at_a_usual_place_is_found_also_below() -> None:
    with pytest.raises(ConfigError, match=r"SOLVER.OPTIMIZER.NAME = 'AdmW'.*Did you mean AdamW"):
        scepter_opt.check({"SOLVER": {"OPTIMIZER": {"NAME": "AdmW"}}, "optimizer": SGD})


def test_typed_nodes_are_found_without_name_and_anywhere() -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    cfg = OmegaConf.create({"deep": {"er": OmegaConf.structured(config)}})
    assert scepter_opt.check(cfg)["deep.er"].NAME == "SGD"
    assert scepter_opt.check(config(LEARNING_RATE=0.5)).NAME == "SGD"
    assert scepter_opt.check(OmegaConf.structured(config(LEARNING_RATE=0.5))).LEARNING_RATE == 0.5


def test_a_saved_config_has_lost_its_types_and_is_found_by_name(tmp_path: Path) -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    OmegaConf.save({"a": {"b": OmegaConf.structured(config(NAME="SGD"))}}, tmp_path / "config.yaml")
    assert keys_of(OmegaConf.load(tmp_path / "config.yaml")) == ["a.b"]


def test_instances_are_checked_again() -> None:
    config: Any = OPTIMIZERS.entry("SGD").config
    with pytest.raises(ConfigError, match="LEARNING_RATE = -1: must be at least 0"):
        scepter_opt.check(config(LEARNING_RATE=-1))


@pytest.mark.parametrize(
    "cfg",
    [
        {"optimizer": {"NAME": "Adagrad"}, "lr_scheduler": CYCLIC},
        {"a": {"optimizer": {"NAME": "Adagrad"}, "lr_scheduler": CYCLIC}, "b": {"optimizer": SGD}},
        {"optimizers": {"g": {"NAME": "Adagrad"}, "d": SGD}, "lr_schedulers": {"g": CYCLIC, "d": CYCLIC}},
        {"one": {"NAME": "Adagrad"}, "other": {"deep": CYCLIC}},
    ],
)
def test_pairs_are_checked(cfg: Any) -> None:
    with pytest.raises(ConfigError, match="CYCLE_MOMENTUM") as caught:
        scepter_opt.check(cfg)
    assert len(caught.value.problems) == 1


def test_what_is_no_pair_is_not_checked_as_one() -> None:
    cfg = {"a": {"optimizer": {"NAME": "Adagrad"}}, "b": {"optimizer": {"NAME": "SGD"}, "lr_scheduler": CYCLIC}}
    assert len(scepter_opt.check(cfg)) == 3


def test_problems_of_all_nodes_come_at_once_and_as_data() -> None:
    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"optimizer": {**SGD, "MOMENTUM": -1, "lr": 2}, "lr_scheduler": {**COSINE, "ETA_MIN": "x"}})
    found = [(problem.key, problem.value) for problem in caught.value.problems]
    assert found == [("optimizer.MOMENTUM", -1), ("optimizer.lr", 2), ("lr_scheduler.ETA_MIN", "x")]


def test_errors_survive_pickling() -> None:
    import pickle

    with pytest.raises(ConfigError) as caught:
        scepter_opt.check({"NAME": "SGD", "lr": 1})
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.problems) == (str(caught.value), caught.value.problems)


@pytest.mark.parametrize(
    ("text", "number"), [("1e-8", 1e-8), ("1e-4", 1e-4), ("10e-5", 1e-4), (" 3 ", 3.0), (".5", 0.5)]
)
def test_numbers_written_as_text_are_numbers(text: str, number: float) -> None:
    assert number == scepter_opt.check({"NAME": "Adam", "EPS": text}).EPS


def test_a_node_is_not_changed_and_not_shared() -> None:
    node = {"NAME": "SequentialLR", **scheduler_node("SequentialLR")}
    before = copy.deepcopy(node)
    config = scepter_opt.check(node)
    config.SCHEDULERS["warmup"].TOTAL_ITERS = 99
    config.MILESTONES.append(7)
    assert node == before


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


def test_checking_an_app_imports_no_torch() -> None:
    script = """
import sys
sys.modules["torch"] = None
import scepter_opt
scepter_opt.check({"optimizer": {"NAME": "SGD"}, "lr_scheduler": {"NAME": "CosineAnnealingLR"}})
try:
    scepter_opt.check({"optimizer": {"NAME": "SGD", "lr": 1}})
except scepter_opt.ConfigError as error:
    print(len(error.problems))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=False
    )
    assert done.stdout == "1\n", done.stderr
