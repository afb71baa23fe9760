from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt import OPTIMIZERS, BaseOptimize, ConfigError, OptimizerConfig
from scepter_opt.components.adapters import adapt


class Plain(torch.optim.SGD):
    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr)


class Greedy(torch.optim.SGD):
    def step(self, closure: Any) -> Any:  # type: ignore[override]  # a step that needs one
        return closure()


def test_a_class_is_adapted_once_and_its_config_knows_the_component() -> None:
    component = adapt(Plain, BaseOptimize)
    assert adapt(Plain, BaseOptimize) is component
    assert (component.target, component.Config.component) == (Plain, component)
    assert component.implementations == ()


def test_a_nested_config_that_is_none_is_refused() -> None:
    class Wrong(torch.optim.SGD):
        class Config:
            pass

    class Bare(torch.optim.SGD):
        class Config(OptimizerConfig):
            LEARNING_RATE: float = 0.1

    with pytest.raises(ConfigError, match="must extend OptimizerConfig"):
        adapt(Wrong, BaseOptimize)
    with pytest.raises(ConfigError, match="it lacks LEARNING_RATE"):
        adapt(Bare, BaseOptimize)


def test_a_class_with_a_config_of_its_own_keeps_it() -> None:
    class Typed(torch.optim.SGD):
        @dataclass(kw_only=True)
        class Config(OptimizerConfig):
            LEARNING_RATE: float = 0.5
            """Step size."""

    OPTIMIZERS.register_class(name="TypedForAdapters")(Typed)
    assert scepter_opt.build_optimizer(nn.Linear(1, 1), {"NAME": "TypedForAdapters"}).param_groups[0]["lr"] == 0.5


def test_a_class_whose_step_needs_a_closure_is_no_part_of_a_hybrid() -> None:
    OPTIMIZERS.register_class(name="GreedyForAdapters")(Greedy)
    node = {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"a": {"NAME": "GreedyForAdapters"}, "b": {"NAME": "SGD"}},
        "DEFAULT": "b",
    }
    with pytest.raises(ConfigError, match=r"OPTIMIZERS.a.NAME = .* part of a Hybrid: its step needs a closure"):
        scepter_opt.check(node)
