from __future__ import annotations

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError, Plan
from tests.parameters.models import Net, plan, rule

NO_DECAY = {"no_decay": rule({"KINDS": ["bias", "norm"]}, {"WEIGHT_DECAY": 0.0})}


def test_the_plan_works_on_the_meta_device() -> None:
    with torch.device("meta"):
        model = Net()
    assert plan(NO_DECAY, model).diff(plan(NO_DECAY)).changed == {}


def test_a_plan_is_saved_and_compared() -> None:
    found = plan(NO_DECAY)
    again = Plan.from_json(found.to_json())
    assert not found.diff(again)
    assert (str(again), again.to_json()) == (str(found), found.to_json())
    with pytest.raises(ConfigError, match="read from a file"):
        again.groups()
    model = Net()
    model.token.requires_grad_(False)
    model.register_parameter("extra", nn.Parameter(torch.ones(2)))
    changed = plan(NO_DECAY | {"head": rule({"NAMES": "head"}, {"LR_MULT": 10})}, model).diff(again)
    assert changed.added == ("extra",)
    assert changed.changed["head.bias"] == {"LEARNING_RATE": (0.001, 0.01)}
    assert changed.changed["token"]["frozen"] == (False, True)
    assert "~ head.bias: LEARNING_RATE 0.001 -> 0.01" in str(changed)
    with pytest.raises(ConfigError, match="no plan that to_json wrote"):
        Plan.from_json("{}")
