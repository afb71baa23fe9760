"""Nodes by NAME, by a `_target_` of torch's, and with neither."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from scepter_opt.editors.files import class_file
from scepter_opt.lr_schedulers import LR_SCHEDULERS
from scepter_opt.optimizers import OPTIMIZERS, BaseOptimize
from tests.editors.schemas import is_red, made, problems, schema


@pytest.mark.parametrize(
    "node",
    [
        {"NAME": "SGD", "MOMENTUM": 0.9},
        {"NAME": "???", "MOMENTUM": 0.9},
        {"NAME": "${name}", "MOMENTUM": 0.9, "BETAS": [0.9, 0.99]},
        {"LEARNING_RATE": "${rate}", "BETAS": "???"},
        {"NAME": "schedulefree.AdamWScheduleFree", "WARMUP_STEPS": 5, "ONLY": "a"},
        {"_target_": "torch.optim.SGD", "lr": 0.1, "_partial_": True, "IMPLEMENTATION": "torch", "NAME": "SGD"},
        {"_target_": "torch.optim.sgd.SGD", "lr": 0.1},
        {"_target_": "my.Optimizer", "ANYTHING": 1, "ONLY": ["a"]},
        {"_target_": "${target}", "lr": 0.1},
        "${optim}",
        "???",
    ],
)
def test_what_check_takes_is_green(node: Any) -> None:
    assert not problems("node.optimizer", node)


@pytest.mark.parametrize(
    "node",
    [
        {"NAME": "SDG"},
        {"NAME": "StepLR"},
        {"NAME": 3},
        {"NAME": "SGD", "BETAS": [0.9, 0.99]},
        {"LERNING_RATE": 0.1},
        {"NAME": "a.B", "ONLY": 3},
        {"_target_": "torch.optim.SDG"},
        {"_target_": "torch.optim.SGD", "BETAS": [0.9, 0.99]},
        {"_target_": "torch.optim.SGD", "NAME": "Adam"},
        {"_target_": "my.Optimizer", "PARAM_GROUPS": {"a": {"WEHRE": {}}}},
        "sgd",
        None,
        [],
    ],
)
def test_what_is_wrong_is_red(node: Any) -> None:
    assert is_red("node.optimizer", node)


def test_a_misspelt_key_is_one_problem() -> None:
    assert len(problems("node.optimizer", {"NAME": "SGD", "LERNING_RATE": 0.1})) == 1


def test_classes_of_users_have_their_own_keys() -> None:
    @OPTIMIZERS.register_class()
    class Lion(torch.optim.Optimizer):
        """Signs of momentum."""

        def __init__(self, params: Any, lr: float = 1e-4, sharpness: int = 2) -> None:
            super().__init__(params, {"lr": lr, "sharpness": sharpness})

    @LR_SCHEDULERS.register_class(name="Mine", option="mine")
    class Scheduler(torch.optim.lr_scheduler.LRScheduler):
        """My own."""

        def __init__(self, optimizer: Any, warmth: float) -> None: ...

    validator = made(schema("node.optimizer"))
    assert validator.is_valid({"NAME": "Lion", "SHARPNESS": 3, "PARAM_GROUPS": {"a": {"SET": {"SHARPNESS": 1}}}})
    assert not validator.is_valid({"NAME": "Lion", "SHARPNES": 3})
    assert not validator.is_valid({"NAME": "Lion", "SHARPNESS": 0.5})
    assert not made(schema("node.lr_scheduler")).is_valid({"NAME": "Mine", "WARMTH": "warm"})
    assert class_file(LR_SCHEDULERS.entry("Mine"))["title"] == "Mine"


def test_a_class_without_a_config_takes_any_key_and_checks_the_common_ones() -> None:
    @OPTIMIZERS.register_class()
    class Loose(BaseOptimize):
        """Takes any key."""

    validator = made(schema("node.optimizer"))
    assert validator.is_valid({"NAME": "Loose", "WHATEVER": {"A": 1}})
    assert not validator.is_valid({"NAME": "Loose", "ALLOW_REST": 7})
    # of a node that does not say its class it may be the one
    assert validator.is_valid({"WHATEVER": 1})
    assert not validator.is_valid({"NAME": "SGD", "WHATEVER": 1})
