"""Optimizers of classes without a Config: their own keys pass, and the common ones work or are said."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from tests.parameters.models import Net, rule

HEAD = {"head": rule({"NAMES": "head"}, {"LR_MULT": 0.5})}


class Open(scepter_opt.BaseOptimize):
    def __call__(self, parameters: Any) -> Any:
        return torch.optim.SGD(parameters, lr=float(self.cfg.LEARNING_RATE))


class OpenSchedule(scepter_opt.BaseScheduler):
    def __call__(self, optimizer: Any) -> Any:
        return torch.optim.lr_scheduler.StepLR(optimizer, 2)


@pytest.fixture(autouse=True)
def _registered() -> None:
    scepter_opt.OPTIMIZERS.register_class(name="OpenForKeys")(Open)
    scepter_opt.LR_SCHEDULERS.register_class(name="OpenSchedule")(OpenSchedule)


def build(**keys: Any) -> Any:
    return scepter_opt.build_optimizer(Net(), {"NAME": "OpenForKeys", "LEARNING_RATE": 1.0, **keys})


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"ONLY": 3}, r"optimizer.ONLY = 3: must be"),
        ({"ONLY": {"a": 1}}, r"optimizer.ONLY"),
        ({"ONLY": "re:("}, r"optimizer.ONLY = 're:\(': is not a regular expression"),
        ({"ALLOW_REST": "maybe"}, r"optimizer.ALLOW_REST = 'maybe'"),
        ({"LR_SCALING": 3}, r"optimizer.LR_SCALING = 3: must be a node"),
        ({"LR_SCALING": {"BATCH_SIZE": 0}}, r"optimizer.LR_SCALING.BATCH_SIZE = 0: must be"),
        ({"IMPLEMENTATION": "fast"}, r"optimizer.IMPLEMENTATION = 'fast'"),
        ({"TENSOR_LR": "maybe"}, r"optimizer.TENSOR_LR = 'maybe'"),
        ({"LEARNING_RATE": "much", "PARAM_GROUPS": HEAD}, r"optimizer.LEARNING_RATE = 'much': must be a number"),
        ({"LEARNING_RATE": "much", "LR_SCALING": {"BATCH_SIZE": 512}}, r"LEARNING_RATE = 'much': must be a number"),
        ({"LEARNING_RATE": None, "LR_SCALING": {"BATCH_SIZE": 512}}, r"optimizer.LR_SCALING: scales LEARNING_RATE"),
        ({"PARAM_GROUPS": {"r": rule({"NAMES": "*"}, {"DIFFERENTIABLE": True})}}, "holds for the whole optimizer"),
    ],
)
def test_common_keys_of_a_class_without_config_are_checked(keys: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        build(**keys)


@pytest.mark.parametrize("keys", [{"FREQUENCY": 0}, {"FREQUENCY": "often"}, {"INTERVAL": "day"}, {"MONITOR": 3}])
def test_common_keys_of_a_scheduler_without_config_are_checked(keys: dict[str, Any]) -> None:
    optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ConfigError, match=f"lr_scheduler.{next(iter(keys))} = "):
        scepter_opt.build_lr_scheduler(optimizer, {"NAME": "OpenSchedule", **keys})
    scepter_opt.build_lr_scheduler(optimizer, {"NAME": "OpenSchedule", "FREQUENCY": 2, "ANY": "thing"})


def test_a_rate_that_yaml_reads_as_a_text_is_multiplied_as_the_number_that_it_is() -> None:
    default, head = build(LEARNING_RATE="1e-2", PARAM_GROUPS=HEAD).param_groups
    assert (default["lr"], head["lr"]) == (0.01, 0.005)


def test_rates_follow_the_batch_size() -> None:
    rules = HEAD | {"token": rule({"NAMES": "token"}, {"LEARNING_RATE": 0.25})}
    for rate in (1.0, "1.0"):
        optimizer = build(LEARNING_RATE=rate, PARAM_GROUPS=rules, LR_SCALING={"BATCH_SIZE": 1024})
        assert {group["name"]: group["lr"] for group in optimizer.param_groups} == {
            "default": 4.0, "head": 2.0, "token": 1.0,
        }  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [("IMPLEMENTATION", "fused"), ("TENSOR_LR", True)])
def test_what_has_no_effect_is_said(key: str, value: Any) -> None:
    with pytest.warns(ConfigWarning, match=f"^optimizer.{key} = .*: has no effect: OpenForKeys has no Config"):
        build(**{key: value})
    build(IMPLEMENTATION="auto", TENSOR_LR=False)  # nothing is said of defaults


def test_only_takes_part_of_a_model() -> None:
    assert build(ONLY="head").param_groups[0]["param_names"] == ["embed.weight", "head.bias"]


@pytest.mark.parametrize("nothing", [{}, None])
def test_an_empty_scaling_is_none(nothing: Any) -> None:
    node = {"NAME": "OpenForKeys", "LEARNING_RATE": 0.5, "LR_SCALING": nothing}
    assert scepter_opt.build_optimizer(Net(), node).param_groups[0]["lr"] == 0.5
