from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, ConfigWarning
from tests.parameters.models import Net, rule


def test_a_setting_that_a_class_does_not_read_from_groups_is_refused() -> None:
    class Deaf(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1, loudness: float = 1.0) -> None:
            super().__init__(params, lr=lr)
            self.loudness = loudness

    scepter_opt.OPTIMIZERS.register_class(name="DeafForRules")(Deaf)
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.head.SET.LOUDNESS = 2.0: DeafForRules has one value"):
        scepter_opt.build_optimizer(
            Net(), {"NAME": "DeafForRules", "PARAM_GROUPS": {"head": rule({"NAMES": "head"}, {"LOUDNESS": 2.0})}}
        )


def test_rules_apply_to_a_class_without_config() -> None:
    @scepter_opt.OPTIMIZERS.register_class(name="OpenForRules")
    class Open(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> Any:
            return torch.optim.SGD(parameters, lr=self.cfg.LEARNING_RATE)

    node = {"NAME": "OpenForRules", "LEARNING_RATE": 1.0}
    assert len(scepter_opt.build_optimizer(Net(), node).param_groups) == 1
    rules = {"head": rule({"NAMES": "head"}, {"LR_MULT": 0.5, "MOMENTUM": 0.9})}
    head = scepter_opt.build_optimizer(Net(), node | {"PARAM_GROUPS": rules}).param_groups[1]
    assert (head["lr"], head["momentum"]) == (0.5, 0.9)
    with pytest.raises(ConfigError, match=r"PARAM_GROUPS.head.WHERE.NAME"):
        scepter_opt.check(node | {"PARAM_GROUPS": {"head": rule({"NAME": "x"})}})


def test_a_class_that_flattens_its_groups_is_refused() -> None:
    @scepter_opt.OPTIMIZERS.register_class(name="Flattening")
    class Flattening(torch.optim.SGD):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__([pair for group in params for pair in group["params"]], lr)

    for settings in ({"LR_MULT": 2.0}, None):
        node = {"NAME": "Flattening", "PARAM_GROUPS": {"head": rule({"NAMES": "head"}, settings)}}
        with pytest.raises(ConfigError, match=r"PARAM_GROUPS: Flattening does not keep the groups .* default and head"):
            scepter_opt.build_optimizer(Net(), node)
    assert len(scepter_opt.build_optimizer(Net(), {"NAME": "Flattening"}).param_groups) == 1


def test_what_a_call_returns_may_be_no_optimizer_of_torchs() -> None:
    @scepter_opt.OPTIMIZERS.register_class(name="Wrapping")
    class Wrapping(scepter_opt.BaseOptimize):
        def __call__(self, parameters: Any) -> Any:
            return [torch.optim.SGD(parameters)]

    inner: Any = scepter_opt.build_optimizer(Net(), {"NAME": "Wrapping"})
    assert len(inner[0].param_groups) == 1


def test_a_warning_that_is_an_error_leaves_the_model_as_it_was() -> None:
    freezing = {"head": rule({"NAMES": "head"}, {"FREEZE": True})}
    for idle in ({"DAMPENING": 0.5}, {"ALLOW_REST": True}):
        model = Net()
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConfigWarning)
            with pytest.raises(ConfigWarning):
                scepter_opt.build_optimizer(model, {"NAME": "SGD", "PARAM_GROUPS": freezing, **idle})
        assert all(parameter.requires_grad for parameter in model.parameters())
