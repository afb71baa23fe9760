"""Rules over every optimizer of pytorch_optimizer as a registered class: the groups that are given directly."""

from __future__ import annotations

import inspect
import warnings
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt

OURS = {"params", "param_names", "name", "rules", "settings"}


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))


def settings(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    return [{key: group[key] for key in group if key not in OURS} for group in optimizer.param_groups]


def directly(cls: Any, parameters: Any) -> Any:
    """The optimizer as its package builds it; None where it needs more than parameters."""
    try:
        return cls(parameters)
    except Exception:  # of 128 a dozen need a model, a number of steps or another package
        return None


@pytest.mark.hosts
def test_rules_give_the_groups_that_are_given_directly() -> None:
    classes = import_module("pytorch_optimizer.optimizer").OPTIMIZER_LIST
    rules = {"bias": {"WHERE": {"KINDS": "bias"}, "SET": {"LR_MULT": 0.5}}}
    built, wrong = 0, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for cls in classes:
            lr = inspect.signature(cls).parameters.get("lr")
            if lr is None or not isinstance(lr.default, float):
                continue  # it has its rate of another class, or finds it itself
            others = [(n, p) for n, p in model().named_parameters() if not n.endswith("bias")]
            biases = [(n, p) for n, p in model().named_parameters() if n.endswith("bias")]
            direct = directly(cls, [{"params": others}, {"params": biases, "lr": lr.default * 0.5}])
            if direct is None:
                continue
            name = f"pytorch_optimizer_rules_{cls.__name__}"
            scepter_opt.OPTIMIZERS.register_class(name=name)(cls)
            try:
                ours = scepter_opt.build_optimizer(model(), {"NAME": name, "PARAM_GROUPS": rules})
            except Exception as error:
                wrong[cls.__name__] = repr(error)
                continue
            built += 1
            if settings(ours) != settings(direct):
                wrong[cls.__name__] = f"{settings(ours)} is not {settings(direct)}"
    assert not wrong
    assert built >= 100
