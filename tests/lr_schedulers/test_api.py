"""What people call for schedules."""

from __future__ import annotations

import pickle

import pytest
from torch import nn

import scepter_opt
from scepter_opt import ConfigError

MODELS = {"generator": nn.Linear(2, 2), "critic": nn.Linear(2, 1)}
NODES = {"generator": {"NAME": "Adam", "ONLY": "generator"}, "critic": {"NAME": "SGD", "ONLY": "critic.*"}}


def test_each_gets_its_scheduler() -> None:
    optimizers = scepter_opt.build_optimizers(MODELS, NODES)
    nodes = {"generator": {"NAME": "CosineAnnealingLR"}, "critic": {"NAME": "NoneLR"}}
    found = scepter_opt.build_lr_schedulers(optimizers, nodes, total_steps=10)
    assert {name: type(one).__name__ for name, one in found.items()} == {
        "generator": "CosineAnnealingLR", "critic": "NoneLR",
    }  # fmt: skip
    assert found["critic"].optimizer is optimizers["critic"]
    with pytest.raises(ConfigError) as caught:
        scepter_opt.build_lr_schedulers(optimizers, {"generators": {"NAME": "NoneLR"}, "critic": {"NAME": "NoneLR"}})
    assert [problem.key for problem in caught.value.problems] == ["lr_schedulers.generators", "lr_schedulers.generator"]
    with pytest.raises(ConfigError, match=r"lr_schedulers.generator.T_MAX: is needed"):
        scepter_opt.build_lr_schedulers(optimizers, nodes)


def test_a_schedule_alone_is_a_function_that_pickles() -> None:
    rise = {"CURVE": "linear", "FROM": 0.5, "TO": 1.0}
    node = {"PHASES": {"rise": rise, "hold": {"CURVE": "constant", "LENGTH": "50%"}}}
    momentum = scepter_opt.schedule(node, total_steps=100)
    assert [momentum(tick) for tick in (0, 25, 50, 1000)] == [0.5, 0.75, 1.0, 1.0]
    again = pickle.loads(pickle.dumps(momentum))
    assert [again(tick) for tick in range(100)] == [momentum(tick) for tick in range(100)]


def test_a_schedule_alone_has_no_optimizer_to_ask() -> None:
    with pytest.raises(ConfigError, match=r"schedule.NAME = 'StepLR': must be PhasesLR"):
        scepter_opt.schedule({"NAME": "StepLR", "STEP_SIZE": 3})
    phases = {"a": {"CURVE": "constant"}}
    with pytest.raises(ConfigError, match=r"schedule.SETTINGS: belongs to an optimizer's schedule"):
        scepter_opt.schedule({"PHASES": phases, "SETTINGS": {"WEIGHT_DECAY": phases}})
